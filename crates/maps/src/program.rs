//! The program's side of a map: what the helpers call.
//!
//! Pointers that these return point at `value_size` bytes, 8-aligned, and stay memory of this map's values while the guard
//! lives. As in Linux, a pointer into a deleted entry stays usable but is nobody's value any more.

use std::ptr::NonNull;

use skep_platform::Errno;
use skep_platform::errno::{EFAULT, EINVAL};

use crate::map::Map;
use crate::pin::{self, Guard};

impl Map {
    /// `bpf_map_lookup_elem`. A key of the wrong length finds nothing.
    #[inline]
    pub fn lookup_ptr(&self, guard: &Guard, key: &[u8]) -> Option<NonNull<u8>> {
        if let Some(view) = &self.0.view {
            return view.get(crate::bytes::index(key)?, guard.slot());
        }
        if key.len() != self.0.spec.key_size as usize {
            return None;
        }
        self.0.table.lookup(guard, key)
    }

    /// `bpf_map_lookup_percpu_elem`: the value of another slot.
    pub fn lookup_percpu_ptr(&self, guard: &Guard, key: &[u8], cpu: u32) -> Option<NonNull<u8>> {
        if key.len() != self.0.spec.key_size as usize || cpu >= pin::slots() {
            return None;
        }
        if !self.0.spec.map_type.is_per_cpu() {
            return None;
        }
        self.0.table.lookup_slot(guard, key, cpu)
    }

    /// `bpf_map_update_elem`. Per-CPU maps change the value of the guard's slot.
    ///
    /// `value` must not be memory that other threads write to: copy it first.
    ///
    /// # Errors
    /// The helper's errno; `EFAULT` for a key or value of the wrong length.
    #[inline]
    pub fn update_in(&self, guard: &Guard, key: &[u8], value: &[u8], flags: u64) -> Result<(), Errno> {
        if key.len() != self.0.spec.key_size as usize || value.len() != self.0.layout.size {
            return Err(EFAULT);
        }
        self.check_lock_flag(flags)?;
        self.0.table.update(guard, key, value, flags)
    }

    /// `bpf_map_delete_elem`.
    ///
    /// # Errors
    /// The helper's errno; `EFAULT` for a key of the wrong length.
    pub fn delete_in(&self, guard: &Guard, key: &[u8]) -> Result<(), Errno> {
        if key.len() != self.0.spec.key_size as usize {
            return Err(EFAULT);
        }
        self.0.table.delete(guard, key)
    }

    /// `bpf_map_push_elem`, for queues, stacks and bloom filters.
    ///
    /// # Errors
    /// The helper's errno; `EFAULT` for a value of the wrong length.
    pub fn push_in(&self, guard: &Guard, value: &[u8], flags: u64) -> Result<(), Errno> {
        if value.len() != self.0.layout.size {
            return Err(EFAULT);
        }
        self.0.table.push(guard, value, flags)
    }

    /// `bpf_map_pop_elem`, for queues and stacks. The value is zeroed when there is none.
    ///
    /// # Errors
    /// `ENOENT` when empty; `EFAULT` for a value of the wrong length.
    pub fn pop_in(&self, guard: &Guard, value: &mut [u8]) -> Result<(), Errno> {
        if value.len() != self.0.layout.size {
            return Err(EFAULT);
        }
        self.0.table.pop(guard, value, true)
    }

    /// `bpf_map_peek_elem`: the next value without taking it; whether a bloom filter may hold `value`.
    ///
    /// # Errors
    /// `ENOENT` when empty or not held; `EFAULT` for a value of the wrong length.
    pub fn peek_in(&self, guard: &Guard, value: &mut [u8]) -> Result<(), Errno> {
        if value.len() != self.0.layout.size {
            return Err(EFAULT);
        }
        self.0.table.pop(guard, value, false)
    }

    /// `bpf_for_each_map_elem`: calls `visit` with a copy of each key and the value until it returns false.
    ///
    /// Entries that are added or removed meanwhile may be seen or not; all others are seen once. The visitor may change the
    /// map. Per-CPU maps show the value of the guard's slot.
    ///
    /// # Errors
    /// `EINVAL` for types without iteration.
    pub fn for_each_in(
        &self,
        guard: &Guard,
        mut visit: impl FnMut(&[u8], NonNull<u8>) -> bool,
    ) -> Result<u64, Errno> {
        self.0.table.for_each(guard, &mut visit)
    }

    /// `BPF_F_LOCK` needs a lock to take.
    pub(crate) fn check_lock_flag(&self, flags: u64) -> Result<(), Errno> {
        if flags & crate::table::BPF_F_LOCK != 0 && !self.0.layout.has_lock() { Err(EINVAL) } else { Ok(()) }
    }
}
