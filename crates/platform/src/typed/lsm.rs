//! The hooks of security modules, as far as programs may be attached to them.
//!
//! Asked of a Linux 6.18 (Debian's build) by loading a program for every `bpf_lsm_` function that its BTF knows.

/// Hooks where a program may sleep.
#[rustfmt::skip] // A table.
static SLEEPABLE: &[&str] = &[
    "bpf", "bpf_map", "bpf_map_create", "bpf_map_free", "bpf_prog", "bpf_prog_free", "bpf_prog_load",
    "bpf_token_capable", "bpf_token_cmd", "bpf_token_create", "bpf_token_free", "bprm_check_security",
    "bprm_committed_creds", "bprm_committing_creds", "bprm_creds_for_exec", "bprm_creds_from_file", "capget",
    "capset", "cred_prepare", "file_ioctl", "file_lock", "file_open", "file_post_open", "file_receive",
    "inet_conn_established", "inode_create", "inode_free_security", "inode_getattr", "inode_getxattr", "inode_mknod",
    "inode_post_removexattr", "inode_post_setxattr", "inode_readlink", "inode_removexattr", "inode_rename",
    "inode_rmdir", "inode_setattr", "inode_setxattr", "inode_symlink", "inode_unlink", "kernel_module_request",
    "kernel_read_file", "kernfs_init_security", "mmap_file", "netlink_send", "path_chmod", "path_chown", "path_link",
    "path_mkdir", "path_notify", "path_rename", "path_rmdir", "path_symlink", "path_truncate", "path_unlink",
    "release_secctx", "sb_alloc_security", "sb_eat_lsm_opts", "sb_kern_mount", "sb_mount", "sb_remount",
    "sb_set_mnt_opts", "sb_show_options", "sb_statfs", "sb_umount", "settime", "socket_accept", "socket_bind",
    "socket_connect", "socket_create", "socket_getpeername", "socket_getpeersec_dgram", "socket_getsockname",
    "socket_getsockopt", "socket_listen", "socket_post_create", "socket_recvmsg", "socket_sendmsg",
    "socket_shutdown", "socket_socketpair", "syslog", "task_alloc", "task_prctl", "task_setscheduler",
    "task_to_inode", "userns_create",
];

/// Hooks that are called but take no programs: what they return is more than an error number.
#[rustfmt::skip] // A table.
static DISABLED: &[&str] = &[
    "audit_rule_match", "getprocattr", "getselfattr", "inode_copy_up_xattr", "inode_getsecurity",
    "inode_listsecurity", "inode_need_killpriv", "ismaclabel", "key_getsecurity", "setprocattr", "vm_enough_memory",
];

/// Hooks that answer yes or no.
static BOOLEAN: &[&str] = &["audit_rule_known", "inode_xattr_skipcap", "xfrm_state_pol_flow_match"];

/// Hooks that are called while the object they are about is being made or taken apart: it is not to be trusted.
static UNTRUSTED: &[&str] = &[
    "bpf_map_free",
    "bpf_prog_free",
    "file_alloc_security",
    "file_free_security",
    "sk_alloc_security",
    "sk_free_security",
    "task_free",
];

/// Functions named like hooks that are none.
static NO_HOOKS: &[&str] = &[
    "find_cgroup_shim",
    "func_proto",
    "get_retval_range",
    "has_d_inode_locked",
    "init",
    "is_sleepable_hook",
    "is_trusted",
    "verify_prog",
];

/// What is to be known of a hook beside its prototype.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LsmHook {
    /// Whether programs may be attached.
    pub open: bool,
    /// Whether they may sleep.
    pub sleepable: bool,
    /// Whether the hook answers yes or no rather than with an error number.
    pub boolean: bool,
    /// Whether its arguments are objects that surely live.
    pub trusted: bool,
}

/// The hook of this name, without `bpf_lsm_`. That it exists is for the kernel's BTF to say.
pub fn lsm_hook(name: &str) -> LsmHook {
    LsmHook {
        open: !DISABLED.contains(&name) && !NO_HOOKS.contains(&name),
        sleepable: SLEEPABLE.contains(&name),
        boolean: BOOLEAN.contains(&name),
        trusted: !UNTRUSTED.contains(&name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_do_not_contradict_each_other() {
        assert!(SLEEPABLE.is_sorted() && DISABLED.is_sorted());
        assert!(DISABLED.iter().all(|name| !SLEEPABLE.contains(name)));
        assert!(lsm_hook("file_open").sleepable && lsm_hook("file_open").open);
        assert!(!lsm_hook("getprocattr").open);
        assert!(!lsm_hook("task_free").trusted);
    }
}
