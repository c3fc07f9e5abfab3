//! Kernel functions that are not for tracing programs, or for more than tracing.
//!
//! Asked of a Linux 6.18 by loading a program for every function of its BTF.

/// The trampoline of a tracing program calls these itself.
static NOT_TRACED: &[&str] = &[
    "___migrate_enable",
    "__rcu_read_lock",
    "__rcu_read_unlock",
    "migrate_disable",
    "migrate_enable",
    "preempt_count_add",
    "preempt_count_sub",
    "rcu_read_unlock_strict",
];

/// These end the task: nothing would run behind them.
static NEVER_RETURN: &[&str] = &[
    "__ia32_sys_exit",
    "__ia32_sys_exit_group",
    "__kunit_abort",
    "__module_put_and_kthread_exit",
    "__x64_sys_exit",
    "__x64_sys_exit_group",
    "do_exit",
    "do_group_exit",
    "kthread_complete_and_exit",
    "kthread_exit",
    "make_task_dead",
];

/// A function where programs may sleep, for the kernel's own tests.
const SLEEPING_TEST: &str = "bpf_fentry_test1";

/// What may be given another result beside the hooks of security modules.
static MODIFIABLE: &[&str] = &[
    "bpf_fentry_test1",
    "bpf_modify_return_test",
    "bpf_modify_return_test2",
    "bpf_modify_return_test_tp",
    "update_socket_protocol",
];

/// The hooks of security modules begin so.
const SECURITY: &str = "security_";

/// Whether no tracing program may be attached to the function.
pub fn may_not_be_traced(function: &str) -> bool {
    NOT_TRACED.contains(&function)
}

/// Whether the function never returns, so that nothing may be attached to its end.
pub fn never_returns(function: &str) -> bool {
    NEVER_RETURN.contains(&function)
}

/// Whether a program may replace what the function returns. Kernels built for the injection of errors let it happen to more; which those
/// are their BTF does not say.
pub fn may_modify_return(function: &str) -> bool {
    function.starts_with(SECURITY) || MODIFIABLE.contains(&function)
}

/// Whether a sleeping program may be attached to the function. Kernels built for the injection of errors let it happen at more.
pub fn may_sleep_at(function: &str) -> bool {
    function == SLEEPING_TEST
}
