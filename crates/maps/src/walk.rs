//! Iterating hash maps: key after key, by callback, and in batches.
//!
//! All three go chain by chain, and through a chain from its last place to its first ([`crate::buckets`] says why). A chain is
//! copied under its lock (a few numbers); the entries are visited without it.

use skep_platform::Errno;
use skep_platform::errno::ENOENT;

use crate::bytes;
use crate::hash::Hash;
use crate::pin::Guard;
use crate::table::Step;

impl Hash {
    /// The key after `key`; the first one if it is `None` or not there.
    pub(crate) fn next_key_after(
        &self,
        _guard: &Guard,
        key: Option<&[u8]>,
        out: &mut [u8],
    ) -> Result<(), Errno> {
        let mut cells = Vec::new();
        let mut chain = 0;
        if let Some(key) = key {
            let home = self.buckets.chain_of(self.hash(key));
            self.buckets.lock(home).cells(&mut cells);
            if let Some(at) = cells.iter().position(|&cell| self.same(cell, key)) {
                if let Some(&next) = cells.get(at + 1) {
                    self.key_of(next, out);
                    return Ok(());
                }
                chain = home + 1;
            }
        }
        for chain in chain..self.buckets.count() {
            if self.buckets.is_empty(chain) {
                continue;
            }
            self.buckets.lock(chain).cells(&mut cells);
            if let Some(&first) = cells.first() {
                self.key_of(first, out);
                return Ok(());
            }
        }
        Err(ENOENT)
    }

    /// Shows every entry until told to stop; returns how many were shown. The caller holds a guard.
    pub(crate) fn walk(&self, mut visit: impl FnMut(&[u8], u32) -> bool) -> u64 {
        let mut visited = 0;
        let mut cells = Vec::new();
        let mut key = vec![0; self.key_size];
        for chain in 0..self.buckets.count() {
            if self.buckets.is_empty(chain) {
                continue;
            }
            self.buckets.lock(chain).cells(&mut cells);
            for &cell in &cells {
                self.key_of(cell, &mut key);
                visited += 1;
                if !visit(&key, cell) {
                    return visited;
                }
            }
        }
        visited
    }

    /// One step of a batch, as [`crate::table::Table::read_bucket`] has it; a bucket is a chain.
    pub(crate) fn read_chain(
        &self,
        guard: &Guard,
        step: Step,
        emit: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Result<Option<u32>, usize> {
        let Step { cursor, take, room } = step;
        if cursor >= self.buckets.count() {
            return Ok(None);
        }
        let next = Some(cursor + 1).filter(|&next| next < self.buckets.count());
        if self.buckets.is_empty(cursor) {
            return Ok(next);
        }
        let mut cells = Vec::new();
        let mut key = vec![0; self.key_size];
        let mut value = vec![0; self.value_len()];
        let chain = self.buckets.lock(cursor);
        chain.cells(&mut cells);
        if cells.len() > room {
            return Err(cells.len());
        }
        for &cell in &cells {
            self.key_of(cell, &mut key);
            self.copy_out(cell, false, &mut value);
            emit(&key, &value);
            let hash = self.hash_of_cell(cell);
            if let Some(place) = chain.find(hash, |other| other == cell).filter(|_| take) {
                self.unlink(&chain, place);
            }
        }
        drop(chain);
        if take {
            for &cell in &cells {
                self.discard(guard, cell);
            }
        }
        Ok(next)
    }

    fn key_of(&self, cell: u32, out: &mut [u8]) {
        // SAFETY: a key has `round8(key_size)` bytes and is 8-aligned; `out` has `key_size`.
        unsafe { bytes::read(self.key_at(cell), out) };
    }
}
