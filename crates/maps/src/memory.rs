//! Memory of maps: anonymous mappings, reserved whole and filled by the kernel page by page as they are touched.
//!
//! A map of ten million entries costs address space when it is made and memory when it is used. Nothing here aborts: a
//! mapping that cannot be had is `ENOMEM`.

use std::ptr::NonNull;

use skep_platform::Errno;
use skep_platform::errno::{E2BIG, ENOMEM};

/// The page size maps count in; x86-64's.
pub(crate) const PAGE: usize = 4096;

/// The most bytes one map may reserve (1 TiB): more is a mistake, not a wish.
const LIMIT: usize = 1 << 40;

/// A zeroed, page-aligned range of memory of this process.
#[derive(Debug)]
pub(crate) struct Memory {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: a `Memory` is only an address range; all access to it is by raw pointers under the users' own rules.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// Reserves `len` bytes, rounded up to pages.
    pub(crate) fn new(len: usize) -> Result<Memory, Errno> {
        if len > LIMIT {
            return Err(E2BIG);
        }
        let len = len.next_multiple_of(PAGE).max(PAGE);
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new anonymous mapping where the kernel chooses touches nothing that exists.
        let at = unsafe {
            libc::mmap(std::ptr::null_mut(), len, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0)
        };
        if at == libc::MAP_FAILED {
            return Err(ENOMEM);
        }
        NonNull::new(at.cast()).map(|base| Memory { base, len }).ok_or(ENOMEM)
    }

    /// Reserves `count` times `size` bytes.
    pub(crate) fn array(count: usize, size: usize) -> Result<Memory, Errno> {
        Memory::new(count.checked_mul(size).ok_or(E2BIG)?)
    }

    /// Where it starts.
    #[inline(always)]
    pub(crate) fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// The bytes reserved.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The address `offset` bytes in.
    ///
    /// # Safety
    /// `offset` must lie within the mapping.
    #[inline(always)]
    pub(crate) unsafe fn at(&self, offset: usize) -> NonNull<u8> {
        debug_assert!(offset < self.len);
        // SAFETY: the caller's contract.
        unsafe { self.base.add(offset) }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the range was mapped by `new` and nobody uses it after its owner is gone.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.len) };
    }
}
