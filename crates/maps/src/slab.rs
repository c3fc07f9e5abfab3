//! Which cells of a slab are in use.
//!
//! Hash-like maps keep their entries in cells of one mapping, numbered from 0; an index names a cell, the mapping never moves.
//! So a pointer to a value stays a pointer to a value of the map for as long as the map lives.
//!
//! Better than that: a cell given back is not given out again while anybody who is pinned could still look at it. Each shard
//! gathers what is given back in two *batches*, a young one and an old one that waits for its time, and takes from the old one
//! when [`epoch::is_safe`] allows. There are some more cells than entries, for those that wait. Only when all of them wait (a
//! run that replaces thousands of entries while it holds its own guard) is a cell used again at once, as Linux does always.
//!
//! Invariant: a cell is in use, in exactly one shard's lists, or not yet born (at or above `born`).

use std::sync::atomic::{AtomicU32, Ordering};

use crossbeam_utils::CachePadded;
use skep_platform::Errno;

use crate::epoch;
use crate::memory::Memory;
use crate::pin::{self, Guard};
use crate::spin::Spin;

/// Ends a list of cells.
const END: u32 = u32::MAX;

/// Cells a batch gathers before it asks for a new epoch, unless cells are large.
const BATCH: usize = 32;

/// Bytes of cells that may wait in a batch.
const BATCH_BYTES: usize = 64 << 10;

/// Spare cells of a shard, in batches: what a run may replace before its own cells come back to it early. They are address
/// space until they are needed.
const SPARE_BATCHES: usize = 32;

/// Forced uses between two looks at whether somebody still holds the guard that forces them.
const FORCED_PER_LOOK: u32 = 16;

/// At least so many spare cells: every thread inside of a map call may hold one that is not published yet.
const IN_FLIGHT: u32 = 2 * pin::READERS;

/// Cells in a list, linked through `Slab::links`.
#[derive(Debug, Clone, Copy)]
struct Batch {
    head: u32,
    count: u32,
    /// The newest stamp among them.
    stamp: u64,
}

const EMPTY: Batch = Batch { head: END, count: 0, stamp: 0 };

/// One shard's free cells.
#[derive(Debug)]
struct Shard {
    ready: u32,
    old: Batch,
    young: Batch,
}

/// The allocator of cells.
#[derive(Debug)]
pub(crate) struct Slab {
    /// One `u32` per cell, touched when the cell is freed: it cannot be in the cell, which somebody may still read.
    links: Memory,
    cells: u32,
    born: AtomicU32,
    batch: u32,
    /// How often a cell was given out that somebody might still look at.
    forced: AtomicU32,
    shards: Box<[CachePadded<Spin<Shard>>]>,
}

impl Slab {
    /// An allocator for `entries` cells in use at a time, each of `bytes` bytes.
    pub(crate) fn new(entries: u32, bytes: usize) -> Result<Slab, Errno> {
        let shards = pin::slots().next_power_of_two().min(64) as usize;
        let batch = (BATCH_BYTES / bytes.max(1)).clamp(1, BATCH);
        let spare = ((shards * batch * SPARE_BATCHES) as u32).max(IN_FLIGHT);
        let cells = entries.saturating_add(spare).min(END - 1);
        let shard = || CachePadded::new(Spin::new(Shard { ready: END, old: EMPTY, young: EMPTY }));
        Ok(Slab {
            links: Memory::array(cells as usize, 4)?,
            cells,
            born: AtomicU32::new(0),
            batch: batch as u32,
            forced: AtomicU32::new(0),
            shards: (0..shards).map(|_| shard()).collect(),
        })
    }

    /// How many cells the users must have memory for.
    pub(crate) fn cells(&self) -> u32 {
        self.cells
    }

    /// Cells that were ever in use: all indices are below.
    pub(crate) fn born(&self) -> u32 {
        self.born.load(Ordering::Relaxed).min(self.cells)
    }

    /// Takes a cell; `None` only if more are in use than were asked for at creation.
    #[inline]
    pub(crate) fn take(&self, guard: &Guard) -> Option<u32> {
        let home = guard.shard(self.shards.len());
        if let Some(cell) = self.take_free(home) {
            return Some(cell);
        }
        if self.born.load(Ordering::Relaxed) < self.cells {
            let cell = self.born.fetch_add(1, Ordering::Relaxed);
            if cell < self.cells {
                return Some(cell);
            }
            self.born.fetch_sub(1, Ordering::Relaxed);
        }
        self.take_anything(home)
    }

    /// A cell of this shard that nobody looks at.
    #[inline]
    fn take_free(&self, shard: usize) -> Option<u32> {
        let mut shard = self.shards[shard].lock();
        if shard.ready == END {
            if shard.old.head == END && shard.young.count >= self.batch {
                shard.old = std::mem::replace(&mut shard.young, EMPTY);
            }
            if shard.old.head == END || !epoch::is_safe(shard.old.stamp) {
                return None;
            }
            shard.ready = shard.old.head;
            shard.old = EMPTY;
        }
        let cell = shard.ready;
        shard.ready = self.link(cell).load(Ordering::Relaxed);
        Some(cell)
    }

    /// All cells are born: looks at every shard, then takes one that somebody may still look at.
    #[cold]
    fn take_anything(&self, home: usize) -> Option<u32> {
        // While somebody pinned sleeps, asking again for every cell would only cost.
        if self.forced().is_multiple_of(FORCED_PER_LOOK) {
            epoch::advance();
        }
        let count = self.shards.len();
        let forced = |cell| {
            self.forced.fetch_add(1, Ordering::SeqCst);
            cell
        };
        let order = || (0..count).map(|i| (home + i) % count);
        order().find_map(|shard| self.take_free(shard)).or_else(|| {
            order().find_map(|shard| {
                let shard = &mut *self.shards[shard].lock();
                let batch = if shard.old.head != END { &mut shard.old } else { &mut shard.young };
                let from = if shard.ready != END { &mut shard.ready } else { &mut batch.head };
                let cell = (*from != END).then_some(*from)?;
                *from = self.link(cell).load(Ordering::Relaxed);
                batch.count = batch.count.saturating_sub(1);
                Some(forced(cell))
            })
        })
    }

    /// A number that changes before a cell is used again that somebody might still look at: a copy is whole if the number
    /// is the same before the look-up and after the copy.
    #[inline]
    pub(crate) fn forced(&self) -> u32 {
        self.forced.load(Ordering::SeqCst)
    }

    /// Gives back a cell that was unlinked just now.
    #[inline]
    pub(crate) fn retire(&self, guard: &Guard, cell: u32) {
        let stamp = epoch::stamp();
        let full = {
            let mut shard = self.shards[guard.shard(self.shards.len())].lock();
            self.link(cell).store(shard.young.head, Ordering::Relaxed);
            shard.young = Batch { head: cell, count: shard.young.count + 1, stamp };
            shard.young.count >= self.batch && shard.young.count.is_multiple_of(self.batch)
        };
        if full {
            epoch::advance();
        }
    }

    /// Gives back a cell that nobody has seen.
    pub(crate) fn put_back(&self, guard: &Guard, cell: u32) {
        let mut shard = self.shards[guard.shard(self.shards.len())].lock();
        self.link(cell).store(shard.ready, Ordering::Relaxed);
        shard.ready = cell;
    }

    #[inline]
    fn link(&self, cell: u32) -> &AtomicU32 {
        debug_assert!(cell < self.cells);
        // SAFETY: cells are below `cells`, the mapping has a zeroed word for each and lives as long as `self`.
        unsafe { AtomicU32::from_ptr(self.links.at(cell as usize * 4).as_ptr().cast()) }
    }

    pub(crate) fn memory_usage(&self) -> usize {
        self.born() as usize * 4 + self.shards.len() * size_of::<CachePadded<Spin<Shard>>>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn cells_are_given_out_once_and_wait_for_readers() {
        let slab = Slab::new(4, 16).unwrap();
        let guard = pin::pin_reader();
        let used: HashSet<u32> = (0..slab.cells()).map(|_| slab.take(&guard).unwrap()).collect();
        assert_eq!(used.len(), slab.cells() as usize);
        assert_eq!(slab.take(&guard), None);
        for &cell in &used {
            slab.retire(&guard, cell);
        }
        // This guard could still look at every one of them, so they are given out again as a last resort only; each once.
        let again: HashSet<u32> = (0..slab.cells()).map(|_| slab.take(&guard).unwrap()).collect();
        assert_eq!(again, used);
    }

    #[test]
    fn a_steady_exchange_needs_no_more_than_the_spare_cells() {
        let slab = Slab::new(1, 16).unwrap();
        let mut held = slab.take(&pin::pin_reader()).unwrap();
        for _ in 0..10_000 {
            let guard = pin::pin_reader();
            let next = slab.take(&guard).unwrap();
            assert_ne!(next, held);
            slab.retire(&guard, held);
            held = next;
        }
    }
}
