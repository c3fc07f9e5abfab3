//! Hash maps: plain, per-CPU, and both with eviction.
//!
//! [`Buckets`] find cells, [`Slab`] says which cells are free, and this file lays out cells: where a key and its values are,
//! and what a key's hash is. What changes a map is in [`crate::hash_update`], what iterates in [`crate::walk`].
//!
//! Invariant: a cell is written before it is published and not written again while it is reachable, except for the value, which
//! belongs to the programs.

use std::hash::{BuildHasher, RandomState};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use skep_platform::errno::E2BIG;
use skep_platform::{Errno, MapFlags, MapType};

use crate::buckets::Buckets;
use crate::bytes::{self, round8};
use crate::lru::Clock;
use crate::memory::Memory;
use crate::pin::{self, Guard};
use crate::slab::Slab;
use crate::spec::MapSpec;
use crate::value::Layout;

/// Multiplier of the hash: an odd number without structure.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// Any of the four hash map types, and the engine of other maps with keys.
pub(crate) struct Hash {
    pub(crate) buckets: Buckets,
    pub(crate) slab: Slab,
    pub(crate) layout: Arc<Layout>,
    pub(crate) clock: Option<Clock>,
    pub(crate) key_size: usize,
    seed: u64,
    /// The most entries it may have.
    pub(crate) entries: u32,
    pub(crate) count: AtomicU32,
    pub(crate) per_cpu: bool,
    pub(crate) slots: u32,
    /// Per-CPU maps keep values apart from keys, each slot's in a region of its own.
    memory: Memory,
    pub(crate) values: Option<Memory>,
    /// Bytes from one cell's key to the next one's.
    pub(crate) key_step: usize,
    /// Bytes from one cell's value to the next one's, and from one slot's region to the next one's.
    value_step: usize,
    region: usize,
    values_at: NonNull<u8>,
}

// SAFETY: `values_at` points into one of the mappings, which belong to the value; all access is atomic or by the programs'.
unsafe impl Send for Hash {}
// SAFETY: as above.
unsafe impl Sync for Hash {}

impl Hash {
    pub(crate) fn new(spec: &MapSpec, layout: Arc<Layout>) -> Result<Hash, Errno> {
        let per_cpu = spec.map_type.is_per_cpu();
        let key_size = spec.key_size as usize;
        let key_step = round8(key_size) + if per_cpu { 0 } else { layout.stride };
        let slab = Slab::new(spec.max_entries, round8(key_size) + layout.stride)?;
        let cells = slab.cells() as usize;
        let slots = if per_cpu { pin::slots() } else { 1 };
        let memory = Memory::array(cells, key_step)?;
        let (values, region) = if per_cpu {
            let region = cells.checked_mul(layout.stride).ok_or(E2BIG)?.next_multiple_of(128);
            (Some(Memory::array(slots as usize, region)?), region)
        } else {
            (None, 0)
        };
        let values_at = match &values {
            Some(values) => values.base(),
            // SAFETY: a cell is at least a padded key and a value long.
            None => unsafe { memory.at(round8(key_size)) },
        };
        let lru = matches!(spec.map_type, MapType::LruHash | MapType::LruPercpuHash);
        let fixed = spec.flags.contains(MapFlags::ZERO_SEED);
        Ok(Hash {
            buckets: Buckets::new(spec.max_entries)?,
            clock: if lru { Some(Clock::new(slab.cells())?) } else { None },
            slab,
            key_size,
            seed: if fixed { 0 } else { RandomState::new().hash_one(spec.max_entries) },
            entries: spec.max_entries,
            count: AtomicU32::new(0),
            per_cpu,
            slots,
            value_step: if per_cpu { layout.stride } else { key_step },
            layout,
            key_step,
            region,
            values_at,
            memory,
            values,
        })
    }

    /// The hash of a key.
    #[inline(always)]
    pub(crate) fn hash(&self, key: &[u8]) -> u64 {
        // One word is the common case and needs no loop.
        if let Ok(key) = <[u8; 4]>::try_from(key) {
            return self.finish(self.absorb(self.seed, u32::from_le_bytes(key).into()));
        }
        self.finish(bytes::words(key).fold(self.seed, |state, word| self.absorb(state, word)))
    }

    #[inline(always)]
    fn absorb(&self, state: u64, word: u64) -> u64 {
        let product = u128::from(state ^ word ^ MIX) * u128::from(MIX);
        (product as u64 ^ (product >> 64) as u64).wrapping_add(self.seed)
    }

    /// Spreads the state over all bits: the chain comes from the upper half, the tag from the lowest byte.
    #[inline(always)]
    fn finish(&self, state: u64) -> u64 {
        let mixed = state.wrapping_mul(MIX);
        mixed ^ mixed >> 29
    }

    /// The hash of the key in a cell.
    pub(crate) fn hash_of_cell(&self, cell: u32) -> u64 {
        let at = self.key_at(cell);
        let word = |i: usize| {
            // SAFETY: a key has `round8(key_size)` bytes and is 8-aligned.
            u64::from_le(
                unsafe { AtomicU64::from_ptr(at.add(8 * i).as_ptr().cast()) }.load(Ordering::Relaxed),
            )
        };
        let words = (0..self.key_size.div_ceil(8)).map(word);
        self.finish(words.fold(self.seed, |state, word| self.absorb(state, word)))
    }

    #[inline(always)]
    pub(crate) fn key_at(&self, cell: u32) -> NonNull<u8> {
        // SAFETY: cells are below the number the memory was made for.
        unsafe { self.memory.at(cell as usize * self.key_step) }
    }

    #[inline(always)]
    pub(crate) fn value_at(&self, cell: u32, slot: u32) -> NonNull<u8> {
        let offset = slot as usize * self.region + cell as usize * self.value_step;
        // SAFETY: as in `key_at`; slots are below the number of regions, or the region has no size.
        unsafe { self.values_at.add(offset) }
    }

    #[inline(always)]
    pub(crate) fn same(&self, cell: u32, key: &[u8]) -> bool {
        // SAFETY: keys are stored padded.
        unsafe { bytes::equal_padded(self.key_at(cell), key) }
    }

    /// The slot whose value an operation of this guard means.
    #[inline(always)]
    pub(crate) fn slot(&self, guard: &Guard) -> u32 {
        if self.slots == 1 { 0 } else { guard.slot() }
    }

    #[inline]
    pub(crate) fn find(&self, key: &[u8]) -> Option<u32> {
        self.buckets.find(self.hash(key), |cell| self.same(cell, key))
    }

    /// Copies a cell's value out, all slots' for per-CPU maps.
    pub(crate) fn copy_out(&self, cell: u32, locked: bool, out: &mut [u8]) {
        let width = if self.per_cpu { self.layout.stride } else { self.layout.size };
        for (slot, out) in (0..self.slots).zip(out.chunks_exact_mut(width)) {
            // SAFETY: a value of this map; the chunk has the length of one.
            unsafe { self.layout.load(self.value_at(cell, slot), out, locked) };
        }
    }

    /// Bytes of a value as the application sees it.
    pub(crate) fn value_len(&self) -> usize {
        if self.per_cpu { self.layout.stride * self.slots as usize } else { self.layout.size }
    }
}
