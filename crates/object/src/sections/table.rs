//! Every section name of the convention.

use skep_platform::AttachType as A;
use skep_platform::AttachType::{self, *};
use skep_platform::ProgramType as P;
use skep_platform::ProgramType::{self, *};

use super::target::Syntax;
use super::target::Syntax as S;

/// One name.
pub(super) struct Rule {
    /// The name, or what stands before the slash.
    pub(super) prefix: &'static str,
    /// What may follow; [`Syntax::Nothing`] makes the name exact.
    pub(super) syntax: Syntax,
    pub(super) program_type: ProgramType,
    pub(super) attach_type: Option<AttachType>,
    pub(super) sleepable: bool,
}

impl Rule {
    /// What follows the slash, if the name is one of this rule's. Empty when nothing does.
    pub(super) fn matches<'n>(&self, name: &'n str) -> Option<&'n str> {
        match name.strip_prefix(self.prefix)? {
            "" => Some(""),
            rest if self.syntax != Syntax::Nothing => rest.strip_prefix('/'),
            _ => None,
        }
    }
}

/// A rule without an attach type.
const fn plain(prefix: &'static str, syntax: Syntax, program_type: ProgramType) -> Rule {
    Rule { prefix, syntax, program_type, attach_type: None, sleepable: false }
}

/// A rule with one.
const fn typed(prefix: &'static str, syntax: Syntax, program_type: ProgramType, attach: AttachType) -> Rule {
    Rule { prefix, syntax, program_type, attach_type: Some(attach), sleepable: false }
}

/// The same, for programs that may sleep.
const fn sleepable(rule: Rule) -> Rule {
    Rule { sleepable: true, ..rule }
}

/// All names. Order does not matter: a name matches one rule at most.
pub(super) static TABLE: &[Rule] = &[
    plain("socket", S::Nothing, SocketFilter),
    typed("sk_reuseport/migrate", S::Nothing, P::SkReuseport, SkReuseportSelectOrMigrate),
    typed("sk_reuseport", S::Nothing, P::SkReuseport, SkReuseportSelect),
    // Probes of kernel functions and system calls.
    plain("kprobe", S::Function { ret: false }, Kprobe),
    plain("kretprobe", S::Function { ret: true }, Kprobe),
    typed("kprobe.multi", S::Pattern { ret: false, session: false }, Kprobe, TraceKprobeMulti),
    typed("kretprobe.multi", S::Pattern { ret: true, session: false }, Kprobe, TraceKprobeMulti),
    typed("kprobe.session", S::Pattern { ret: false, session: true }, Kprobe, TraceKprobeSession),
    plain("ksyscall", S::Syscall { ret: false }, Kprobe),
    plain("kretsyscall", S::Syscall { ret: true }, Kprobe),
    // Probes of user space.
    plain("uprobe", S::User { ret: false }, Kprobe),
    plain("uretprobe", S::User { ret: true }, Kprobe),
    sleepable(plain("uprobe.s", S::User { ret: false }, Kprobe)),
    sleepable(plain("uretprobe.s", S::User { ret: true }, Kprobe)),
    typed("uprobe.multi", S::UserPattern { ret: false, session: false }, Kprobe, TraceUprobeMulti),
    typed("uretprobe.multi", S::UserPattern { ret: true, session: false }, Kprobe, TraceUprobeMulti),
    typed("uprobe.session", S::UserPattern { ret: false, session: true }, Kprobe, TraceUprobeSession),
    sleepable(typed(
        "uprobe.multi.s",
        S::UserPattern { ret: false, session: false },
        Kprobe,
        TraceUprobeMulti,
    )),
    sleepable(typed(
        "uretprobe.multi.s",
        S::UserPattern { ret: true, session: false },
        Kprobe,
        TraceUprobeMulti,
    )),
    sleepable(typed(
        "uprobe.session.s",
        S::UserPattern { ret: false, session: true },
        Kprobe,
        TraceUprobeSession,
    )),
    plain("usdt", S::Usdt, Kprobe),
    sleepable(plain("usdt.s", S::Usdt, Kprobe)),
    // Traffic control. `tc/ingress` is the older spelling of `tcx/ingress`.
    plain("tc", S::Nothing, SchedCls),
    plain("classifier", S::Nothing, SchedCls),
    plain("action", S::Nothing, SchedAct),
    typed("tc/ingress", S::Nothing, SchedCls, TcxIngress),
    typed("tc/egress", S::Nothing, SchedCls, TcxEgress),
    typed("tcx/ingress", S::Nothing, SchedCls, TcxIngress),
    typed("tcx/egress", S::Nothing, SchedCls, TcxEgress),
    typed("netkit/primary", S::Nothing, SchedCls, NetkitPrimary),
    typed("netkit/peer", S::Nothing, SchedCls, NetkitPeer),
    // Tracepoints.
    plain("tracepoint", S::Tracepoint, P::Tracepoint),
    plain("tp", S::Tracepoint, P::Tracepoint),
    plain("raw_tracepoint", S::Named, RawTracepoint),
    plain("raw_tp", S::Named, RawTracepoint),
    plain("raw_tracepoint.w", S::Named, RawTracepointWritable),
    plain("raw_tp.w", S::Named, RawTracepointWritable),
    typed("tp_btf", S::Named, Tracing, TraceRawTp),
    // Trampolines and what else attaches to a function by its BTF.
    typed("fentry", S::Named, Tracing, TraceFentry),
    typed("fexit", S::Named, Tracing, TraceFexit),
    typed("fmod_ret", S::Named, Tracing, ModifyReturn),
    sleepable(typed("fentry.s", S::Named, Tracing, TraceFentry)),
    sleepable(typed("fexit.s", S::Named, Tracing, TraceFexit)),
    sleepable(typed("fmod_ret.s", S::Named, Tracing, ModifyReturn)),
    plain("freplace", S::Named, Ext),
    typed("lsm", S::Named, Lsm, LsmMac),
    sleepable(typed("lsm.s", S::Named, Lsm, LsmMac)),
    typed("lsm_cgroup", S::Named, Lsm, LsmCgroup),
    typed("iter", S::Named, Tracing, TraceIter),
    sleepable(typed("iter.s", S::Named, Tracing, TraceIter)),
    plain("struct_ops", S::Named, P::StructOps),
    sleepable(plain("struct_ops.s", S::Named, P::StructOps)),
    sleepable(plain("syscall", S::Nothing, P::Syscall)),
    // XDP.
    typed("xdp", S::Nothing, P::Xdp, A::Xdp),
    typed("xdp.frags", S::Nothing, P::Xdp, A::Xdp),
    typed("xdp/devmap", S::Nothing, P::Xdp, XdpDevmap),
    typed("xdp.frags/devmap", S::Nothing, P::Xdp, XdpDevmap),
    typed("xdp/cpumap", S::Nothing, P::Xdp, XdpCpumap),
    typed("xdp.frags/cpumap", S::Nothing, P::Xdp, XdpCpumap),
    plain("perf_event", S::Nothing, P::PerfEvent),
    // Light-weight tunnels.
    plain("lwt_in", S::Nothing, LwtIn),
    plain("lwt_out", S::Nothing, LwtOut),
    plain("lwt_xmit", S::Nothing, LwtXmit),
    plain("lwt_seg6local", S::Nothing, LwtSeg6local),
    // Sockets.
    typed("sockops", S::Nothing, SockOps, CgroupSockOps),
    plain("sk_skb", S::Nothing, SkSkb),
    typed("sk_skb/stream_parser", S::Nothing, SkSkb, SkSkbStreamParser),
    typed("sk_skb/stream_verdict", S::Nothing, SkSkb, SkSkbStreamVerdict),
    typed("sk_skb/verdict", S::Nothing, SkSkb, SkSkbVerdict),
    typed("sk_msg", S::Nothing, SkMsg, SkMsgVerdict),
    typed("sk_lookup", S::Nothing, P::SkLookup, A::SkLookup),
    typed("lirc_mode2", S::Nothing, P::LircMode2, A::LircMode2),
    typed("flow_dissector", S::Nothing, P::FlowDissector, A::FlowDissector),
    typed("netfilter", S::Nothing, P::Netfilter, A::Netfilter),
    // Control groups.
    plain("cgroup/skb", S::Nothing, CgroupSkb),
    typed("cgroup_skb/ingress", S::Nothing, CgroupSkb, CgroupInetIngress),
    typed("cgroup_skb/egress", S::Nothing, CgroupSkb, CgroupInetEgress),
    typed("cgroup/sock", S::Nothing, CgroupSock, CgroupInetSockCreate),
    typed("cgroup/sock_create", S::Nothing, CgroupSock, CgroupInetSockCreate),
    typed("cgroup/sock_release", S::Nothing, CgroupSock, CgroupInetSockRelease),
    typed("cgroup/post_bind4", S::Nothing, CgroupSock, CgroupInet4PostBind),
    typed("cgroup/post_bind6", S::Nothing, CgroupSock, CgroupInet6PostBind),
    typed("cgroup/bind4", S::Nothing, CgroupSockAddr, CgroupInet4Bind),
    typed("cgroup/bind6", S::Nothing, CgroupSockAddr, CgroupInet6Bind),
    typed("cgroup/connect4", S::Nothing, CgroupSockAddr, CgroupInet4Connect),
    typed("cgroup/connect6", S::Nothing, CgroupSockAddr, CgroupInet6Connect),
    typed("cgroup/connect_unix", S::Nothing, CgroupSockAddr, CgroupUnixConnect),
    typed("cgroup/sendmsg4", S::Nothing, CgroupSockAddr, CgroupUdp4Sendmsg),
    typed("cgroup/sendmsg6", S::Nothing, CgroupSockAddr, CgroupUdp6Sendmsg),
    typed("cgroup/sendmsg_unix", S::Nothing, CgroupSockAddr, CgroupUnixSendmsg),
    typed("cgroup/recvmsg4", S::Nothing, CgroupSockAddr, CgroupUdp4Recvmsg),
    typed("cgroup/recvmsg6", S::Nothing, CgroupSockAddr, CgroupUdp6Recvmsg),
    typed("cgroup/recvmsg_unix", S::Nothing, CgroupSockAddr, CgroupUnixRecvmsg),
    typed("cgroup/getpeername4", S::Nothing, CgroupSockAddr, CgroupInet4Getpeername),
    typed("cgroup/getpeername6", S::Nothing, CgroupSockAddr, CgroupInet6Getpeername),
    typed("cgroup/getpeername_unix", S::Nothing, CgroupSockAddr, CgroupUnixGetpeername),
    typed("cgroup/getsockname4", S::Nothing, CgroupSockAddr, CgroupInet4Getsockname),
    typed("cgroup/getsockname6", S::Nothing, CgroupSockAddr, CgroupInet6Getsockname),
    typed("cgroup/getsockname_unix", S::Nothing, CgroupSockAddr, CgroupUnixGetsockname),
    typed("cgroup/sysctl", S::Nothing, P::CgroupSysctl, A::CgroupSysctl),
    typed("cgroup/getsockopt", S::Nothing, CgroupSockopt, CgroupGetsockopt),
    typed("cgroup/setsockopt", S::Nothing, CgroupSockopt, CgroupSetsockopt),
    typed("cgroup/dev", S::Nothing, P::CgroupDevice, A::CgroupDevice),
];
