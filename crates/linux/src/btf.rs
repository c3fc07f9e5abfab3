//! Taking BTF into the kernel.

use std::os::fd::OwnedFd;

use skep_platform::Errno;
use skep_platform::errno::E2BIG;

use crate::sys::{Command, attr, bpf_fd};

/// `BPF_BTF_LOAD`.
///
/// # Errors
/// The errno; the kernel's log is not asked for, because BTF that skep wrote or parsed has no surprises to explain.
pub fn btf_load(bytes: &[u8]) -> Result<OwnedFd, Errno> {
    let mut attr = attr::BtfLoad {
        btf: bytes.as_ptr() as u64,
        btf_size: u32::try_from(bytes.len()).map_err(|_| E2BIG)?,
        ..Default::default()
    };
    // SAFETY: the bytes are borrowed beyond the call and their length stands beside their address.
    unsafe { bpf_fd(Command::BtfLoad, &mut attr) }
}
