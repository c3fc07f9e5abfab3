//! Which capabilities a helper needs beyond those that loading the program needs.
//!
//! Linux offers the helpers that every program type has in three steps: to all, to loaders with CAP_BPF, and to those who hold CAP_PERFMON
//! besides, since they can read the kernel's memory. What is offered to single program types asks for nothing more.
//! Held against 6.18 by loading a call of each helper without capabilities, with CAP_BPF, and with both.

/// What the loader must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Privilege {
    /// Nothing.
    #[default]
    None,
    /// CAP_BPF.
    Bpf,
    /// CAP_BPF and CAP_PERFMON.
    Perfmon,
}

#[rustfmt::skip] // Names by topic.
static BPF: &[&str] = &[
    "spin_lock", "spin_unlock", "jiffies64", "per_cpu_ptr", "this_cpu_ptr",
    "timer_init", "timer_set_callback", "timer_start", "timer_cancel",
    "kptr_xchg", "for_each_map_elem", "loop", "user_ringbuf_drain",
    "ringbuf_reserve_dynptr", "ringbuf_submit_dynptr", "ringbuf_discard_dynptr",
    "dynptr_from_mem", "dynptr_read", "dynptr_write", "dynptr_data",
    "get_current_cgroup_id", "get_current_ancestor_cgroup_id", "get_cgroup_classid", "current_task_under_cgroup",
    "task_storage_get", "task_storage_delete", "cgrp_storage_get", "cgrp_storage_delete",
];

#[rustfmt::skip] // Names by topic.
static PERFMON: &[&str] = &[
    "trace_printk", "trace_vprintk", "snprintf", "snprintf_btf",
    "probe_read_user", "probe_read_user_str", "probe_read_kernel", "probe_read_kernel_str",
    "get_current_task", "get_current_task_btf", "task_pt_regs", "get_current_comm",
    "copy_from_user", "copy_from_user_task", "get_task_stack", "get_branch_snapshot", "find_vma",
    "skc_to_tcp6_sock", "skc_to_tcp_sock", "skc_to_tcp_timewait_sock", "skc_to_tcp_request_sock", "skc_to_udp6_sock",
    "skc_to_unix_sock", "skc_to_mptcp_sock",
    "perf_event_read", "perf_event_read_value", "send_signal", "send_signal_thread",
];

/// What the helper of this name needs.
pub(super) fn of(name: &str) -> Privilege {
    if BPF.contains(&name) {
        Privilege::Bpf
    } else if PERFMON.contains(&name) {
        Privilege::Perfmon
    } else {
        Privilege::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_helper() {
        for name in BPF.iter().chain(PERFMON) {
            assert!(super::super::by_name(name).is_some(), "{name}");
        }
    }
}
