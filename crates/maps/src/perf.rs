//! `BPF_MAP_TYPE_PERF_EVENT_ARRAY`: a ring per slot, for one reader, with a count of what did not fit.
//!
//! In Linux the application opens a perf event per CPU and stores it at the CPU's index. Here a [`PerfReader`] does both at
//! once; an index without a reader's ring answers as an empty slot of the array does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use skep_platform::Errno;
use skep_platform::errno::{E2BIG, EBADF, EBUSY, EINVAL, ENOENT, ENOSPC, EOPNOTSUPP};

use crate::array::next_index;
use crate::bytes::{self, index};
use crate::map::Map;
use crate::memory::PAGE;
use crate::pin::{self, Guard};
use crate::ring::{Bell, Ring};
use crate::spec::MapSpec;
use crate::table::{BPF_ANY, Table};

/// In the flags of [`PerfArray::output`]: the index is the current CPU's.
pub const BPF_F_CURRENT_CPU: u64 = 0xffff_ffff;
/// The bits of the flags that are the index.
const INDEX_MASK: u64 = 0xffff_ffff;
/// The bits that a program of a packet type uses for the length of packet data to append.
const CTX_LEN_MASK: u64 = 0xf_ffff << 32;
/// The longest record that perf takes.
const MAX_RECORD: usize = 0xffff;

/// A perf event array; see [`Map::perf`].
pub struct PerfArray {
    entries: u32,
    rings: ArcSwapOption<Rings>,
}

/// What a reader has put into the array.
struct Rings {
    slots: Vec<SlotRing>,
    bell: Bell,
}

struct SlotRing {
    ring: Ring,
    lost: AtomicU64,
}

impl PerfArray {
    pub(crate) fn new(spec: &MapSpec) -> PerfArray {
        PerfArray { entries: spec.max_entries, rings: ArcSwapOption::empty() }
    }

    /// `bpf_perf_event_output`: gives `parts`, one after the other, to the reader of the index in `flags` (a CPU slot, or
    /// [`BPF_F_CURRENT_CPU`]). Several parts serve the packet programs, which append packet data to their own.
    ///
    /// # Errors
    /// `E2BIG` for an index past the array or too much data, `ENOENT` without a reader, `EOPNOTSUPP` for another CPU's index,
    /// `ENOSPC` if there is no room (the reader learns how many were lost), `EINVAL` for unknown flags.
    pub fn output(&self, guard: &Guard, flags: u64, parts: &[&[u8]]) -> Result<(), Errno> {
        if flags & !(INDEX_MASK | CTX_LEN_MASK) != 0 {
            return Err(EINVAL);
        }
        let index = match flags & INDEX_MASK {
            BPF_F_CURRENT_CPU => guard.slot(),
            index => index as u32,
        };
        if index >= self.entries {
            return Err(E2BIG);
        }
        let rings = self.rings.load();
        let rings = rings.as_ref().ok_or(ENOENT)?;
        let slot = rings.slots.get(index as usize).ok_or(ENOENT)?;
        if index != guard.slot() {
            return Err(EOPNOTSUPP);
        }
        let len = parts.iter().map(|part| part.len()).sum::<usize>();
        if len > MAX_RECORD {
            return Err(E2BIG);
        }
        let Some(record) = slot.ring.reserve(len) else {
            slot.lost.fetch_add(1, Ordering::Relaxed);
            return Err(ENOSPC);
        };
        let mut at = 0;
        if let [part] = parts {
            // SAFETY: a reserved record of `len` bytes, 8-aligned, ours until it is finished.
            unsafe { bytes::write(record.at, part) };
            at = len;
        }
        for part in parts.iter().filter(|_| parts.len() > 1) {
            for (i, &byte) in part.iter().enumerate() {
                // SAFETY: a reserved record of `len` bytes, ours until it is finished.
                unsafe { bytes::write_byte(record.at, at + i, byte) };
            }
            at += part.len();
        }
        debug_assert_eq!(at, len);
        slot.ring.finish(record.at, false);
        rings.bell.ring(false);
        Ok(())
    }
}

impl Map {
    /// The perf event array's operations; `None` for other types.
    pub fn perf(&self) -> Option<&PerfArray> {
        self.part()
    }
}

impl Table for PerfArray {
    fn update(&self, _guard: &Guard, key: &[u8], _value: &[u8], flags: u64) -> Result<(), Errno> {
        if flags != BPF_ANY {
            return Err(EINVAL);
        }
        // Values are descriptors of perf events, which do not exist here.
        Err(if index(key).is_some_and(|index| index < self.entries) { EBADF } else { E2BIG })
    }

    fn delete(&self, _guard: &Guard, key: &[u8]) -> Result<(), Errno> {
        Err(if index(key).is_some_and(|index| index < self.entries) { ENOENT } else { E2BIG })
    }

    fn next_key(&self, _guard: &Guard, key: Option<&[u8]>, out: &mut [u8]) -> Result<(), Errno> {
        next_index(key, self.entries, out)
    }

    fn memory_usage(&self) -> usize {
        let rings = self.rings.load();
        size_of::<PerfArray>()
            + rings.as_ref().map_or(0, |rings| rings.slots.iter().map(|slot| slot.ring.size()).sum())
    }
}

/// What a [`PerfReader`] reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PerfEvent {
    /// A record.
    Record {
        /// The CPU slot of the run that wrote it.
        slot: u32,
        /// Its bytes.
        data: Vec<u8>,
    },
    /// Records that found no room since the last time this was told.
    Lost {
        /// The CPU slot of the runs that wrote them.
        slot: u32,
        /// How many.
        count: u64,
    },
}

/// The reader of a perf event array: while it lives the array has a ring for each slot.
pub struct PerfReader {
    map: Map,
    rings: Arc<Rings>,
    /// The slot to look at first next time, so that a busy one does not starve the others.
    turn: usize,
}

impl PerfReader {
    /// Opens a ring of `pages` pages (a power of two) for each slot of the map.
    ///
    /// # Errors
    /// `EINVAL` if it is no perf event array or for another number of pages, `EBUSY` while it has a reader.
    pub fn new(map: &Map, pages: usize) -> Result<PerfReader, Errno> {
        let array = map.perf().ok_or(EINVAL)?;
        if !pages.is_power_of_two() || pages > 1 << 18 {
            return Err(EINVAL);
        }
        let ring = |_| Ok(SlotRing { ring: Ring::new(pages * PAGE)?, lost: AtomicU64::new(0) });
        let slots = (0..pin::slots().min(array.entries)).map(ring).collect::<Result<_, Errno>>()?;
        let rings = Arc::new(Rings { slots, bell: Bell::default() });
        let before = array.rings.compare_and_swap(&None::<Arc<Rings>>, Some(rings.clone()));
        if before.is_some() {
            return Err(EBUSY);
        }
        Ok(PerfReader { map: map.clone(), rings, turn: 0 })
    }

    /// The map it reads.
    pub fn map(&self) -> &Map {
        &self.map
    }

    /// Waits until there is an event or the time is over (`None`: no end); tells whether there is one.
    pub fn wait(&mut self, timeout: Option<Duration>) -> bool {
        let ready = || {
            self.rings.slots.iter().any(|slot| slot.ring.is_ready() || slot.lost.load(Ordering::Relaxed) != 0)
        };
        self.rings.bell.wait(timeout, ready);
        ready()
    }
}

impl Iterator for PerfReader {
    type Item = PerfEvent;

    /// The next event that is there; does not wait. Slots take turns.
    fn next(&mut self) -> Option<PerfEvent> {
        let count = self.rings.slots.len();
        for i in 0..count {
            let at = (self.turn + i) % count;
            let slot = &self.rings.slots[at];
            let lost = slot.lost.swap(0, Ordering::Relaxed);
            if lost != 0 {
                return Some(PerfEvent::Lost { slot: at as u32, count: lost });
            }
            let mut data = Vec::new();
            if slot.ring.read(&mut data) {
                self.turn = at + 1;
                return Some(PerfEvent::Record { slot: at as u32, data });
            }
        }
        None
    }
}

impl Drop for PerfReader {
    fn drop(&mut self) {
        if let Some(array) = self.map.perf() {
            array.rings.store(None);
        }
    }
}
