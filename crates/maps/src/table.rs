//! What a map type implements.
//!
//! [`crate::Map`] checks what Linux checks for every map (lengths, permissions, known flags) and passes on; a type answers
//! with what it does differently from "not supported". Each method's default is the errno that Linux gives for types
//! without that operation.
//!
//! Keys arrive with exactly `key_size` bytes and values with the length that the side uses: `value_size` from programs, one
//! padded value per slot from the application for per-CPU types.

use std::any::Any;
use std::ptr::NonNull;

use skep_platform::Errno;
use skep_platform::errno::{EINVAL, ENOENT, ENOTSUPP, EOPNOTSUPP};

use crate::array::ArrayView;
use crate::pin::Guard;

/// Insert or replace.
pub const BPF_ANY: u64 = 0;
/// Insert only: `EEXIST` if the key is there.
pub const BPF_NOEXIST: u64 = 1;
/// Replace only: `ENOENT` if the key is not there. For queues and stacks: make room when full.
pub const BPF_EXIST: u64 = 2;
/// Copy the value under its spin lock.
pub const BPF_F_LOCK: u64 = 4;

/// Whether a callback wants more.
pub(crate) type More = bool;

/// What a step of a batch lookup is to do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    /// The bucket (or the cell) to look at.
    pub(crate) cursor: u32,
    /// Whether its entries are removed as well.
    pub(crate) take: bool,
    /// The most entries that may be shown.
    pub(crate) room: usize,
}

/// One map's data. All methods may be called from any thread at any time.
pub(crate) trait Table: Any + Send + Sync {
    /// The value of a key, for a program on the guard's slot.
    fn lookup(&self, _guard: &Guard, _key: &[u8]) -> Option<NonNull<u8>> {
        None
    }

    /// The value of a key on a slot. `slot` is below the number of slots.
    fn lookup_slot(&self, _guard: &Guard, _key: &[u8], _slot: u32) -> Option<NonNull<u8>> {
        None
    }

    /// `bpf_map_update_elem`.
    fn update(&self, _guard: &Guard, _key: &[u8], _value: &[u8], _flags: u64) -> Result<(), Errno> {
        Err(EOPNOTSUPP)
    }

    /// Removes a key, for programs and the application.
    fn delete(&self, _guard: &Guard, _key: &[u8]) -> Result<(), Errno> {
        Err(EOPNOTSUPP)
    }

    /// Appends a value.
    fn push(&self, _guard: &Guard, _value: &[u8], _flags: u64) -> Result<(), Errno> {
        Err(EOPNOTSUPP)
    }

    /// Takes (`true`) or copies the next value. For a bloom filter `value` is what is asked for.
    fn pop(&self, _guard: &Guard, _value: &mut [u8], _take: bool) -> Result<(), Errno> {
        Err(EOPNOTSUPP)
    }

    /// The key after `key` (`None`: the first) into `out`; `ENOENT` after the last.
    fn next_key(&self, _guard: &Guard, _key: Option<&[u8]>, _out: &mut [u8]) -> Result<(), Errno> {
        Err(EOPNOTSUPP)
    }

    /// Calls `visit` with each entry until it says false; returns how many were visited.
    fn for_each(
        &self,
        _guard: &Guard,
        _visit: &mut dyn FnMut(&[u8], NonNull<u8>) -> More,
    ) -> Result<u64, Errno> {
        Err(EINVAL)
    }

    /// The application's lookup: copies the value to `out`.
    fn read(&self, _guard: &Guard, _key: &[u8], _locked: bool, _out: &mut [u8]) -> Result<(), Errno> {
        Err(ENOTSUPP)
    }

    /// The application's update.
    fn write(&self, guard: &Guard, key: &[u8], value: &[u8], flags: u64) -> Result<(), Errno> {
        self.update(guard, key, value, flags)
    }

    /// Copies the value to `out` and removes the key, at once.
    fn take(&self, _guard: &Guard, _key: &[u8], _locked: bool, _out: &mut [u8]) -> Result<(), Errno> {
        Err(ENOTSUPP)
    }

    /// Whether the batch calls exist for this type.
    fn has_batch(&self) -> bool {
        false
    }

    /// One step of a batch lookup: `emit` gets the entries of one bucket.
    ///
    /// Returns the next cursor, `None` after the last bucket. When the bucket holds more entries than there is room for,
    /// nothing is taken and the answer is `Err(number of entries)`.
    fn read_bucket(
        &self,
        _guard: &Guard,
        _step: Step,
        _emit: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Result<Option<u32>, usize> {
        Ok(None)
    }

    /// Memory held, in bytes: reserved address space counts when it was touched for sure (tables), values when in use.
    fn memory_usage(&self) -> usize;

    /// Where the values are, if it is as simple as that.
    fn as_array(&self) -> Option<ArrayView> {
        None
    }
}

/// Checks flags against the presence of a key, as Linux does everywhere.
pub(crate) fn check_presence(found: bool, flags: u64) -> Result<(), Errno> {
    match flags & !BPF_F_LOCK {
        BPF_NOEXIST if found => Err(skep_platform::errno::EEXIST),
        BPF_EXIST if !found => Err(ENOENT),
        _ => Ok(()),
    }
}
