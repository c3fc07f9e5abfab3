//! Queues and stacks: a ring of values under one lock.

use std::sync::Arc;

use skep_platform::errno::{E2BIG, EINVAL, ENOENT};
use skep_platform::{Errno, MapType};

use crate::memory::Memory;
use crate::pin::Guard;
use crate::spec::MapSpec;
use crate::spin::Spin;
use crate::table::{BPF_ANY, BPF_EXIST, Table};
use crate::value::Layout;

/// `BPF_MAP_TYPE_QUEUE` and `BPF_MAP_TYPE_STACK`.
pub(crate) struct Queue {
    memory: Memory,
    layout: Arc<Layout>,
    capacity: u32,
    /// A stack takes from the end that a queue appends to.
    stack: bool,
    ends: Spin<Ends>,
}

/// The values are at `first`, `first + 1`, … modulo the capacity.
struct Ends {
    first: u32,
    len: u32,
}

impl Queue {
    pub(crate) fn new(spec: &MapSpec, layout: Arc<Layout>) -> Result<Queue, Errno> {
        Ok(Queue {
            memory: Memory::array(spec.max_entries as usize, layout.stride)?,
            layout,
            capacity: spec.max_entries,
            stack: spec.map_type == MapType::Stack,
            ends: Spin::new(Ends { first: 0, len: 0 }),
        })
    }

    /// The memory of the `n`th value from the first.
    fn cell(&self, ends: &Ends, n: u32) -> std::ptr::NonNull<u8> {
        let index = (u64::from(ends.first) + u64::from(n)) % u64::from(self.capacity);
        // SAFETY: the index is below the capacity, for which the memory was made.
        unsafe { self.memory.at(index as usize * self.layout.stride) }
    }
}

impl Table for Queue {
    fn push(&self, _guard: &Guard, value: &[u8], flags: u64) -> Result<(), Errno> {
        if flags != BPF_ANY && flags != BPF_EXIST {
            return Err(EINVAL);
        }
        let mut ends = self.ends.lock();
        if ends.len == self.capacity {
            if flags != BPF_EXIST {
                return Err(E2BIG);
            }
            // The oldest value makes room, in a stack too.
            ends.first = (ends.first + 1) % self.capacity;
            ends.len -= 1;
        }
        // SAFETY: a value's cell; only the holder of the lock touches it.
        unsafe { self.layout.init(self.cell(&ends, ends.len), value) };
        ends.len += 1;
        Ok(())
    }

    fn pop(&self, _guard: &Guard, value: &mut [u8], take: bool) -> Result<(), Errno> {
        let mut ends = self.ends.lock();
        let Some(last) = ends.len.checked_sub(1) else {
            value.fill(0);
            return Err(ENOENT);
        };
        let from = self.cell(&ends, if self.stack { last } else { 0 });
        // SAFETY: a value's cell; only the holder of the lock touches it.
        unsafe { self.layout.load(from, value, false) };
        if take {
            ends.len = last;
            if !self.stack {
                ends.first = (ends.first + 1) % self.capacity;
            }
        }
        Ok(())
    }

    fn delete(&self, _guard: &Guard, _key: &[u8]) -> Result<(), Errno> {
        Err(EINVAL)
    }

    fn next_key(&self, _guard: &Guard, _key: Option<&[u8]>, _out: &mut [u8]) -> Result<(), Errno> {
        Err(EINVAL)
    }

    fn read(&self, guard: &Guard, _key: &[u8], _locked: bool, out: &mut [u8]) -> Result<(), Errno> {
        self.pop(guard, out, false)
    }

    fn memory_usage(&self) -> usize {
        self.memory.len()
    }
}
