//! Reading a ring buffer (`BPF_MAP_TYPE_RINGBUF`).
//!
//! The kernel shows a page with the reader's position, one with the writers', and then the data *twice in a row*, so that
//! a record never has to be put together from two pieces. A record has an 8-byte header whose first word is its length
//! and two bits: busy while its program has not submitted it, discard when it never will. Positions only grow.
//!
//! What a full ring refuses is told to the program (`bpf_ringbuf_reserve` gives null) and not to the reader: counting
//! it is the program's part. What the reader can tell is how full the ring is.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use skep_platform::errno::EINVAL;
use skep_platform::uapi::{BPF_RINGBUF_BUSY_BIT, BPF_RINGBUF_DISCARD_BIT, BPF_RINGBUF_HDR_SZ};
use skep_platform::{Errno, MapType};

use crate::events::Waiter;
use crate::map::{Map, Mapping, page_size};

/// The bits of a header that are the length.
const LENGTH: u32 = !(BPF_RINGBUF_BUSY_BIT as u32 | BPF_RINGBUF_DISCARD_BIT as u32);

/// Bytes of a record's header.
const HEADER: usize = BPF_RINGBUF_HDR_SZ as usize;

/// The reader of a ring buffer. There should be one: two would each see what the other left.
#[derive(Debug)]
pub struct RingReader {
    map: Map,
    /// The reader's position, which only this side writes.
    consumer: Mapping,
    /// The writers' position in the first page, then the data, twice.
    producer: Mapping,
    /// Bytes of data, a power of two.
    size: usize,
    waiter: Waiter,
}

impl RingReader {
    /// Opens a ring buffer for reading. What is in it already comes first.
    ///
    /// # Errors
    /// `EINVAL` for another type of map; the errno of mapping it.
    pub fn new(map: &Map) -> Result<RingReader, Errno> {
        if map.map_type() != Some(MapType::Ringbuf) {
            return Err(EINVAL);
        }
        let (page, size) = (page_size(), map.info().max_entries as usize);
        let consumer = Mapping::new(map.as_fd(), 0, page, true, None)?;
        let producer = Mapping::new(map.as_fd(), page, page + 2 * size, false, None)?;
        let waiter = Waiter::new()?;
        waiter.add(map.as_fd(), 0)?;
        Ok(RingReader { map: map.clone(), consumer, producer, size, waiter })
    }

    /// The map that is read.
    pub fn map(&self) -> &Map {
        &self.map
    }

    /// Sleeps until there may be something to read, at most this long; whether there may be. A program that submits with
    /// `BPF_RB_NO_WAKEUP` does not wake.
    ///
    /// # Errors
    /// The errno of waiting.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<bool, Errno> {
        Ok(!self.waiter.wait(timeout)?.is_empty())
    }

    /// Hands every finished record to `take`, oldest first, and frees its room; gives how many. Stops at the first record
    /// whose program is not done with it, and after one walk round the ring, so that fast writers cannot hold it for ever.
    pub fn read(&mut self, mut take: impl FnMut(&[u8])) -> usize {
        let Some((mut at, end)) = self.positions() else { return 0 };
        let mut count = 0;
        while at < end {
            let place = page_size() + (at as usize & (self.size - 1));
            let Some(word) = self.header(place) else { break };
            if u64::from(word) & BPF_RINGBUF_BUSY_BIT != 0 {
                break;
            }
            let len = (word & LENGTH) as usize;
            if u64::from(word) & BPF_RINGBUF_DISCARD_BIT == 0 {
                // SAFETY: the record is submitted, so no program writes it, and its room is not given out again before
                // the position below moves beyond it.
                if let Some(record) = unsafe { self.producer.slice(place + HEADER, len) } {
                    take(record);
                    count += 1;
                }
            }
            at += (len + HEADER).next_multiple_of(8) as u64;
            if let Some(position) = self.consumer.number(0) {
                position.store(at, Ordering::Release);
            }
        }
        count
    }

    /// Bytes that are taken up, by records read or not yet read, finished or not.
    pub fn filled(&self) -> usize {
        self.positions().map_or(0, |(at, end)| end.saturating_sub(at) as usize)
    }

    fn positions(&self) -> Option<(u64, u64)> {
        let at = self.consumer.number(0)?.load(Ordering::Acquire);
        Some((at, self.producer.number(0)?.load(Ordering::Acquire)))
    }

    /// The first word of a header: acquired, because the program's bytes must be seen once the busy bit is not.
    fn header(&self, place: usize) -> Option<u32> {
        let both = self.producer.number(place)?;
        // SAFETY: the first half of an aligned 64-bit word within the mapping is an aligned 32-bit word; the kernel
        // writes headers as 32-bit words.
        let word = unsafe { &*std::ptr::from_ref(both).cast::<AtomicU32>() };
        Some(word.load(Ordering::Acquire))
    }
}
