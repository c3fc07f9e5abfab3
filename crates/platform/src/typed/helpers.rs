//! Helpers that depend on what exactly a program is for, beyond its type and attach type.
//!
//! Asked of a Linux 6.18 by loading calls of each helper for every hook, struct and function that it knows.

/// Socket options may be set from these hooks of a cgroup, where nobody else works on the socket.
const SOCKET_HOOKS: &[&str] =
    &["inet_conn_established", "inet_csk_clone", "sock_graft", "socket_post_create", "socket_socketpair"];

/// Socket options may be set from iterators over these.
const SOCKET_ITERATORS: &[&str] = &["tcp", "unix"];

/// Reading or setting options of a socket.
const SOCKET_OPTIONS: &[&str] = &["setsockopt", "getsockopt"];

/// What structs of functions other than those of congestion control do not get.
const CONGESTION_CONTROL: &[&str] = &[
    "setsockopt",
    "getsockopt",
    "sk_storage_get",
    "sk_storage_delete",
    "tcp_send_ack",
    "ktime_get_coarse_ns",
];

/// Helpers that may sleep over files, for hooks that may.
const FILE_HASHES: &[&str] = &["ima_inode_hash", "ima_file_hash"];

/// Functions whose arguments hold a path that cannot go away meanwhile.
const WITH_PATHS: &[&str] = &[
    "dentry_open",
    "filp_close",
    "security_file_open",
    "security_file_permission",
    "security_inode_getattr",
    "security_path_truncate",
    "vfs_fallocate",
    "vfs_getattr",
    "vfs_truncate",
];

/// Functions that begin so work on the very storage that these helpers change.
const SOCKET_STORAGE: (&str, &[&str]) = ("bpf_sk_storage", &["sk_storage_get", "sk_storage_delete"]);

/// Whether an iterator's programs may call a helper that other tracing programs may not.
pub fn iterator_helper(target: &str, helper: &str) -> bool {
    SOCKET_ITERATORS.contains(&target) && SOCKET_OPTIONS.contains(&helper)
}

/// Whether a program at this hook may call a helper that is for such programs in general.
pub fn hook_helper(hook: &str, helper: &str) -> bool {
    if SOCKET_OPTIONS.contains(&helper) {
        return SOCKET_HOOKS.contains(&hook);
    }
    let about_files = helper == "d_path" || FILE_HASHES.contains(&helper);
    !about_files || super::lsm_hook(hook).sleepable
}

/// Whether a program at this function (its beginning, end or result) may call a helper that is for such programs in general.
pub fn function_helper(function: &str, helper: &str) -> bool {
    if helper == "d_path" {
        return WITH_PATHS.contains(&function);
    }
    !(function.starts_with(SOCKET_STORAGE.0) && SOCKET_STORAGE.1.contains(&helper))
}

/// Whether a program that implements this member of a struct of functions may call a helper that is for such programs in general.
pub fn member_helper(structure: &str, member: &str, helper: &str) -> bool {
    match structure {
        // For tests of the machinery alone.
        "bpf_dummy_ops" => false,
        // A socket that is being given up keeps its options.
        "tcp_congestion_ops" => member != "release" || !SOCKET_OPTIONS.contains(&helper),
        _ => !CONGESTION_CONTROL.contains(&helper),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_helpers() {
        for name in SOCKET_OPTIONS.iter().chain(CONGESTION_CONTROL).chain(FILE_HASHES).chain(SOCKET_STORAGE.1)
        {
            assert!(crate::helper::by_name(name).is_some(), "{name}");
        }
    }

    #[test]
    fn some_known_pairs() {
        assert!(iterator_helper("tcp", "setsockopt") && !iterator_helper("task", "setsockopt"));
        assert!(hook_helper("file_open", "d_path") && !hook_helper("task_free", "d_path"));
        assert!(function_helper("vfs_getattr", "d_path") && !function_helper("do_exit", "d_path"));
        assert!(!function_helper("bpf_sk_storage_free", "sk_storage_get"));
        assert!(!member_helper("tcp_congestion_ops", "release", "setsockopt"));
    }
}
