//! The smallest program of each type and attach type that the verifier accepts.
//!
//! Some types want more than two instructions: a traced function, an implemented struct, leave to sleep. A [`Shape`]
//! is that more.

use std::sync::OnceLock;

use skep_btf::{Btf, Kind};
use skep_isa::RawInsn;
use skep_platform::errno::EPERM;
use skep_platform::{AttachType, ProgramType};

use super::Answer;
use crate::{LoadRequest, prog_load};

/// `BPF_F_SLEEPABLE`.
const SLEEPABLE: u32 = 1 << 4;

/// `exit`.
pub(super) const EXIT: RawInsn = RawInsn { code: 0x95, dst: 0, src: 0, off: 0, imm: 0 };

/// `rD = imm`.
pub(super) const fn mov(dst: u8, imm: i32) -> RawInsn {
    RawInsn { code: 0xb7, dst, src: 0, off: 0, imm }
}

/// What a program of some type needs besides instructions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) program: ProgramType,
    pub(super) attach: Option<AttachType>,
    btf_id: u32,
    flags: u32,
    /// A return value that is allowed.
    pub(super) ret: i32,
}

impl Shape {
    /// The shape of a type; its usual attach type where none is given. `None` when the running kernel's BTF lacks what
    /// the type is attached to.
    pub(super) fn of(program: ProgramType, attach: Option<AttachType>) -> Option<Shape> {
        use AttachType as A;
        use ProgramType as P;
        let attach = attach.or(match program {
            P::Tracing => Some(A::TraceRawTp),
            P::Lsm => Some(A::LsmMac),
            P::CgroupSock => Some(A::CgroupInetSockCreate),
            P::CgroupSockAddr => Some(A::CgroupInet4Connect),
            P::CgroupSockopt => Some(A::CgroupSetsockopt),
            P::SkLookup => Some(A::SkLookup),
            P::Netfilter => Some(A::Netfilter),
            P::SkReuseport => Some(A::SkReuseportSelect),
            P::Kprobe | P::StructOps | P::Ext => None,
            _ => program.attach_types().first().copied(),
        });
        let target = match (program, attach) {
            (P::Tracing, Some(A::TraceRawTp)) => Some(("btf_trace_sched_switch", Kind::Typedef)),
            (P::Tracing, Some(A::TraceIter)) => Some(("bpf_iter_task", Kind::Func)),
            (P::Tracing, Some(A::ModifyReturn)) => Some(("bpf_modify_return_test", Kind::Func)),
            (P::Tracing, _) => Some(("vfs_read", Kind::Func)),
            (P::Lsm, Some(A::LsmCgroup)) => Some(("bpf_lsm_socket_bind", Kind::Func)),
            (P::Lsm, _) => Some(("bpf_lsm_file_open", Kind::Func)),
            (P::StructOps, _) => Some(("tcp_congestion_ops", Kind::Struct)),
            _ => None,
        };
        let btf_id = match target {
            Some((name, kind)) => running_btf()?.find(name, kind)?.0,
            None => 0,
        };
        let flags = if program == P::Syscall { SLEEPABLE } else { 0 };
        // Some cgroup hooks only know "let it pass", and the rest of them accept it.
        let ret = i32::from(matches!(program, P::CgroupSockAddr | P::CgroupSkb | P::CgroupSock));
        Some(Shape { program, attach, btf_id, flags, ret })
    }

    /// A load of these instructions in this shape.
    pub(super) fn request<'a>(&self, insns: &'a [RawInsn]) -> LoadRequest<'a> {
        LoadRequest {
            // For struct_ops the attach type's field counts the struct's members: the first will do.
            attach: if self.program == ProgramType::StructOps { None } else { self.attach },
            attach_btf_id: self.btf_id,
            flags: self.flags,
            ..LoadRequest::new(self.program, insns)
        }
    }
}

/// The running kernel's BTF, parsed once; `None` where there is none.
pub(super) fn running_btf() -> Option<&'static Btf> {
    static BTF: OnceLock<Option<Btf>> = OnceLock::new();
    BTF.get_or_init(|| Btf::running().ok()).as_ref()
}

/// Whether the kernel takes programs of this type, in the type's usual attach type.
pub fn program_type(program: ProgramType) -> Answer {
    // There is nothing to replace without a program to replace it in.
    if program == ProgramType::Ext { Answer::Unknown } else { try_shape(program, None) }
}

/// Whether the kernel takes programs of this type for this place.
pub fn attach_type(program: ProgramType, attach: AttachType) -> Answer {
    match program {
        ProgramType::StructOps => try_shape(program, None),
        _ => try_shape(program, Some(attach)),
    }
}

fn try_shape(program: ProgramType, attach: Option<AttachType>) -> Answer {
    let Some(shape) = Shape::of(program, attach) else { return Answer::Unknown };
    match prog_load(&shape.request(&[mov(0, shape.ret), EXIT])) {
        Ok(_) => Answer::Yes,
        Err(refused) if refused.errno == EPERM && crate::live_bpf().is_err() => Answer::NoPrivilege,
        Err(refused) => Answer::of_refusal(&refused),
    }
}
