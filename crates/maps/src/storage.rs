//! Local storage: a value that belongs to a socket, task, inode or cgroup, and goes when its owner goes.
//!
//! Owners are opaque numbers that the engine chooses; where the application's calls take a descriptor in Linux, they take the
//! owner as the 4-byte key. The old cgroup storage types are keyed by cgroup and attach type, and get their entries when a
//! program asks, as Linux makes them when it attaches one.

use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use skep_platform::errno::{EINVAL, ENOENT, ENOMEM, ENOTSUPP};
use skep_platform::{Errno, MapType};

use crate::bytes::index;
use crate::map::Map;
use crate::pin::{self, Guard, pin_reader};
use crate::spec::MapSpec;
use crate::table::{BPF_EXIST, BPF_F_LOCK, BPF_NOEXIST, Table, check_presence};
use crate::value::Layout;

/// In the flags of [`Storage::get`]: make the value if there is none.
pub const BPF_LOCAL_STORAGE_GET_F_CREATE: u64 = 1;

/// Locks that owners are spread over.
const SHARDS: usize = 16;

/// The storage of one map; see [`Map::storage`].
pub struct Storage {
    shards: Vec<Mutex<BTreeMap<Owner, Cell>>>,
    layout: Arc<Layout>,
    key_size: usize,
    slots: u32,
    /// The old cgroup storage: entries come from programs alone.
    old: bool,
}

/// An owner, and for old cgroup storage the attach type.
type Owner = (u64, u32);

/// The words of one owner's value, all slots' in a row.
struct Cell(Box<[u64]>);

impl Cell {
    fn at(&self, slot: u32, stride: usize) -> NonNull<u8> {
        // SAFETY: the box has `stride` bytes for each slot.
        unsafe { NonNull::from(&*self.0).cast::<u8>().add(slot as usize * stride) }
    }
}

impl Storage {
    pub(crate) fn new(spec: &MapSpec, layout: Arc<Layout>) -> Storage {
        let old = matches!(spec.map_type, MapType::CgroupStorage | MapType::PercpuCgroupStorage);
        // The old types can be iterated in order, which one shard gives.
        let shards = if old { 1 } else { SHARDS };
        Storage {
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            layout,
            key_size: spec.key_size as usize,
            slots: if spec.map_type.is_per_cpu() { pin::slots() } else { 1 },
            old,
        }
    }

    fn shard(&self, owner: Owner) -> MutexGuard<'_, BTreeMap<Owner, Cell>> {
        let spread = (owner.0 ^ owner.0 >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        self.shards[spread as usize % self.shards.len()].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, guard: &Guard) -> u32 {
        if self.slots == 1 { 0 } else { guard.slot() }
    }

    fn new_cell(&self, init: Option<&[u8]>) -> Result<Cell, Errno> {
        let words = self.layout.stride / 8 * self.slots as usize;
        let mut memory = Vec::new();
        memory.try_reserve_exact(words).map_err(|_| ENOMEM)?;
        memory.resize(words, 0);
        let cell = Cell(memory.into_boxed_slice());
        if let Some(value) = init {
            // SAFETY: fresh memory of at least one value; the length was checked by the caller.
            unsafe { self.layout.init(cell.at(0, self.layout.stride), value) };
        }
        Ok(cell)
    }

    /// `bpf_sk_storage_get` and its like: the owner's value; with [`BPF_LOCAL_STORAGE_GET_F_CREATE`] a new one, made from `init`
    /// or zeros, if there is none.
    ///
    /// # Errors
    /// `EINVAL` for other flags or an `init` of the wrong length, `ENOMEM`.
    pub fn get(
        &self,
        guard: &Guard,
        owner: u64,
        init: Option<&[u8]>,
        flags: u64,
    ) -> Result<Option<NonNull<u8>>, Errno> {
        let wrong = init.is_some_and(|init| init.len() != self.layout.size);
        if flags & !BPF_LOCAL_STORAGE_GET_F_CREATE != 0 || wrong {
            return Err(EINVAL);
        }
        self.get_or(guard, (owner, 0), init, flags != 0)
    }

    /// `bpf_get_local_storage`, for the old cgroup storage: the value of this cgroup and attach type, which is made if need be.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn get_for_cgroup(&self, guard: &Guard, cgroup: u64, attach_type: u32) -> Result<NonNull<u8>, Errno> {
        let attach_type = if self.key_size == 8 { 0 } else { attach_type };
        self.get_or(guard, (cgroup, attach_type), None, true)?.ok_or(ENOMEM)
    }

    fn get_or(
        &self,
        guard: &Guard,
        owner: Owner,
        init: Option<&[u8]>,
        create: bool,
    ) -> Result<Option<NonNull<u8>>, Errno> {
        let slot = self.slot(guard);
        let mut shard = self.shard(owner);
        if let Some(cell) = shard.get(&owner) {
            return Ok(Some(cell.at(slot, self.layout.stride)));
        }
        if !create {
            return Ok(None);
        }
        let cell = self.new_cell(init)?;
        let at = cell.at(slot, self.layout.stride);
        shard.insert(owner, cell);
        Ok(Some(at))
    }

    /// `bpf_sk_storage_delete` and its like.
    ///
    /// # Errors
    /// `ENOENT` if the owner has no value.
    pub fn delete(&self, guard: &Guard, owner: u64) -> Result<(), Errno> {
        self.remove(guard, (owner, 0))
    }

    /// The owner is gone, and its values with it.
    pub fn owner_gone(&self, owner: u64) {
        let guard = pin_reader();
        let mut shard = self.shard((owner, 0));
        let gone: Vec<Owner> = shard.range((owner, 0)..=(owner, u32::MAX)).map(|(owner, _)| *owner).collect();
        for owner in gone {
            if let Some(cell) = shard.remove(&owner) {
                self.discard(&guard, cell);
            }
        }
    }

    fn remove(&self, guard: &Guard, owner: Owner) -> Result<(), Errno> {
        let cell = self.shard(owner).remove(&owner).ok_or(ENOENT)?;
        self.discard(guard, cell);
        Ok(())
    }

    /// Releases what a value owns; its memory goes when no run can hold it any more.
    fn discard(&self, guard: &Guard, cell: Cell) {
        for slot in 0..self.slots {
            // SAFETY: a value of this map.
            unsafe { self.layout.release(cell.at(slot, self.layout.stride)) };
        }
        guard.defer(move || drop(cell));
    }

    fn owner_of(&self, key: &[u8]) -> Owner {
        match *key {
            [a, b, c, d] => (u64::from(u32::from_ne_bytes([a, b, c, d])), 0),
            _ => {
                let mut cgroup = [0; 8];
                cgroup.copy_from_slice(&key[..8]);
                (u64::from_ne_bytes(cgroup), key.get(8..12).and_then(index).unwrap_or(0))
            }
        }
    }
}

impl Map {
    /// The local storage's operations; `None` for other types.
    pub fn storage(&self) -> Option<&Storage> {
        self.part()
    }
}

impl Table for Storage {
    fn update(&self, guard: &Guard, key: &[u8], value: &[u8], flags: u64) -> Result<(), Errno> {
        let plain = flags & !BPF_F_LOCK;
        if plain > BPF_EXIST || (self.old && plain == BPF_NOEXIST) {
            return Err(EINVAL);
        }
        let owner = self.owner_of(key);
        let mut shard = self.shard(owner);
        let cell = shard.get(&owner);
        check_presence(cell.is_some(), flags)?;
        match cell {
            Some(cell) => {
                let per_slot = if self.slots == 1 { value.len() } else { self.layout.stride };
                for (slot, value) in (0..self.slots).zip(value.chunks(per_slot)) {
                    // SAFETY: a value of this map; `Map` checked the length.
                    unsafe {
                        self.layout.overwrite(
                            cell.at(slot, self.layout.stride),
                            &value[..self.layout.size],
                            flags & BPF_F_LOCK != 0,
                        );
                    }
                }
            }
            None if self.old => return Err(ENOENT),
            None => {
                let cell = self.new_cell(Some(value))?;
                shard.insert(owner, cell);
            }
        }
        let _ = guard;
        Ok(())
    }

    fn delete(&self, guard: &Guard, key: &[u8]) -> Result<(), Errno> {
        if self.old { Err(EINVAL) } else { self.remove(guard, self.owner_of(key)) }
    }

    fn next_key(&self, _guard: &Guard, key: Option<&[u8]>, out: &mut [u8]) -> Result<(), Errno> {
        if !self.old {
            return Err(ENOTSUPP);
        }
        let shard = self.shard((0, 0));
        let next = match key.map(|key| self.owner_of(key)) {
            None => shard.keys().next(),
            // A key that is not there is the end here, not the start.
            Some(owner) => {
                shard.get(&owner).and_then(|_| shard.range(owner..).nth(1)).map(|(owner, _)| owner)
            }
        };
        let &(cgroup, attach_type) = next.ok_or(ENOENT)?;
        out.fill(0);
        out[..8].copy_from_slice(&cgroup.to_ne_bytes());
        if let Some(place) = out.get_mut(8..12) {
            place.copy_from_slice(&attach_type.to_ne_bytes());
        }
        Ok(())
    }

    fn read(&self, _guard: &Guard, key: &[u8], locked: bool, out: &mut [u8]) -> Result<(), Errno> {
        let owner = self.owner_of(key);
        let shard = self.shard(owner);
        let cell = shard.get(&owner).ok_or(ENOENT)?;
        let per_slot = if self.slots == 1 { out.len() } else { self.layout.stride };
        for (slot, out) in (0..self.slots).zip(out.chunks_mut(per_slot)) {
            // SAFETY: a value of this map; the chunk has the length of one.
            unsafe { self.layout.load(cell.at(slot, self.layout.stride), out, locked) };
        }
        Ok(())
    }

    fn memory_usage(&self) -> usize {
        let per_owner = size_of::<(Owner, Cell)>() + self.layout.stride * self.slots as usize;
        let count = |shard: &Mutex<BTreeMap<Owner, Cell>>| {
            shard.lock().unwrap_or_else(PoisonError::into_inner).len() * per_owner
        };
        self.shards.iter().map(count).sum()
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        for shard in &mut self.shards {
            for cell in shard.get_mut().unwrap_or_else(PoisonError::into_inner).values() {
                for slot in 0..self.slots {
                    // SAFETY: a value of this map.
                    unsafe { self.layout.release(cell.at(slot, self.layout.stride)) };
                }
            }
        }
    }
}
