//! Access to the kernel's own objects through typed pointers.
//!
//! A read gives what the BTF says lies there, and how far that may be trusted follows from how far the object itself is and from which field it is:
//! a pointer found in a field is a guess unless the field is known to keep its object alive, so it comes out as *untrusted*, or, read
//! from an object that was itself a guess of the old kind, as a plain pointer that is good for reading only. Faults of such reads are caught.
//!
//! Nothing is written but what the rules of a struct of functions open.

use skep_btf::{Btf, Kind, TypeId};
use skep_isa::Reg as Number;
use skep_platform::helper::{Arg, ArgFlags, ArgKind, Helper};
use skep_platform::{AttachType, ProgramType, Release};

use super::memory::{Purpose, Touch};
use crate::Code;
use crate::explore::Walk;
use crate::kernel::safe::{Safe, safe};
use crate::kernel::{self, Found, Tag};
use crate::program::Input;
use crate::state::{Flags, Reg, RegKind};
use crate::verdict::Checked;

/// Since then what a field points to may be read even where it is no struct; before, such a pointer was a number.
const FOLLOWED: Release = Release::new(6, 17);

/// Fields of connection tracking's objects that packet programs may write.
const CONNTRACK: (&str, &str) = ("nf_conn", "mark");

impl<'a> Walk<'a> {
    /// The kernel's types, which typed pointers cannot be without.
    pub(crate) fn kernel_types(&self) -> Checked<&'a Btf> {
        match self.input.kernel_btf.as_deref() {
            Some(btf) => Ok(btf),
            None => self.unsupported("the kernel's types are not given"),
        }
    }

    /// An access to an object; what a read finds if it is no number.
    pub(crate) fn object_access(&mut self, id: TypeId, pointer: &Reg, touch: Touch) -> Checked<Option<Reg>> {
        let btf = self.kernel_types()?;
        if !self.input.gpl_compatible() {
            return self.fail_at(
                Code::GplOnly,
                touch.number,
                format!("struct {} may be read under a GPL-compatible license only", btf.name_of(id)),
            );
        }
        if touch.purpose == Purpose::Write {
            let (off, size) = self.object_reach(pointer, touch)?;
            return self.object_write(btf, id, off, size, touch).map(|()| None);
        }
        self.object_read(id, pointer, touch)
    }

    /// What a read of an object finds if it is no number.
    pub(crate) fn object_read(&mut self, id: TypeId, pointer: &Reg, touch: Touch) -> Checked<Option<Reg>> {
        let btf = self.kernel_types()?;
        let (off, size) = self.object_reach(pointer, touch)?;
        match kernel::field_at(btf, id, off, size) {
            Ok(Found::Number) => Ok(None),
            Ok(Found::Memory) if self.input.release < FOLLOWED => Ok(None),
            Ok(Found::Memory) => Ok(Some(untrusted_memory())),
            Ok(Found::Object { target, tag, field, through_union }) => {
                let flags = self.trust(btf, id, pointer, target, tag, field, through_union);
                Ok(Some(self.object(target, flags)))
            }
            Err(why) => self.fail_at(Code::MemoryBounds, touch.number, why),
        }
    }

    /// A pointer to an object; one that may be NULL gets a name.
    pub(crate) fn object(&mut self, id: TypeId, flags: Flags) -> Reg {
        let mut reg = Reg::pointer(RegKind::Btf(id)).with(flags);
        if flags.has(Flags::NULLABLE) {
            reg.id = self.fresh_id();
        }
        reg
    }

    /// Where in the object the access is, if the pointer may be followed at all.
    fn object_reach(&self, pointer: &Reg, touch: Touch) -> Checked<(u32, u32)> {
        let number = touch.number;
        if pointer.value.as_constant() != Some(0) {
            return self.fail_at(
                Code::MemoryBounds,
                number,
                "a kernel object is accessed at a variable offset",
            );
        }
        let off = i64::from(pointer.off) + i64::from(touch.off);
        let (Ok(off), Ok(size)) = (u32::try_from(off), u32::try_from(touch.size)) else {
            return self.fail_at(Code::MemoryBounds, number, format!("offset {off} of a kernel object"));
        };
        for (flag, what) in [
            (Flags::USER, "memory of a process: copy it with bpf_probe_read_user"),
            (Flags::PERCPU, "a per-CPU object: ask bpf_per_cpu_ptr or bpf_this_cpu_ptr for a CPU's own"),
        ] {
            if pointer.flags.has(flag) {
                return self.fail_at(Code::BadPointerAccess, number, format!("an access to {what}"));
            }
        }
        Ok((off, size))
    }

    fn object_write(&self, btf: &Btf, id: TypeId, off: u32, size: u32, touch: Touch) -> Checked {
        let rules = self.target.as_ref().and_then(|target| target.ops.as_ref()).and_then(|ops| ops.1);
        if rules.is_some_and(|rules| kernel::writable::may_write(btf, rules, id, off, size)) {
            return Ok(());
        }
        let packets = matches!(
            self.input.program_type,
            ProgramType::SchedCls | ProgramType::SchedAct | ProgramType::Xdp
        );
        if packets && kernel::writable::is_field(btf, CONNTRACK, id, off, size) {
            return Ok(());
        }
        let message =
            format!("{size} bytes at {off} of struct {} are not for programs to write", btf.name_of(id));
        self.fail_at(Code::ReadOnly, touch.number, message)
    }

    /// How far a pointer found in a field may be trusted.
    #[allow(clippy::too_many_arguments)] // The two ends of one step, and what lies between.
    fn trust(
        &self,
        btf: &Btf,
        holder: TypeId,
        from: &Reg,
        target: TypeId,
        tag: Tag,
        field: &str,
        through_union: bool,
    ) -> Flags {
        let place = match tag {
            Tag::Percpu => Flags::PERCPU,
            Tag::User => Flags::USER,
            Tag::Plain | Tag::Rcu => Flags::NONE,
        };
        let guess = if through_union { Flags::UNTRUSTED } else { Flags::NONE };
        if from.flags.has(Flags::UNTRUSTED) {
            return Flags::UNTRUSTED;
        }
        if !is_trusted(from) && !from.flags.has(Flags::RCU) {
            return place.with(guess);
        }
        let listed = safe(btf, holder, field, target);
        match listed {
            Some(Safe::Trusted) => return place.with(guess).with(Flags::TRUSTED),
            Some(Safe::TrustedOrNull) => {
                return place.with(guess).with(Flags::TRUSTED).with(Flags::NULLABLE);
            }
            _ => {}
        }
        if !self.in_rcu() || from.is_nullable() {
            return Flags::UNTRUSTED;
        }
        match listed {
            Some(Safe::Rcu) => place.with(guess).with(Flags::RCU),
            Some(Safe::RcuOrNull) => place.with(Flags::RCU).with(Flags::NULLABLE),
            _ if tag == Tag::Rcu => place.with(guess).with(Flags::RCU).with(Flags::NULLABLE),
            _ => place.with(guess),
        }
    }

    /// Whether an object may be given to a helper that reads memory.
    pub(crate) fn object_as_memory(
        &self,
        helper: &Helper,
        number: Number,
        arg: Arg,
        reg: &Reg,
    ) -> Checked<bool> {
        if !matches!(reg.kind, RegKind::Btf(_)) || !is_plainly(reg, Flags::TRUSTED) {
            return Ok(false);
        }
        if arg.has(ArgFlags::RDONLY) {
            return Ok(true);
        }
        let message = format!("{} may write memory, and {reg} is not for programs to write", helper.name);
        self.fail_at(Code::BadArgument, number, message)
    }

    /// Whether a register holds what a helper wants of a struct of this name.
    pub(crate) fn object_fits(
        &self,
        helper: &Helper,
        number: Number,
        arg: Arg,
        reg: &Reg,
        name: &str,
    ) -> Checked<bool> {
        let sockets = arg.kind == ArgKind::BtfSockCommon;
        let life = [Flags::NONE, Flags::TRUSTED, Flags::RCU];
        let alive = &life[..if sockets { 2 } else { 3 }];
        if !alive.iter().any(|&flags| is_plainly(reg, flags)) {
            return Ok(false);
        }
        let RegKind::Btf(have) = reg.kind else {
            return Ok(socket_struct(reg.kind) == Some(name));
        };
        let strict = arg.has(ArgFlags::RELEASE) && helper.name != "sk_release";
        if self.is_of_type(reg, self.known_struct(name)?, strict) {
            return Ok(true);
        }
        let have = self.kernel_types()?.name_of(have);
        let message = format!("{} is given struct {have} where it takes struct {name}", helper.name);
        self.fail_at(Code::BadArgument, number, message)
    }

    /// Whether a register's object is, or begins with, what is wanted. With `strict`, only if it is that itself.
    pub(crate) fn is_of_type(&self, reg: &Reg, want: TypeId, strict: bool) -> bool {
        let (RegKind::Btf(have), Some(btf)) = (reg.kind, self.input.kernel_btf.as_deref()) else {
            return false;
        };
        let Ok(off) = u32::try_from(reg.off) else { return false };
        reg.value.as_constant() == Some(0) && kernel::embeds(btf, have, off, want, strict)
    }

    /// The kernel's struct of this name.
    pub(crate) fn known_struct(&self, name: &str) -> Checked<TypeId> {
        match self.kernel_types()?.find(name, Kind::Struct) {
            Some(id) => Ok(id),
            None => self.fail(Code::BadProgram, format!("the kernel has no struct {name}")),
        }
    }
}

/// Whether this helper may change what is in a socket map, in a program like this: not where the socket at hand may be locked.
pub(crate) fn may_change_socket_maps(input: &Input, helper: &str) -> bool {
    use ProgramType::*;
    match input.program_type {
        Tracing => input.attach_type == Some(AttachType::TraceIter),
        SockOps => helper == "map_delete_elem",
        SocketFilter | SchedCls | SchedAct | Xdp | SkReuseport | FlowDissector | SkLookup => true,
        _ => false,
    }
}

/// Whether the object surely lives while the program runs: what is held, or was handed over as such.
pub(crate) fn is_trusted(reg: &Reg) -> bool {
    reg.reference != 0 || (reg.flags.has(Flags::TRUSTED) && !reg.flags.has(Flags::UNTRUSTED))
}

/// Whether the pointer's modifiers are just these; whether it may be NULL aside.
fn is_plainly(reg: &Reg, flags: Flags) -> bool {
    reg.flags.without(Flags::NULLABLE) == flags
}

/// The kernel's struct behind a pointer to a socket of the UAPI's sort.
fn socket_struct(kind: RegKind) -> Option<&'static str> {
    match kind {
        RegKind::SockCommon => Some("sock_common"),
        RegKind::Socket => Some("sock"),
        RegKind::TcpSock => Some("tcp_sock"),
        RegKind::XdpSock => Some("xdp_sock"),
        _ => None,
    }
}

/// A pointer of which nothing is known but that reads through it are caught.
pub(crate) fn untrusted_memory() -> Reg {
    Reg::pointer(RegKind::Mem(0)).with(Flags::UNTRUSTED).with(Flags::RDONLY)
}
