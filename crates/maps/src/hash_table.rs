//! The hash map types' side of [`Table`]: which part of the engine each call is.

use std::ptr::NonNull;
use std::sync::atomic::{Ordering, fence};

use skep_platform::Errno;
use skep_platform::errno::ENOENT;

use crate::hash::Hash;
use crate::hash_update::Values;
use crate::pin::Guard;
use crate::table::{More, Step, Table};

/// How often a copy to the application is tried without a lock.
const COPY_ATTEMPTS: u32 = 4;

impl Table for Hash {
    #[inline]
    fn lookup(&self, guard: &Guard, key: &[u8]) -> Option<NonNull<u8>> {
        let cell = self.find(key)?;
        self.touch(cell);
        Some(self.value_at(cell, self.slot(guard)))
    }

    fn lookup_slot(&self, _guard: &Guard, key: &[u8], slot: u32) -> Option<NonNull<u8>> {
        let cell = self.find(key)?;
        self.touch(cell);
        Some(self.value_at(cell, slot))
    }

    fn update(&self, guard: &Guard, key: &[u8], value: &[u8], flags: u64) -> Result<(), Errno> {
        self.put(guard, key, Values::One(self.slot(guard), value), flags)
    }

    fn delete(&self, guard: &Guard, key: &[u8]) -> Result<(), Errno> {
        self.remove(guard, key, |_| ())
    }

    fn next_key(&self, guard: &Guard, key: Option<&[u8]>, out: &mut [u8]) -> Result<(), Errno> {
        self.next_key_after(guard, key, out)
    }

    fn for_each(
        &self,
        guard: &Guard,
        visit: &mut dyn FnMut(&[u8], NonNull<u8>) -> More,
    ) -> Result<u64, Errno> {
        let slot = self.slot(guard);
        Ok(self.walk(|key, cell| visit(key, self.value_at(cell, slot))))
    }

    fn read(&self, _guard: &Guard, key: &[u8], locked: bool, out: &mut [u8]) -> Result<(), Errno> {
        // The application's look does not count as a use, as in Linux: a dump would refresh every entry.
        for _ in 0..COPY_ATTEMPTS {
            let forced = self.slab.forced();
            let cell = self.find(key).ok_or(ENOENT)?;
            self.copy_out(cell, locked, out);
            fence(Ordering::Acquire);
            if self.slab.forced() == forced {
                return Ok(());
            }
        }
        // Under the lock the entry stays.
        let hash = self.hash(key);
        let chain = self.buckets.lock(self.buckets.chain_of(hash));
        let place = chain.find(hash, |cell| self.same(cell, key)).ok_or(ENOENT)?;
        self.copy_out(place.cell(), locked, out);
        Ok(())
    }

    fn write(&self, guard: &Guard, key: &[u8], value: &[u8], flags: u64) -> Result<(), Errno> {
        let values = if self.per_cpu { Values::All(value) } else { Values::One(0, value) };
        self.put(guard, key, values, flags)
    }

    fn take(&self, guard: &Guard, key: &[u8], locked: bool, out: &mut [u8]) -> Result<(), Errno> {
        self.remove(guard, key, |cell| self.copy_out(cell, locked, out))
    }

    fn has_batch(&self) -> bool {
        true
    }

    fn read_bucket(
        &self,
        guard: &Guard,
        step: Step,
        emit: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Result<Option<u32>, usize> {
        self.read_chain(guard, step, emit)
    }

    fn memory_usage(&self) -> usize {
        let born = self.slab.born() as usize;
        let values = if self.values.is_some() { born * self.layout.stride * self.slots as usize } else { 0 };
        let clock = if self.clock.is_some() { born } else { 0 };
        born * self.key_step + values + clock + self.slab.memory_usage() + self.buckets.memory_usage()
    }
}

impl Drop for Hash {
    fn drop(&mut self) {
        if self.layout.has_fields() {
            self.walk(|_, cell| {
                for slot in 0..self.slots {
                    // SAFETY: the last owner; the values are still mapped.
                    unsafe { self.layout.release(self.value_at(cell, slot)) };
                }
                true
            });
        }
    }
}
