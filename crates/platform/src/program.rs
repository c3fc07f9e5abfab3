//! Program types: what a program is for, `enum bpf_prog_type` of the UAPI.

use crate::AttachType;
use crate::Release;

/// Declares the enum, its numbers and every fact in one list.
macro_rules! program_types {
    ($($variant:ident = $number:literal $name:literal $major:literal . $minor:literal
       $ctx:literal $shape:ident [$($attach:ident)*];)*) => {
        /// What a program is for. The discriminant is the UAPI's number; "unspecified" (0) is not a type.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u32)]
        pub enum ProgramType {
            $(
                #[doc = concat!("`", $name, "` programs, since ", stringify!($major), ".", stringify!($minor), ".")]
                $variant = $number,
            )*
        }

        impl ProgramType {
            /// Every program type in the UAPI's order.
            pub const ALL: &'static [ProgramType] = &[$(ProgramType::$variant,)*];
        }

        static TABLE: &[Row] = &[
            $(Row {
                name: $name,
                since: Release::new($major, $minor),
                context: $ctx,
                shape: ContextShape::$shape,
                attach: &[$(AttachType::$attach),*],
            },)*
        ];
    };
}

/// How a program of a type sees its context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContextShape {
    /// A struct of the UAPI that the kernel translates access by access: see [`crate::context`].
    Table,
    /// An array of 8-byte arguments whose types the attach target's BTF prototype gives.
    BtfArgs,
    /// A kernel struct readable as BTF says.
    BtfStruct,
    /// Plain memory that the program reads (and, for syscall programs, writes) as it likes.
    Raw,
}

/// The facts of one type that the methods below give out.
struct Row {
    name: &'static str,
    since: Release,
    context: &'static str,
    shape: ContextShape,
    attach: &'static [AttachType],
}

program_types! {
    SocketFilter = 1 "socket_filter" 3 . 19 "__sk_buff" Table [];
    Kprobe = 2 "kprobe" 4 . 1 "pt_regs" Raw
        [PerfEvent TraceKprobeMulti TraceKprobeSession TraceUprobeMulti TraceUprobeSession];
    SchedCls = 3 "sched_cls" 4 . 1 "__sk_buff" Table [TcxIngress TcxEgress NetkitPrimary NetkitPeer];
    SchedAct = 4 "sched_act" 4 . 1 "__sk_buff" Table [];
    Tracepoint = 5 "tracepoint" 4 . 7 "" Raw [PerfEvent];
    Xdp = 6 "xdp" 4 . 8 "xdp_md" Table [Xdp XdpDevmap XdpCpumap];
    PerfEvent = 7 "perf_event" 4 . 9 "bpf_perf_event_data" Table [PerfEvent];
    CgroupSkb = 8 "cgroup_skb" 4 . 10 "__sk_buff" Table [CgroupInetIngress CgroupInetEgress];
    CgroupSock = 9 "cgroup_sock" 4 . 10 "bpf_sock" Table
        [CgroupInetSockCreate CgroupInetSockRelease CgroupInet4PostBind CgroupInet6PostBind];
    LwtIn = 10 "lwt_in" 4 . 10 "__sk_buff" Table [];
    LwtOut = 11 "lwt_out" 4 . 10 "__sk_buff" Table [];
    LwtXmit = 12 "lwt_xmit" 4 . 10 "__sk_buff" Table [];
    SockOps = 13 "sock_ops" 4 . 13 "bpf_sock_ops" Table [CgroupSockOps];
    SkSkb = 14 "sk_skb" 4 . 14 "__sk_buff" Table [SkSkbStreamParser SkSkbStreamVerdict SkSkbVerdict];
    CgroupDevice = 15 "cgroup_device" 4 . 15 "bpf_cgroup_dev_ctx" Table [CgroupDevice];
    SkMsg = 16 "sk_msg" 4 . 17 "sk_msg_md" Table [SkMsgVerdict];
    RawTracepoint = 17 "raw_tracepoint" 4 . 17 "bpf_raw_tracepoint_args" Raw [];
    CgroupSockAddr = 18 "cgroup_sock_addr" 4 . 17 "bpf_sock_addr" Table
        [CgroupInet4Bind CgroupInet6Bind CgroupInet4Connect CgroupInet6Connect CgroupUnixConnect
         CgroupUdp4Sendmsg CgroupUdp6Sendmsg CgroupUnixSendmsg CgroupUdp4Recvmsg CgroupUdp6Recvmsg
         CgroupUnixRecvmsg CgroupInet4Getpeername CgroupInet6Getpeername CgroupUnixGetpeername
         CgroupInet4Getsockname CgroupInet6Getsockname CgroupUnixGetsockname];
    LwtSeg6local = 19 "lwt_seg6local" 4 . 18 "__sk_buff" Table [];
    LircMode2 = 20 "lirc_mode2" 4 . 18 "" Raw [LircMode2];
    SkReuseport = 21 "sk_reuseport" 4 . 19 "sk_reuseport_md" Table [SkReuseportSelect SkReuseportSelectOrMigrate];
    FlowDissector = 22 "flow_dissector" 4 . 20 "__sk_buff" Table [FlowDissector];
    CgroupSysctl = 23 "cgroup_sysctl" 5 . 2 "bpf_sysctl" Table [CgroupSysctl];
    RawTracepointWritable = 24 "raw_tracepoint_writable" 5 . 2 "bpf_raw_tracepoint_args" Raw [];
    CgroupSockopt = 25 "cgroup_sockopt" 5 . 3 "bpf_sockopt" Table [CgroupGetsockopt CgroupSetsockopt];
    Tracing = 26 "tracing" 5 . 5 "" BtfArgs [TraceRawTp TraceFentry TraceFexit ModifyReturn TraceIter];
    StructOps = 27 "struct_ops" 5 . 6 "" BtfArgs [StructOps];
    Ext = 28 "ext" 5 . 6 "" BtfArgs [];
    Lsm = 29 "lsm" 5 . 7 "" BtfArgs [LsmMac LsmCgroup];
    SkLookup = 30 "sk_lookup" 5 . 9 "bpf_sk_lookup" Table [SkLookup];
    Syscall = 31 "syscall" 5 . 14 "" Raw [];
    Netfilter = 32 "netfilter" 6 . 4 "bpf_nf_ctx" BtfStruct [Netfilter];
}

impl ProgramType {
    /// The UAPI's number.
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// The program type with this UAPI number; `None` for 0 and for numbers newer than 6.18.
    pub fn from_number(number: u32) -> Option<ProgramType> {
        Self::ALL.get(usize::try_from(number).ok()?.checked_sub(1)?).copied()
    }

    /// The short name, as bpftool prints it (`socket_filter`).
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The name of the UAPI's constant (`BPF_PROG_TYPE_SOCKET_FILTER`).
    pub fn uapi_name(self) -> String {
        format!("BPF_PROG_TYPE_{}", self.name().to_uppercase())
    }

    /// The program type with this short name or UAPI name.
    pub fn from_name(name: &str) -> Option<ProgramType> {
        Self::ALL.iter().copied().find(|t| t.name() == name || t.uapi_name() == name)
    }

    /// The release that brought it.
    pub fn since(self) -> Release {
        self.row().since
    }

    /// The struct a program declares its argument as, without the word `struct`; empty where the type has none of
    /// its own (the tracepoint's record, the traced function's arguments, bytes the caller gave).
    pub fn context_name(self) -> &'static str {
        self.row().context
    }

    /// How the context is seen.
    pub fn context_shape(self) -> ContextShape {
        self.row().shape
    }

    /// Whether Linux holds the attach type against the program type when it loads the program; the others' it looks at
    /// when the program is attached, if at all.
    pub const fn checks_attach_type(self) -> bool {
        use ProgramType::*;
        matches!(
            self,
            CgroupSock | CgroupSockAddr | CgroupSkb | CgroupSockopt | SkLookup | SkReuseport | Netfilter
        )
    }

    /// Whether attach type 0, which is what a load says that names none, stands for the first one of this program type.
    pub const fn has_default_attach_type(self) -> bool {
        matches!(self, ProgramType::CgroupSock | ProgramType::SkReuseport)
    }

    /// The attach types `expected_attach_type` may name at load or a link may name at attachment. Empty where the
    /// type is attached some other way (a socket option, a perf event, netlink, a route).
    pub fn attach_types(self) -> &'static [AttachType] {
        self.row().attach
    }

    /// The numbers are dense from 1, so the number finds the row (a test holds this).
    fn row(self) -> &'static Row {
        &TABLE[self as usize - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rows() {
        assert_eq!(ProgramType::ALL.len(), 32);
        for (row, &program) in ProgramType::ALL.iter().enumerate() {
            assert_eq!(program as usize, row + 1);
            assert_eq!(ProgramType::from_number(program.number()), Some(program));
            assert_eq!(ProgramType::from_name(program.name()), Some(program));
            assert_eq!(ProgramType::from_name(&program.uapi_name()), Some(program));
        }
        assert_eq!(ProgramType::from_number(0), None);
        assert_eq!(ProgramType::from_number(33), None);
    }

    #[test]
    fn nothing_attaches_before_its_place_exists() {
        for &program in ProgramType::ALL {
            for attach in program.attach_types() {
                assert!(attach.since() >= program.since(), "{program:?} at {attach:?}");
            }
        }
    }
}
