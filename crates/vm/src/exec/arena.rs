//! Arenas: memory that program and application share under two addresses.
//!
//! In a program an arena pointer is 32 bits of offset on top of the arena's address as the application sees it. Reading
//! an address that has no page gives 0 and writing one does nothing in Linux (the fault is handled); here it is a fault, because a
//! program that does so has a bug. Both address spaces are the same here, so the casts only say what the pointer is.

use skep_maps::Map;

use super::Run;
use super::access::Who;
use crate::code::Op;
use crate::fault::{Fault, FaultKind};
use crate::prov::Reg;

impl Run<'_> {
    pub(super) fn arena_access(
        &mut self,
        _reg: &Reg,
        _off: i64,
        _size: u64,
        _write: bool,
        _who: &Who<'_>,
    ) -> Result<*mut u8, Fault> {
        Err(self.fault(FaultKind::Unsupported, "arenas"))
    }

    pub(super) fn arena_reg(&mut self, _map: &Map, _number: u16, _offset: u32) -> Result<Reg, Fault> {
        Err(self.fault(FaultKind::Unsupported, "arenas"))
    }

    pub(super) fn cast(&mut self, _op: &Op) -> Result<(), Fault> {
        Err(self.fault(FaultKind::Unsupported, "arenas"))
    }
}
