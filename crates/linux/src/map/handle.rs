//! A map that this process holds open.
//!
//! The system calls on elements carry no lengths; the kernel reads and writes as many bytes as the map says. A [`Map`]
//! learns its sizes once, when it is opened, and holds every slice against them before the kernel sees its address. A
//! map's sizes never change, so once is enough.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use skep_platform::errno::{EINVAL, ENOENT};
use skep_platform::{Errno, MapFlags, MapType};

use crate::map::{MapRequest, map_create, possible_cpus};
use crate::pin;
use crate::sys::{Command, attr, bpf, bpf_fd, info};

/// A map. Cheap to clone; the kernel frees it when the last handle, program and pin that names it is gone.
#[derive(Clone, Debug)]
pub struct Map(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    fd: OwnedFd,
    info: info::Map,
    name: String,
    /// Where an arena came to lie at its first mapping. The kernel keeps to that place and tells it to nobody.
    arena: OnceLock<u64>,
}

impl Map {
    /// Creates a map.
    ///
    /// # Errors
    /// The errno of the creation.
    pub fn create(request: &MapRequest<'_>) -> Result<Map, Errno> {
        Map::opened(map_create(request)?)
    }

    /// Takes over a descriptor.
    ///
    /// # Errors
    /// `EINVAL` when it is not a map's.
    pub fn from_fd(fd: OwnedFd) -> Result<Map, Errno> {
        info::check_kind(fd.as_fd(), info::MAP)?;
        Map::opened(fd)
    }

    fn opened(fd: OwnedFd) -> Result<Map, Errno> {
        let mut info = info::Map::default();
        // SAFETY: the struct holds no address.
        unsafe { info::describe(fd.as_fd(), &mut info) }?;
        let name = info::text(&info.name);
        Ok(Map(Arc::new(Inner { fd, info, name, arena: OnceLock::new() })))
    }

    /// Opens the map of that id.
    ///
    /// # Errors
    /// `ENOENT` when there is none, `EPERM` without CAP_SYS_ADMIN.
    pub fn from_id(id: u32) -> Result<Map, Errno> {
        let mut attr = attr::ById { id, ..Default::default() };
        // SAFETY: the struct holds no address.
        Map::opened(unsafe { bpf_fd(Command::MapById, &mut attr) }?)
    }

    /// Opens the map that is pinned there.
    ///
    /// # Errors
    /// `ENOENT` when nothing is, `EINVAL` when it is a program or link.
    pub fn from_pin(path: &Path) -> Result<Map, Errno> {
        Map::from_fd(pin::get(path)?)
    }

    /// Pins it; it then outlives this process. The file must not exist and must lie in a BPF file system.
    ///
    /// # Errors
    /// `EEXIST`, `EPERM` outside a BPF file system, …
    pub fn pin(&self, path: &Path) -> Result<(), Errno> {
        pin::pin(self.as_fd(), path)
    }

    /// What the kernel told when it was opened.
    pub fn info(&self) -> &info::Map {
        &self.0.info
    }

    /// The kernel's number for it.
    pub fn id(&self) -> u32 {
        self.0.info.id
    }

    /// The name that the kernel knows: at most 15 bytes.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The type; `None` for one newer than 6.18's.
    pub fn map_type(&self) -> Option<MapType> {
        MapType::from_number(self.0.info.map_type)
    }

    /// The flags it was created with, and those the kernel added.
    pub fn flags(&self) -> MapFlags {
        MapFlags(self.0.info.map_flags)
    }

    /// Bytes that a look-up gives: the value's size, for per-CPU maps that rounded up to 8 for each possible CPU.
    pub fn value_bytes(&self) -> usize {
        let size = self.0.info.value_size as usize;
        let per_cpu = self.map_type().is_some_and(MapType::is_per_cpu);
        if per_cpu { size.next_multiple_of(8) * possible_cpus() } else { size }
    }

    /// Bytes of a key; 0 for queues, stacks and bloom filters.
    pub fn key_bytes(&self) -> usize {
        self.0.info.key_size as usize
    }

    /// The value of a key. Per-CPU maps give all CPUs' values in a row; maps of maps, program arrays and the like an id.
    ///
    /// # Errors
    /// `ENOENT` when it is not there, `EINVAL` for a key of another size.
    pub fn lookup(&self, key: &[u8]) -> Result<Vec<u8>, Errno> {
        self.lookup_with(key, 0)
    }

    /// The same with flags: `BPF_F_LOCK`.
    ///
    /// # Errors
    /// As for [`Map::lookup`].
    pub fn lookup_with(&self, key: &[u8], flags: u64) -> Result<Vec<u8>, Errno> {
        self.read(Command::MapLookup, key, flags)
    }

    /// Takes the element out and gives its value.
    ///
    /// # Errors
    /// `ENOENT`; `ENOTSUPP` (524) where the type or the kernel has no such operation.
    pub fn lookup_and_delete(&self, key: &[u8]) -> Result<Vec<u8>, Errno> {
        self.read(Command::MapLookupAndDelete, key, 0)
    }

    /// The value that a queue or stack would give next.
    ///
    /// # Errors
    /// `ENOENT` when it is empty.
    pub fn peek(&self) -> Result<Vec<u8>, Errno> {
        self.lookup(&[])
    }

    /// Takes the next value out of a queue or stack.
    ///
    /// # Errors
    /// `ENOENT` when it is empty.
    pub fn pop(&self) -> Result<Vec<u8>, Errno> {
        self.lookup_and_delete(&[])
    }

    /// Adds a value to a queue, stack or bloom filter; `BPF_EXIST` drops the oldest when it is full.
    ///
    /// # Errors
    /// `E2BIG` when it is full.
    pub fn push(&self, value: &[u8], flags: u64) -> Result<(), Errno> {
        self.update(&[], value, flags)
    }

    /// Writes an element; flags are `BPF_ANY`, `BPF_NOEXIST`, `BPF_EXIST`, with `BPF_F_LOCK`.
    ///
    /// # Errors
    /// `EEXIST`, `ENOENT`, `E2BIG` as the flags and the capacity have it; `EINVAL` for slices of other sizes.
    pub fn update(&self, key: &[u8], value: &[u8], flags: u64) -> Result<(), Errno> {
        self.check(key)?;
        if value.len() != self.value_bytes() {
            return Err(EINVAL);
        }
        let mut attr = self.element(key, value.as_ptr() as u64, flags);
        // SAFETY: both slices outlive the call and are as long as the kernel reads (checked above).
        unsafe { bpf(Command::MapUpdate, &mut attr) }.map(drop)
    }

    /// Puts a map, program, socket, cgroup or perf event into a slot, by its descriptor.
    ///
    /// # Errors
    /// `EINVAL` when what it is does not fit the map.
    pub fn update_fd(&self, key: &[u8], held: BorrowedFd<'_>) -> Result<(), Errno> {
        // Socket maps may have 8-byte values, which look-ups then use for cookies.
        let mut value = vec![0; self.value_bytes()];
        let fd = held.as_raw_fd().to_ne_bytes();
        value.get_mut(..fd.len()).ok_or(EINVAL)?.copy_from_slice(&fd);
        self.update(key, &value, 0)
    }

    /// Removes an element.
    ///
    /// # Errors
    /// `ENOENT` when it is not there; `EINVAL` where elements cannot be removed (arrays).
    pub fn delete(&self, key: &[u8]) -> Result<(), Errno> {
        self.check(key)?;
        let mut attr = self.element(key, 0, 0);
        // SAFETY: the key outlives the call and is as long as the kernel reads (checked above).
        unsafe { bpf(Command::MapDelete, &mut attr) }.map(drop)
    }

    /// The key after this one, the first for `None`; nothing at the end. When `key` has been removed meanwhile, hashes
    /// start again.
    ///
    /// # Errors
    /// `ENOTSUPP` where keys cannot be listed.
    pub fn next_key(&self, key: Option<&[u8]>) -> Result<Option<Vec<u8>>, Errno> {
        if let Some(key) = key {
            self.check(key)?;
        }
        let mut next = vec![0; self.key_bytes()];
        let mut attr = self.element(key.unwrap_or(&[]), next.as_mut_ptr() as u64, 0);
        // SAFETY: both buffers outlive the call and are as long as the kernel reads and writes.
        match unsafe { bpf(Command::MapNextKey, &mut attr) } {
            Ok(_) => Ok(Some(next)),
            Err(errno) if errno == ENOENT => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// All keys, as they are while it walks: others may add and remove. Ends after as many steps as the map can have
    /// elements, so that a map under constant change is not walked for ever.
    pub fn keys(&self) -> Keys<'_> {
        Keys { map: self, last: None, left: u64::from(self.0.info.max_entries) }
    }

    /// Ends writing from user space, for good. The verifier then knows the contents of a map that programs cannot write.
    ///
    /// # Errors
    /// `EBUSY` while the map is mapped writable.
    pub fn freeze(&self) -> Result<(), Errno> {
        let mut attr = attr::MapElem { map_fd: self.number(), ..Default::default() };
        // SAFETY: no address is set.
        unsafe { bpf(Command::MapFreeze, &mut attr) }.map(drop)
    }

    fn read(&self, command: Command, key: &[u8], flags: u64) -> Result<Vec<u8>, Errno> {
        self.check(key)?;
        let mut value = vec![0; self.value_bytes()];
        let mut attr = self.element(key, value.as_mut_ptr() as u64, flags);
        // SAFETY: the key is as long as the kernel reads (checked), the value as long as it writes; both outlive the call.
        unsafe { bpf(command, &mut attr) }?;
        Ok(value)
    }

    pub(super) fn check(&self, key: &[u8]) -> Result<(), Errno> {
        if key.len() == self.key_bytes() { Ok(()) } else { Err(EINVAL) }
    }

    pub(super) fn arena(&self) -> &OnceLock<u64> {
        &self.0.arena
    }

    pub(super) fn number(&self) -> u32 {
        self.0.fd.as_raw_fd() as u32
    }

    fn element(&self, key: &[u8], value: u64, flags: u64) -> attr::MapElem {
        let key = if key.is_empty() { 0 } else { key.as_ptr() as u64 };
        attr::MapElem { map_fd: self.number(), unused: 0, key, value, flags }
    }
}

impl AsFd for Map {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.fd.as_fd()
    }
}

/// The keys of a map; made by [`Map::keys`].
#[derive(Debug)]
pub struct Keys<'a> {
    map: &'a Map,
    last: Option<Vec<u8>>,
    /// Steps that may still be taken.
    left: u64,
}

impl Iterator for Keys<'_> {
    type Item = Result<Vec<u8>, Errno>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        match self.map.next_key(self.last.as_deref()) {
            Ok(next) => {
                self.last.clone_from(&next);
                next.map(Ok)
            }
            Err(errno) => {
                self.left = 0;
                Some(Err(errno))
            }
        }
    }
}
