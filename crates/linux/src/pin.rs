//! Names in the BPF file system: what keeps a program, map or link beyond the process that made it.

use std::ffi::CString;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use skep_platform::Errno;
use skep_platform::errno::EINVAL;

use crate::sys::{Command, attr, bpf, bpf_fd};

/// Gives an object a name.
///
/// # Errors
/// `EEXIST` when the name is taken, `EPERM` when the directory is not of a BPF file system.
pub(crate) fn pin(fd: BorrowedFd<'_>, path: &Path) -> Result<(), Errno> {
    let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| EINVAL)?;
    let mut attr =
        attr::ObjPin { pathname: path.as_ptr() as u64, bpf_fd: fd.as_raw_fd() as u32, file_flags: 0 };
    // SAFETY: the path is a C string that outlives the call.
    unsafe { bpf(Command::ObjPin, &mut attr) }.map(drop)
}

/// Opens what a name stands for.
///
/// # Errors
/// `ENOENT` when there is no such name.
pub(crate) fn get(path: &Path) -> Result<OwnedFd, Errno> {
    let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| EINVAL)?;
    let mut attr = attr::ObjPin { pathname: path.as_ptr() as u64, ..Default::default() };
    // SAFETY: the path is a C string that outlives the call.
    unsafe { bpf_fd(Command::ObjGet, &mut attr) }
}
