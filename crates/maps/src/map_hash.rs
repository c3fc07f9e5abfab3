//! Hashes of maps: the hash table of the hash types, whose values are pointers to boxed maps.

use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use skep_platform::errno::{EBADF, EINVAL, ENOENT};
use skep_platform::{Errno, MapFlags, MapType};

use crate::handles::drop_later;
use crate::hash::Hash;
use crate::map::Map;
use crate::pin::{Guard, pin_reader};
use crate::spec::MapSpec;
use crate::table::{BPF_ANY, BPF_EXIST, Table, check_presence};
use crate::value::Layout;

/// `BPF_MAP_TYPE_HASH_OF_MAPS`: a hash of pointers to boxed maps.
pub(crate) struct MapHash {
    hash: Hash,
    /// Held while a pointer is exchanged, so that each is dropped once.
    writers: Mutex<()>,
}

impl MapHash {
    pub(crate) fn new(spec: &MapSpec) -> Result<MapHash, Errno> {
        let known = MapFlags::NO_PREALLOC.union(MapFlags::ZERO_SEED);
        let flags = MapFlags(spec.flags.0 & known.0);
        let table = MapSpec { map_type: MapType::Hash, value_size: 8, flags, ..spec.clone() };
        let layout = Arc::new(Layout::new(&table, 0));
        Ok(MapHash { hash: Hash::new(&table, layout)?, writers: Mutex::new(()) })
    }

    fn slot(&self, cell: u32) -> &AtomicPtr<Map> {
        // SAFETY: values are 8 bytes, 8-aligned, and hold pointers only.
        unsafe { AtomicPtr::from_ptr(self.hash.value_at(cell, 0).as_ptr().cast()) }
    }

    #[inline]
    pub(crate) fn get<'g>(&'g self, _guard: &'g Guard, key: &[u8]) -> Option<&'g Map> {
        let cell = self.hash.find(key)?;
        // SAFETY: as in `HandleArray::get`.
        unsafe { self.slot(cell).load(Ordering::Acquire).as_ref() }
    }

    pub(crate) fn set(&self, guard: &Guard, key: &[u8], map: &Map, flags: u64) -> Result<(), Errno> {
        if flags > BPF_EXIST {
            return Err(EINVAL);
        }
        let _writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
        let found = self.hash.find(key);
        check_presence(found.is_some(), flags)?;
        let boxed = Box::into_raw(Box::new(map.clone()));
        if let Some(cell) = found {
            drop_later(guard, self.slot(cell).swap(boxed, Ordering::AcqRel));
            return Ok(());
        }
        let bytes = (boxed as usize as u64).to_ne_bytes();
        self.hash.update(guard, key, &bytes, BPF_ANY).inspect_err(|_| {
            drop_later(guard, boxed);
        })
    }
}

impl Table for MapHash {
    fn update(&self, _guard: &Guard, _key: &[u8], _value: &[u8], flags: u64) -> Result<(), Errno> {
        Err(if flags > BPF_EXIST { EINVAL } else { EBADF })
    }

    fn delete(&self, guard: &Guard, key: &[u8]) -> Result<(), Errno> {
        let _writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut old = std::ptr::null_mut();
        self.hash.remove(guard, key, |cell| old = self.slot(cell).load(Ordering::Acquire))?;
        drop_later(guard, old);
        Ok(())
    }

    fn next_key(&self, guard: &Guard, key: Option<&[u8]>, out: &mut [u8]) -> Result<(), Errno> {
        self.hash.next_key_after(guard, key, out)
    }

    fn read(&self, guard: &Guard, key: &[u8], _locked: bool, out: &mut [u8]) -> Result<(), Errno> {
        out.copy_from_slice(&self.get(guard, key).ok_or(ENOENT)?.id().to_ne_bytes());
        Ok(())
    }

    fn has_batch(&self) -> bool {
        true
    }

    fn memory_usage(&self) -> usize {
        self.hash.memory_usage()
    }
}

impl Drop for MapHash {
    fn drop(&mut self) {
        let guard = pin_reader();
        self.hash.walk(|_, cell| {
            drop_later(&guard, self.slot(cell).swap(std::ptr::null_mut(), Ordering::AcqRel)) | true
        });
    }
}
