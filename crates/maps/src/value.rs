//! The inside of a value: plain bytes, and special fields that no copy may touch.
//!
//! A timer, a kptr or a lock in a value belongs to the programs. Copies in and out go around them: a lookup shows zeros
//! there, an update leaves them as they are, and when an entry goes away each is *released* (the timer cancelled, the object
//! freed) by the [`FieldHooks`] that whoever runs the programs has set.

use std::fmt;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use skep_platform::MapType;

use crate::bytes;
use crate::spec::{FieldKind, MapSpec, SpecialField};

/// Called for each special field that is in use (not all zeros), locks aside, of a value that leaves its map.
pub trait FieldHooks: Send + Sync {
    /// Cancels or frees what the field at `at` holds; the field reads as zero afterwards, whatever this leaves there.
    ///
    /// Runs inside of the map operation, so it must neither block on a program nor change the same map. `at` is valid for
    /// `field.kind.size()` bytes during the call. Programs may still hold a pointer to the value: take the content with an
    /// atomic exchange.
    fn release(&self, map_id: u32, field: &SpecialField, at: NonNull<u8>);
}

/// The shape of one map's values.
pub(crate) struct Layout {
    /// Bytes of a value as its users see it.
    pub(crate) size: usize,
    /// Bytes from one value to the next: `size` rounded up to 8 (the padding is zero), and what a type keeps behind it.
    pub(crate) stride: usize,
    /// What copies touch, when there are special fields to leave out.
    plain: Vec<Range<usize>>,
    fields: Vec<SpecialField>,
    /// Offset of the spin lock.
    lock: Option<usize>,
    map_id: u32,
    hooks: OnceLock<Arc<dyn FieldHooks>>,
}

impl fmt::Debug for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layout")
            .field("size", &self.size)
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}

impl Layout {
    /// The layout of a checked spec: fields are in order, inside of the value and do not overlap.
    pub(crate) fn new(spec: &MapSpec, map_id: u32) -> Layout {
        let size = spec.value_size as usize;
        let mut plain = Vec::new();
        let mut from = 0;
        for field in &spec.fields {
            let start = field.offset as usize;
            if from < start {
                plain.push(from..start);
            }
            from = start + field.kind.size() as usize;
        }
        if from < size {
            plain.push(from..size);
        }
        // An LPM trie keeps the data of the key as it was given behind each value.
        let behind = match spec.map_type {
            MapType::LpmTrie => bytes::round8(spec.key_size as usize),
            _ => 0,
        };
        let lock = spec.fields.iter().find(|field| field.kind == FieldKind::SpinLock);
        Layout {
            size,
            stride: bytes::round8(size) + behind,
            plain,
            fields: spec.fields.clone(),
            lock: lock.map(|field| field.offset as usize),
            map_id,
            hooks: OnceLock::new(),
        }
    }

    pub(crate) fn set_hooks(&self, hooks: Arc<dyn FieldHooks>) -> bool {
        self.hooks.set(hooks).is_ok()
    }

    pub(crate) fn has_lock(&self) -> bool {
        self.lock.is_some()
    }

    pub(crate) fn has_fields(&self) -> bool {
        !self.fields.is_empty()
    }

    /// Writes a value into memory that nobody else sees yet: special fields and padding become zero.
    ///
    /// # Safety
    /// `to` is 8-aligned and valid for `stride` bytes; `value` has `size` bytes.
    #[inline]
    pub(crate) unsafe fn init(&self, to: NonNull<u8>, value: &[u8]) {
        debug_assert_eq!(value.len(), self.size);
        if self.fields.is_empty() {
            // SAFETY: `stride` is `size` rounded up.
            unsafe { bytes::write_padded(to, value) };
        } else {
            // SAFETY: `stride` bytes are valid; the second call has the same contract as this one.
            unsafe {
                bytes::zero(to, self.stride);
                self.store(to, value);
            }
        }
    }

    /// Zeroes a value that nobody else sees yet.
    ///
    /// # Safety
    /// `to` is 8-aligned and valid for `stride` bytes.
    pub(crate) unsafe fn clear(&self, to: NonNull<u8>) {
        // SAFETY: the caller's contract; the stride is a multiple of 8.
        unsafe { bytes::zero(to, self.stride) };
    }

    /// Overwrites a live value around its special fields, under its lock if `locked`.
    ///
    /// # Safety
    /// As for [`Layout::init`].
    #[inline]
    pub(crate) unsafe fn overwrite(&self, to: NonNull<u8>, value: &[u8], locked: bool) {
        // SAFETY: the lock lies in the value, 4-aligned (checked at creation).
        let lock = self.lock.filter(|_| locked).map(|at| unsafe { spin_word(to, at) });
        if let Some(word) = lock {
            lock_word(word);
        }
        // SAFETY: the caller's contract.
        unsafe { self.store(to, value) };
        if let Some(word) = lock {
            unlock_word(word);
        }
    }

    /// Copies a value out, zeros where special fields are, under its lock if `locked`. `out` has `size` bytes, or `stride`
    /// for the padded values of per-CPU maps.
    ///
    /// # Safety
    /// `from` is 8-aligned and valid for `stride` bytes.
    #[inline]
    pub(crate) unsafe fn load(&self, from: NonNull<u8>, out: &mut [u8], locked: bool) {
        debug_assert!(out.len() == self.size || out.len() == self.stride);
        if self.fields.is_empty() {
            // SAFETY: `out` is no longer than `stride`.
            return unsafe { bytes::read(from, out) };
        }
        // SAFETY: the lock lies in the value, 4-aligned (checked at creation).
        let lock = self.lock.filter(|_| locked).map(|at| unsafe { spin_word(from, at) });
        if let Some(word) = lock {
            lock_word(word);
        }
        // SAFETY: `out` is no longer than `stride`.
        unsafe { bytes::read(from, out) };
        if let Some(word) = lock {
            unlock_word(word);
        }
        for field in &self.fields {
            let start = field.offset as usize;
            out[start..start + field.kind.size() as usize].fill(0);
        }
    }

    /// The plain bytes of `value` into memory.
    ///
    /// # Safety
    /// As for [`Layout::init`].
    #[inline]
    unsafe fn store(&self, to: NonNull<u8>, value: &[u8]) {
        if self.fields.is_empty() {
            // SAFETY: `value` has `size` bytes.
            return unsafe { bytes::write(to, value) };
        }
        for span in &self.plain {
            let unaligned = span.start % 8;
            // Fields are 4-aligned, so a span may start in the middle of a word: step to the next one byte by byte.
            let head = span.start..span.end.min(span.start + (8 - unaligned) % 8);
            for at in head.clone() {
                // SAFETY: in the value; a byte has no alignment.
                unsafe { bytes::write_byte(to, at, value[at]) };
            }
            if head.end < span.end {
                // SAFETY: `head.end` is a multiple of 8 now and the span ends within the value.
                unsafe { bytes::write(to.add(head.end), &value[head.end..span.end]) };
            }
        }
    }

    /// Releases the special fields of a value that leaves its map.
    ///
    /// # Safety
    /// `at` is valid for `stride` bytes.
    #[inline]
    pub(crate) unsafe fn release(&self, at: NonNull<u8>) {
        if self.fields.is_empty() {
            return;
        }
        for field in self.fields.iter().filter(|field| !field.kind.is_lock()) {
            // SAFETY: fields lie within the value; sizes are multiples of 4, offsets too.
            let place = unsafe { at.add(field.offset as usize) };
            let size = field.kind.size() as usize;
            // SAFETY: as above.
            if unsafe { bytes::is_zero(place, size) } {
                continue;
            }
            if let Some(hooks) = self.hooks.get() {
                hooks.release(self.map_id, field, place);
            }
            // SAFETY: as above.
            unsafe { bytes::zero(place, size) };
        }
    }
}

/// The lock word at `offset` in a value.
///
/// # Safety
/// The word must lie in the value and be 4-aligned.
unsafe fn spin_word<'a>(value: NonNull<u8>, offset: usize) -> &'a AtomicU32 {
    // SAFETY: the caller's contract.
    unsafe { AtomicU32::from_ptr(value.as_ptr().add(offset).cast()) }
}

/// Takes a `struct bpf_spin_lock`: the lock that programs and `BPF_F_LOCK` share.
///
/// A holder can lose its CPU in user space, so waiting gives the CPU away after a short spin.
pub fn lock_word(word: &AtomicU32) {
    let mut turns = 0u32;
    while word.compare_exchange_weak(0, 1, Ordering::Acquire, Ordering::Relaxed).is_err() {
        turns += 1;
        if turns.is_multiple_of(64) { std::thread::yield_now() } else { std::hint::spin_loop() }
    }
}

/// Releases a `struct bpf_spin_lock`.
pub fn unlock_word(word: &AtomicU32) {
    word.store(0, Ordering::Release);
}
