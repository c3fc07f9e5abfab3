//! Maps that hold objects: programs, and other maps.
//!
//! The application puts handles in; programs borrow them under their guard, without counting. A handle taken out is dropped
//! when every run that could have borrowed it is over.
//!
//! By the byte-wise calls a slot reads as the object's id, as in Linux, and cannot be written (`EBADF`: there are no file
//! descriptors here); [`Map::set_program`] and [`Map::set_map`] write.

use std::any::Any;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use skep_platform::errno::{E2BIG, EBADF, EINVAL, ENOENT, EOPNOTSUPP};
use skep_platform::{Errno, MapFlags, MapType};

use crate::array::next_index;
use crate::bytes::index;
use crate::map::Map;
use crate::map_hash::MapHash;
use crate::memory::Memory;
use crate::pin::{Guard, pin_reader};
use crate::spec::{CreateError, MapSpec};
use crate::table::{BPF_ANY, Table};

/// A program in a program array: whatever the engine calls a program.
#[derive(Clone)]
pub struct ProgramHandle {
    /// The id that a lookup shows.
    pub id: u32,
    /// The program.
    pub program: Arc<dyn Any + Send + Sync>,
}

/// Objects with an id.
pub(crate) trait Object: Send + Sync + 'static {
    fn id(&self) -> u32;
}

impl Object for ProgramHandle {
    fn id(&self) -> u32 {
        self.id
    }
}

impl Object for Map {
    fn id(&self) -> u32 {
        Map::id(self)
    }
}

/// Drops a handle that was taken out once nobody can have it borrowed.
pub(crate) fn drop_later<T: Object>(guard: &Guard, old: *mut T) -> bool {
    // SAFETY: the pointer was made by `Box::into_raw` and came out of its slot in one exchange, so it is ours alone, but for
    // readers that are pinned now; the box is dropped after them.
    let old = NonNull::new(old).map(|old| unsafe { Box::from_raw(old.as_ptr()) });
    let found = old.is_some();
    if let Some(old) = old {
        guard.defer(move || drop(old));
    }
    found
}

/// An array of handles: `BPF_MAP_TYPE_PROG_ARRAY` and `BPF_MAP_TYPE_ARRAY_OF_MAPS`.
pub(crate) struct HandleArray<T: Object> {
    /// One `AtomicPtr<T>` each, null when empty.
    slots: Memory,
    entries: u32,
    owns: std::marker::PhantomData<T>,
}

impl<T: Object> HandleArray<T> {
    pub(crate) fn new(spec: &MapSpec) -> Result<HandleArray<T>, Errno> {
        let slots = Memory::array(spec.max_entries as usize, size_of::<*mut T>())?;
        Ok(HandleArray { slots, entries: spec.max_entries, owns: std::marker::PhantomData })
    }

    #[inline]
    fn slot(&self, index: u32) -> Option<&AtomicPtr<T>> {
        // SAFETY: there is a slot for each index below `entries`; zeroed memory is a null pointer.
        (index < self.entries)
            .then(|| unsafe { self.slots.at(index as usize * size_of::<*mut T>()).cast().as_ref() })
    }

    #[inline]
    fn get<'g>(&'g self, _guard: &'g Guard, index: u32) -> Option<&'g T> {
        // SAFETY: a handle in a slot is dropped only after the guards of the time it was taken out.
        unsafe { self.slot(index)?.load(Ordering::Acquire).as_ref() }
    }

    fn set(&self, guard: &Guard, index: u32, object: T) -> Result<(), Errno> {
        let slot = self.slot(index).ok_or(E2BIG)?;
        drop_later(guard, slot.swap(Box::into_raw(Box::new(object)), Ordering::AcqRel));
        Ok(())
    }

    fn clear(&self, guard: &Guard) {
        for index in 0..self.entries {
            if let Some(slot) = self.slot(index).filter(|slot| !slot.load(Ordering::Relaxed).is_null()) {
                drop_later(guard, slot.swap(std::ptr::null_mut(), Ordering::AcqRel));
            }
        }
    }
}

impl<T: Object> Drop for HandleArray<T> {
    fn drop(&mut self) {
        self.clear(&pin_reader());
    }
}

impl<T: Object> Table for HandleArray<T> {
    fn update(&self, _guard: &Guard, key: &[u8], _value: &[u8], flags: u64) -> Result<(), Errno> {
        if flags != BPF_ANY {
            return Err(EINVAL);
        }
        Err(if index(key).is_some_and(|index| index < self.entries) { EBADF } else { E2BIG })
    }

    fn delete(&self, guard: &Guard, key: &[u8]) -> Result<(), Errno> {
        let slot = index(key).and_then(|index| self.slot(index)).ok_or(E2BIG)?;
        let found = drop_later(guard, slot.swap(std::ptr::null_mut(), Ordering::AcqRel));
        if found { Ok(()) } else { Err(ENOENT) }
    }

    fn next_key(&self, _guard: &Guard, key: Option<&[u8]>, out: &mut [u8]) -> Result<(), Errno> {
        next_index(key, self.entries, out)
    }

    fn read(&self, guard: &Guard, key: &[u8], _locked: bool, out: &mut [u8]) -> Result<(), Errno> {
        let object = index(key).and_then(|index| self.get(guard, index)).ok_or(ENOENT)?;
        out.copy_from_slice(&object.id().to_ne_bytes());
        Ok(())
    }

    fn has_batch(&self) -> bool {
        true
    }

    fn memory_usage(&self) -> usize {
        self.slots.len()
    }
}

impl Map {
    /// The program at an index of a program array, borrowed for the run.
    #[inline]
    pub fn program<'g>(&'g self, guard: &'g Guard, index: u32) -> Option<&'g ProgramHandle> {
        self.part::<HandleArray<ProgramHandle>>()?.get(guard, index)
    }

    /// Puts a program into a program array. Runs that begin afterwards tail-call it.
    ///
    /// A program usually holds its maps; one that is in an array it also uses keeps both alive until
    /// [`Map::clear_programs`], which Linux does when the application closes its last descriptor of the array.
    ///
    /// # Errors
    /// `E2BIG` past the end, `EPERM` if the application may not write, `EINVAL` for other types of map.
    pub fn set_program(&self, index: u32, program: ProgramHandle) -> Result<(), Errno> {
        self.may_write()?;
        let array = self.part::<HandleArray<ProgramHandle>>().ok_or(EINVAL)?;
        array.set(&pin_reader(), index, program)
    }

    /// Empties a program array.
    pub fn clear_programs(&self) {
        if let Some(array) = self.part::<HandleArray<ProgramHandle>>() {
            array.clear(&pin_reader());
        }
    }

    /// The map under a key of an array or hash of maps, borrowed for the run.
    #[inline]
    pub fn inner_map<'g>(&'g self, guard: &'g Guard, key: &[u8]) -> Option<&'g Map> {
        match self.part::<HandleArray<Map>>() {
            Some(array) => array.get(guard, index(key)?),
            None => self.part::<MapHash>()?.get(guard, key),
        }
    }

    /// Puts a map into an array or hash of maps. It must look like the inner map of the description.
    ///
    /// # Errors
    /// `EINVAL` if it does not, or for flags other than `BPF_ANY` in an array; `E2BIG`, `EEXIST`, `ENOENT`, `EPERM` as for
    /// [`Map::update`]; `EOPNOTSUPP` for other types of map.
    pub fn set_map(&self, key: &[u8], map: &Map, flags: u64) -> Result<(), Errno> {
        self.may_write()?;
        if key.len() != self.spec().key_size as usize {
            return Err(EINVAL);
        }
        let array = self.part::<HandleArray<Map>>();
        let index = index(key).unwrap_or(0);
        if array.is_some() && flags != BPF_ANY {
            return Err(EINVAL);
        }
        if array.is_some_and(|array| index >= array.entries) {
            return Err(E2BIG);
        }
        if !self.spec().inner.as_deref().is_some_and(|inner| looks_like(inner, map.spec())) {
            return Err(EINVAL);
        }
        match array {
            Some(array) => array.set(&pin_reader(), index, map.clone()),
            None => self.part::<MapHash>().ok_or(EOPNOTSUPP)?.set(&pin_reader(), key, map, flags),
        }
    }
}

/// Whether a map can stand where programs were checked against `inner`.
fn looks_like(inner: &MapSpec, map: &MapSpec) -> bool {
    let count_matters = inner.map_type == MapType::Array && !inner.flags.contains(MapFlags::INNER_MAP);
    inner.map_type == map.map_type
        && inner.key_size == map.key_size
        && inner.value_size == map.value_size
        && inner.flags == map.flags
        && inner.fields == map.fields
        && (!count_matters || inner.max_entries == map.max_entries)
}

/// Checks the inner map of a map of maps: it must be one that Linux allows inside.
pub(crate) fn check_inner(spec: &MapSpec) -> Result<(), CreateError> {
    use skep_platform::errno::ENOTSUPP;
    let fail = |errno, message: &str| Err(CreateError::new(spec, errno, message));
    let Some(inner) = &spec.inner else {
        return fail(EBADF, "a map of maps needs the description of its inner maps");
    };
    match inner.map_type {
        MapType::ArrayOfMaps | MapType::HashOfMaps => fail(EINVAL, "maps nest one level deep"),
        MapType::ProgArray | MapType::CgroupStorage | MapType::PercpuCgroupStorage | MapType::StructOps => {
            fail(ENOTSUPP, "this type of map cannot be inside of a map")
        }
        _ => crate::create::check(inner),
    }
}
