//! Inserting, replacing and removing in hash maps.
//!
//! Replacing an entry publishes another cell in one store: a reader sees the old value or the new one, and a pointer to the old
//! value keeps the old value, as in Linux. So an update writes a free cell first and locks the key's chain only to publish
//! it; whether the key is there is looked at before and, since that may have changed, again under the lock.
//!
//! The LRU types differ in one thing: where a plain map is full they take the place of an entry not used lately
//! ([`crate::lru`]).
//!
//! Invariants:
//! * `count` is at least the number of entries, and never above `entries` but for a moment: room is reserved before a cell
//!   is taken and given back when no entry came of it.
//! * One chain is locked at a time.

use std::sync::atomic::Ordering;

use skep_platform::Errno;
use skep_platform::errno::{E2BIG, EINVAL, ENOENT, ENOMEM};

use crate::bucket::Place;
use crate::buckets::Chain;
use crate::bytes;
use crate::hash::Hash;
use crate::pin::Guard;
use crate::table::{BPF_EXIST, BPF_F_LOCK, BPF_NOEXIST, check_presence};
use crate::value::Layout;

impl Hash {
    /// Writes a new cell. Slots for which `values` says nothing are zero.
    fn fill(&self, cell: u32, key: &[u8], values: Values<'_>) {
        // SAFETY: the cell is ours alone: nobody else reaches it until it is published; lengths were checked by `Map`.
        unsafe {
            bytes::write_padded(self.key_at(cell), key);
            for slot in 0..self.slots {
                match values.of(slot, &self.layout) {
                    Some(value) => self.layout.init(self.value_at(cell, slot), value),
                    None => self.layout.clear(self.value_at(cell, slot)),
                }
            }
        }
    }

    /// Changes the values of a live cell.
    fn overwrite(&self, cell: u32, values: Values<'_>, locked: bool) {
        for slot in 0..self.slots {
            if let Some(value) = values.of(slot, &self.layout) {
                // SAFETY: a value of this map; the length was checked by `Map`.
                unsafe { self.layout.overwrite(self.value_at(cell, slot), value, locked) };
            }
        }
    }

    /// Takes the right to one more entry, by eviction if need be.
    fn reserve(&self, guard: &Guard) -> Result<(), Errno> {
        while self.count.fetch_add(1, Ordering::Relaxed) >= self.entries {
            self.unreserve();
            self.clock.as_ref().ok_or(E2BIG)?.evict(self, guard);
        }
        Ok(())
    }

    fn unreserve(&self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }

    /// Inserts, or replaces by publishing a new cell. Values that slots have of their own, and values with a lock that is
    /// to be taken, change in place instead.
    pub(crate) fn put(&self, guard: &Guard, key: &[u8], values: Values<'_>, flags: u64) -> Result<(), Errno> {
        if flags & !BPF_F_LOCK > BPF_EXIST {
            return Err(EINVAL);
        }
        let locked = flags & BPF_F_LOCK != 0;
        let in_place = self.per_cpu || locked;
        let hash = self.hash(key);
        loop {
            // A look without the lock decides most cases; only what is published is looked at again under it.
            let found = self.buckets.find(hash, |cell| self.same(cell, key));
            check_presence(found.is_some(), flags)?;
            if let Some(cell) = found.filter(|_| in_place) {
                self.overwrite(cell, values, locked);
                self.touch(cell);
                return Ok(());
            }
            // Eviction locks another chain, so it comes before this key's chain is locked.
            let reserved = found.is_none();
            if reserved {
                self.reserve(guard)?;
            }
            let Some(fresh) = self.slab.take(guard) else {
                if reserved {
                    self.unreserve();
                }
                return Err(ENOMEM);
            };
            self.fill(fresh, key, values);
            let published = self.publish(key, hash, fresh, reserved, in_place || flags & BPF_NOEXIST != 0);
            if reserved && !matches!(published, Published::Inserted) {
                self.unreserve();
            }
            match published {
                Published::Inserted => return Ok(()),
                Published::Replaced(old) => {
                    self.touch(fresh);
                    self.discard(guard, old);
                    return Ok(());
                }
                // The key came or went since the look: look again.
                Published::Not => self.slab.put_back(guard, fresh),
            }
        }
    }

    /// Makes a written cell the key's entry, if the key is still there or not there as it was when we looked.
    #[inline]
    fn publish(&self, key: &[u8], hash: u64, fresh: u32, absent: bool, keep: bool) -> Published {
        let chain = self.buckets.lock(self.buckets.chain_of(hash));
        match chain.find(hash, |cell| self.same(cell, key)) {
            Some(_) if absent && keep => Published::Not,
            Some(place) => {
                let old = place.cell();
                place.replace(fresh);
                self.mark(fresh, Some(old));
                Published::Replaced(old)
            }
            None if !absent => Published::Not,
            None => match chain.insert(hash, fresh) {
                Ok(()) => {
                    self.mark(fresh, None);
                    Published::Inserted
                }
                Err(_) => Published::Not,
            },
        }
    }

    /// Tells the clock, under the chain's lock, which cells are entries.
    fn mark(&self, fresh: u32, old: Option<u32>) {
        if let Some(clock) = &self.clock {
            clock.enter(fresh);
            if let Some(old) = old {
                clock.leave(old);
            }
        }
    }

    #[inline]
    pub(crate) fn touch(&self, cell: u32) {
        if let Some(clock) = &self.clock {
            clock.touch(cell);
        }
    }

    /// Takes an entry out of its locked chain. The caller discards the cell once the lock is gone.
    pub(crate) fn unlink(&self, chain: &Chain<'_>, place: Place<'_>) -> u32 {
        let cell = place.cell();
        chain.remove(place);
        if let Some(clock) = &self.clock {
            clock.leave(cell);
        }
        self.unreserve();
        cell
    }

    /// Releases what an unlinked cell's values own and gives the cell back.
    pub(crate) fn discard(&self, guard: &Guard, cell: u32) {
        if self.layout.has_fields() {
            for slot in 0..self.slots {
                // SAFETY: a value of this map.
                unsafe { self.layout.release(self.value_at(cell, slot)) };
            }
        }
        self.slab.retire(guard, cell);
    }

    /// Removes a key, showing its cell to `last_look` while it is still locked.
    pub(crate) fn remove(&self, guard: &Guard, key: &[u8], last_look: impl FnOnce(u32)) -> Result<(), Errno> {
        let hash = self.hash(key);
        let chain = self.buckets.lock(self.buckets.chain_of(hash));
        let place = chain.find(hash, |cell| self.same(cell, key)).ok_or(ENOENT)?;
        last_look(place.cell());
        let cell = self.unlink(&chain, place);
        drop(chain);
        self.discard(guard, cell);
        Ok(())
    }
}

/// What became of a cell.
enum Published {
    Inserted,
    /// In the place of this one.
    Replaced(u32),
    Not,
}

/// The values of an update: one slot's, or every slot's in a row, padded.
#[derive(Clone, Copy)]
pub(crate) enum Values<'a> {
    One(u32, &'a [u8]),
    All(&'a [u8]),
}

impl<'a> Values<'a> {
    fn of(self, slot: u32, layout: &Layout) -> Option<&'a [u8]> {
        match self {
            Values::One(only, value) => (slot == only).then_some(value),
            Values::All(values) => {
                let start = slot as usize * layout.stride;
                values.get(start..start + layout.size)
            }
        }
    }
}
