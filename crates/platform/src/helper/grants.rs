//! The permissions: what [`super::availability`] works on.
//!
//! First what every program type may call, by the release that opened it to all; then what was opened to some types
//! before; then each family's own.

use super::availability::{Grant, Limit};
use crate::AttachType::{self, *};
use crate::ProgramType::{self, *};
use crate::Release;

/// With the helper itself.
const ORIGIN: Release = Release::new(3, 18);

const fn all(since: (u8, u8), helpers: &'static [&'static str]) -> Grant {
    Grant { programs: &[], since: Release::new(since.0, since.1), helpers }
}

const fn grant(programs: &'static [ProgramType], helpers: &'static [&'static str]) -> Grant {
    Grant { programs, since: ORIGIN, helpers }
}

const fn later(programs: &'static [ProgramType], since: (u8, u8), helpers: &'static [&'static str]) -> Grant {
    Grant { programs, since: Release::new(since.0, since.1), helpers }
}

/// Programs on events of the kernel and of processes.
const TRACING: &[ProgramType] = &[
    Kprobe,
    Tracepoint,
    ProgramType::PerfEvent,
    RawTracepoint,
    RawTracepointWritable,
    Tracing,
    Lsm,
    Syscall,
];
/// Those that see kernel objects as BTF types.
const TYPED: &[ProgramType] = &[Tracing, Lsm, Syscall];
const TC: &[ProgramType] = &[SchedCls, SchedAct];
const LWT: &[ProgramType] = &[LwtIn, LwtOut, LwtXmit, LwtSeg6local];
/// Everything that handles packets or sockets and may look behind a socket.
const SOCKETS: &[ProgramType] = &[
    SocketFilter,
    SchedCls,
    SchedAct,
    ProgramType::Xdp,
    CgroupSkb,
    LwtIn,
    LwtOut,
    LwtXmit,
    LwtSeg6local,
    SockOps,
    SkSkb,
    SkMsg,
    CgroupSockAddr,
    ProgramType::FlowDissector,
    ProgramType::SkLookup,
];
const CGROUPS: &[ProgramType] = &[
    CgroupSkb,
    CgroupSock,
    SockOps,
    ProgramType::CgroupDevice,
    CgroupSockAddr,
    ProgramType::CgroupSysctl,
    CgroupSockopt,
];

#[rustfmt::skip] // One line a grant where it fits: the names matter, not the breaks.
pub(super) static GRANTS: &[Grant] = &[
    // Everyone.
    all((3, 18), &["map_lookup_elem", "map_update_elem", "map_delete_elem", "map_push_elem", "map_pop_elem",
        "map_peek_elem", "get_prandom_u32", "get_smp_processor_id", "get_numa_node_id", "tail_call", "ktime_get_ns",
        "spin_lock", "spin_unlock", "trace_printk", "jiffies64", "ktime_get_boot_ns", "ringbuf_output",
        "ringbuf_reserve", "ringbuf_submit", "ringbuf_discard", "ringbuf_query", "snprintf_btf", "per_cpu_ptr",
        "this_cpu_ptr", "for_each_map_elem", "snprintf", "timer_init", "timer_set_callback", "timer_start",
        "timer_cancel", "task_pt_regs", "trace_vprintk", "loop", "strncmp", "kptr_xchg", "map_lookup_percpu_elem",
        "dynptr_from_mem", "ringbuf_reserve_dynptr", "ringbuf_submit_dynptr", "ringbuf_discard_dynptr",
        "dynptr_read", "dynptr_write", "dynptr_data", "ktime_get_tai_ns", "user_ringbuf_drain", "cgrp_storage_get",
        "cgrp_storage_delete"]),
    all((5, 8), &["get_current_task", "probe_read_user", "probe_read_kernel", "probe_read_user_str",
        "probe_read_kernel_str"]),
    all((5, 15), &["get_current_task_btf"]),
    all((6, 1), &["strtol", "strtoul"]),
    all((6, 4), &["get_current_cgroup_id", "get_current_ancestor_cgroup_id"]),
    all((6, 10), &["get_current_pid_tgid", "get_ns_current_pid_tgid"]),
    all((6, 16), &["get_current_uid_gid", "get_current_comm", "get_cgroup_classid", "perf_event_read",
        "current_task_under_cgroup", "perf_event_read_value", "send_signal", "send_signal_thread", "get_task_stack",
        "copy_from_user", "copy_from_user_task", "task_storage_get", "task_storage_delete", "get_branch_snapshot",
        "find_vma"]),

    // Tracing had these before everyone.
    grant(TRACING, &["get_current_pid_tgid", "get_ns_current_pid_tgid", "get_current_uid_gid", "get_current_comm",
        "get_current_task", "get_current_task_btf", "perf_event_read", "perf_event_read_value",
        "current_task_under_cgroup", "probe_read", "probe_read_str", "probe_read_user", "probe_read_kernel",
        "probe_read_user_str", "probe_read_kernel_str", "probe_write_user", "get_current_cgroup_id",
        "get_current_ancestor_cgroup_id", "send_signal", "send_signal_thread", "get_task_stack", "copy_from_user",
        "copy_from_user_task", "task_storage_get", "task_storage_delete", "get_branch_snapshot", "find_vma"]),
    grant(TRACING, &["perf_event_output", "get_stackid", "get_stack"]),
    grant(&[Kprobe, Tracing], &["get_func_ip"]),
    grant(&[Kprobe, Tracepoint, ProgramType::PerfEvent], &["get_attach_cookie"]),
    later(&[Tracing, Lsm], (5, 19), &["get_attach_cookie"]),
    later(&[RawTracepoint, RawTracepointWritable], (6, 10), &["get_attach_cookie"]),
    grant(&[Kprobe], &["override_return"]),
    grant(&[ProgramType::PerfEvent], &["perf_prog_read_value", "read_branch_records"]),
    grant(TYPED, &["skb_output", "xdp_output", "skc_to_tcp6_sock", "skc_to_tcp_sock", "skc_to_tcp_timewait_sock",
        "skc_to_tcp_request_sock", "skc_to_udp6_sock", "skc_to_unix_sock", "skc_to_mptcp_sock", "sock_from_file",
        "xdp_get_buff_len"]),
    later(&[Tracing, Lsm], (5, 11), &["sk_storage_get", "sk_storage_delete"]),
    later(TYPED, (5, 12), &["get_socket_cookie"]),
    grant(&[Tracing, Lsm], &["d_path"]),
    grant(&[Tracing], &["seq_printf", "seq_write", "seq_printf_btf", "get_func_arg", "get_func_ret",
        "get_func_arg_cnt"]),
    later(&[Lsm], (6, 0), &["get_func_arg", "get_func_ret", "get_func_arg_cnt", "get_retval", "set_retval",
        "setsockopt", "getsockopt"]),
    grant(&[Lsm], &["inode_storage_get", "inode_storage_delete", "bprm_opts_set", "ima_inode_hash",
        "ima_file_hash"]),
    grant(&[Syscall], &["sys_bpf", "btf_find_by_name_kind", "sys_close", "kallsyms_lookup_name"]),

    // struct_ops, as tcp_congestion_ops sees it.
    grant(&[ProgramType::StructOps], &["tcp_send_ack", "sk_storage_get", "sk_storage_delete"]),
    later(&[ProgramType::StructOps], (6, 0), &["setsockopt", "getsockopt"]),
    grant(&[ProgramType::StructOps], &["ktime_get_coarse_ns"]),

    // Packets as sk_buff.
    grant(&[SocketFilter, CgroupSkb, SchedCls, SchedAct, SkSkb, SkReuseport, ProgramType::FlowDissector, LwtIn,
        LwtOut, LwtXmit, LwtSeg6local], &["skb_load_bytes"]),
    grant(&[SocketFilter, CgroupSkb, SchedCls, SchedAct, SkReuseport], &["skb_load_bytes_relative"]),
    grant(&[SocketFilter, CgroupSkb, SchedCls, SchedAct, SkSkb], &["get_socket_cookie", "get_socket_uid"]),
    grant(TC, &["skb_store_bytes", "l3_csum_replace", "l4_csum_replace", "clone_redirect", "get_cgroup_classid",
        "skb_vlan_push", "skb_vlan_pop", "skb_get_tunnel_key", "skb_set_tunnel_key", "redirect", "get_route_realm",
        "perf_event_output", "csum_diff", "skb_get_tunnel_opt", "skb_set_tunnel_opt", "skb_change_proto",
        "skb_change_type", "skb_under_cgroup", "get_hash_recalc", "skb_change_tail", "skb_pull_data", "csum_update",
        "set_hash_invalid", "set_hash", "skb_adjust_room", "skb_get_xfrm_state", "fib_lookup", "skb_cgroup_id",
        "skb_ancestor_cgroup_id", "sk_lookup_tcp", "sk_lookup_udp", "sk_release", "sk_fullsock", "tcp_sock",
        "skb_ecn_set_ce", "get_listener_sock", "skc_lookup_tcp", "tcp_check_syncookie", "sk_storage_get",
        "sk_storage_delete", "tcp_gen_syncookie", "sk_assign", "csum_level", "skb_cgroup_classid", "redirect_neigh",
        "redirect_peer", "check_mtu", "skb_set_tstamp", "tcp_raw_gen_syncookie_ipv4", "tcp_raw_gen_syncookie_ipv6",
        "tcp_raw_check_syncookie_ipv4", "tcp_raw_check_syncookie_ipv6"]),
    later(TC, (5, 8), &["skb_change_head"]),
    later(TC, (6, 13), &["get_netns_cookie"]),
    later(&[SocketFilter, CgroupSkb], (6, 13), &["get_netns_cookie"]),
    later(&[SocketFilter, CgroupSkb], (5, 4), &["perf_event_output"]),
    grant(LWT, &["get_cgroup_classid", "get_route_realm", "perf_event_output", "csum_diff", "skb_under_cgroup",
        "get_hash_recalc", "skb_pull_data"]),
    grant(&[LwtIn, LwtXmit], &["lwt_push_encap"]),
    grant(&[LwtXmit], &["skb_store_bytes", "l3_csum_replace", "l4_csum_replace", "clone_redirect",
        "skb_get_tunnel_key", "skb_set_tunnel_key", "redirect", "skb_get_tunnel_opt", "skb_set_tunnel_opt",
        "skb_change_tail", "csum_update", "set_hash_invalid", "skb_change_head", "csum_level"]),
    grant(&[LwtSeg6local], &["lwt_seg6_store_bytes", "lwt_seg6_adjust_srh", "lwt_seg6_action"]),
    grant(&[SkSkb], &["skb_store_bytes", "skb_pull_data", "skb_change_tail", "skb_change_head", "sk_redirect_map",
        "sk_redirect_hash", "sk_lookup_tcp", "sk_lookup_udp", "sk_release", "skc_lookup_tcp"]),
    later(&[SkSkb], (5, 10), &["skb_adjust_room"]),
    later(&[SkSkb], (5, 5), &["perf_event_output"]),

    // Frames.
    grant(&[ProgramType::Xdp], &["redirect", "perf_event_output", "csum_diff", "xdp_adjust_head", "redirect_map",
        "xdp_adjust_meta", "xdp_adjust_tail", "fib_lookup", "sk_lookup_tcp", "sk_lookup_udp", "sk_release",
        "skc_lookup_tcp", "tcp_check_syncookie", "tcp_gen_syncookie", "check_mtu", "xdp_get_buff_len",
        "xdp_load_bytes", "xdp_store_bytes", "tcp_raw_gen_syncookie_ipv4", "tcp_raw_gen_syncookie_ipv6",
        "tcp_raw_check_syncookie_ipv4", "tcp_raw_check_syncookie_ipv6"]),

    // Sockets.
    later(SOCKETS, (5, 10), &["skc_to_tcp6_sock", "skc_to_tcp_sock", "skc_to_tcp_timewait_sock",
        "skc_to_tcp_request_sock", "skc_to_udp6_sock", "skc_to_unix_sock", "skc_to_mptcp_sock"]),
    grant(SOCKETS, &["ktime_get_coarse_ns"]),
    grant(&[CgroupSock, SkReuseport, ProgramType::CgroupSysctl], &["ktime_get_coarse_ns"]),
    grant(&[SockOps], &["setsockopt", "getsockopt", "sock_ops_cb_flags_set", "sock_map_update", "sock_hash_update",
        "get_socket_cookie", "perf_event_output", "sk_storage_get", "sk_storage_delete", "load_hdr_opt",
        "store_hdr_opt", "reserve_hdr_opt", "tcp_sock"]),
    later(&[SockOps, SkMsg], (5, 16), &["get_netns_cookie"]),
    grant(&[SkMsg], &["msg_redirect_map", "msg_redirect_hash", "msg_apply_bytes", "msg_cork_bytes", "msg_pull_data",
        "msg_push_data", "msg_pop_data"]),
    later(&[SkMsg], (5, 8), &["perf_event_output", "get_current_uid_gid", "get_current_pid_tgid", "sk_storage_get",
        "sk_storage_delete", "get_current_cgroup_id", "get_current_ancestor_cgroup_id", "get_cgroup_classid"]),
    grant(&[SkReuseport], &["sk_select_reuseport", "get_socket_cookie"]),
    grant(&[ProgramType::SkLookup], &["perf_event_output", "sk_assign", "sk_release"]),

    // Cgroups.
    grant(CGROUPS, &["get_local_storage"]),
    grant(&[CgroupSkb], &["sk_fullsock", "sk_storage_get", "sk_storage_delete", "skb_cgroup_id",
        "skb_ancestor_cgroup_id", "sk_cgroup_id", "sk_ancestor_cgroup_id", "sk_lookup_tcp", "sk_lookup_udp",
        "sk_release", "skc_lookup_tcp", "tcp_sock", "get_listener_sock", "skb_ecn_set_ce"]),
    grant(&[CgroupSock, CgroupSockAddr, ProgramType::CgroupDevice, ProgramType::CgroupSysctl, CgroupSockopt],
        &["get_current_uid_gid"]),
    grant(&[ProgramType::CgroupDevice, ProgramType::CgroupSysctl, CgroupSockopt], &["get_current_cgroup_id"]),
    later(CGROUPS, (5, 5), &["perf_event_output"]),
    later(&[CgroupSock, CgroupSockAddr], (5, 7), &["get_current_pid_tgid", "get_current_comm",
        "get_current_cgroup_id", "get_current_ancestor_cgroup_id", "get_cgroup_classid"]),
    later(&[ProgramType::CgroupDevice, ProgramType::CgroupSysctl, CgroupSockopt], (6, 1), &["get_current_pid_tgid",
        "get_current_comm", "get_current_ancestor_cgroup_id", "get_cgroup_classid"]),
    grant(&[CgroupSockAddr], &["bind", "get_socket_cookie", "get_netns_cookie", "sk_lookup_tcp", "sk_lookup_udp",
        "sk_release", "skc_lookup_tcp", "sk_storage_get", "sk_storage_delete"]),
    later(&[CgroupSockAddr], (5, 8), &["setsockopt", "getsockopt"]),
    grant(&[CgroupSock], &["get_netns_cookie"]),
    later(&[CgroupSock], (5, 7), &["get_socket_cookie"]),
    later(&[CgroupSock], (5, 10), &["sk_storage_get"]),
    grant(&[ProgramType::CgroupSysctl], &["sysctl_get_name", "sysctl_get_current_value", "sysctl_get_new_value",
        "sysctl_set_new_value", "strtol", "strtoul"]),
    grant(&[CgroupSockopt], &["sk_storage_get", "sk_storage_delete", "tcp_sock"]),
    later(&[CgroupSockopt], (5, 15), &["setsockopt", "getsockopt", "get_netns_cookie"]),
    grant(&[ProgramType::CgroupDevice, ProgramType::CgroupSysctl, CgroupSockopt], &["get_retval", "set_retval"]),
    later(&[CgroupSock, CgroupSockAddr], (6, 1), &["get_retval", "set_retval"]),

    // Remote controls.
    grant(&[ProgramType::LircMode2], &["rc_repeat", "rc_keydown", "rc_pointer_rel"]),
];

/// Hooks that run before the system call has a result to set.
const WITH_RETVAL: &[AttachType] = &[
    CgroupInet4Bind,
    CgroupInet6Bind,
    CgroupInet4Connect,
    CgroupInet6Connect,
    CgroupUnixConnect,
    CgroupUdp4Sendmsg,
    CgroupUdp6Sendmsg,
    CgroupUnixSendmsg,
];
const TRAMPOLINE: &[AttachType] = &[TraceFentry, TraceFexit, ModifyReturn];

#[rustfmt::skip] // As above.
pub(super) static LIMITS: &[Limit] = &[
    Limit { program: CgroupSockAddr, only: &[CgroupInet4Connect, CgroupInet6Connect], helpers: &["bind"] },
    Limit { program: CgroupSockAddr, only: WITH_RETVAL, helpers: &["get_retval", "set_retval"] },
    Limit { program: CgroupSockopt, only: &[CgroupSetsockopt], helpers: &["setsockopt", "getsockopt"] },
    Limit { program: Tracing, only: &[TraceIter], helpers: &["seq_printf", "seq_write", "seq_printf_btf"] },
    Limit { program: Tracing, only: TRAMPOLINE, helpers: &["get_func_ip", "get_func_arg", "get_func_arg_cnt",
        "get_func_ret"] },
    Limit { program: Tracing, only: &[TraceRawTp, TraceFentry, TraceFexit, ModifyReturn],
        helpers: &["get_attach_cookie"] },
    Limit { program: Tracing, only: &[TraceFentry, TraceFexit, ModifyReturn, TraceIter], helpers: &["d_path"] },
    Limit { program: Lsm, only: &[LsmCgroup], helpers: &["get_retval", "set_retval", "setsockopt", "getsockopt"] },
];
