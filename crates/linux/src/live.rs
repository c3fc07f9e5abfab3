//! Whether this process can ask the live kernel at all.

use std::fmt;

use skep_platform::{Errno, MapType, Release};

use crate::map::{MapRequest, map_create};

/// Why the live kernel cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unavailable {
    /// The system call is not there (`ENOSYS`), or a sandbox hides it.
    NoSystemCall,
    /// The process lacks the privilege: root, or CAP_BPF with CAP_PERFMON and CAP_NET_ADMIN.
    NoPrivilege,
    /// Something else.
    Other(Errno),
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unavailable::NoSystemCall => f.write_str("the system has no bpf(2)"),
            Unavailable::NoPrivilege => {
                f.write_str("bpf(2) needs root, or CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN")
            }
            Unavailable::Other(errno) => write!(f, "bpf(2) answers {errno}"),
        }
    }
}

impl std::error::Error for Unavailable {}

/// Asks whether `bpf(2)` works for this process, by creating the smallest map and the smallest privileged one; the
/// answer is the running kernel's release.
///
/// # Errors
/// Why not. A test prints it behind `SKIPPED`.
pub fn live_bpf() -> Result<Release, Unavailable> {
    use skep_platform::errno::{EACCES, ENOSYS, EPERM};
    // An LRU map is the cheapest thing that demands CAP_BPF even where unprivileged use is on.
    map_create(&MapRequest::new(MapType::LruHash, 4, 4, 1)).map_err(|errno| match errno {
        ENOSYS => Unavailable::NoSystemCall,
        EPERM | EACCES => Unavailable::NoPrivilege,
        other => Unavailable::Other(other),
    })?;
    let text = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    Ok(Release::from_uname(&text).unwrap_or(Release::LATEST))
}
