//! The context of programs that are given plain memory: `r1` is its address and `r2` its length, the way runtimes outside
//! Linux start a program.

use crate::context::{Context, Entry, Lent, Loaded, Refusal};

/// Memory that a program reads and writes through `r1`.
#[derive(Debug)]
pub struct Memory<'a> {
    bytes: &'a mut [u8],
}

impl<'a> Memory<'a> {
    /// Lends `bytes` to the runs that this context is used for.
    pub fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes }
    }
}

impl Context for Memory<'_> {
    fn name(&self) -> &str {
        "memory"
    }

    fn load(&mut self, off: i64, size: usize) -> Result<Loaded, Refusal> {
        // `r1` is a pointer to memory, so no access arrives here.
        Err(Refusal::no_field(self.name(), off, size))
    }

    fn entry(&mut self) -> Entry {
        // SAFETY: the run borrows this context mutably, and this context its bytes: nobody else reads or writes them until
        // the run is over.
        Entry::Memory(unsafe { Lent::write(self.bytes.as_mut_ptr(), self.bytes.len()) })
    }
}
