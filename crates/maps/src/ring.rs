//! The ring of the ring buffer types: records of any length in a circle of bytes, each in one piece.
//!
//! The circle is mapped twice in a row, so a record that reaches over the end goes on in the second mapping. A record is a
//! header of 8 bytes (length, a *busy* and a *discarded* bit), its bytes, and padding to 8. Positions count bytes since the
//! beginning and never wrap; `position & mask` is the place.
//!
//! A producer reserves under a short lock: it writes a busy header, then moves the producer's position on. It fills the record
//! without the lock and clears the busy bit last. The consumer goes from its position record by record and stops at a busy one,
//! so records come out in the order of reservation and none is lost or seen half written.
//!
//! Invariants:
//! * `consumed <= oldest unfinished record <= produced <= consumed + size`.
//! * A header in `consumed..produced` was written before `produced` passed it.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;
use skep_platform::Errno;
use skep_platform::errno::ENOMEM;

use crate::bytes::{self, round8};
use crate::spin::Spin;

/// The header before each record.
pub(crate) const HEADER: usize = 8;
/// In a header: the producer has not finished.
const BUSY: u32 = 1 << 31;
/// In a header: the consumer is to skip it.
const DISCARD: u32 = 1 << 30;
/// The longest record: Linux's limit, a quarter of what 32 bits count.
const MAX_RECORD: usize = u32::MAX as usize / 4;

/// A circle of bytes with one consumer.
#[derive(Debug)]
pub(crate) struct Ring {
    base: NonNull<u8>,
    size: usize,
    consumed: CachePadded<AtomicU64>,
    produced: CachePadded<AtomicU64>,
    /// Held while reserving.
    producers: Spin<()>,
    bell: Bell,
}

// SAFETY: `base` is a shared mapping that lives as long as the ring; headers are atomics, a record's bytes belong to its
// producer until it is finished and to the consumer from then on.
unsafe impl Send for Ring {}
// SAFETY: as above.
unsafe impl Sync for Ring {}

/// A record that was reserved and not finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reserved {
    /// Its bytes.
    pub(crate) at: NonNull<u8>,
    pub(crate) len: usize,
}

/// What the consumer finds at its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    /// Nothing, or a record whose producer has not finished.
    Nothing,
    /// A record.
    Record(NonNull<u8>, usize),
    /// A discarded record of this length.
    Discarded(usize),
}

impl Ring {
    /// A ring of `size` bytes, a power of two and a multiple of the page size.
    pub(crate) fn new(size: usize) -> Result<Ring, Errno> {
        Ok(Ring {
            base: map_twice(size)?,
            size,
            consumed: CachePadded::new(AtomicU64::new(0)),
            produced: CachePadded::new(AtomicU64::new(0)),
            producers: Spin::new(()),
            bell: Bell::default(),
        })
    }

    pub(crate) fn size(&self) -> usize {
        self.size
    }

    pub(crate) fn consumed(&self) -> u64 {
        self.consumed.load(Ordering::Acquire)
    }

    pub(crate) fn produced(&self) -> u64 {
        self.produced.load(Ordering::Acquire)
    }

    /// The header at a position.
    fn header(&self, position: u64) -> &AtomicU32 {
        let place = position as usize & (self.size - 1);
        // SAFETY: places are multiples of 8 within the first mapping.
        unsafe { AtomicU32::from_ptr(self.base.as_ptr().add(place).cast()) }
    }

    /// The bytes after the header at a position.
    fn payload(&self, position: u64) -> NonNull<u8> {
        let place = position as usize & (self.size - 1);
        // SAFETY: the second mapping follows the first, so even the last header has bytes after it.
        unsafe { self.base.add(place + HEADER) }
    }

    /// Room for a record, or `None` if there is not enough.
    #[inline]
    pub(crate) fn reserve(&self, len: usize) -> Option<Reserved> {
        if len > MAX_RECORD {
            return None;
        }
        let total = round8(len + HEADER) as u64;
        if total > self.size as u64 {
            return None;
        }
        let producers = self.producers.lock();
        let position = self.produced.load(Ordering::Relaxed);
        // Strictly less than the size, as in Linux.
        if position + total - self.consumed.load(Ordering::Acquire) > self.size as u64 - 1 {
            return None;
        }
        self.header(position).store(len as u32 | BUSY, Ordering::Relaxed);
        self.produced.store(position + total, Ordering::Release);
        drop(producers);
        Some(Reserved { at: self.payload(position), len })
    }

    /// Ends a record. `None` if `at` is not the start of an unfinished one.
    ///
    /// Tells whether the consumer had read everything before it, and so may be asleep.
    #[inline]
    pub(crate) fn finish(&self, at: NonNull<u8>, discard: bool) -> Option<bool> {
        let offset = (at.as_ptr() as usize).wrapping_sub(self.base.as_ptr() as usize).wrapping_sub(HEADER);
        if offset >= self.size || !offset.is_multiple_of(8) {
            return None;
        }
        let header = self.header(offset as u64);
        let busy = header.load(Ordering::Relaxed);
        if busy & BUSY == 0 {
            return None;
        }
        let end = (busy & !BUSY) | if discard { DISCARD } else { 0 };
        // Sequentially consistent with the consumer's look before it sleeps: one of the two sees the other.
        header.swap(end, Ordering::SeqCst);
        Some(self.consumed.load(Ordering::SeqCst) as usize & (self.size - 1) == offset)
    }

    /// What is at the consumer's position. Only the consumer calls this and [`Ring::consume`].
    #[inline]
    pub(crate) fn head(&self) -> Head {
        let position = self.consumed.load(Ordering::Relaxed);
        if position == self.produced.load(Ordering::Acquire) {
            return Head::Nothing;
        }
        let header = self.header(position).load(Ordering::SeqCst);
        let len = (header & !(BUSY | DISCARD)) as usize;
        match (header & BUSY != 0, header & DISCARD != 0) {
            (true, _) => Head::Nothing,
            (false, true) => Head::Discarded(len),
            (false, false) => Head::Record(self.payload(position), len),
        }
    }

    /// Frees the record at the consumer's position.
    #[inline]
    pub(crate) fn consume(&self, len: usize) {
        let position = self.consumed.load(Ordering::Relaxed);
        self.consumed.store(position + round8(len + HEADER) as u64, Ordering::SeqCst);
    }

    /// Copies the next record to `out`; false if there is none.
    pub(crate) fn read(&self, out: &mut Vec<u8>) -> bool {
        loop {
            match self.head() {
                Head::Nothing => return false,
                Head::Discarded(len) => self.consume(len),
                Head::Record(at, len) => {
                    out.resize(len, 0);
                    // SAFETY: a finished record of `len` bytes, 8-aligned, ours until it is consumed.
                    unsafe { bytes::read(at, out) };
                    self.consume(len);
                    return true;
                }
            }
        }
    }

    /// Whether the consumer would find something now.
    pub(crate) fn is_ready(&self) -> bool {
        !matches!(self.head(), Head::Nothing)
    }

    pub(crate) fn bell(&self) -> &Bell {
        &self.bell
    }

    /// Waits until there is something to consume, a forced wake-up, or the end of the time; tells whether there is something.
    pub(crate) fn wait(&self, timeout: Option<Duration>) -> bool {
        self.bell.wait(timeout, || self.is_ready());
        self.is_ready()
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: mapped by `map_twice`; the last owner.
        unsafe { libc::munmap(self.base.as_ptr().cast(), 2 * self.size) };
    }
}

/// The same `size` bytes of memory, two times in a row.
fn map_twice(size: usize) -> Result<NonNull<u8>, Errno> {
    let prot = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a file without name, closed below on every way out; the mappings keep it.
    let file = unsafe { libc::memfd_create(c"skep-ring".as_ptr(), libc::MFD_CLOEXEC) };
    if file < 0 {
        return Err(ENOMEM);
    }
    let close = |result| {
        // SAFETY: ours.
        unsafe { libc::close(file) };
        result
    };
    // SAFETY: the file is ours.
    if unsafe { libc::ftruncate(file, size as libc::off_t) } != 0 {
        return close(Err(ENOMEM));
    }
    let reserve = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new mapping where the kernel chooses.
    let base = unsafe { libc::mmap(std::ptr::null_mut(), 2 * size, libc::PROT_NONE, reserve, -1, 0) };
    if base == libc::MAP_FAILED {
        return close(Err(ENOMEM));
    }
    for half in 0..2 {
        let flags = libc::MAP_SHARED | libc::MAP_FIXED;
        // SAFETY: replaces one half of the reservation just made, which nobody uses.
        let at = unsafe { libc::mmap(base.cast::<u8>().add(half * size).cast(), size, prot, flags, file, 0) };
        if at == libc::MAP_FAILED {
            // SAFETY: the reservation is ours.
            unsafe { libc::munmap(base, 2 * size) };
            return close(Err(ENOMEM));
        }
    }
    close(NonNull::new(base.cast()).ok_or(ENOMEM))
}

/// Something to sleep on. Ringing costs a load while nobody sleeps.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    sleepers: AtomicU32,
    rung: Mutex<u64>,
    condition: Condvar,
}

impl Bell {
    /// Makes all sleepers look again; with `force`, ends their sleep whatever they see.
    pub(crate) fn ring(&self, force: bool) {
        if self.sleepers.load(Ordering::SeqCst) != 0 {
            // Under the lock, or a sleeper between its look and its sleep would not hear.
            *self.rung.lock().unwrap_or_else(PoisonError::into_inner) += u64::from(force);
            self.condition.notify_all();
        }
    }

    /// Sleeps until `ready` holds, a forced ring, or the end of the time.
    pub(crate) fn wait(&self, timeout: Option<Duration>, ready: impl Fn() -> bool) {
        let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *rung;
        // Announced before the look: a producer that finishes after the look sees the sleeper.
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        while *rung == before && !ready() {
            let left = match end {
                None => Duration::from_secs(3600),
                Some(end) => match end.checked_duration_since(Instant::now()) {
                    Some(left) if !left.is_zero() => left,
                    _ => break,
                },
            };
            rung = self.condition.wait_timeout(rung, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
    }
}
