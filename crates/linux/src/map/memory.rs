//! Maps as memory of this process: arrays' values, arenas, the pages of rings.
//!
//! Programs on other CPUs write this memory while it is read here, so there is no slice of it: values are copied byte
//! by byte through atomics, which is what two parties without a common lock can do. Numbers that must not be torn have
//! calls of their own.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use skep_platform::errno::{EINVAL, ENOTSUPP, EPERM};
use skep_platform::{Errno, MapFlags, MapType};

use crate::map::Map;

/// Bytes of a page of this machine.
pub fn page_size() -> usize {
    // SAFETY: a call without arguments that matter; it cannot fail for this name.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}

/// Memory that is shared with the kernel; unmapped when dropped.
///
/// Invariant: `start` is valid for `len` bytes, for reading, and for writing when `writable`, until drop.
#[derive(Debug)]
pub struct Mapping {
    start: NonNull<u8>,
    len: usize,
    writable: bool,
}

// SAFETY: the memory belongs to the process and not to a thread, and is touched by atomics alone.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `len` bytes of what `fd` stands for, from `offset` on; `at` asks for an address, which an arena may need.
    ///
    /// # Errors
    /// `EPERM` for a writable mapping of what is frozen or read-only, `EINVAL` for sizes that it does not have.
    pub fn new(
        fd: BorrowedFd<'_>,
        offset: usize,
        len: usize,
        writable: bool,
        at: Option<u64>,
    ) -> Result<Mapping, Errno> {
        let access = if writable { libc::PROT_READ | libc::PROT_WRITE } else { libc::PROT_READ };
        let place = if at.is_some() { libc::MAP_FIXED_NOREPLACE } else { 0 };
        let offset = libc::off_t::try_from(offset).map_err(|_| EINVAL)?;
        let wish = at.unwrap_or(0) as *mut libc::c_void;
        // SAFETY: without MAP_FIXED no mapping of ours is replaced; the kernel checks the rest.
        let got = unsafe { libc::mmap(wish, len, access, libc::MAP_SHARED | place, fd.as_raw_fd(), offset) };
        if got == libc::MAP_FAILED {
            return Err(std::io::Error::last_os_error().into());
        }
        let start = NonNull::new(got.cast()).ok_or(EINVAL)?;
        Ok(Mapping { start, len, writable })
    }

    /// How many bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none; the kernel makes no such mapping.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Where it is in this process.
    pub fn address(&self) -> u64 {
        self.start.as_ptr() as u64
    }

    /// Copies out; `None` when the bytes are not all within. Another CPU's write may be seen in part.
    pub fn read(&self, at: usize, len: usize) -> Option<Vec<u8>> {
        self.bytes(at, len).map(|bytes| bytes.iter().map(|byte| byte.load(Ordering::Relaxed)).collect())
    }

    /// Copies in; `None` when they are not all within or the mapping is read-only.
    pub fn write(&self, at: usize, bytes: &[u8]) -> Option<()> {
        let to = self.bytes(at, bytes.len()).filter(|_| self.writable)?;
        to.iter().zip(bytes).for_each(|(to, from)| to.store(*from, Ordering::Relaxed));
        Some(())
    }

    /// A number of 64 bits, aligned to its size; `None` when it is not within.
    pub(crate) fn number(&self, at: usize) -> Option<&AtomicU64> {
        let within = at.checked_add(8).is_some_and(|end| end <= self.len) && at.is_multiple_of(8);
        // SAFETY: within the mapping and aligned (mappings start at pages); stores through it are the caller's to
        // refrain from when the mapping is read-only, as this crate's readers do.
        within.then(|| unsafe { &*self.start.as_ptr().add(at).cast::<AtomicU64>() })
    }

    fn bytes(&self, at: usize, len: usize) -> Option<&[AtomicU8]> {
        let within = at.checked_add(len).is_some_and(|end| end <= self.len);
        // SAFETY: within the mapping, which lives as long as `self`; atomics allow others to write meanwhile.
        within.then(|| unsafe { std::slice::from_raw_parts(self.start.as_ptr().add(at).cast(), len) })
    }

    /// The bytes as a slice.
    ///
    /// # Safety
    /// Nobody may write them while the slice lives.
    pub(crate) unsafe fn slice(&self, at: usize, len: usize) -> Option<&[u8]> {
        let within = at.checked_add(len).is_some_and(|end| end <= self.len);
        // SAFETY: within the mapping; the caller vouches that nobody writes.
        within.then(|| unsafe { std::slice::from_raw_parts(self.start.as_ptr().add(at), len) })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: this mapping is ours, and no reference into it outlives `self`.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}

/// The values of an array, or an arena, as memory.
#[derive(Debug)]
pub struct MapMemory {
    mapping: Mapping,
    /// Bytes from one value to the next; an arena is one value.
    stride: usize,
    /// How many values.
    count: usize,
}

impl Map {
    /// Maps the values of an array created with `BPF_F_MMAPABLE`, or an arena, into this process.
    ///
    /// # Errors
    /// `ENOTSUPP` for other maps; `EPERM` for writing what is frozen; `EEXIST` for an arena that is mapped here already;
    /// `EINVAL` for one that another handle (not a clone) mapped first, unless its address was given at creation.
    pub fn memory(&self, writable: bool) -> Result<MapMemory, Errno> {
        let info = self.info();
        let page = page_size();
        let (len, stride, count, at) = match self.map_type() {
            Some(MapType::Array) if self.flags().contains(MapFlags::MMAPABLE) => {
                let stride = (info.value_size as usize).next_multiple_of(8);
                let count = info.max_entries as usize;
                (stride * count, stride, count, None)
            }
            Some(MapType::Arena) => {
                let len = info.max_entries as usize * page;
                let fixed = (info.map_extra != 0).then_some(info.map_extra);
                (len, len, 1, fixed.or(self.arena().get().copied()))
            }
            _ => return Err(ENOTSUPP),
        };
        if writable && self.flags().contains(MapFlags::RDONLY) {
            return Err(EPERM);
        }
        let mapping = Mapping::new(self.as_fd(), 0, len.next_multiple_of(page), writable, at)?;
        if self.map_type() == Some(MapType::Arena) {
            self.arena().get_or_init(|| mapping.address());
        }
        Ok(MapMemory { mapping, stride, count })
    }
}

impl MapMemory {
    /// Copies bytes of a value out.
    pub fn read(&self, index: usize, at: usize, len: usize) -> Option<Vec<u8>> {
        self.mapping.read(self.place(index, at, len)?, len)
    }

    /// Copies bytes into a value.
    pub fn write(&self, index: usize, at: usize, bytes: &[u8]) -> Option<()> {
        self.mapping.write(self.place(index, at, bytes.len())?, bytes)
    }

    /// The address in this process; of an arena, what its programs' pointers hold.
    pub fn address(&self) -> u64 {
        self.mapping.address()
    }

    fn place(&self, index: usize, at: usize, len: usize) -> Option<usize> {
        (at.checked_add(len)? <= self.stride && index < self.count).then(|| index * self.stride + at)
    }
}
