//! Eviction: which entry goes when an LRU map is full.
//!
//! Linux keeps lists of entries under locks; here a byte per cell and *hands* that go round do (the clock, or second-chance,
//! algorithm). A use sets the cell's byte to `USED`; a hand that passes sets it back to `ENTRY`, and takes an entry that it
//! finds so. Uses write to a shared byte only when it changes, so frequent entries cost nothing.
//!
//! Each shard has a hand of its own, starting at another place, so that threads evict without meeting. An update never fails
//! for lack of room: a hand goes on until it has found an entry, and there is one, since it is called only when the map is
//! full.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use crossbeam_utils::CachePadded;
use skep_platform::Errno;

use crate::hash::Hash;
use crate::memory::Memory;
use crate::pin::{self, Guard};

/// The cell is no entry.
const NO_ENTRY: u8 = 0;
/// An entry, not used since a hand passed.
const ENTRY: u8 = 1;
/// An entry used since.
const USED: u8 = 2;

/// The state of an LRU map's cells.
pub(crate) struct Clock {
    states: Memory,
    hands: Box<[CachePadded<AtomicU32>]>,
}

impl Clock {
    pub(crate) fn new(cells: u32) -> Result<Clock, Errno> {
        let hands = pin::slots().min(64);
        let start = |i: u32| (u64::from(cells) * u64::from(i) / u64::from(hands)) as u32;
        Ok(Clock {
            states: Memory::array(cells as usize, 1)?,
            hands: (0..hands).map(|i| CachePadded::new(AtomicU32::new(start(i)))).collect(),
        })
    }

    #[inline(always)]
    fn state(&self, cell: u32) -> &AtomicU8 {
        // SAFETY: there is a byte for each cell; the mapping lives as long as `self`.
        unsafe { AtomicU8::from_ptr(self.states.at(cell as usize).as_ptr()) }
    }

    /// The cell is an entry from now on. It is not "used": one-time entries go first.
    pub(crate) fn enter(&self, cell: u32) {
        self.state(cell).store(ENTRY, Ordering::Relaxed);
    }

    /// The cell is no entry any more.
    pub(crate) fn leave(&self, cell: u32) {
        self.state(cell).store(NO_ENTRY, Ordering::Relaxed);
    }

    /// A program used the entry.
    #[inline(always)]
    pub(crate) fn touch(&self, cell: u32) {
        let state = self.state(cell);
        if state.load(Ordering::Relaxed) == ENTRY {
            // Not a plain store: the cell may have left in between, and then must not become an entry again.
            let _ = state.compare_exchange(ENTRY, USED, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Removes one entry that was not used lately, or finds that others have made room: looks at each cell at most thrice.
    pub(crate) fn evict(&self, hash: &Hash, guard: &Guard) {
        let hand = &self.hands[guard.shard(self.hands.len())];
        let born = hash.slab.born();
        for _ in 0..u64::from(born) * 3 {
            let cell = hand.fetch_add(1, Ordering::Relaxed) % born;
            match self.state(cell).load(Ordering::Relaxed) {
                USED => self.state(cell).store(ENTRY, Ordering::Relaxed),
                ENTRY if remove_cell(hash, guard, cell) => return,
                _ => {}
            }
        }
    }
}

/// Removes the entry in this cell, if the cell is still an entry once its chain is locked.
fn remove_cell(hash: &Hash, guard: &Guard, cell: u32) -> bool {
    // The cell's key can change under our eyes if the cell leaves and comes back; then it is not in the chain its hash says
    // (or is, and is a fair victim).
    let code = hash.hash_of_cell(cell);
    let chain = hash.buckets.lock(hash.buckets.chain_of(code));
    let Some(place) = chain.find(code, |other| other == cell) else { return false };
    hash.unlink(&chain, place);
    drop(chain);
    hash.discard(guard, cell);
    true
}
