//! One bucket: eleven entries in a cache line, told apart by a byte of their hash.
//!
//! A bucket has eleven *tags* (a byte of the hash; 0 is an empty place), eleven cell numbers, a version and a link to an overflow
//! bucket of the same shape. Tags are compared eight at a time, in one word.
//!
//! Invariants:
//! * Zeroed memory is an empty bucket.
//! * Places are used from the front, so the first tag that is 0 ends the bucket.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Places in a bucket: what fits a cache line.
pub(crate) const PLACES: usize = 11;

/// Eleven places, a version and a link, in one cache line.
#[repr(C, align(64))]
pub(crate) struct Bucket {
    /// Odd while a writer is in the chain; only that of the home bucket counts.
    pub(crate) version: AtomicU32,
    /// Number of the next bucket of the chain.
    pub(crate) overflow: AtomicU32,
    /// The tags of places 0 to 7, always accessed as a whole word.
    first_tags: AtomicU64,
    /// Those of 8 to 10; the fourth byte stays 0.
    more_tags: AtomicU32,
    pub(crate) cells: [AtomicU32; PLACES],
}

const _: () = assert!(size_of::<Bucket>() == 64, "a bucket is one cache line");

/// Where an entry is: its bucket and place. Good while the chain is locked.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) bucket: &'a Bucket,
    pub(crate) place: usize,
}

impl Place<'_> {
    pub(crate) fn cell(self) -> u32 {
        self.bucket.cells[self.place].load(Ordering::Relaxed)
    }

    /// Publishes another cell for the same key.
    pub(crate) fn replace(self, cell: u32) {
        self.bucket.cells[self.place].store(cell, Ordering::Release);
    }
}

/// The tag of a hash: never 0.
#[inline(always)]
pub(crate) fn tag_of(hash: u64) -> u8 {
    (hash as u8).max(1)
}

/// A bit for each zero byte of a word, exactly.
#[inline(always)]
fn zero_bytes(word: u64) -> u32 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    // The top bit of a byte of `tops` is set if and only if the byte is zero.
    let tops = !(((word & LOW) + LOW) | word | LOW);
    // Bit 8i goes to bit 56 + i; no two of the product's terms meet, so nothing carries.
    ((tops >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32
}

impl Bucket {
    /// The places whose tag is `tag`, as bits. For 0 the bit after the last place is always set.
    #[inline(always)]
    pub(crate) fn candidates(&self, tag: u8) -> u32 {
        let pattern = u64::from(tag) * 0x0101_0101_0101_0101;
        let first = self.first_tags.load(Ordering::Acquire) ^ pattern;
        let second = u64::from(self.more_tags.load(Ordering::Acquire)) ^ (pattern & 0xffff_ffff);
        zero_bytes(first) | (zero_bytes(second) & 0xf) << 8
    }

    /// Places in use.
    pub(crate) fn used(&self) -> usize {
        self.candidates(0).trailing_zeros() as usize
    }

    pub(crate) fn tag(&self, place: usize) -> u8 {
        if place < 8 {
            (self.first_tags.load(Ordering::Relaxed) >> (8 * place)) as u8
        } else {
            (self.more_tags.load(Ordering::Relaxed) >> (8 * (place - 8))) as u8
        }
    }

    /// Changes a tag; only the holder of the chain's lock does.
    pub(crate) fn set_tag(&self, place: usize, tag: u8) {
        if place < 8 {
            let rest = self.first_tags.load(Ordering::Relaxed) & !(0xff << (8 * place));
            self.first_tags.store(rest | u64::from(tag) << (8 * place), Ordering::Release);
        } else {
            let at = 8 * (place - 8);
            let rest = self.more_tags.load(Ordering::Relaxed) & !(0xff << at);
            self.more_tags.store(rest | u32::from(tag) << at, Ordering::Release);
        }
    }
}
