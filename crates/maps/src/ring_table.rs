//! The ring buffer types' side of [`Table`]: they have no keys, so none of the calls with a key is theirs.

use std::any::Any;

use skep_platform::Errno;
use skep_platform::errno::ENOTSUPP;

use crate::pin::Guard;
use crate::ring::Ring;
use crate::table::Table;

/// A map that is one ring and nothing else.
pub(crate) trait RingMap: Any + Send + Sync {
    /// The ring.
    fn ring(&self) -> &Ring;
}

impl<T: RingMap> Table for T {
    fn update(&self, _guard: &Guard, _key: &[u8], _value: &[u8], _flags: u64) -> Result<(), Errno> {
        Err(ENOTSUPP)
    }

    fn delete(&self, _guard: &Guard, _key: &[u8]) -> Result<(), Errno> {
        Err(ENOTSUPP)
    }

    fn next_key(&self, _guard: &Guard, _key: Option<&[u8]>, _out: &mut [u8]) -> Result<(), Errno> {
        Err(ENOTSUPP)
    }

    fn memory_usage(&self) -> usize {
        self.ring().size() + size_of::<T>()
    }
}
