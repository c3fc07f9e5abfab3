//! Copies between private buffers and the memory of maps.
//!
//! Programs on other threads write to values with plain stores while the application copies them, as user space and
//! programs do in Linux. To Rust such an access is a data race unless it is atomic, so every access of this crate to value
//! memory goes through relaxed atomics, word by word. A copy can mix two values of different times (as in Linux); what must
//! not be mixed is guarded by a spin lock or published by a single index.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

/// Rounds up to the unit in which memory of maps is laid out.
pub(crate) const fn round8(size: usize) -> usize {
    (size + 7) & !7
}

/// A word of map memory.
///
/// # Safety
/// `at` must be 8-aligned and stay valid for reads and writes of 8 bytes for `'a`; accesses by Rust code are atomic.
#[inline(always)]
unsafe fn word<'a>(at: *mut u8) -> &'a AtomicU64 {
    // SAFETY: the caller's contract is the one of `from_ptr`.
    unsafe { AtomicU64::from_ptr(at.cast()) }
}

/// Copies `out.len()` bytes out of map memory.
///
/// # Safety
/// `from` must be 8-aligned and valid for reads of `out.len()` bytes.
#[inline]
pub(crate) unsafe fn read(from: NonNull<u8>, out: &mut [u8]) {
    let from = from.as_ptr();
    let mut words = out.chunks_exact_mut(8);
    let mut at = 0;
    for chunk in &mut words {
        // SAFETY: `at` advances by words within `out.len()`.
        chunk.copy_from_slice(&unsafe { word(from.add(at)) }.load(Ordering::Relaxed).to_ne_bytes());
        at += 8;
    }
    for (i, byte) in words.into_remainder().iter_mut().enumerate() {
        // SAFETY: the rest of `out.len()` bytes.
        *byte = unsafe { AtomicU8::from_ptr(from.add(at + i)) }.load(Ordering::Relaxed);
    }
}

/// Copies `bytes` into map memory.
///
/// # Safety
/// `to` must be 8-aligned and valid for writes of `bytes.len()` bytes.
#[inline]
pub(crate) unsafe fn write(to: NonNull<u8>, bytes: &[u8]) {
    let to = to.as_ptr();
    let words = bytes.chunks_exact(8);
    let rest = words.remainder();
    let mut at = 0;
    for chunk in words {
        let mut value = [0; 8];
        value.copy_from_slice(chunk);
        // SAFETY: `at` advances by words within `bytes.len()`.
        unsafe { word(to.add(at)) }.store(u64::from_ne_bytes(value), Ordering::Relaxed);
        at += 8;
    }
    for (i, &byte) in rest.iter().enumerate() {
        // SAFETY: the rest of `bytes.len()` bytes.
        unsafe { AtomicU8::from_ptr(to.add(at + i)) }.store(byte, Ordering::Relaxed);
    }
}

/// Writes one byte of map memory.
///
/// # Safety
/// `to + at` must be valid for writes.
#[inline]
pub(crate) unsafe fn write_byte(to: NonNull<u8>, at: usize, byte: u8) {
    // SAFETY: the caller's contract.
    unsafe { AtomicU8::from_ptr(to.as_ptr().add(at)) }.store(byte, Ordering::Relaxed);
}

/// Writes `bytes` and zeroes up to the next multiple of 8.
///
/// # Safety
/// `to` must be 8-aligned and valid for writes of `round8(bytes.len())` bytes.
#[inline]
pub(crate) unsafe fn write_padded(to: NonNull<u8>, bytes: &[u8]) {
    let whole = bytes.len() & !7;
    // SAFETY: a part of the range of the contract.
    unsafe { write(to, &bytes[..whole]) };
    if whole < bytes.len() {
        let mut last = [0; 8];
        last[..bytes.len() - whole].copy_from_slice(&bytes[whole..]);
        // SAFETY: `whole + 8 == round8(bytes.len())`.
        unsafe { word(to.as_ptr().add(whole)) }.store(u64::from_ne_bytes(last), Ordering::Relaxed);
    }
}

/// Zeroes `len` bytes of map memory.
///
/// # Safety
/// `to` must be valid for writes of `len` bytes and 4-aligned; `len` must be a multiple of 4.
pub(crate) unsafe fn zero(to: NonNull<u8>, len: usize) {
    for at in (0..len).step_by(4) {
        // SAFETY: within `len`, 4-aligned by the contract.
        unsafe { AtomicU32::from_ptr(to.as_ptr().add(at).cast()) }.store(0, Ordering::Relaxed);
    }
}

/// Whether `len` bytes of map memory are all zero.
///
/// # Safety
/// As for [`zero`].
pub(crate) unsafe fn is_zero(at: NonNull<u8>, len: usize) -> bool {
    // SAFETY: within `len`, 4-aligned by the contract.
    let word = |i| unsafe { AtomicU32::from_ptr(at.as_ptr().add(i).cast()) }.load(Ordering::Relaxed);
    (0..len).step_by(4).all(|i| word(i) == 0)
}

/// Whether map memory, zero padded to words, equals `bytes`.
///
/// # Safety
/// `at` must be 8-aligned and valid for reads of `round8(bytes.len())` bytes.
#[inline(always)]
pub(crate) unsafe fn equal_padded(at: NonNull<u8>, bytes: &[u8]) -> bool {
    // SAFETY: word `i` lies below `round8(bytes.len())` where it is asked for.
    let have = |i: usize| u64::from_le(unsafe { word(at.as_ptr().add(8 * i)) }.load(Ordering::Relaxed));
    // The common sizes of keys compare without a loop.
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        return have(0) == u64::from(u32::from_le_bytes(bytes));
    }
    if let Ok(bytes) = <[u8; 8]>::try_from(bytes) {
        return have(0) == u64::from_le_bytes(bytes);
    }
    words(bytes).enumerate().all(|(i, want)| have(i) == want)
}

/// The words of a byte string, little-endian, the last one padded with zeros.
#[inline(always)]
pub(crate) fn words(bytes: &[u8]) -> impl Iterator<Item = u64> + '_ {
    let chunks = bytes.chunks_exact(8);
    let rest = chunks.remainder();
    let last = (!rest.is_empty()).then(|| {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        u64::from_le_bytes(last)
    });
    let whole = chunks.map(|chunk| {
        let mut value = [0; 8];
        value.copy_from_slice(chunk);
        u64::from_le_bytes(value)
    });
    whole.chain(last)
}

/// The little-endian or native number that an index key is.
#[inline(always)]
pub(crate) fn index(key: &[u8]) -> Option<u32> {
    Some(u32::from_ne_bytes(key.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_exact_at_every_length() {
        for len in 0..40usize {
            let bytes: Vec<u8> = (0..len).map(|i| i as u8 + 1).collect();
            let mut memory = [u64::MAX; 6];
            let at = NonNull::new(memory.as_mut_ptr().cast::<u8>()).unwrap();
            let mut out = vec![0; len];
            // SAFETY: 48 aligned bytes, `len` is below 40.
            unsafe {
                write(at, &bytes);
                read(at, &mut out);
                assert_eq!(out, bytes);
                assert_eq!(*at.as_ptr().add(len), 0xff, "wrote past the end");
                write_padded(at, &bytes);
                assert!(equal_padded(at, &bytes));
                assert_eq!(*at.as_ptr().add(round8(len)), 0xff, "padded past the word");
            }
        }
    }
}
