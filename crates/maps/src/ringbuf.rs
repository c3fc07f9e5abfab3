//! `BPF_MAP_TYPE_RINGBUF`: programs produce, the application consumes.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use skep_platform::Errno;
use skep_platform::errno::{EAGAIN, EBUSY, EINVAL};

use crate::bytes;
use crate::map::Map;
use crate::pin::Guard;
use crate::ring::{Head, Ring};
use crate::ring_table::RingMap;
use crate::spec::MapSpec;

/// Do not wake the reader.
pub const BPF_RB_NO_WAKEUP: u64 = 1;
/// Wake the reader in any case.
pub const BPF_RB_FORCE_WAKEUP: u64 = 2;

/// Asks [`RingBuf::query`] for the bytes that wait for the reader.
pub const BPF_RB_AVAIL_DATA: u64 = 0;
/// Asks for the size of the ring.
pub const BPF_RB_RING_SIZE: u64 = 1;
/// Asks for the reader's position.
pub const BPF_RB_CONS_POS: u64 = 2;
/// Asks for the producers' position.
pub const BPF_RB_PROD_POS: u64 = 3;

/// The programs' side of a ring buffer; see [`Map::ringbuf`].
#[derive(Debug)]
pub struct RingBuf {
    ring: Ring,
    /// There is a reader.
    read: AtomicBool,
}

impl RingBuf {
    pub(crate) fn new(spec: &MapSpec) -> Result<RingBuf, Errno> {
        Ok(RingBuf { ring: Ring::new(spec.max_entries as usize)?, read: AtomicBool::new(false) })
    }

    /// `bpf_ringbuf_reserve`: memory for a record of `len` bytes, 8-aligned and not cleared; `None` if there is no room.
    ///
    /// It has to end in [`RingBuf::submit`] or [`RingBuf::discard`], or the reader waits for it for ever.
    #[inline]
    pub fn reserve(&self, _guard: &Guard, len: u64, flags: u64) -> Option<NonNull<u8>> {
        if flags != 0 {
            return None;
        }
        self.ring.reserve(usize::try_from(len).ok()?).map(|record| record.at)
    }

    /// `bpf_ringbuf_submit`: gives a reserved record to the reader. `flags`: [`BPF_RB_NO_WAKEUP`], [`BPF_RB_FORCE_WAKEUP`].
    ///
    /// # Errors
    /// `EINVAL` if `record` is not a reserved record of this ring.
    #[inline]
    pub fn submit(&self, record: NonNull<u8>, flags: u64) -> Result<(), Errno> {
        self.finish(record, flags, false)
    }

    /// `bpf_ringbuf_discard`: gives a reserved record up.
    ///
    /// # Errors
    /// As [`RingBuf::submit`].
    pub fn discard(&self, record: NonNull<u8>, flags: u64) -> Result<(), Errno> {
        self.finish(record, flags, true)
    }

    /// `bpf_ringbuf_output`: a record with a copy of `data`.
    ///
    /// # Errors
    /// `EAGAIN` if there is no room, `EINVAL` for other flags.
    #[inline]
    pub fn output(&self, _guard: &Guard, data: &[u8], flags: u64) -> Result<(), Errno> {
        if flags & !(BPF_RB_NO_WAKEUP | BPF_RB_FORCE_WAKEUP) != 0 {
            return Err(EINVAL);
        }
        let record = self.ring.reserve(data.len()).ok_or(EAGAIN)?;
        // SAFETY: a reserved record of that length, 8-aligned.
        unsafe { bytes::write(record.at, data) };
        self.finish(record.at, flags, false)
    }

    /// `bpf_ringbuf_query`; 0 for an unknown question.
    pub fn query(&self, question: u64) -> u64 {
        match question {
            BPF_RB_AVAIL_DATA => self.ring.produced().saturating_sub(self.ring.consumed()),
            BPF_RB_RING_SIZE => self.ring.size() as u64,
            BPF_RB_CONS_POS => self.ring.consumed(),
            BPF_RB_PROD_POS => self.ring.produced(),
            _ => 0,
        }
    }

    fn finish(&self, record: NonNull<u8>, flags: u64, discard: bool) -> Result<(), Errno> {
        let caught_up = self.ring.finish(record, discard).ok_or(EINVAL)?;
        // A reader that is behind comes by anyway; only one that has read everything may sleep.
        let force = flags & BPF_RB_FORCE_WAKEUP != 0;
        if force || (caught_up && flags & BPF_RB_NO_WAKEUP == 0) {
            self.ring.bell().ring(force);
        }
        Ok(())
    }
}

impl Map {
    /// The ring buffer's operations; `None` for other types.
    pub fn ringbuf(&self) -> Option<&RingBuf> {
        self.part()
    }
}

impl RingMap for RingBuf {
    fn ring(&self) -> &Ring {
        &self.ring
    }
}

/// The one reader of a ring buffer.
///
/// ```
/// use skep_maps::{Map, MapSpec, RingReader, pin};
/// use skep_platform::MapType;
///
/// let map = Map::create(MapSpec::new(MapType::Ringbuf, 0, 0, 4096)).unwrap();
/// let mut reader = RingReader::new(&map).unwrap();
/// map.ringbuf().unwrap().output(&pin(), b"hello", 0).unwrap();
/// assert_eq!(reader.next(), Some(b"hello".to_vec()));
/// ```
#[derive(Debug)]
pub struct RingReader {
    map: Map,
}

impl RingReader {
    /// The reader of this map.
    ///
    /// # Errors
    /// `EINVAL` if it is no ring buffer, `EBUSY` while it has a reader.
    pub fn new(map: &Map) -> Result<RingReader, Errno> {
        let ring = map.ringbuf().ok_or(EINVAL)?;
        map.may_read()?;
        if ring.read.swap(true, Ordering::AcqRel) {
            return Err(EBUSY);
        }
        Ok(RingReader { map: map.clone() })
    }

    /// The map it reads.
    pub fn map(&self) -> &Map {
        &self.map
    }

    fn ring(&self) -> Option<&Ring> {
        self.map.ringbuf().map(|part| &part.ring)
    }

    /// Copies the next record into `record`; false if there is none.
    pub fn read(&mut self, record: &mut Vec<u8>) -> bool {
        self.ring().is_some_and(|ring| ring.read(record))
    }

    /// Calls `visit` with each record that is there, in place, at most `limit`; returns how many.
    pub fn drain(&mut self, limit: usize, mut visit: impl FnMut(&[u8])) -> usize {
        let Some(ring) = self.ring() else { return 0 };
        let mut count = 0;
        while count < limit {
            match ring.head() {
                Head::Nothing => break,
                Head::Discarded(len) => ring.consume(len),
                Head::Record(at, len) => {
                    // SAFETY: a finished record is the reader's alone until it is consumed, and there is one reader.
                    visit(unsafe { std::slice::from_raw_parts(at.as_ptr(), len) });
                    ring.consume(len);
                    count += 1;
                }
            }
        }
        count
    }

    /// Waits for a record, a forced wake-up, or the end of the time (`None`: no end); tells whether there is a record.
    ///
    /// As with `epoll`, records submitted with [`BPF_RB_NO_WAKEUP`] end no wait that has begun, but are found by the next.
    pub fn wait(&mut self, timeout: Option<Duration>) -> bool {
        self.ring().is_some_and(|ring| ring.wait(timeout))
    }
}

impl Iterator for RingReader {
    type Item = Vec<u8>;

    /// The next record that is there; does not wait.
    fn next(&mut self) -> Option<Vec<u8>> {
        let mut record = Vec::new();
        self.read(&mut record).then_some(record)
    }
}

impl Drop for RingReader {
    fn drop(&mut self) {
        if let Some(ring) = self.map.ringbuf() {
            ring.read.store(false, Ordering::Release);
        }
    }
}
