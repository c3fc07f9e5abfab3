//! What the kernel says about a link.

use std::os::fd::BorrowedFd;

use skep_platform::{AttachType, Errno};

use crate::sys::info;

/// Room for the name of a raw tracepoint or an iterator.
const NAME: usize = 128;

/// A link, as the kernel describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkInfo {
    /// The kernel's number for it.
    pub id: u32,
    /// Id of the program behind it now; 0 where it holds none (struct_ops).
    pub program: u32,
    /// Where it is.
    pub place: LinkPlace,
}

/// Where a link is attached.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkPlace {
    /// A raw tracepoint, by name.
    RawTracepoint(String),
    /// A function or BTF tracepoint.
    Tracing {
        /// How.
        attach: Option<AttachType>,
        /// The BTF object, or program, that holds the target.
        object: u32,
        /// The target's id in it.
        type_id: u32,
    },
    /// A cgroup.
    Cgroup {
        /// Its number (the inode of its directory).
        cgroup: u64,
        /// Which of its hooks.
        attach: Option<AttachType>,
    },
    /// An iterator over this kind of object.
    Iterator(String),
    /// A network namespace.
    Netns {
        /// Its inode; 0 when it is gone.
        inode: u32,
        /// Which of its hooks.
        attach: Option<AttachType>,
    },
    /// An interface's XDP hook; 0 when the interface is gone or the link was detached.
    Xdp(u32),
    /// An interface's traffic control.
    Tcx {
        /// 0 when the interface is gone or the link was detached.
        interface: u32,
        /// In or out.
        attach: Option<AttachType>,
    },
    /// A perf event: a tracepoint, a probe, a sampler.
    PerfEvent,
    /// A place in netfilter.
    Netfilter {
        /// `NFPROTO_*`.
        family: u32,
        /// `NF_INET_*`.
        hook: u32,
        /// Its place among others.
        priority: i32,
    },
    /// A kind by its number in `enum bpf_link_type`.
    Other(u32),
}

impl LinkPlace {
    /// The kind in a word, as listings show it.
    pub fn name(&self) -> &'static str {
        match self {
            LinkPlace::RawTracepoint(_) => "raw_tracepoint",
            LinkPlace::Tracing { .. } => "tracing",
            LinkPlace::Cgroup { .. } => "cgroup",
            LinkPlace::Iterator(_) => "iter",
            LinkPlace::Netns { .. } => "netns",
            LinkPlace::Xdp(_) => "xdp",
            LinkPlace::Tcx { .. } => "tcx",
            LinkPlace::PerfEvent => "perf_event",
            LinkPlace::Netfilter { .. } => "netfilter",
            LinkPlace::Other(8) => "kprobe_multi",
            LinkPlace::Other(9) => "struct_ops",
            LinkPlace::Other(12) => "uprobe_multi",
            LinkPlace::Other(13) => "netkit",
            LinkPlace::Other(14) => "sockmap",
            LinkPlace::Other(_) => "other",
        }
    }
}

/// Numbers of `enum bpf_link_type` whose description has more than the number.
mod number {
    pub(super) const RAW_TRACEPOINT: u32 = 1;
    pub(super) const TRACING: u32 = 2;
    pub(super) const CGROUP: u32 = 3;
    pub(super) const ITER: u32 = 4;
    pub(super) const NETNS: u32 = 5;
    pub(super) const XDP: u32 = 6;
    pub(super) const PERF_EVENT: u32 = 7;
    pub(super) const NETFILTER: u32 = 10;
    pub(super) const TCX: u32 = 11;
}

/// `fd` must be a link's.
pub(super) fn describe(fd: BorrowedFd<'_>) -> Result<LinkInfo, Errno> {
    let mut info = info::Link::default();
    // SAFETY: all addresses are null.
    unsafe { info::describe(fd, &mut info) }?;
    let own = info.own;
    let attach = |at: usize| AttachType::from_number(own[at]);
    let place = match info.link_type {
        number::RAW_TRACEPOINT => LinkPlace::RawTracepoint(name(fd)?),
        number::ITER => LinkPlace::Iterator(name(fd)?),
        number::TRACING => LinkPlace::Tracing { attach: attach(0), object: own[1], type_id: own[2] },
        number::CGROUP => {
            let cgroup = u64::from(own[0]) | u64::from(own[1]) << 32;
            LinkPlace::Cgroup { cgroup, attach: attach(2) }
        }
        number::NETNS => LinkPlace::Netns { inode: own[0], attach: attach(1) },
        number::XDP => LinkPlace::Xdp(own[0]),
        number::TCX => LinkPlace::Tcx { interface: own[0], attach: attach(1) },
        number::PERF_EVENT => LinkPlace::PerfEvent,
        number::NETFILTER => {
            LinkPlace::Netfilter { family: own[0], hook: own[1], priority: own[2].cast_signed() }
        }
        other => LinkPlace::Other(other),
    };
    Ok(LinkInfo { id: info.id, program: info.prog_id, place })
}

/// Asks again with room for the name, whose address and length are a link's first own words.
fn name(fd: BorrowedFd<'_>) -> Result<String, Errno> {
    let mut text = [0u8; NAME];
    let address = text.as_mut_ptr() as u64;
    let mut info = info::Link::default();
    (info.own[0], info.own[1]) = (address as u32, (address >> 32) as u32);
    info.own[2] = NAME as u32;
    // SAFETY: the address has room for the length beside it and outlives the call; the descriptor is a link's.
    unsafe { info::describe(fd, &mut info) }?;
    Ok(info::text(&text))
}
