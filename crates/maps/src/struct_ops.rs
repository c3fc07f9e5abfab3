//! `BPF_MAP_TYPE_STRUCT_OPS`: can be created, so that objects that carry one load; there is no kernel to register with.

use skep_platform::Errno;
use skep_platform::errno::{ENOENT, EOPNOTSUPP};

use crate::pin::Guard;
use crate::table::Table;

/// The map: nothing in it.
pub(crate) struct StructOps;

impl Table for StructOps {
    fn update(&self, _guard: &Guard, _key: &[u8], _value: &[u8], _flags: u64) -> Result<(), Errno> {
        Err(EOPNOTSUPP)
    }

    fn delete(&self, _guard: &Guard, _key: &[u8]) -> Result<(), Errno> {
        Err(ENOENT)
    }

    fn next_key(&self, _guard: &Guard, key: Option<&[u8]>, out: &mut [u8]) -> Result<(), Errno> {
        // One place, always.
        crate::array::next_index(key, 1, out)
    }

    fn read(&self, _guard: &Guard, _key: &[u8], _locked: bool, out: &mut [u8]) -> Result<(), Errno> {
        // A value that was never registered reads as its initial state: zeros.
        out.fill(0);
        Ok(())
    }

    fn memory_usage(&self) -> usize {
        0
    }
}
