//! Many elements a system call.
//!
//! The kernel marks where a walk stands with a token that it writes and reads: an index for arrays, a bucket for hashes.
//! Its size is not said anywhere; it is at most the key's or 4 bytes, whichever is more.

use skep_platform::Errno;
use skep_platform::errno::{E2BIG, EFAULT, EINVAL, ENOENT, ENOSPC};

use crate::map::Map;
use crate::sys::{Command, attr, bpf};

/// Elements asked for at once, to begin with. A hash's bucket with more makes it grow.
const AT_ONCE: usize = 256;

/// Elements asked for at once, at most; keeps the buffers of maps with large values bounded.
const MOST_AT_ONCE: usize = 1 << 16;

/// Keys and their values, in the order the kernel gave them.
pub type Batch = Vec<(Vec<u8>, Vec<u8>)>;

impl Map {
    /// All elements.
    ///
    /// # Errors
    /// `ENOTSUPP` or `EINVAL` where the type or the kernel has no batches; walk [`Map::keys`] then.
    pub fn lookup_batch(&self) -> Result<Batch, Errno> {
        self.walk(Command::MapLookupBatch)
    }

    /// Takes all elements out.
    ///
    /// # Errors
    /// As for [`Map::lookup_batch`]; arrays cannot be emptied.
    pub fn drain_batch(&self) -> Result<Batch, Errno> {
        self.walk(Command::MapLookupAndDeleteBatch)
    }

    /// Writes elements; the keys and the values stand one behind the other. Gives how many were written.
    ///
    /// # Errors
    /// The errno of the first that failed, which ends the batch.
    pub fn update_batch(&self, keys: &[u8], values: &[u8], flags: u64) -> Result<usize, Errno> {
        let count = self.count(keys)?;
        if values.len() != count * self.value_bytes() {
            return Err(EINVAL);
        }
        let mut attr = attr::MapBatch {
            keys: keys.as_ptr() as u64,
            values: values.as_ptr() as u64,
            count: u32::try_from(count).map_err(|_| E2BIG)?,
            map_fd: self.number(),
            elem_flags: flags,
            ..Default::default()
        };
        // SAFETY: both slices outlive the call and hold `count` keys and values of the map's sizes (checked above).
        unsafe { bpf(Command::MapUpdateBatch, &mut attr) }?;
        Ok(attr.count as usize)
    }

    /// Removes elements; the keys stand one behind the other. Gives how many were removed.
    ///
    /// # Errors
    /// The errno of the first that failed, which ends the batch; `ENOENT` for a key that is not there.
    pub fn delete_batch(&self, keys: &[u8]) -> Result<usize, Errno> {
        let count = self.count(keys)?;
        let mut attr = attr::MapBatch {
            keys: keys.as_ptr() as u64,
            count: u32::try_from(count).map_err(|_| E2BIG)?,
            map_fd: self.number(),
            ..Default::default()
        };
        // SAFETY: the slice outlives the call and holds `count` keys of the map's size (checked above).
        unsafe { bpf(Command::MapDeleteBatch, &mut attr) }?;
        Ok(attr.count as usize)
    }

    fn count(&self, keys: &[u8]) -> Result<usize, Errno> {
        match self.key_bytes() {
            size if size > 0 && keys.len().is_multiple_of(size) => Ok(keys.len() / size),
            _ => Err(EINVAL),
        }
    }

    fn walk(&self, command: Command) -> Result<Batch, Errno> {
        let (key, value) = (self.key_bytes(), self.value_bytes());
        if key == 0 || value == 0 {
            return Err(EINVAL);
        }
        let mut all = Batch::new();
        let mut token: Option<Vec<u8>> = None;
        let mut room = AT_ONCE;
        loop {
            let (mut keys, mut values) = (vec![0; room * key], vec![0; room * value]);
            let mut next = vec![0; key.max(8)];
            let mut attr = attr::MapBatch {
                in_batch: token.as_ref().map_or(0, |token| token.as_ptr() as u64),
                out_batch: next.as_mut_ptr() as u64,
                keys: keys.as_mut_ptr() as u64,
                values: values.as_mut_ptr() as u64,
                count: room as u32,
                map_fd: self.number(),
                ..Default::default()
            };
            // SAFETY: the tokens have room for the kernel's (see above), keys and values for `count` elements.
            let answer = unsafe { bpf(command, &mut attr) };
            // With EFAULT the count is not to be relied on.
            let got = if answer == Err(EFAULT) { 0 } else { (attr.count as usize).min(room) };
            match answer {
                // A bucket holds more than there was room for: nothing of it was given.
                Err(errno) if errno == ENOSPC && room < MOST_AT_ONCE => room *= 4,
                Err(errno) if errno != ENOENT => return Err(errno),
                _ => {
                    let pairs = keys.chunks_exact(key).zip(values.chunks_exact(value)).take(got);
                    all.extend(pairs.map(|(key, value)| (key.to_vec(), value.to_vec())));
                    if answer.is_err() {
                        return Ok(all);
                    }
                    token = Some(next);
                }
            }
        }
    }
}
