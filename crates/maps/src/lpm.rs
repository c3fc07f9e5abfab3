//! `BPF_MAP_TYPE_LPM_TRIE`: the longest stored prefix of a key.
//!
//! Not a trie. All prefixes are in one hash table, under their length and their bits with the rest zeroed, so a look-up tries
//! lengths from the longest down, one hash look-up each. Which lengths are worth trying is known from a bitmap per value of
//! the first byte of data: a table of addresses has few lengths below any first byte, and each miss is one cache line. No
//! pointer is followed.
//!
//! Iteration wants the trie's order (children before their parent, the 0 branch first), which is an order on the bits alone:
//! [`Order`] keeps the cells sorted by it. Writers hold its lock, as they hold the trie's in Linux; look-ups take none.

use std::cmp::Ordering as Cmp;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use skep_platform::errno::{EINVAL, ENOENT, ENOSPC};
use skep_platform::{Errno, MapFlags, MapType};

use crate::bytes;
use crate::hash::Hash;
use crate::order::Order;
use crate::pin::Guard;
use crate::spec::MapSpec;
use crate::table::{BPF_ANY, BPF_EXIST, BPF_F_LOCK, Table, check_presence};
use crate::value::Layout;

/// Bytes of the prefix length in a key.
const LENGTH: usize = 4;
/// The key of an IPv6 address; shorter ones fit, too.
const ADDRESS_KEY: usize = LENGTH + 16;
/// The longest key: 256 bytes of data.
const MAX_KEY: usize = LENGTH + 256;

/// The map.
pub(crate) struct Lpm {
    hash: Hash,
    layout: Arc<Layout>,
    /// Bytes of data in a key.
    data: usize,
    entries: u32,
    /// For each first byte the lengths of prefixes that can match below it, one bit each.
    lengths: Box<[AtomicU64]>,
    words: usize,
    writers: Mutex<Writers>,
}

/// What only writers touch.
struct Writers {
    order: Order,
    /// How many prefixes are behind each bit of `lengths`.
    counts: std::collections::BTreeMap<(u8, u32), u32>,
}

/// A key taken apart: length, and data with the bits after the length zeroed.
/// `N` bounds the key's bytes: look-ups of short keys should not clear room for the longest.
#[derive(Clone, Copy)]
struct Prefix<const N: usize = MAX_KEY> {
    key: [u8; N],
    size: usize,
}

impl<const N: usize> Prefix<N> {
    /// `None` if the length is more than the data holds.
    fn new(key: &[u8]) -> Option<Prefix<N>> {
        let size = key.len();
        let mut prefix = Prefix { key: [0; N], size };
        prefix.key[..size].copy_from_slice(key);
        let len = prefix.len();
        (len as usize <= 8 * (size - LENGTH)).then(|| {
            prefix.shorten(len);
            prefix
        })
    }

    fn len(&self) -> u32 {
        u32::from_ne_bytes([self.key[0], self.key[1], self.key[2], self.key[3]])
    }

    fn bytes(&self) -> &[u8] {
        &self.key[..self.size]
    }

    /// Keeps the first `len` bits.
    #[inline]
    fn shorten(&mut self, len: u32) {
        self.key[..LENGTH].copy_from_slice(&len.to_ne_bytes());
        let data = &mut self.key[LENGTH..self.size];
        let whole = len as usize / 8;
        if whole < data.len() {
            data[whole] &= !(0xff >> (len % 8));
            data[whole + 1..].fill(0);
        }
    }
}

/// The trie's order of two prefixes in their stored form.
fn trie_order(a: &[u8], b: &[u8]) -> Cmp {
    let len = |key: &[u8]| u32::from_ne_bytes([key[0], key[1], key[2], key[3]]);
    let (a_len, b_len) = (len(a), len(b));
    let common = a_len.min(b_len) as usize;
    let whole = common / 8;
    let (a, b) = (&a[LENGTH..], &b[LENGTH..]);
    let bytes = a[..whole].cmp(&b[..whole]);
    let rest = || {
        let mask = if common.is_multiple_of(8) { 0 } else { !(0xffu8 >> (common % 8)) };
        let last = |data: &[u8]| data.get(whole).map_or(0, |byte| byte & mask);
        last(a).cmp(&last(b))
    };
    // Where one is a prefix of the other, the longer one is below it and comes first.
    bytes.then_with(rest).then(b_len.cmp(&a_len))
}

impl Lpm {
    pub(crate) fn new(spec: &MapSpec, layout: Arc<Layout>) -> Result<Lpm, Errno> {
        let data = spec.key_size as usize - LENGTH;
        let words = (8 * data) / 64 + 1;
        let table = MapSpec { map_type: MapType::Hash, flags: MapFlags::NONE, ..spec.clone() };
        Ok(Lpm {
            hash: Hash::new(&table, layout.clone())?,
            layout,
            data,
            entries: spec.max_entries,
            lengths: (0..256 * words).map(|_| AtomicU64::new(0)).collect(),
            words,
            writers: Mutex::new(Writers { order: Order::default(), counts: Default::default() }),
        })
    }

    fn writers(&self) -> MutexGuard<'_, Writers> {
        self.writers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cell of the longest prefix that matches.
    #[inline]
    fn longest(&self, key: &[u8]) -> Option<u32> {
        if let Ok(key) = <[u8; 8]>::try_from(key) {
            return self.longest_of_word(key);
        }
        if key.len() <= ADDRESS_KEY {
            self.longest_in::<ADDRESS_KEY>(key)
        } else {
            self.longest_in::<MAX_KEY>(key)
        }
    }

    /// The same for an IPv4 address, whose prefixes are made in a register.
    #[inline]
    fn longest_of_word(&self, key: [u8; 8]) -> Option<u32> {
        let [a, b, c, d, data @ ..] = key;
        let max = u32::from_ne_bytes([a, b, c, d]);
        if max > 32 {
            return None;
        }
        let address = u32::from_be_bytes(data);
        self.lengths(data[0], max).find_map(|len| {
            // In 64 bits, as a length of 0 shifts everything out.
            let bits = address & (u64::from(u32::MAX) << (32 - len)) as u32;
            let mut prefix = [0; 8];
            prefix[..LENGTH].copy_from_slice(&len.to_ne_bytes());
            prefix[LENGTH..].copy_from_slice(&bits.to_be_bytes());
            self.hash.find(&prefix)
        })
    }

    #[inline]
    fn longest_in<const N: usize>(&self, key: &[u8]) -> Option<u32> {
        let mut prefix = Prefix::<N>::new(key)?;
        self.lengths(prefix.key[LENGTH], prefix.len()).find_map(|len| {
            prefix.shorten(len);
            self.hash.find(prefix.bytes())
        })
    }

    /// The lengths of prefixes below a first byte, from `max` down.
    #[inline]
    fn lengths(&self, first: u8, max: u32) -> impl Iterator<Item = u32> + '_ {
        let row = first as usize * self.words;
        let top = max as usize / 64;
        let load = move |word: usize| self.lengths[row + word].load(Ordering::Acquire);
        let mut word = top;
        let mut left = load(top) & (u64::MAX >> (63 - max % 64));
        std::iter::from_fn(move || {
            while left == 0 {
                word = word.checked_sub(1)?;
                left = load(word);
            }
            let bit = 63 - left.leading_zeros();
            left &= !(1 << bit);
            Some(word as u32 * 64 + bit)
        })
    }

    /// Notes in the bitmap that there is one more, or one less, prefix.
    fn count(&self, counts: &mut std::collections::BTreeMap<(u8, u32), u32>, prefix: &Prefix, more: bool) {
        let (first, len) = (prefix.key[LENGTH], prefix.len());
        // A prefix shorter than a byte matches below several first bytes.
        let span = 1usize << (8 - len.min(8));
        for byte in usize::from(first)..usize::from(first) + span {
            let count = counts.entry((byte as u8, len)).or_insert(0);
            let word = &self.lengths[byte * self.words + len as usize / 64];
            if more {
                *count += 1;
                word.fetch_or(1 << (len % 64), Ordering::Release);
            } else {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&(byte as u8, len));
                    word.fetch_and(!(1 << (len % 64)), Ordering::Release);
                }
            }
        }
    }

    /// The stored key of a cell.
    fn key_of(&self, cell: u32) -> [u8; MAX_KEY] {
        let mut key = [0; MAX_KEY];
        // SAFETY: a key of this size, 8-aligned.
        unsafe { bytes::read(self.hash.key_at(cell), &mut key[..LENGTH + self.data]) };
        key
    }

    fn compare(&self, key: &[u8]) -> impl Fn(u32) -> Cmp + '_ {
        let mut wanted = [0; MAX_KEY];
        wanted[..key.len()].copy_from_slice(key);
        let size = key.len();
        move |cell| trie_order(&self.key_of(cell)[..size], &wanted[..size])
    }

    /// Where a cell keeps the data as it was given, bits after the length included: iteration shows it, as in Linux.
    fn given(&self, cell: u32) -> NonNull<u8> {
        // SAFETY: the layout of this type has room for the data behind each value.
        unsafe { self.hash.value_at(cell, 0).add(bytes::round8(self.layout.size)) }
    }
}

impl Table for Lpm {
    #[inline]
    fn lookup(&self, _guard: &Guard, key: &[u8]) -> Option<NonNull<u8>> {
        Some(self.hash.value_at(self.longest(key)?, 0))
    }

    fn update(&self, guard: &Guard, key: &[u8], value: &[u8], flags: u64) -> Result<(), Errno> {
        if flags > BPF_EXIST {
            return Err(EINVAL);
        }
        let prefix = Prefix::<MAX_KEY>::new(key).ok_or(EINVAL)?;
        let writers = &mut *self.writers();
        let old = self.hash.find(prefix.bytes());
        check_presence(old.is_some(), flags & !BPF_F_LOCK)?;
        if old.is_none() && writers.order.len() == self.entries as usize {
            return Err(ENOSPC);
        }
        let place = writers.order.search(self.compare(prefix.bytes()));
        self.hash.update(guard, prefix.bytes(), value, BPF_ANY)?;
        let cell = self.hash.find(prefix.bytes()).ok_or(ENOENT)?;
        // SAFETY: room for the data, 8-aligned; only writers and iteration, under this lock, look here.
        unsafe { bytes::write(self.given(cell), &key[LENGTH..]) };
        match place {
            Ok(place) => writers.order.replace(place, cell),
            Err(place) => {
                writers.order.insert(place, cell);
                self.count(&mut writers.counts, &prefix, true);
            }
        }
        Ok(())
    }

    fn delete(&self, guard: &Guard, key: &[u8]) -> Result<(), Errno> {
        let prefix = Prefix::<MAX_KEY>::new(key).ok_or(EINVAL)?;
        let writers = &mut *self.writers();
        let place = writers.order.search(self.compare(prefix.bytes())).map_err(|_| ENOENT)?;
        writers.order.remove(place);
        self.count(&mut writers.counts, &prefix, false);
        self.hash.delete(guard, prefix.bytes())
    }

    fn next_key(&self, _guard: &Guard, key: Option<&[u8]>, out: &mut [u8]) -> Result<(), Errno> {
        let writers = self.writers();
        let place = key
            .and_then(Prefix::<MAX_KEY>::new)
            .map(|prefix| writers.order.search(self.compare(prefix.bytes())));
        let next = match place {
            Some(Ok(place)) => writers.order.after(place),
            _ => writers.order.first(),
        };
        let cell = next.ok_or(ENOENT)?;
        out[..LENGTH].copy_from_slice(&self.key_of(cell)[..LENGTH]);
        // SAFETY: the data's bytes, 8-aligned, under the writers' lock.
        unsafe { bytes::read(self.given(cell), &mut out[LENGTH..]) };
        Ok(())
    }

    fn read(&self, _guard: &Guard, key: &[u8], locked: bool, out: &mut [u8]) -> Result<(), Errno> {
        let cell = self.longest(key).ok_or(ENOENT)?;
        self.hash.copy_out(cell, locked, out);
        Ok(())
    }

    fn has_batch(&self) -> bool {
        true
    }

    fn memory_usage(&self) -> usize {
        self.hash.memory_usage() + self.lengths.len() * 8 + self.writers().order.memory_usage()
    }
}
