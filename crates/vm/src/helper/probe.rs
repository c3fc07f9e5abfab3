//! Reading memory by address, without trusting the address.
//!
//! There is one address space here, the process's own, so the user and kernel variants are the same: the system copies, and answers
//! an address that is not mapped with an error instead of a signal.

use skep_platform::errno::{EFAULT, EOPNOTSUPP, EPERM};

use super::{Call, Row, refuse, row};
use crate::exec::Run;
use crate::fault::Fault;
use crate::prov::Reg;

/// Rows of [`super::rows`].
pub(crate) static ROWS: &[Row] = &[
    row("probe_read", read, OWN),
    row("probe_read_user", read, OWN),
    row("probe_read_kernel", read, OWN),
    row("copy_from_user", read, OWN),
    row("probe_read_str", read_str, OWN),
    row("probe_read_user_str", read_str, OWN),
    row("probe_read_kernel_str", read_str, OWN),
    refuse("copy_from_user_task", EOPNOTSUPP, "reads another process"),
    refuse("probe_write_user", EPERM, "writes where the program was not given memory"),
];

const OWN: &str = "reads this process's memory; an address that is not mapped gives -EFAULT";

/// Copies from an address; `false` if not all of it is mapped.
pub(crate) fn peek(addr: u64, out: &mut [u8]) -> bool {
    if out.is_empty() {
        return true;
    }
    let local = libc::iovec { iov_base: out.as_mut_ptr().cast(), iov_len: out.len() };
    let remote = libc::iovec { iov_base: addr as *mut libc::c_void, iov_len: out.len() };
    // SAFETY: the kernel checks the remote side; the local one is `out`.
    let n = unsafe { libc::process_vm_readv(libc::getpid(), &local, 1, &remote, 1, 0) };
    n == out.len() as isize
}

/// Bytes read at once in search of the end of a string; it divides the page size, so a piece is mapped wholly or not at all.
const PIECE: usize = 64;

/// Copies a string with its NUL, cut to `out`; gives how many bytes it wrote, or `None` if unmapped memory came first.
pub(crate) fn peek_str(addr: u64, out: &mut [u8]) -> Option<usize> {
    let mut done = 0;
    while done < out.len() {
        let at = addr.checked_add(done as u64)?;
        let piece = (PIECE - at as usize % PIECE).min(out.len() - done);
        if !peek(at, &mut out[done..done + piece]) {
            return None;
        }
        if let Some(end) = out[done..done + piece].iter().position(|&b| b == 0) {
            out[done + end..].fill(0);
            return Some(done + end + 1);
        }
        done += piece;
    }
    if let Some(last) = out.last_mut() {
        *last = 0;
    }
    Some(out.len())
}

fn read(_: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let out = call.bytes_mut(0);
    if peek(call.u64(2), out) {
        return Ok(Reg::ZERO);
    }
    out.fill(0);
    Ok(Reg::errno(EFAULT.0))
}

fn read_str(_: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let out = call.bytes_mut(0);
    match peek_str(call.u64(2), out) {
        Some(len) => Ok(Reg::scalar(len as u64)),
        None => {
            out.fill(0);
            Ok(Reg::errno(EFAULT.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_harms_the_host() {
        let mut out = [1u8; 16];
        assert!(!peek(8, &mut out));
        assert!(!peek(u64::MAX - 4, &mut out));
        assert_eq!(peek_str(0, &mut out), None);
        assert_eq!(peek_str(u64::MAX - 1, &mut out), None);
    }

    #[test]
    fn strings_are_cut_and_ended() {
        let text = b"hello world, this is a test of strings that cross a piece or two of sixty-four bytes\0";
        let mut out = [0xffu8; 8];
        assert_eq!(peek_str(text.as_ptr() as u64, &mut out), Some(8));
        assert_eq!(&out, b"hello w\0");
        let mut out = [0xffu8; 128];
        assert_eq!(peek_str(text.as_ptr() as u64, &mut out), Some(text.len()));
        assert_eq!(&out[..text.len()], text);
    }
}
