//! Bloom filters: a bit set in which a value's few bits are set, or at least one is not and the value was never added.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use skep_platform::errno::{EINVAL, ENOENT};
use skep_platform::{Errno, MapFlags};

use crate::bytes;
use crate::memory::Memory;
use crate::pin::Guard;
use crate::spec::MapSpec;
use crate::table::{BPF_ANY, Table};

/// Hash functions when `map_extra` says none.
const DEFAULT_HASHES: u64 = 5;

/// The largest bit set: Linux's, too, ends where bit numbers no longer fit 32 bits.
const MAX_BITS: u64 = 1 << 32;

/// `BPF_MAP_TYPE_BLOOM_FILTER`.
pub(crate) struct Bloom {
    bits: Memory,
    mask: u64,
    hashes: u64,
    seed: u64,
}

impl Bloom {
    pub(crate) fn new(spec: &MapSpec) -> Result<Bloom, Errno> {
        let hashes = if spec.map_extra == 0 { DEFAULT_HASHES } else { spec.map_extra };
        // With n values and k functions the false positives are fewest at n * k / ln 2 bits; 7/5 is close to 1/ln 2.
        let wanted = u64::from(spec.max_entries) * hashes * 7 / 5;
        let count = wanted.next_power_of_two().clamp(64, MAX_BITS);
        Ok(Bloom {
            bits: Memory::new((count / 8) as usize)?,
            mask: count - 1,
            hashes,
            seed: if spec.flags.contains(MapFlags::ZERO_SEED) {
                0
            } else {
                RandomState::new().hash_one(count)
            },
        })
    }

    /// The value's bits: two hashes make all others by stepping.
    fn bits(&self, value: &[u8]) -> impl Iterator<Item = u64> + '_ {
        const MIX: u64 = 0xd6e8_feb8_6659_fd93;
        let hash = bytes::words(value).fold(self.seed ^ value.len() as u64, |state, word| {
            let mixed = (state ^ word).wrapping_mul(MIX);
            (mixed ^ mixed >> 32).wrapping_mul(MIX).rotate_left(23)
        });
        let last = (hash ^ hash >> 29).wrapping_mul(MIX);
        let (start, step) = (last ^ last >> 32, hash.wrapping_mul(MIX).rotate_left(31) | 1);
        (0..self.hashes).map(move |i| start.wrapping_add(i.wrapping_mul(step)) & self.mask)
    }

    fn word(&self, bit: u64) -> &AtomicU64 {
        // SAFETY: `bit` is below the number of bits, so its word lies in the mapping, which lives as long as `self`.
        unsafe { AtomicU64::from_ptr(self.bits.at((bit / 64 * 8) as usize).as_ptr().cast()) }
    }
}

impl Table for Bloom {
    fn push(&self, _guard: &Guard, value: &[u8], flags: u64) -> Result<(), Errno> {
        if flags != BPF_ANY {
            return Err(EINVAL);
        }
        for bit in self.bits(value) {
            let word = self.word(bit);
            let mask = 1 << (bit % 64);
            // Most bits of a filter in use are set already: reading keeps the line shared.
            if word.load(Ordering::Relaxed) & mask == 0 {
                word.fetch_or(mask, Ordering::Release);
            }
        }
        Ok(())
    }

    fn pop(&self, _guard: &Guard, value: &mut [u8], take: bool) -> Result<(), Errno> {
        if take {
            return Err(skep_platform::errno::EOPNOTSUPP);
        }
        let held = self.bits(value).all(|bit| self.word(bit).load(Ordering::Acquire) & 1 << (bit % 64) != 0);
        if held { Ok(()) } else { Err(ENOENT) }
    }

    fn read(&self, guard: &Guard, _key: &[u8], _locked: bool, out: &mut [u8]) -> Result<(), Errno> {
        self.pop(guard, out, false)
    }

    fn memory_usage(&self) -> usize {
        self.bits.len()
    }
}

#[cfg(test)]
mod tests {
    use crate::{Map, MapSpec};
    use skep_platform::MapType;
    use skep_platform::errno::{EINVAL, ENOTSUPP, EOPNOTSUPP};

    #[test]
    fn never_forgets_and_seldom_lies() {
        let map = Map::create(MapSpec::new(MapType::BloomFilter, 0, 8, 1000).with_extra(5)).unwrap();
        for i in 0..1000u64 {
            map.push(&i.to_ne_bytes(), 0).unwrap();
        }
        assert!((0..1000u64).all(|i| map.contains(&i.to_ne_bytes()) == Ok(true)));
        let lies = (1000..11_000u64).filter(|i| map.contains(&i.to_ne_bytes()) == Ok(true)).count();
        assert!(lies < 600, "{lies} of 10000 values that were never added");
        assert_eq!(map.push(&[0; 8], 1), Err(EINVAL));
        assert_eq!(map.delete(&[]), Err(EOPNOTSUPP));
        assert_eq!(map.next_key(None), Err(EOPNOTSUPP));
        assert_eq!(map.lookup_and_delete(&[]), Err(ENOTSUPP));
    }
}
