//! The application's side of a map: the commands of `bpf(2)`.
//!
//! Where a command of the system call takes pointers, these take slices; a slice of the wrong length is `EINVAL`.

use std::sync::atomic::Ordering;

use skep_platform::errno::{EINVAL, ENOENT, EPERM};
use skep_platform::{Errno, MapFlags, MapType};

use crate::map::Map;
use crate::pin::pin_reader;
use crate::table::BPF_F_LOCK;

impl Map {
    /// `BPF_MAP_LOOKUP_ELEM` without flags. Per-CPU maps give the values of all slots, each padded to 8 bytes.
    ///
    /// # Errors
    /// `ENOENT` if the key is not there, `EPERM` if the application may only write.
    pub fn lookup(&self, key: &[u8]) -> Result<Vec<u8>, Errno> {
        self.lookup_flags(key, 0)
    }

    /// The same with flags: `BPF_F_LOCK` copies under the value's spin lock.
    ///
    /// # Errors
    /// As [`Map::lookup`]; `EINVAL` for other flags, or without a lock in the value.
    pub fn lookup_flags(&self, key: &[u8], flags: u64) -> Result<Vec<u8>, Errno> {
        let mut out = vec![0; self.value_len()];
        self.lookup_into(key, flags, &mut out)?;
        Ok(out)
    }

    /// The same into a buffer of [`Map::value_len`] bytes. For queues, stacks and bloom filters (whose keys are empty)
    /// this is a peek.
    ///
    /// # Errors
    /// As [`Map::lookup_flags`]; `EINVAL` for a buffer of another length.
    pub fn lookup_into(&self, key: &[u8], flags: u64, out: &mut [u8]) -> Result<(), Errno> {
        if flags & !BPF_F_LOCK != 0 {
            return Err(EINVAL);
        }
        self.may_read()?;
        self.check_lock_flag(flags)?;
        self.check_key(key)?;
        if out.len() != self.value_len() {
            return Err(EINVAL);
        }
        let guard = pin_reader();
        match self.0.spec.map_type {
            MapType::Queue | MapType::Stack | MapType::BloomFilter => self.0.table.pop(&guard, out, false),
            _ => self.0.table.read(&guard, key, flags & BPF_F_LOCK != 0, out),
        }
    }

    /// `BPF_MAP_UPDATE_ELEM`. Per-CPU maps take the values of all slots; queues, stacks and bloom filters an empty key.
    ///
    /// # Errors
    /// `EEXIST`, `ENOENT` by the flags, `E2BIG` when full, `EPERM` if the map is frozen or read-only to the application,
    /// `EINVAL` for unknown flags or wrong lengths.
    pub fn update(&self, key: &[u8], value: &[u8], flags: u64) -> Result<(), Errno> {
        self.may_write()?;
        self.check_lock_flag(flags)?;
        self.check_key(key)?;
        if value.len() != self.value_len() {
            return Err(EINVAL);
        }
        let guard = pin_reader();
        match self.0.spec.map_type {
            MapType::Queue | MapType::Stack | MapType::BloomFilter => self.0.table.push(&guard, value, flags),
            _ => self.0.table.write(&guard, key, value, flags),
        }
    }

    /// `BPF_MAP_DELETE_ELEM`.
    ///
    /// # Errors
    /// `ENOENT` if the key is not there, `EINVAL` where entries cannot go, `EPERM` as for [`Map::update`].
    pub fn delete(&self, key: &[u8]) -> Result<(), Errno> {
        self.may_write()?;
        self.check_key(key)?;
        self.0.table.delete(&pin_reader(), key)
    }

    /// `BPF_MAP_GET_NEXT_KEY`: the key after `key`, the first one for `None` and for a key that is not there.
    ///
    /// # Errors
    /// `ENOENT` after the last key.
    pub fn next_key(&self, key: Option<&[u8]>) -> Result<Vec<u8>, Errno> {
        let mut out = vec![0; self.0.spec.key_size as usize];
        self.next_key_into(key, &mut out)?;
        Ok(out)
    }

    /// The same into a buffer of `key_size` bytes.
    ///
    /// # Errors
    /// As [`Map::next_key`].
    pub fn next_key_into(&self, key: Option<&[u8]>, out: &mut [u8]) -> Result<(), Errno> {
        self.may_read()?;
        if let Some(key) = key {
            self.check_key(key)?;
        }
        self.check_key(out)?;
        self.0.table.next_key(&pin_reader(), key, out)
    }

    /// `BPF_MAP_LOOKUP_AND_DELETE_ELEM`: takes the value of a key out of the map; for queues and stacks, pops.
    ///
    /// # Errors
    /// `ENOENT` if there is none, `ENOTSUPP` where the type cannot.
    pub fn lookup_and_delete(&self, key: &[u8]) -> Result<Vec<u8>, Errno> {
        self.lookup_and_delete_flags(key, 0)
    }

    /// The same with flags: `BPF_F_LOCK` copies under the value's spin lock.
    ///
    /// # Errors
    /// As [`Map::lookup_and_delete`]; `EINVAL` for other flags.
    pub fn lookup_and_delete_flags(&self, key: &[u8], flags: u64) -> Result<Vec<u8>, Errno> {
        if flags & !BPF_F_LOCK != 0 {
            return Err(EINVAL);
        }
        self.may_read()?;
        self.may_write()?;
        let queue = matches!(self.0.spec.map_type, MapType::Queue | MapType::Stack);
        if flags != 0 && queue {
            return Err(EINVAL);
        }
        self.check_lock_flag(flags)?;
        self.check_key(key)?;
        let mut out = vec![0; self.value_len()];
        let guard = pin_reader();
        if queue {
            self.0.table.pop(&guard, &mut out, true)?;
        } else {
            self.0.table.take(&guard, key, flags & BPF_F_LOCK != 0, &mut out)?;
        }
        Ok(out)
    }

    /// Appends to a queue or stack, adds to a bloom filter. `BPF_EXIST` makes room in a full queue or stack.
    ///
    /// # Errors
    /// `E2BIG` when full, `EOPNOTSUPP` for other types.
    pub fn push(&self, value: &[u8], flags: u64) -> Result<(), Errno> {
        self.may_write()?;
        if value.len() != self.0.layout.size {
            return Err(EINVAL);
        }
        self.0.table.push(&pin_reader(), value, flags)
    }

    /// Takes the next value of a queue or stack.
    ///
    /// # Errors
    /// `ENOENT` when empty.
    pub fn pop(&self) -> Result<Vec<u8>, Errno> {
        self.may_read()?;
        self.may_write()?;
        let mut out = vec![0; self.0.layout.size];
        self.0.table.pop(&pin_reader(), &mut out, true)?;
        Ok(out)
    }

    /// The next value of a queue or stack, left where it is.
    ///
    /// # Errors
    /// `ENOENT` when empty.
    pub fn peek(&self) -> Result<Vec<u8>, Errno> {
        self.may_read()?;
        let mut out = vec![0; self.0.layout.size];
        self.0.table.pop(&pin_reader(), &mut out, false)?;
        Ok(out)
    }

    /// Whether a bloom filter may hold the value; false is certain.
    ///
    /// # Errors
    /// `EOPNOTSUPP` for other types.
    pub fn contains(&self, value: &[u8]) -> Result<bool, Errno> {
        self.may_read()?;
        if self.0.spec.map_type != MapType::BloomFilter || value.len() != self.0.layout.size {
            return Err(EINVAL);
        }
        match self.0.table.pop(&pin_reader(), &mut value.to_vec(), false) {
            Err(ENOENT) => Ok(false),
            other => other.map(|()| true),
        }
    }

    /// All entries, as `next_key` and `lookup` give them. Keys that vanish on the way are left out.
    pub fn iter(&self) -> Iter<'_> {
        Iter { map: self, last: None, left: self.iteration_bound() }
    }

    /// The first error of reading by the application: it may only write.
    pub(crate) fn may_read(&self) -> Result<(), Errno> {
        if self.0.spec.flags.contains(MapFlags::WRONLY) { Err(EPERM) } else { Ok(()) }
    }

    /// The first error of writing by the application: it may only read, or not any more.
    pub(crate) fn may_write(&self) -> Result<(), Errno> {
        let read_only = self.0.spec.flags.contains(MapFlags::RDONLY);
        if read_only || self.0.frozen.load(Ordering::Acquire) { Err(EPERM) } else { Ok(()) }
    }

    fn check_key(&self, key: &[u8]) -> Result<(), Errno> {
        if key.len() == self.0.spec.key_size as usize { Ok(()) } else { Err(EINVAL) }
    }

    /// Deletions by others can send an iteration back to the start: it ends after twice the entries there can be.
    fn iteration_bound(&self) -> u64 {
        2 * u64::from(self.0.spec.max_entries) + 2
    }
}

impl<'a> IntoIterator for &'a Map {
    type Item = (Vec<u8>, Vec<u8>);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// The entries of a map; see [`Map::iter`].
#[derive(Debug)]
pub struct Iter<'a> {
    map: &'a Map,
    last: Option<Vec<u8>>,
    left: u64,
}

impl Iterator for Iter<'_> {
    type Item = (Vec<u8>, Vec<u8>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.left = self.left.checked_sub(1)?;
            let key = self.map.next_key(self.last.as_deref()).ok()?;
            self.last = Some(key.clone());
            if let Ok(value) = self.map.lookup(&key) {
                return Some((key, value));
            }
        }
    }
}
