//! The UAPI's constants that calls and helpers take or give, under the UAPI's names.
//!
//! Each group is declared once; the table [`GROUPS`] holds the same for listings and for the test against the running
//! kernel's BTF.

/// The constants of one use.
#[derive(Debug, Clone, Copy)]
pub struct Group {
    /// What takes or gives them.
    pub of: &'static str,
    /// Whether the UAPI declares them as an enum, so that BTF knows them; the rest are macros.
    pub in_btf: bool,
    /// Names and values.
    pub constants: &'static [(&'static str, u64)],
}

/// Declares the constants and the table together.
macro_rules! groups {
    ($($of:literal $in_btf:literal { $($name:ident = $value:expr;)* })*) => {
        $($(
            #[doc = concat!("`", stringify!($name), "`, of ", $of, ".")]
            pub const $name: u64 = $value;
        )*)*

        /// Every group.
        pub static GROUPS: &[Group] = &[
            $(Group { of: $of, in_btf: $in_btf, constants: &[$((stringify!($name), $value),)*] },)*
        ];
    };
}

groups! {
    "updating an element" true { BPF_ANY = 0; BPF_NOEXIST = 1; BPF_EXIST = 2; BPF_F_LOCK = 4; }
    "loading a program" false {
        BPF_F_STRICT_ALIGNMENT = 1; BPF_F_ANY_ALIGNMENT = 1 << 1; BPF_F_TEST_RND_HI32 = 1 << 2;
        BPF_F_TEST_STATE_FREQ = 1 << 3; BPF_F_SLEEPABLE = 1 << 4; BPF_F_XDP_HAS_FRAGS = 1 << 5;
        BPF_F_XDP_DEV_BOUND_ONLY = 1 << 6; BPF_F_TEST_REG_INVARIANTS = 1 << 7;
    }
    "attaching to a cgroup or a device" false {
        BPF_F_ALLOW_OVERRIDE = 1; BPF_F_ALLOW_MULTI = 1 << 1; BPF_F_REPLACE = 1 << 2; BPF_F_BEFORE = 1 << 3;
        BPF_F_AFTER = 1 << 4; BPF_F_ID = 1 << 5; BPF_F_PREORDER = 1 << 6; BPF_F_QUERY_EFFECTIVE = 1;
    }
    "test runs" false {
        BPF_F_TEST_RUN_ON_CPU = 1; BPF_F_TEST_XDP_LIVE_FRAMES = 1 << 1; BPF_F_TEST_SKB_CHECKSUM_COMPLETE = 1 << 2;
    }
    "XDP verdicts" true { XDP_ABORTED = 0; XDP_DROP = 1; XDP_PASS = 2; XDP_TX = 3; XDP_REDIRECT = 4; }
    "socket verdicts" true { SK_DROP = 0; SK_PASS = 1; }
    "packet verdicts" true {
        BPF_OK = 0; BPF_DROP = 2; BPF_REDIRECT = 7; BPF_LWT_REROUTE = 128; BPF_FLOW_DISSECTOR_CONTINUE = 129;
    }
    "tc verdicts, less TC_ACT_UNSPEC (-1)" false {
        TC_ACT_OK = 0; TC_ACT_RECLASSIFY = 1; TC_ACT_SHOT = 2; TC_ACT_PIPE = 3; TC_ACT_STOLEN = 4; TC_ACT_QUEUED = 5;
        TC_ACT_REPEAT = 6; TC_ACT_REDIRECT = 7; TC_ACT_TRAP = 8;
    }
    "skb_store_bytes" true { BPF_F_RECOMPUTE_CSUM = 1; BPF_F_INVALIDATE_HASH = 2; }
    "l3_csum_replace, l4_csum_replace" true {
        BPF_F_HDR_FIELD_MASK = 0xf; BPF_F_PSEUDO_HDR = 1 << 4; BPF_F_MARK_MANGLED_0 = 1 << 5;
        BPF_F_MARK_ENFORCE = 1 << 6; BPF_F_IPV6 = 1 << 7;
    }
    "clone_redirect, redirect" true { BPF_F_INGRESS = 1; BPF_F_BROADCAST = 1 << 3; BPF_F_EXCLUDE_INGRESS = 1 << 4; }
    "tunnel keys" true {
        BPF_F_TUNINFO_IPV6 = 1; BPF_F_ZERO_CSUM_TX = 2; BPF_F_DONT_FRAGMENT = 4; BPF_F_SEQ_NUMBER = 8;
        BPF_F_NO_TUNNEL_KEY = 16; BPF_F_TUNINFO_FLAGS = 16;
    }
    "get_stackid, get_stack" true {
        BPF_F_SKIP_FIELD_MASK = 0xff; BPF_F_USER_STACK = 1 << 8; BPF_F_FAST_STACK_CMP = 1 << 9;
        BPF_F_REUSE_STACKID = 1 << 10; BPF_F_USER_BUILD_ID = 1 << 11;
    }
    "perf_event_output" true {
        BPF_F_INDEX_MASK = 0xffff_ffff; BPF_F_CURRENT_CPU = 0xffff_ffff; BPF_F_CTXLEN_MASK = 0xfffff << 32;
    }
    "skb_adjust_room" true {
        BPF_F_ADJ_ROOM_FIXED_GSO = 1; BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 = 1 << 1; BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 = 1 << 2;
        BPF_F_ADJ_ROOM_ENCAP_L4_GRE = 1 << 3; BPF_F_ADJ_ROOM_ENCAP_L4_UDP = 1 << 4;
        BPF_F_ADJ_ROOM_NO_CSUM_RESET = 1 << 5; BPF_F_ADJ_ROOM_ENCAP_L2_ETH = 1 << 6;
        BPF_F_ADJ_ROOM_DECAP_L3_IPV4 = 1 << 7; BPF_F_ADJ_ROOM_DECAP_L3_IPV6 = 1 << 8;
        BPF_ADJ_ROOM_ENCAP_L2_MASK = 0xff; BPF_ADJ_ROOM_ENCAP_L2_SHIFT = 56;
    }
    "skb_adjust_room, modes" true { BPF_ADJ_ROOM_NET = 0; BPF_ADJ_ROOM_MAC = 1; }
    "skb_load_bytes_relative" true { BPF_HDR_START_MAC = 0; BPF_HDR_START_NET = 1; }
    "csum_level" true {
        BPF_CSUM_LEVEL_QUERY = 0; BPF_CSUM_LEVEL_INC = 1; BPF_CSUM_LEVEL_DEC = 2; BPF_CSUM_LEVEL_RESET = 3;
    }
    "lwt_push_encap" true { BPF_LWT_ENCAP_SEG6 = 0; BPF_LWT_ENCAP_SEG6_INLINE = 1; BPF_LWT_ENCAP_IP = 2; }
    "sk_assign" true { BPF_SK_LOOKUP_F_REPLACE = 1; BPF_SK_LOOKUP_F_NO_REUSEPORT = 2; }
    "storages" true { BPF_LOCAL_STORAGE_GET_F_CREATE = 1; BPF_SK_STORAGE_GET_F_CREATE = 1; }
    "ring buffers" true {
        BPF_RB_NO_WAKEUP = 1; BPF_RB_FORCE_WAKEUP = 2; BPF_RB_AVAIL_DATA = 0; BPF_RB_RING_SIZE = 1;
        BPF_RB_CONS_POS = 2; BPF_RB_PROD_POS = 3; BPF_RINGBUF_BUSY_BIT = 1 << 31; BPF_RINGBUF_DISCARD_BIT = 1 << 30;
        BPF_RINGBUF_HDR_SZ = 8;
    }
    "fib_lookup" true {
        BPF_FIB_LOOKUP_DIRECT = 1; BPF_FIB_LOOKUP_OUTPUT = 2; BPF_FIB_LOOKUP_SKIP_NEIGH = 4; BPF_FIB_LOOKUP_TBID = 8;
        BPF_FIB_LOOKUP_SRC = 16; BPF_FIB_LOOKUP_MARK = 32;
    }
    "fib_lookup, results" true {
        BPF_FIB_LKUP_RET_SUCCESS = 0; BPF_FIB_LKUP_RET_BLACKHOLE = 1; BPF_FIB_LKUP_RET_UNREACHABLE = 2;
        BPF_FIB_LKUP_RET_PROHIBIT = 3; BPF_FIB_LKUP_RET_NOT_FWDED = 4; BPF_FIB_LKUP_RET_FWD_DISABLED = 5;
        BPF_FIB_LKUP_RET_UNSUPP_LWT = 6; BPF_FIB_LKUP_RET_NO_NEIGH = 7; BPF_FIB_LKUP_RET_FRAG_NEEDED = 8;
        BPF_FIB_LKUP_RET_NO_SRC_ADDR = 9;
    }
    "check_mtu" true {
        BPF_MTU_CHK_SEGS = 1; BPF_MTU_CHK_RET_SUCCESS = 0; BPF_MTU_CHK_RET_FRAG_NEEDED = 1;
        BPF_MTU_CHK_RET_SEGS_TOOBIG = 2;
    }
    "timer_start" true { BPF_F_TIMER_ABS = 1; BPF_F_TIMER_CPU_PIN = 2; }
    "snprintf_btf" true { BTF_F_COMPACT = 1; BTF_F_NONAME = 2; BTF_F_PTR_RAW = 4; BTF_F_ZERO = 8; }
    "sysctl_get_name" true { BPF_F_SYSCTL_BASE_NAME = 1; }
    "bprm_opts_set" true { BPF_F_BPRM_SECUREEXEC = 1; }
    "read_branch_records" true { BPF_F_GET_BRANCH_RECORDS_SIZE = 1; }
    "load_hdr_opt" true { BPF_LOAD_HDR_OPT_TCP_SYN = 1; }
    "sock_ops_cb_flags_set" true {
        BPF_SOCK_OPS_RTO_CB_FLAG = 1; BPF_SOCK_OPS_RETRANS_CB_FLAG = 2; BPF_SOCK_OPS_STATE_CB_FLAG = 4;
        BPF_SOCK_OPS_RTT_CB_FLAG = 8; BPF_SOCK_OPS_PARSE_ALL_HDR_OPT_CB_FLAG = 16;
        BPF_SOCK_OPS_PARSE_UNKNOWN_HDR_OPT_CB_FLAG = 32; BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG = 64;
        BPF_SOCK_OPS_ALL_CB_FLAGS = 127;
    }
    "the flow dissector" true {
        BPF_FLOW_DISSECTOR_F_PARSE_1ST_FRAG = 1; BPF_FLOW_DISSECTOR_F_STOP_AT_FLOW_LABEL = 2;
        BPF_FLOW_DISSECTOR_F_STOP_AT_ENCAP = 4;
    }
}
