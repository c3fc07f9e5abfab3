//! `BPF_MAP_TYPE_STACK_TRACE`: call stacks under a number made from their hash.

use std::sync::{Arc, Mutex, PoisonError};

use skep_platform::errno::{E2BIG, EEXIST, EFAULT, EINVAL, ENOENT};
use skep_platform::{Errno, MapFlags};

use crate::bytes::index;
use crate::map::Map;
use crate::pin::Guard;
use crate::spec::MapSpec;
use crate::table::Table;

/// The lowest bits of the flags: frames to leave out.
const SKIP_MASK: u64 = 0xff;
/// The stack is the process's, not the kernel's.
pub const BPF_F_USER_STACK: u64 = 1 << 8;
/// Compare stacks by their hashes alone.
pub const BPF_F_FAST_STACK_CMP: u64 = 1 << 9;
/// A new stack takes the place of an old one with the same number.
pub const BPF_F_REUSE_STACKID: u64 = 1 << 10;

/// Bytes of an entry with a build id: status, 20 bytes of id, and an address.
const BUILD_ID_ENTRY: usize = 32;
/// The status of such an entry that holds a plain address.
const BUILD_ID_IP: u32 = 2;

/// The stacks of one map; see [`Map::stacks`].
pub struct Stacks {
    buckets: Vec<Mutex<Option<Arc<Stack>>>>,
    depth: usize,
    build_ids: bool,
}

struct Stack {
    hash: u32,
    frames: Box<[u64]>,
}

impl Stacks {
    pub(crate) fn new(spec: &MapSpec) -> Result<Stacks, Errno> {
        let count = spec.max_entries.checked_next_power_of_two().ok_or(E2BIG)? as usize;
        let mut buckets = Vec::new();
        buckets.try_reserve_exact(count).map_err(|_| skep_platform::errno::ENOMEM)?;
        buckets.resize_with(count, Mutex::default);
        let build_ids = spec.flags.contains(MapFlags::STACK_BUILD_ID);
        let entry = if build_ids { BUILD_ID_ENTRY } else { 8 };
        Ok(Stacks { buckets, depth: spec.value_size as usize / entry, build_ids })
    }

    /// `bpf_get_stackid` for a stack that the caller has walked, innermost frame first: its number.
    ///
    /// # Errors
    /// `EFAULT` if nothing is left after skipping, `EEXIST` if another stack has the number (and
    /// [`BPF_F_REUSE_STACKID`] is not given), `EINVAL` for unknown flags.
    pub fn id(&self, _guard: &Guard, frames: &[u64], flags: u64) -> Result<u32, Errno> {
        let known = SKIP_MASK | BPF_F_USER_STACK | BPF_F_FAST_STACK_CMP | BPF_F_REUSE_STACKID;
        if flags & !known != 0 {
            return Err(EINVAL);
        }
        let frames =
            frames.get((flags & SKIP_MASK) as usize..).filter(|left| !left.is_empty()).ok_or(EFAULT)?;
        let frames = &frames[..frames.len().min(self.depth)];
        let hash = hash(frames);
        let id = hash & (self.buckets.len() as u32 - 1);
        let mut bucket = self.buckets[id as usize].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = bucket.as_deref() {
            let same = old.hash == hash && (flags & BPF_F_FAST_STACK_CMP != 0 || *old.frames == *frames);
            if same {
                return Ok(id);
            }
            if flags & BPF_F_REUSE_STACKID == 0 {
                return Err(EEXIST);
            }
        }
        *bucket = Some(Arc::new(Stack { hash, frames: frames.into() }));
        Ok(id)
    }

    fn stack(&self, key: &[u8]) -> Option<Arc<Stack>> {
        let bucket = self.buckets.get(index(key)? as usize)?;
        bucket.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn show(&self, stack: &Stack, out: &mut [u8]) {
        out.fill(0);
        let entry = if self.build_ids { BUILD_ID_ENTRY } else { 8 };
        for (frame, out) in stack.frames.iter().zip(out.chunks_exact_mut(entry)) {
            if self.build_ids {
                out[..4].copy_from_slice(&BUILD_ID_IP.to_ne_bytes());
            }
            out[entry - 8..].copy_from_slice(&frame.to_ne_bytes());
        }
    }
}

/// A hash of a stack: a stack's number is its lowest bits.
fn hash(frames: &[u64]) -> u32 {
    let mix = |state: u64, frame: &u64| {
        let product = u128::from(state ^ frame) * 0x9e37_79b9_7f4a_7c15_u128;
        (product as u64 ^ (product >> 64) as u64).wrapping_add(0x2545_f491_4f6c_dd1d)
    };
    let all = frames.iter().fold(frames.len() as u64, mix);
    (all ^ all >> 32) as u32
}

impl Map {
    /// The stack map's operations; `None` for other types.
    pub fn stacks(&self) -> Option<&Stacks> {
        self.part()
    }
}

impl Table for Stacks {
    fn update(&self, _guard: &Guard, _key: &[u8], _value: &[u8], _flags: u64) -> Result<(), Errno> {
        Err(EINVAL)
    }

    fn delete(&self, _guard: &Guard, key: &[u8]) -> Result<(), Errno> {
        let bucket = index(key).and_then(|id| self.buckets.get(id as usize)).ok_or(E2BIG)?;
        let old = bucket.lock().unwrap_or_else(PoisonError::into_inner).take();
        old.map(drop).ok_or(ENOENT)
    }

    fn next_key(&self, _guard: &Guard, key: Option<&[u8]>, out: &mut [u8]) -> Result<(), Errno> {
        let known = key.filter(|key| self.stack(key).is_some()).and_then(index);
        let start = known.map_or(0, |id| id as usize + 1);
        let used = |id: &usize| self.buckets[*id].lock().unwrap_or_else(PoisonError::into_inner).is_some();
        let next = (start..self.buckets.len()).find(used).ok_or(ENOENT)?;
        out.copy_from_slice(&(next as u32).to_ne_bytes());
        Ok(())
    }

    fn read(&self, _guard: &Guard, key: &[u8], _locked: bool, out: &mut [u8]) -> Result<(), Errno> {
        self.show(&*self.stack(key).ok_or(ENOENT)?, out);
        Ok(())
    }

    fn take(&self, guard: &Guard, key: &[u8], locked: bool, out: &mut [u8]) -> Result<(), Errno> {
        self.read(guard, key, locked, out)?;
        self.delete(guard, key)
    }

    fn memory_usage(&self) -> usize {
        let frames = |bucket: &Mutex<Option<Arc<Stack>>>| {
            let bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
            bucket.as_ref().map_or(0, |stack| size_of::<Stack>() + 16 + stack.frames.len() * 8)
        };
        self.buckets.len() * size_of::<Mutex<Option<Arc<Stack>>>>()
            + self.buckets.iter().map(frames).sum::<usize>()
    }
}
