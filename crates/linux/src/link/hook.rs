//! The places a program can be attached to.
//!
//! `BPF_LINK_CREATE` takes a target (descriptor or interface), an attach type, flags and words of the kind's own; each
//! hook is those four. Raw tracepoints and what is attached by BTF id have a call of their own, which is also the one
//! that old kernels know.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use skep_platform::errno::EINVAL;
use skep_platform::uapi::{BPF_F_AFTER, BPF_F_BEFORE, BPF_F_ID};
use skep_platform::{AttachType, Errno};

use crate::link::Link;
use crate::link::perf::{self, UserProbe};
use crate::map::Map;
use crate::program::Program;
use crate::sys::{Command, attr, bpf_fd};

/// `XDP_FLAGS_*` of the link.
const XDP_GENERIC: u32 = 1 << 1;
const XDP_NATIVE: u32 = 1 << 2;

/// Where in the receive path an XDP program runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum XdpMode {
    /// In the driver where it can, else generic.
    #[default]
    Any,
    /// After the kernel has made a socket buffer: every interface can, slowly.
    Generic,
    /// In the driver; an error where the driver cannot.
    Native,
}

/// Whom a program stands before or after, where several run at one hook (tcx, netkit; cgroups since 6.17).
#[derive(Debug, Clone, Copy)]
pub enum Anchor<'a> {
    /// All that are there.
    All,
    /// A program by its id.
    Program(u32),
    /// A link.
    Link(&'a Link),
}

/// A program's place among those at the same hook.
#[derive(Debug, Clone, Copy, Default)]
pub enum Order<'a> {
    /// Behind all.
    #[default]
    Last,
    /// Before that one.
    Before(Anchor<'a>),
    /// After that one.
    After(Anchor<'a>),
}

/// Where in netfilter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetfilterHook {
    /// `NFPROTO_IPV4` (2) or `NFPROTO_IPV6` (10).
    pub family: u32,
    /// `NF_INET_*`: 0 before routing, 1 in, 2 forward, 3 out, 4 after routing.
    pub hook: u32,
    /// Lower runs first; the lowest and the highest number are not allowed.
    pub priority: i32,
    /// Whether packets are put together before (`BPF_F_NETFILTER_IP_DEFRAG`).
    pub defragment: bool,
}

/// Where to attach.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Hook<'a> {
    /// An interface's XDP hook, by the interface's number.
    Xdp {
        /// In the network namespace of the calling thread.
        interface: u32,
        /// Where in the receive path.
        mode: XdpMode,
    },
    /// An interface's traffic control, without qdisc (6.6).
    Tcx {
        /// In the network namespace of the calling thread.
        interface: u32,
        /// What comes in, or what goes out.
        ingress: bool,
        /// The place among others.
        order: Order<'a>,
    },
    /// A cgroup; `attach` must be one of the `Cgroup…` types or `LsmCgroup`.
    Cgroup {
        /// The directory, open.
        cgroup: BorrowedFd<'a>,
        /// Which of a cgroup's hooks.
        attach: AttachType,
        /// The place among others; only `Last` before 6.17.
        order: Order<'a>,
    },
    /// A network namespace: `FlowDissector` or `SkLookup`.
    Netns {
        /// `/proc/…/ns/net`, open.
        netns: BorrowedFd<'a>,
        /// Which of the two.
        attach: AttachType,
    },
    /// A socket map: `SkMsgVerdict`, `SkSkbStreamParser`, `SkSkbStreamVerdict`, `SkSkbVerdict` (6.10).
    Sockmap {
        /// The map whose sockets the program sees.
        map: &'a Map,
        /// Which.
        attach: AttachType,
    },
    /// Netfilter of the calling thread's network namespace (6.4).
    Netfilter(NetfilterHook),
    /// A raw tracepoint by name.
    RawTracepoint(&'a str),
    /// What was named when the program was loaded: `tp_btf`, `fentry`, `fexit`, `fmod_ret`, LSM.
    Tracing,
    /// An iterator, named when the program was loaded; `map` where it walks one map's elements.
    Iterator {
        /// The map to walk.
        map: Option<&'a Map>,
    },
    /// A tracepoint of tracefs.
    Tracepoint {
        /// Directory in `events/`.
        category: &'a str,
        /// Directory in that.
        name: &'a str,
        /// What `bpf_get_attach_cookie` gives (5.15).
        cookie: u64,
    },
    /// A probe in a program or library.
    User(UserProbe<'a>),
    /// Probes at many places of a program or library, in one link (6.6).
    UserMulti {
        /// The first of them says file, process and whether at the return; the offset is not looked at.
        probe: UserProbe<'a>,
        /// Offsets in the file.
        offsets: &'a [u64],
    },
    /// A software event, so many times a second, on one CPU or of one process.
    Sample {
        /// `PERF_COUNT_SW_*`: 0 CPU clock, 1 task clock, 3 context switches.
        event: u64,
        /// Times a second.
        frequency: u64,
        /// Which process; −1 for all, which wants a CPU.
        pid: i32,
        /// Which CPU; −1 for any.
        cpu: i32,
    },
}

/// What `BPF_LINK_CREATE` takes.
#[derive(Default)]
struct Parts {
    target: u32,
    attach: u32,
    flags: u32,
    own: [u64; 6],
}

/// Attaches.
pub(super) fn attach(program: &Program, hook: &Hook<'_>) -> Result<Link, Errno> {
    let fd = |fd: BorrowedFd<'_>| fd.as_raw_fd() as u32;
    let at = |target: u32, attach: AttachType| Parts { target, attach: attach.number(), ..Parts::default() };
    let parts = match *hook {
        Hook::Xdp { interface, mode } => {
            let flags = match mode {
                XdpMode::Any => 0,
                XdpMode::Generic => XDP_GENERIC,
                XdpMode::Native => XDP_NATIVE,
            };
            Parts { flags, ..at(interface, AttachType::Xdp) }
        }
        Hook::Tcx { interface, ingress, order } => {
            let attach = if ingress { AttachType::TcxIngress } else { AttachType::TcxEgress };
            ordered(at(interface, attach), order)
        }
        Hook::Cgroup { cgroup, attach, order } => ordered(at(fd(cgroup), attach), order),
        Hook::Netns { netns, attach } => at(fd(netns), attach),
        Hook::Sockmap { map, attach } => at(fd(map.as_fd()), attach),
        Hook::Netfilter(place) => {
            let (family, hook) = (u64::from(place.family), u64::from(place.hook));
            let (priority, flags) = (u64::from(place.priority as u32), u64::from(place.defragment));
            let own = [family | hook << 32, priority | flags << 32, 0, 0, 0, 0];
            Parts { own, ..at(0, AttachType::Netfilter) }
        }
        Hook::RawTracepoint(name) => return raw_tracepoint(program, Some(name)),
        Hook::Tracing => return raw_tracepoint(program, None),
        Hook::Iterator { map } => return iterator(program, map),
        Hook::Tracepoint { category, name, cookie } => {
            let event = crate::perf_event::open_tracepoint(category, name)?;
            return perf::attach(program, event, cookie);
        }
        Hook::User(ref probe) => return perf::attach_user(program, probe),
        Hook::UserMulti { ref probe, offsets } => return perf::attach_multi(program, probe, offsets),
        Hook::Sample { event, frequency, pid, cpu } => {
            let attr = crate::perf_event::PerfEventAttr::sampling(event, frequency);
            return perf::attach(program, crate::perf_event::open(&attr, pid, cpu)?, 0);
        }
    };
    create(program, parts)
}

/// The two words that say whom a program stands before or after, and the flags with them.
fn ordered(mut parts: Parts, order: Order<'_>) -> Parts {
    let (side, anchor) = match order {
        Order::Last => return parts,
        Order::Before(anchor) => (BPF_F_BEFORE, anchor),
        Order::After(anchor) => (BPF_F_AFTER, anchor),
    };
    // `BPF_F_LINK`: the anchor is a link and not a program.
    const OF_LINK: u64 = 1 << 13;
    let (kind, number) = match anchor {
        Anchor::All => (0, 0),
        Anchor::Program(id) => (BPF_F_ID, u64::from(id)),
        Anchor::Link(link) => (OF_LINK, link.as_fd().as_raw_fd() as u64),
    };
    parts.flags |= (side | kind) as u32;
    parts.own[0] = number;
    parts
}

fn create(program: &Program, parts: Parts) -> Result<Link, Errno> {
    link_create(program, parts.target, parts.attach, parts.flags, parts.own).map(Link::of_link)
}

/// The call without addresses.
fn link_create(
    program: &Program,
    target: u32,
    attach: u32,
    flags: u32,
    own: [u64; 6],
) -> Result<OwnedFd, Errno> {
    let prog_fd = program.as_fd().as_raw_fd() as u32;
    let mut attr = attr::LinkCreate { prog_fd, target_fd: target, attach_type: attach, flags, own };
    // SAFETY: of the kinds that come here none takes an address.
    unsafe { bpf_fd(Command::LinkCreate, &mut attr) }
}

fn raw_tracepoint(program: &Program, name: Option<&str>) -> Result<Link, Errno> {
    let name = name.map(CString::new).transpose().map_err(|_| EINVAL)?;
    let mut attr = attr::RawTracepoint {
        name: name.as_ref().map_or(0, |name| name.as_ptr() as u64),
        prog_fd: program.as_fd().as_raw_fd() as u32,
        ..Default::default()
    };
    // SAFETY: the name is null or a C string that outlives the call.
    unsafe { bpf_fd(Command::RawTracepointOpen, &mut attr) }.map(Link::of_link)
}

fn iterator(program: &Program, map: Option<&Map>) -> Result<Link, Errno> {
    // `union bpf_iter_link_info`: of a map's iterator, its descriptor.
    let info = map.map(|map| u64::from(map.as_fd().as_raw_fd() as u32));
    let mut attr = attr::LinkCreate {
        prog_fd: program.as_fd().as_raw_fd() as u32,
        attach_type: AttachType::TraceIter.number(),
        ..Default::default()
    };
    if let Some(info) = &info {
        attr.own[0] = std::ptr::from_ref(info) as u64;
        attr.own[1] = size_of::<u64>() as u64;
    }
    // SAFETY: the info is absent or live for the call, its size beside it.
    unsafe { bpf_fd(Command::LinkCreate, &mut attr) }.map(Link::of_link)
}
