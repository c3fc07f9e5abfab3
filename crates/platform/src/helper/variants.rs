//! Helpers whose prototype depends on the program type.
//!
//! Linux has several prototypes under one number where the same question is asked with different means: a packet
//! program hands over its context, a tracing program the kernel object it holds.

use super::{Arg, ArgKind};
use crate::ProgramType::{self, *};

/// A prototype for some program types; what it returns is the same as for the others.
pub(super) struct Variant {
    name: &'static str,
    programs: &'static [ProgramType],
    args: &'static [Arg],
}

const SOCK: Arg = Arg::BTF_SOCK;
const OPTION: [Arg; 2] = [Arg::ANY, Arg::ANY];
/// Those that act on the current task's cgroup instead of the packet's.
const TASKS: &[ProgramType] = &[
    SocketFilter,
    Kprobe,
    Tracepoint,
    Xdp,
    PerfEvent,
    CgroupSkb,
    CgroupSock,
    SockOps,
    SkSkb,
    CgroupDevice,
    SkMsg,
    RawTracepoint,
    CgroupSockAddr,
    LircMode2,
    SkReuseport,
    FlowDissector,
    CgroupSysctl,
    RawTracepointWritable,
    CgroupSockopt,
    Tracing,
    StructOps,
    Lsm,
    SkLookup,
    Syscall,
    Netfilter,
];

#[rustfmt::skip] // One row a prototype.
static VARIANTS: &[Variant] = &[
    Variant { name: "get_cgroup_classid", programs: TASKS, args: &[] },
    Variant { name: "get_socket_cookie", programs: &[SkReuseport, Tracing, Lsm, Syscall], args: &[SOCK.or_null()] },
    Variant { name: "setsockopt", programs: &[CgroupSockopt, StructOps, Tracing, Lsm],
        args: &[SOCK, OPTION[0], OPTION[1], Arg::MEM.read_only(), Arg::SIZE] },
    Variant { name: "getsockopt", programs: &[CgroupSockopt, StructOps, Tracing, Lsm],
        args: &[SOCK, OPTION[0], OPTION[1], Arg::MEM.uninit(), Arg::SIZE] },
    Variant { name: "sk_storage_get", programs: &[Tracing],
        args: &[Arg::MAP, Arg::btf("sock_common").or_null(), Arg::VALUE.or_null(), Arg::ANY] },
    Variant { name: "sk_storage_delete", programs: &[Tracing],
        args: &[Arg::MAP, Arg::btf("sock_common").or_null()] },
    Variant { name: "sk_storage_get", programs: &[CgroupSock],
        args: &[Arg::MAP, Arg::CTX, Arg::VALUE.or_null(), Arg::ANY] },
    Variant { name: "sk_assign", programs: &[SkLookup], args: &[Arg::CTX, Arg::SOCKET.or_null(), Arg::ANY] },
    Variant { name: "xdp_get_buff_len", programs: &[Tracing, Lsm, Syscall], args: &[Arg::btf("xdp_buff")] },
];

/// The arguments of the helper of this name for this program type, where they differ from the usual ones.
pub(super) fn args(name: &str, program: ProgramType) -> Option<[Arg; 5]> {
    let variant =
        VARIANTS.iter().find(|variant| variant.name == name && variant.programs.contains(&program))?;
    let mut five = [Arg::of(ArgKind::Unused); 5];
    five.iter_mut().zip(variant.args).for_each(|(to, from)| *to = *from);
    Some(five)
}

#[cfg(test)]
mod tests {
    use super::super::by_name;
    use super::*;

    #[test]
    fn variants_are_of_helpers_their_programs_may_call() {
        for variant in VARIANTS {
            let helper = by_name(variant.name).expect("a helper");
            let struct_ops_by_target = |p| matches!(p, Tracing) && variant.name.ends_with("sockopt");
            for &program in variant.programs {
                assert!(
                    helper.allowed_since(program).is_some() || struct_ops_by_target(program),
                    "{} in {program:?}",
                    variant.name
                );
                assert_ne!(helper.args_for(program), helper.args, "{} in {program:?}", variant.name);
            }
        }
    }

    #[test]
    fn the_usual_ones_otherwise() {
        let cookie = by_name("get_socket_cookie").expect("a helper");
        assert_eq!(cookie.args_for(SchedCls)[0].kind, ArgKind::Ctx);
        assert_eq!(cookie.args_for(Tracing)[0].kind, ArgKind::BtfSockCommon);
    }
}
