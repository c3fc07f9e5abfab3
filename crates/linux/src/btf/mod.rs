//! Taking BTF into the kernel.

pub(crate) mod accept;

use std::os::fd::OwnedFd;

use skep_platform::Errno;
use skep_platform::errno::{E2BIG, ENOSPC};

use crate::sys::{Command, attr, bpf_fd};

/// The first size tried for the kernel's log, and the largest.
const LOG: (usize, usize) = (64 << 10, 16 << 20);

/// `BPF_BTF_LOAD`.
///
/// # Errors
/// The errno; ask [`btf_load_explained`] when the kernel's own words are wanted.
pub fn btf_load(bytes: &[u8]) -> Result<OwnedFd, Errno> {
    load(bytes, &mut [])
}

/// `BPF_BTF_LOAD`; when it fails it is tried again with a log.
///
/// # Errors
/// The errno and the kernel's log, whole.
pub fn btf_load_explained(bytes: &[u8]) -> Result<OwnedFd, (Errno, String)> {
    if let Ok(fd) = load(bytes, &mut []) {
        return Ok(fd);
    }
    let mut size = LOG.0;
    loop {
        let mut log = vec![0; size];
        match load(bytes, &mut log) {
            Ok(fd) => return Ok(fd),
            Err(errno) if errno == ENOSPC && size < LOG.1 => size *= 4,
            Err(errno) => return Err((errno, crate::sys::info::text(&log))),
        }
    }
}

fn load(bytes: &[u8], log: &mut [u8]) -> Result<OwnedFd, Errno> {
    let mut attr = attr::BtfLoad {
        btf: bytes.as_ptr() as u64,
        btf_size: u32::try_from(bytes.len()).map_err(|_| E2BIG)?,
        btf_log_buf: if log.is_empty() { 0 } else { log.as_mut_ptr() as u64 },
        btf_log_size: u32::try_from(log.len()).map_err(|_| E2BIG)?,
        btf_log_level: u32::from(!log.is_empty()),
        ..Default::default()
    };
    // SAFETY: the bytes and the log are borrowed beyond the call and their lengths stand beside their addresses.
    unsafe { bpf_fd(Command::BtfLoad, &mut attr) }
}
