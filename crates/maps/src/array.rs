//! Arrays: one slab of values, indexed.

use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::AtomicU8;

use skep_platform::Errno;
use skep_platform::errno::{E2BIG, EEXIST, EINVAL, ENOENT};

use crate::bytes::index;
use crate::memory::Memory;
use crate::pin::{self, Guard};
use crate::spec::MapSpec;
use crate::table::{BPF_EXIST, BPF_F_LOCK, BPF_NOEXIST, More, Table};
use crate::value::Layout;

/// Where the values of an array lie: value `i` of slot `s` is at `base + s * slot_stride + i * stride`, for `i < count`.
///
/// For code that looks up without a call. Valid while the map lives.
#[derive(Debug, Clone, Copy)]
pub struct ArrayView {
    /// The first value of slot 0.
    pub base: NonNull<u8>,
    /// Bytes from one value to the next.
    pub stride: usize,
    /// Number of values per slot.
    pub count: u32,
    /// Bytes from one slot's values to the next slot's; 0 where all slots share one value.
    pub slot_stride: usize,
}

// SAFETY: plain numbers; dereferencing is the users' unsafe act.
unsafe impl Send for ArrayView {}
// SAFETY: as above.
unsafe impl Sync for ArrayView {}

impl ArrayView {
    /// The value at an index on a slot.
    #[inline(always)]
    pub fn get(&self, index: u32, slot: u32) -> Option<NonNull<u8>> {
        if index >= self.count {
            return None;
        }
        // SAFETY: within the slab by the type's invariant; `slot` is below the number of slots.
        Some(unsafe { self.base.add(slot as usize * self.slot_stride + index as usize * self.stride) })
    }
}

/// `BPF_MAP_TYPE_ARRAY` and, with more than one slot, `BPF_MAP_TYPE_PERCPU_ARRAY`.
pub(crate) struct Array {
    memory: Memory,
    view: ArrayView,
    layout: Arc<Layout>,
    slots: u32,
    per_cpu: bool,
}

/// Values of different slots start this far apart at least, so that CPUs do not share cache lines.
const SLOT_ALIGN: usize = 128;

impl Array {
    pub(crate) fn new(spec: &MapSpec, layout: Arc<Layout>) -> Result<Array, Errno> {
        let per_cpu = spec.map_type.is_per_cpu();
        let slots = if per_cpu { pin::slots() } else { 1 };
        let count = spec.max_entries;
        let per_slot = (count as usize).checked_mul(layout.stride).ok_or(E2BIG)?;
        let slot_stride = if per_cpu { per_slot.next_multiple_of(SLOT_ALIGN) } else { 0 };
        let memory = Memory::array(slots as usize, if per_cpu { slot_stride } else { per_slot })?;
        let view = ArrayView { base: memory.base(), stride: layout.stride, count, slot_stride };
        Ok(Array { memory, view, layout, slots, per_cpu })
    }

    /// The values as memory that the application shares with programs.
    pub(crate) fn as_memory(&self) -> &[AtomicU8] {
        // SAFETY: the mapping lives as long as `self`, is initialised with zeros, and `AtomicU8` has any bytes and no
        // alignment; programs write to it from machine code or through atomics.
        unsafe { std::slice::from_raw_parts(self.memory.base().as_ptr().cast(), self.memory.len()) }
    }

    /// Checks an update's flags and index in Linux's order.
    fn check(&self, key: &[u8], flags: u64) -> Result<u32, Errno> {
        if flags & !BPF_F_LOCK > BPF_EXIST {
            return Err(EINVAL);
        }
        let index = index(key).filter(|&index| index < self.view.count).ok_or(E2BIG)?;
        if flags & BPF_NOEXIST != 0 {
            return Err(EEXIST);
        }
        Ok(index)
    }

    fn each_slot(&self, index: u32) -> impl Iterator<Item = NonNull<u8>> + '_ {
        (0..self.slots).filter_map(move |slot| self.view.get(index, slot))
    }
}

impl Table for Array {
    fn lookup(&self, guard: &Guard, key: &[u8]) -> Option<NonNull<u8>> {
        self.view.get(index(key)?, guard.slot())
    }

    fn lookup_slot(&self, _guard: &Guard, key: &[u8], slot: u32) -> Option<NonNull<u8>> {
        self.view.get(index(key)?, slot)
    }

    fn update(&self, guard: &Guard, key: &[u8], value: &[u8], flags: u64) -> Result<(), Errno> {
        let index = self.check(key, flags)?;
        let at = self.view.get(index, guard.slot()).ok_or(E2BIG)?;
        // SAFETY: a value of this array; `Map` checked the length of `value`.
        unsafe {
            self.layout.overwrite(at, value, flags & BPF_F_LOCK != 0);
            // An array's value never goes away: what it owned goes when it is overwritten.
            self.layout.release(at);
        }
        Ok(())
    }

    fn delete(&self, _guard: &Guard, _key: &[u8]) -> Result<(), Errno> {
        Err(EINVAL)
    }

    fn next_key(&self, _guard: &Guard, key: Option<&[u8]>, out: &mut [u8]) -> Result<(), Errno> {
        next_index(key, self.view.count, out)
    }

    fn for_each(
        &self,
        guard: &Guard,
        visit: &mut dyn FnMut(&[u8], NonNull<u8>) -> More,
    ) -> Result<u64, Errno> {
        let mut visited = 0;
        for index in 0..self.view.count {
            let Some(at) = self.view.get(index, guard.slot()) else { break };
            visited += 1;
            if !visit(&index.to_ne_bytes(), at) {
                break;
            }
        }
        Ok(visited)
    }

    fn read(&self, _guard: &Guard, key: &[u8], locked: bool, out: &mut [u8]) -> Result<(), Errno> {
        let index = index(key).filter(|&index| index < self.view.count).ok_or(ENOENT)?;
        let width = if self.per_cpu { self.layout.stride } else { self.layout.size };
        for (at, out) in self.each_slot(index).zip(out.chunks_exact_mut(width)) {
            // SAFETY: a value of this array; the chunk has the length of one.
            unsafe { self.layout.load(at, out, locked) };
        }
        Ok(())
    }

    fn write(&self, guard: &Guard, key: &[u8], value: &[u8], flags: u64) -> Result<(), Errno> {
        if !self.per_cpu {
            return self.update(guard, key, value, flags);
        }
        let index = self.check(key, flags)?;
        for (at, value) in self.each_slot(index).zip(value.chunks_exact(self.layout.stride)) {
            // SAFETY: as in `update`.
            unsafe {
                self.layout.overwrite(at, &value[..self.layout.size], false);
                self.layout.release(at);
            }
        }
        Ok(())
    }

    fn has_batch(&self) -> bool {
        true
    }

    fn memory_usage(&self) -> usize {
        self.memory.len() + size_of::<Array>()
    }

    fn as_array(&self) -> Option<ArrayView> {
        Some(self.view)
    }
}

impl Drop for Array {
    fn drop(&mut self) {
        if self.layout.has_fields() {
            for at in (0..self.view.count).flat_map(|index| self.each_slot(index)) {
                // SAFETY: the last owner; the values are still mapped.
                unsafe { self.layout.release(at) };
            }
        }
    }
}

/// The order of every map that is indexed: ascending, from the start when the key is none of it.
pub(crate) fn next_index(key: Option<&[u8]>, count: u32, out: &mut [u8]) -> Result<(), Errno> {
    let next = match key.and_then(index) {
        Some(last) if last == count - 1 => return Err(ENOENT),
        Some(index) if index < count => index + 1,
        _ => 0,
    };
    out.copy_from_slice(&next.to_ne_bytes());
    Ok(())
}
