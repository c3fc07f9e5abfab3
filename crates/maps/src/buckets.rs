//! The index of hash-like maps: from a hash to the cells that may hold the key.
//!
//! A hash chooses a *chain*: a home [`Bucket`] and, rarely, overflow buckets behind it. A lookup reads one cache line, compares
//! eleven tags at once, and touches a cell only where the tag fits: two cache misses, as Linux's chains have at best.
//!
//! Readers take no lock. A bucket's version is odd while a writer is inside; writers exclude each other by it. What a reader
//! *finds* is right, since a cell is published after it is written. That it found *nothing* counts only if the version was even
//! and is the same afterwards, because a writer may have moved an entry from a place not yet read to one read already.
//!
//! Invariants:
//! * The places of a chain are filled from the front without gaps; a removal moves the last entry into the gap.
//! * Only the last bucket of a chain may have empty places, and an overflow bucket is never empty.
//! * So iterating a chain from its last place to its first meets every entry that stays exactly once, even if the entry just
//!   visited is removed.

use std::sync::atomic::{Ordering, fence};

use skep_platform::Errno;
use skep_platform::errno::E2BIG;

use crate::bucket::{Bucket, PLACES, Place, tag_of};
use crate::memory::Memory;
use crate::spin::{Spin, wait_turn};

/// Entries per bucket that the table is sized for. A twentieth of the buckets overflows at this load.
const LOAD: u32 = 7;

/// No overflow bucket, and the first number of none.
const NO_BUCKET: u32 = 0;

/// The buckets of one map.
pub(crate) struct Buckets {
    home: Memory,
    count: u32,
    /// Overflow buckets, numbered from 1.
    spare: Memory,
    spares: u32,
    /// The first of the freed overflow buckets (linked by `overflow`), and how many were ever used.
    free: Spin<(u32, u32)>,
}

impl Buckets {
    /// Buckets for up to `entries` entries.
    pub(crate) fn new(entries: u32) -> Result<Buckets, Errno> {
        let count = entries.div_ceil(LOAD).max(1);
        // Every overflow bucket but the last of a chain is full and so is the one before it: this many are always enough.
        let spares = entries / PLACES as u32 + 2;
        Ok(Buckets {
            home: Memory::array(count as usize, size_of::<Bucket>())?,
            count,
            spare: Memory::array(spares as usize, size_of::<Bucket>())?,
            spares,
            free: Spin::new((NO_BUCKET, 0)),
        })
    }

    /// The number of chains.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// The chain of a hash: its upper half scaled to the number of chains.
    #[inline(always)]
    pub(crate) fn chain_of(&self, hash: u64) -> u32 {
        (((hash >> 32) * u64::from(self.count)) >> 32) as u32
    }

    /// Whether a chain has no entries: only its first bucket can tell, and does.
    pub(crate) fn is_empty(&self, chain: u32) -> bool {
        self.bucket(chain).used() == 0
    }

    #[inline(always)]
    fn bucket(&self, chain: u32) -> &Bucket {
        debug_assert!(chain < self.count);
        // SAFETY: `chain` is below `count`; zeroed memory is an empty bucket; the mapping is page-aligned and lives as long
        // as `self`.
        unsafe { self.home.at(chain as usize * size_of::<Bucket>()).cast().as_ref() }
    }

    #[inline]
    fn overflow(&self, bucket: &Bucket) -> Option<&Bucket> {
        match bucket.overflow.load(Ordering::Acquire) {
            NO_BUCKET => None,
            number => Some(self.spare(number)),
        }
    }

    /// The cell with this hash for which `same` holds.
    #[inline]
    pub(crate) fn find(&self, hash: u64, same: impl Fn(u32) -> bool) -> Option<u32> {
        let home = self.bucket(self.chain_of(hash));
        let tag = tag_of(hash);
        let mut turns = 0;
        loop {
            let version = home.version.load(Ordering::Acquire);
            let mut bucket = home;
            loop {
                let mut places = bucket.candidates(tag);
                while places != 0 {
                    let place = places.trailing_zeros() as usize;
                    places &= places - 1;
                    let cell = bucket.cells[place].load(Ordering::Acquire);
                    if same(cell) {
                        return Some(cell);
                    }
                }
                match self.overflow(bucket) {
                    Some(next) => bucket = next,
                    None => break,
                }
            }
            fence(Ordering::Acquire);
            if version & 1 == 0 && home.version.load(Ordering::Relaxed) == version {
                return None;
            }
            wait_turn(&mut turns);
        }
    }

    /// Locks a chain against other writers.
    #[inline]
    pub(crate) fn lock(&self, chain: u32) -> Chain<'_> {
        let home = self.bucket(chain);
        let mut turns = 0;
        loop {
            let version = home.version.load(Ordering::Relaxed);
            let taken = version & 1 == 0
                && home
                    .version
                    .compare_exchange_weak(version, version + 1, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok();
            if taken {
                // No change of the chain may be seen before the odd version.
                fence(Ordering::Release);
                return Chain { buckets: self, home };
            }
            wait_turn(&mut turns);
        }
    }

    fn take_spare(&self) -> Option<u32> {
        let mut free = self.free.lock();
        if free.0 != NO_BUCKET {
            let number = free.0;
            free.0 = self.spare(number).overflow.load(Ordering::Relaxed);
            return Some(number);
        }
        (free.1 < self.spares).then(|| {
            free.1 += 1;
            free.1
        })
    }

    #[inline]
    fn spare(&self, number: u32) -> &Bucket {
        debug_assert!((1..=self.spares).contains(&number));
        // SAFETY: numbers from 1 to `spares` are stored only; the rest as in `bucket`.
        unsafe { self.spare.at((number - 1) as usize * size_of::<Bucket>()).cast().as_ref() }
    }

    pub(crate) fn memory_usage(&self) -> usize {
        (self.count as usize + self.free.lock().1 as usize) * size_of::<Bucket>()
    }
}

/// A chain that is locked for writing.
pub(crate) struct Chain<'a> {
    buckets: &'a Buckets,
    home: &'a Bucket,
}

impl<'a> Chain<'a> {
    /// The place of the cell for which `same` holds.
    #[inline]
    pub(crate) fn find(&self, hash: u64, same: impl Fn(u32) -> bool) -> Option<Place<'a>> {
        let tag = tag_of(hash);
        let mut bucket = self.home;
        loop {
            let mut places = bucket.candidates(tag);
            while places != 0 {
                let place = places.trailing_zeros() as usize;
                places &= places - 1;
                if same(bucket.cells[place].load(Ordering::Relaxed)) {
                    return Some(Place { bucket, place });
                }
            }
            bucket = self.buckets.overflow(bucket)?;
        }
    }

    /// The last bucket of the chain and the one before it.
    fn last(&self) -> (&'a Bucket, Option<&'a Bucket>) {
        let (mut bucket, mut before) = (self.home, None);
        while let Some(next) = self.buckets.overflow(bucket) {
            before = Some(bucket);
            bucket = next;
        }
        (bucket, before)
    }

    /// Publishes a written cell.
    ///
    /// # Errors
    /// `E2BIG` if there is no overflow bucket left, which the sizing excludes.
    #[inline]
    pub(crate) fn insert(&self, hash: u64, cell: u32) -> Result<(), Errno> {
        let (last, _) = self.last();
        let mut place = last.used();
        let mut bucket = last;
        if place == PLACES {
            let number = self.buckets.take_spare().ok_or(E2BIG)?;
            bucket = self.buckets.spare(number);
            bucket.overflow.store(NO_BUCKET, Ordering::Relaxed);
            place = 0;
            last.overflow.store(number, Ordering::Release);
        }
        bucket.cells[place].store(cell, Ordering::Release);
        // Cell before tag: a reader that sees the tag must not see the place's former cell for good, and if it does, the
        // version sends it back.
        bucket.set_tag(place, tag_of(hash));
        Ok(())
    }

    /// Takes an entry out.
    pub(crate) fn remove(&self, gap: Place<'a>) {
        let (last, before) = self.last();
        let end = last.used() - 1;
        let cell = last.cells[end].load(Ordering::Relaxed);
        let tag = last.tag(end);
        gap.bucket.cells[gap.place].store(cell, Ordering::Release);
        gap.bucket.set_tag(gap.place, tag);
        last.set_tag(end, 0);
        if let (0, Some(before)) = (end, before) {
            let number = before.overflow.swap(NO_BUCKET, Ordering::Release);
            let mut free = self.buckets.free.lock();
            // A reader may still stand in the freed bucket: it finds no tag there, follows the link to other freed buckets,
            // and looks again because the version has changed.
            last.overflow.store(free.0, Ordering::Release);
            free.0 = number;
        }
    }

    /// The cells of the chain, in the order of iteration.
    pub(crate) fn cells(&self, out: &mut Vec<u32>) {
        out.clear();
        let mut bucket = Some(self.home);
        while let Some(current) = bucket {
            out.extend(current.cells[..current.used()].iter().map(|cell| cell.load(Ordering::Relaxed)));
            bucket = self.buckets.overflow(current);
        }
        out.reverse();
    }
}

impl Drop for Chain<'_> {
    #[inline]
    fn drop(&mut self) {
        let version = self.home.version.load(Ordering::Relaxed);
        self.home.version.store(version.wrapping_add(1), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use crate::{Map, MapSpec, hash::Hash};
    use skep_platform::MapType;

    #[test]
    fn few_chains_overflow_at_the_load_of_a_full_map() {
        let map = Map::create(MapSpec::new(MapType::Hash, 4, 8, 10_000)).unwrap();
        for n in 0..10_000u32 {
            map.update(&n.to_ne_bytes(), &[0; 8], 0).unwrap();
        }
        let buckets = &map.part::<Hash>().unwrap().buckets;
        let overflows = buckets.free.lock().1;
        assert!(overflows < buckets.count() / 8, "{overflows} of {}", buckets.count());
        assert!(map.memory_usage() < 10_000 * 32, "{} bytes", map.memory_usage());
    }
}
