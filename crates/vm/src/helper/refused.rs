//! Helpers that make no sense outside a kernel, or outside a kind of hook that this engine has.
//!
//! Each returns the errno that Linux's own stub returns, or `EOPNOTSUPP`. A row of another table takes precedence.

use skep_platform::errno::{EINVAL, EOPNOTSUPP, EPERM};

use super::{Row, refuse, row};
use crate::prov::Reg;

const KERNEL: &str = "needs an object of the kernel";
const TRACING: &str = "needs the registers of a traced function";
const SOCKET: &str = "needs a live socket of the kernel";
const HARDWARE: &str = "reads performance counters";
const IR: &str = "there is no infrared hook";
const ROUTE: &str = "there is no lightweight tunnel hook";
const SYSCTL: &str = "there is no sysctl hook";

/// Rows of [`super::rows`].
pub(crate) static ROWS: &[Row] = &[
    refuse("send_signal", EPERM, "signals go to the whole process"),
    refuse("send_signal_thread", EPERM, "signals go to the whole process"),
    refuse("override_return", EOPNOTSUPP, TRACING),
    refuse("get_func_ip", EOPNOTSUPP, TRACING),
    refuse("get_func_arg", EINVAL, TRACING),
    refuse("get_func_ret", EOPNOTSUPP, TRACING),
    refuse("get_func_arg_cnt", EINVAL, TRACING),
    refuse("get_retval", EOPNOTSUPP, TRACING),
    refuse("set_retval", EOPNOTSUPP, TRACING),
    row("get_attach_cookie", |_, _| Ok(Reg::ZERO), "always 0: links carry no cookie"),
    refuse("get_task_stack", EOPNOTSUPP, KERNEL),
    refuse("task_pt_regs", EOPNOTSUPP, KERNEL),
    refuse("find_vma", EOPNOTSUPP, KERNEL),
    refuse("d_path", EOPNOTSUPP, KERNEL),
    refuse("bprm_opts_set", EOPNOTSUPP, KERNEL),
    refuse("ima_inode_hash", EOPNOTSUPP, KERNEL),
    refuse("ima_file_hash", EOPNOTSUPP, KERNEL),
    refuse("sock_from_file", EOPNOTSUPP, KERNEL),
    refuse("per_cpu_ptr", EOPNOTSUPP, "there are no per-CPU variables of a kernel"),
    refuse("this_cpu_ptr", EOPNOTSUPP, "there are no per-CPU variables of a kernel"),
    refuse("perf_event_read", EOPNOTSUPP, HARDWARE),
    refuse("perf_event_read_value", EOPNOTSUPP, HARDWARE),
    refuse("perf_prog_read_value", EOPNOTSUPP, HARDWARE),
    refuse("read_branch_records", EOPNOTSUPP, HARDWARE),
    refuse("get_branch_snapshot", EOPNOTSUPP, HARDWARE),
    refuse("sys_bpf", EPERM, "a program does not load programs here"),
    refuse("sys_close", EPERM, "the file descriptors are the application's"),
    refuse("btf_find_by_name_kind", EOPNOTSUPP, "for loaders in the kernel"),
    refuse("kallsyms_lookup_name", EPERM, "there are no kernel symbols"),
    refuse("rc_repeat", EOPNOTSUPP, IR),
    refuse("rc_keydown", EOPNOTSUPP, IR),
    refuse("rc_pointer_rel", EOPNOTSUPP, IR),
    refuse("lwt_push_encap", EOPNOTSUPP, ROUTE),
    refuse("lwt_seg6_store_bytes", EOPNOTSUPP, ROUTE),
    refuse("lwt_seg6_adjust_srh", EOPNOTSUPP, ROUTE),
    refuse("lwt_seg6_action", EOPNOTSUPP, ROUTE),
    refuse("sysctl_get_name", EOPNOTSUPP, SYSCTL),
    refuse("sysctl_get_current_value", EOPNOTSUPP, SYSCTL),
    refuse("sysctl_get_new_value", EOPNOTSUPP, SYSCTL),
    refuse("sysctl_set_new_value", EOPNOTSUPP, SYSCTL),
    refuse("setsockopt", EOPNOTSUPP, SOCKET),
    refuse("getsockopt", EOPNOTSUPP, SOCKET),
    refuse("bind", EOPNOTSUPP, SOCKET),
    refuse("skb_output", EOPNOTSUPP, "for programs that trace the kernel"),
    refuse("xdp_output", EOPNOTSUPP, "for programs that trace the kernel"),
    refuse("sock_ops_cb_flags_set", EOPNOTSUPP, SOCKET),
    refuse("load_hdr_opt", EOPNOTSUPP, SOCKET),
    refuse("store_hdr_opt", EOPNOTSUPP, SOCKET),
    refuse("reserve_hdr_opt", EOPNOTSUPP, SOCKET),
    refuse("sock_map_update", EOPNOTSUPP, SOCKET),
    refuse("sock_hash_update", EOPNOTSUPP, SOCKET),
    refuse("msg_redirect_map", EOPNOTSUPP, SOCKET),
    refuse("msg_redirect_hash", EOPNOTSUPP, SOCKET),
    refuse("msg_apply_bytes", EOPNOTSUPP, SOCKET),
    refuse("msg_cork_bytes", EOPNOTSUPP, SOCKET),
    refuse("msg_pull_data", EOPNOTSUPP, SOCKET),
    refuse("msg_push_data", EOPNOTSUPP, SOCKET),
    refuse("msg_pop_data", EOPNOTSUPP, SOCKET),
    refuse("sk_select_reuseport", EOPNOTSUPP, SOCKET),
    refuse("tcp_send_ack", EOPNOTSUPP, SOCKET),
    refuse("skc_to_tcp6_sock", EOPNOTSUPP, SOCKET),
    refuse("skc_to_tcp_sock", EOPNOTSUPP, SOCKET),
    refuse("skc_to_tcp_timewait_sock", EOPNOTSUPP, SOCKET),
    refuse("skc_to_tcp_request_sock", EOPNOTSUPP, SOCKET),
    refuse("skc_to_udp6_sock", EOPNOTSUPP, SOCKET),
    refuse("skc_to_unix_sock", EOPNOTSUPP, SOCKET),
    refuse("skc_to_mptcp_sock", EOPNOTSUPP, SOCKET),
];
