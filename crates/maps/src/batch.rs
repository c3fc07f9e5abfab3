//! Batches: many entries per call, with a cursor between calls.
//!
//! Hash maps go by chains, as Linux goes by buckets: a batch ends at the end of a chain, the cursor is the next chain's number,
//! and a chain with more entries than there is room for is `ENOSPC`. All others go by `next_key`, and the cursor is the last
//! key. To callers the cursor is opaque.

use skep_platform::Errno;
use skep_platform::errno::{EINVAL, ENOENT, ENOSPC, ENOTSUPP};

use crate::map::Map;
use crate::pin::pin_reader;
use crate::table::{BPF_F_LOCK, Step};

/// What a batch lookup gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// The entries: key, and value in the form of [`Map::lookup`].
    pub entries: Vec<(Vec<u8>, Vec<u8>)>,
    /// Where the next call goes on; `None` when everything was seen (the system call says `ENOENT` there).
    pub next: Option<Cursor>,
}

/// Where a batch lookup goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(Vec<u8>);

/// A batch that stopped on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchError {
    /// Entries done before the one at fault.
    pub done: usize,
    /// What was wrong with it.
    pub errno: Errno,
}

impl Map {
    /// `BPF_MAP_LOOKUP_BATCH`: up to `room` entries from `cursor` on, from the start for `None`.
    ///
    /// # Errors
    /// `ENOSPC` if `room` is too small for the next bucket of a hash map; `ENOTSUPP` for types without batches.
    pub fn lookup_batch(&self, cursor: Option<&Cursor>, room: usize, flags: u64) -> Result<Batch, Errno> {
        self.may_read()?;
        self.batch(cursor, room, flags, false)
    }

    /// `BPF_MAP_LOOKUP_AND_DELETE_BATCH`: the same, and the entries are removed. For hash maps.
    ///
    /// # Errors
    /// As [`Map::lookup_batch`]; `ENOTSUPP` for types other than hashes.
    pub fn lookup_and_delete_batch(
        &self,
        cursor: Option<&Cursor>,
        room: usize,
        flags: u64,
    ) -> Result<Batch, Errno> {
        self.may_read()?;
        self.may_write()?;
        if self.part::<crate::hash::Hash>().is_none() {
            return Err(ENOTSUPP);
        }
        self.batch(cursor, room, flags, true)
    }

    /// `BPF_MAP_UPDATE_BATCH`: each entry as [`Map::update`] would.
    ///
    /// # Errors
    /// The first failure, with the number of entries updated before it.
    pub fn update_batch<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        entries: &[(K, V)],
        flags: u64,
    ) -> Result<(), BatchError> {
        let fail = |done, errno| BatchError { done, errno };
        self.check_batch(flags & !BPF_F_LOCK, flags).map_err(|errno| fail(0, errno))?;
        for (done, (key, value)) in entries.iter().enumerate() {
            self.update(key.as_ref(), value.as_ref(), flags).map_err(|errno| fail(done, errno))?;
        }
        Ok(())
    }

    /// `BPF_MAP_DELETE_BATCH`.
    ///
    /// # Errors
    /// The first failure, with the number of keys deleted before it.
    pub fn delete_batch<K: AsRef<[u8]>>(&self, keys: &[K], flags: u64) -> Result<(), BatchError> {
        let fail = |done, errno| BatchError { done, errno };
        self.check_batch(flags & !BPF_F_LOCK, flags).map_err(|errno| fail(0, errno))?;
        for (done, key) in keys.iter().enumerate() {
            self.delete(key.as_ref()).map_err(|errno| fail(done, errno))?;
        }
        Ok(())
    }

    fn check_batch(&self, unknown: u64, flags: u64) -> Result<(), Errno> {
        if !self.0.table.has_batch() {
            return Err(ENOTSUPP);
        }
        if unknown != 0 {
            return Err(EINVAL);
        }
        self.check_lock_flag(flags)
    }

    fn batch(&self, cursor: Option<&Cursor>, room: usize, flags: u64, take: bool) -> Result<Batch, Errno> {
        self.check_batch(flags & !BPF_F_LOCK, flags)?;
        let mut batch = Batch::default();
        if room == 0 {
            batch.next = cursor.cloned();
            return Ok(batch);
        }
        if self.part::<crate::hash::Hash>().is_some() {
            self.batch_by_chain(cursor, room, take, &mut batch)?;
        } else {
            self.batch_by_key(cursor, room, &mut batch)?;
        }
        Ok(batch)
    }

    fn batch_by_chain(
        &self,
        cursor: Option<&Cursor>,
        room: usize,
        take: bool,
        out: &mut Batch,
    ) -> Result<(), Errno> {
        let mut chain = match cursor {
            Some(Cursor(bytes)) => crate::bytes::index(bytes).ok_or(EINVAL)?,
            None => 0,
        };
        let guard = pin_reader();
        loop {
            let left = room - out.entries.len();
            let entries = &mut out.entries;
            let mut emit = |key: &[u8], value: &[u8]| entries.push((key.to_vec(), value.to_vec()));
            match self.0.table.read_bucket(&guard, Step { cursor: chain, take, room: left }, &mut emit) {
                Ok(None) => return Ok(()),
                Ok(Some(next)) => chain = next,
                Err(_) if out.entries.is_empty() => return Err(ENOSPC),
                Err(_) => break,
            }
        }
        out.next = Some(Cursor(chain.to_ne_bytes().to_vec()));
        Ok(())
    }

    fn batch_by_key(&self, cursor: Option<&Cursor>, room: usize, out: &mut Batch) -> Result<(), Errno> {
        let mut last = cursor.map(|cursor| cursor.0.clone());
        while out.entries.len() < room {
            match self.next_key(last.as_deref()) {
                Err(ENOENT) => return Ok(()),
                key => {
                    let key = key?;
                    // A key that vanished in between is left out.
                    if let Ok(value) = self.lookup(&key) {
                        out.entries.push((key.clone(), value));
                    }
                    last = Some(key);
                }
            }
        }
        out.next = last.map(Cursor);
        Ok(())
    }
}
