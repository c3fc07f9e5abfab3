//! `BPF_MAP_TYPE_ARENA`: sparse memory that programs and the application share by address.
//!
//! A program holds arena pointers as 32-bit offsets. So the arena is a window of 4 GiB of addresses, aligned to 4 GiB, in which
//! base and offset simply join, with a guard area on either side for an instruction's own offset of up to 32 KiB. Nothing of it
//! is accessible until pages are allocated; a bitmap tells which are, for whoever checks before it accesses.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use skep_platform::errno::{E2BIG, EFAULT, ENOMEM, ERANGE};
use skep_platform::{Errno, MapFlags};

use crate::map::Map;
use crate::memory::PAGE;
use crate::spec::MapSpec;
use crate::table::Table;

/// The window: what 32 bits reach.
const WINDOW: usize = 1 << 32;
/// Inaccessible addresses below and above the window.
const GUARD: usize = 64 << 10;
/// Pages an arena can have.
const MAX_PAGES: u32 = (WINDOW / PAGE) as u32;

/// An arena; see [`Map::arena`].
#[derive(Debug)]
pub struct Arena {
    /// All that was reserved.
    reserved: (NonNull<u8>, usize),
    /// The start of the window, a multiple of 4 GiB.
    window: NonNull<u8>,
    /// The address of the first page as programs and the application see it.
    user: u64,
    pages: u32,
    /// A bit for each page that is allocated.
    present: Box<[AtomicU64]>,
    /// Held while pages come and go.
    changes: Mutex<()>,
    fault_in: bool,
}

// SAFETY: addresses of a mapping that the arena owns; access is by raw pointers and atomics.
unsafe impl Send for Arena {}
// SAFETY: as above.
unsafe impl Sync for Arena {}

impl Arena {
    pub(crate) fn new(spec: &MapSpec) -> Result<Arena, Errno> {
        let pages = spec.max_entries;
        if pages > MAX_PAGES {
            return Err(E2BIG);
        }
        // A range that crosses a multiple of 4 GiB cannot be told from its lower half.
        let low = spec.map_extra & (WINDOW as u64 - 1);
        if low + u64::from(pages) * PAGE as u64 > WINDOW as u64 {
            return Err(ERANGE);
        }
        let len = 2 * WINDOW + 2 * GUARD;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new mapping where the kernel chooses.
        let base = unsafe { libc::mmap(std::ptr::null_mut(), len, libc::PROT_NONE, flags, -1, 0) };
        if base == libc::MAP_FAILED {
            return Err(ENOMEM);
        }
        let base = NonNull::new(base.cast::<u8>()).ok_or(ENOMEM)?;
        let start = (base.as_ptr() as usize + GUARD).next_multiple_of(WINDOW);
        // SAFETY: twice the window and both guards are reserved, so an aligned window with its guards lies within.
        let window = unsafe { base.add(start - base.as_ptr() as usize) };
        let user = if spec.map_extra == 0 { start as u64 } else { spec.map_extra };
        Ok(Arena {
            reserved: (base, len),
            window,
            user,
            pages,
            present: (0..pages.div_ceil(64)).map(|_| AtomicU64::new(0)).collect(),
            changes: Mutex::new(()),
            fault_in: !spec.flags.contains(MapFlags::SEGV_ON_FAULT),
        })
    }

    /// The start of the window in this process: offset `o` of a program's pointer is at `window() + o`.
    pub fn window(&self) -> NonNull<u8> {
        self.window
    }

    /// The address of the first page as programs see it (`map_extra`, or where it is in this process).
    pub fn user_address(&self) -> u64 {
        self.user
    }

    /// Pages the arena can have.
    pub fn pages(&self) -> u32 {
        self.pages
    }

    /// Where the pages begin in the window.
    fn first(&self) -> u64 {
        self.user & (WINDOW as u64 - 1)
    }

    /// The number of the page at an arena address, of which only the lower 32 bits count.
    fn page_of(&self, address: u64) -> Option<u32> {
        let offset = (address & (WINDOW as u64 - 1)).checked_sub(self.first())?;
        Some((offset / PAGE as u64) as u32).filter(|&page| page < self.pages)
    }

    fn is_present(&self, page: u32) -> bool {
        self.present[page as usize / 64].load(Ordering::Acquire) & 1 << (page % 64) != 0
    }

    /// Whether `len` bytes at an arena address (of which the lower 32 bits count) lie in allocated pages.
    pub fn is_allocated(&self, address: u64, len: u64) -> bool {
        let Some(first) = self.page_of(address) else { return false };
        let Some(last) =
            (address & 0xffff_ffff).checked_add(len.max(1) - 1).filter(|&end| end < WINDOW as u64)
        else {
            return false;
        };
        self.page_of(last).is_some_and(|last| (first..=last).all(|page| self.is_present(page)))
    }

    /// Where an arena address is in this process.
    pub fn host_address(&self, address: u64) -> NonNull<u8> {
        // SAFETY: the offset has 32 bits, and so many bytes are reserved.
        unsafe { self.window.add((address & (WINDOW as u64 - 1)) as usize) }
    }

    /// `bpf_arena_alloc_pages`: `count` zeroed pages at `address`, or anywhere for 0; their address, or 0 if it cannot be.
    ///
    /// The NUMA node is accepted and not used.
    pub fn alloc_pages(&self, address: u64, count: u32, _node: i32, flags: u64) -> u64 {
        if flags != 0 || count == 0 || count > self.pages || !address.is_multiple_of(PAGE as u64) {
            return 0;
        }
        let _changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let start = if address == 0 {
            self.find_free(count)
        } else {
            let free =
                |&page: &u32| page + count <= self.pages && (page..page + count).all(|p| !self.is_present(p));
            self.page_of(address).filter(free)
        };
        let Some(start) = start else { return 0 };
        if !self.protect(start, count, true) {
            return 0;
        }
        self.mark(start, count, true);
        (self.user & !(WINDOW as u64 - 1)) + self.first() + u64::from(start) * PAGE as u64
    }

    /// `bpf_arena_free_pages`: gives pages back. Pages that are not allocated, and a range outside, are passed over.
    pub fn free_pages(&self, address: u64, count: u32) {
        let _changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(start) = self.page_of(address).filter(|_| address.is_multiple_of(PAGE as u64)) else {
            return;
        };
        let count = count.min(self.pages - start);
        // No page counts as allocated while it is taken away.
        self.mark(start, count, false);
        self.protect(start, count, false);
    }

    /// The first run of free pages of this length.
    fn find_free(&self, count: u32) -> Option<u32> {
        let (mut page, mut run) = (0, 0);
        while page < self.pages {
            // Full words are passed at once: allocated pages lie together.
            if page.is_multiple_of(64) && self.present[page as usize / 64].load(Ordering::Relaxed) == u64::MAX
            {
                (page, run) = (page + 64, 0);
                continue;
            }
            run = if self.is_present(page) { 0 } else { run + 1 };
            page += 1;
            if run == count {
                return Some(page - count);
            }
        }
        None
    }

    fn mark(&self, start: u32, count: u32, present: bool) {
        for page in start..start + count {
            let word = &self.present[page as usize / 64];
            let bit = 1 << (page % 64);
            if present {
                word.fetch_or(bit, Ordering::Release)
            } else {
                word.fetch_and(!bit, Ordering::Release)
            };
        }
    }

    /// Makes pages accessible, or empty.
    fn protect(&self, start: u32, count: u32, accessible: bool) -> bool {
        let at = self.host_address(self.first() + u64::from(start) * PAGE as u64).as_ptr().cast();
        let len = count as usize * PAGE;
        if accessible {
            // SAFETY: pages of the arena's own reservation.
            return unsafe { libc::mprotect(at, len, libc::PROT_READ | libc::PROT_WRITE) } == 0;
        }
        // Freed pages are emptied, not taken away: a run on another thread may be between its check of the page and its
        // access, and must not bring the process down.
        // SAFETY: pages of the arena's own reservation.
        unsafe { libc::madvise(at, len, libc::MADV_DONTNEED) == 0 }
    }

    /// Makes the pages of a range present, as a page fault of the application does in Linux.
    fn fault(&self, address: u64, len: u64) -> Result<(), Errno> {
        if self.is_allocated(address, len) {
            return Ok(());
        }
        let end = (address & 0xffff_ffff).checked_add(len.max(1) - 1).ok_or(EFAULT)?;
        let first = self.page_of(address).ok_or(EFAULT)?;
        let last = self.page_of(end).filter(|_| end < WINDOW as u64 && self.fault_in).ok_or(EFAULT)?;
        for page in first..=last {
            let at = self.first() + u64::from(page) * PAGE as u64;
            // Somebody else may have been faster.
            if !self.is_present(page) && self.alloc_pages(at, 1, -1, 0) == 0 && !self.is_present(page) {
                return Err(ENOMEM);
            }
        }
        Ok(())
    }

    /// Copies bytes out, for the application. Pages that were never allocated become so, as by a fault.
    ///
    /// # Errors
    /// `EFAULT` outside of the arena, and on unallocated pages of one with `SEGV_ON_FAULT`.
    pub fn read(&self, address: u64, out: &mut [u8]) -> Result<(), Errno> {
        self.copy(address, out.len(), |at, i| out[i] = at.load(Ordering::Relaxed))
    }

    /// Copies bytes in, for the application.
    ///
    /// # Errors
    /// As [`Arena::read`].
    pub fn write(&self, address: u64, data: &[u8]) -> Result<(), Errno> {
        self.copy(address, data.len(), |at, i| at.store(data[i], Ordering::Relaxed))
    }

    /// Calls `each` with every byte of a range, with the pages held in place.
    fn copy(&self, address: u64, len: usize, mut each: impl FnMut(&AtomicU8, usize)) -> Result<(), Errno> {
        if len == 0 {
            return Ok(());
        }
        self.fault(address, len as u64)?;
        // Pages must not be freed under the copy.
        let _changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_allocated(address, len as u64) {
            return Err(EFAULT);
        }
        let base = self.host_address(address);
        for i in 0..len {
            // SAFETY: allocated pages, which cannot go while the lock is held.
            each(unsafe { AtomicU8::from_ptr(base.as_ptr().add(i)) }, i);
        }
        Ok(())
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: reserved by `new`; the last owner.
        unsafe { libc::munmap(self.reserved.0.as_ptr().cast(), self.reserved.1) };
    }
}

impl Map {
    /// The arena's operations; `None` for other types.
    pub fn arena(&self) -> Option<&Arena> {
        self.part()
    }
}

impl Table for Arena {
    fn memory_usage(&self) -> usize {
        let pages: u32 = self.present.iter().map(|word| word.load(Ordering::Relaxed).count_ones()).sum();
        pages as usize * PAGE + self.present.len() * 8
    }
}
