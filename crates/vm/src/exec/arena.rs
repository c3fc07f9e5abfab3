//! Arenas: memory that program and application share under two addresses.
//!
//! In a program an arena pointer is 32 bits of offset, with the upper half of the arena's address as the application sees it
//! when it was cast for the application. Only the lower half counts in an access. Linux answers an access
//! to a page that is not there with 0 and goes on; here it is a fault, because a program that makes one has a bug.

use skep_maps::Map;
use skep_platform::MapType;

use super::Run;
use super::check::Who;
use crate::code::{Code, Op};
use crate::fault::{Access, Fault, FaultKind};
use crate::prov::{Kind, Prov, Reg};

impl Run<'_> {
    /// The arena of the running program: Linux allows one.
    fn arena_number(&mut self) -> Result<u16, Fault> {
        let arena = self.program().maps.iter().find(|m| m.spec().map_type == MapType::Arena).cloned();
        match arena {
            Some(map) => self.map_number(&map),
            None => Err(self.fault(FaultKind::Unsupported, "the program has no arena")),
        }
    }

    /// The host address of an arena access, if all of it lies in allocated pages.
    pub(super) fn arena_access(
        &mut self,
        reg: &Reg,
        off: i64,
        size: u64,
        write: bool,
        who: &Who<'_>,
    ) -> Result<*mut u8, Fault> {
        let address = reg.val.wrapping_add(off as u64) & 0xffff_ffff;
        let map = self.map_at(reg.prov.index);
        let Some(arena) = map.and_then(Map::arena) else {
            return Err(self.fault(FaultKind::Engine, "the arena is gone"));
        };
        if arena.is_allocated(address, size) {
            return Ok(arena.host_address(address).as_ptr());
        }
        let name = map.map_or("?", |m| m.name());
        let message = format!("{who} points to {address:#x} in arena `{name}`, where no page is allocated");
        let access = Access { object: Kind::Arena, offset: address as i64, size, len: 1 << 32, write };
        Err(self.fault_at(FaultKind::OutOfBounds, message, Some(access)))
    }

    /// An arena pointer.
    pub(crate) fn arena_pointer(&self, number: u16, val: u64) -> Reg {
        Reg { val, prov: Prov { kind: Kind::Arena, index: number, ..Prov::SCALAR } }
    }

    /// The address of a global of the program in the arena, as the application sees it: a number until it is cast.
    pub(super) fn arena_reg(&mut self, map: &Map, _number: u16, offset: u32) -> Result<Reg, Fault> {
        match map.arena() {
            Some(arena) => Ok(Reg::scalar(arena.user_address().wrapping_add(offset.into()))),
            None => Err(self.fault(FaultKind::Engine, format!("map `{}` is not an arena", map.name()))),
        }
    }

    /// `addr_space_cast`.
    pub(super) fn cast(&mut self, op: &Op) -> Result<(), Fault> {
        self.uninit_operand(*op)?;
        let number = self.arena_number()?;
        let src = self.m_ref().vals[usize::from(op.src)];
        let low = src & 0xffff_ffff;
        let reg = match op.code {
            Code::CastToKernel => self.arena_pointer(number, low),
            _ if low == 0 => Reg::ZERO,
            _ => {
                let user = self.map_at(number).and_then(Map::arena).map_or(0, |a| a.user_address());
                Reg::scalar(user & !0xffff_ffff | low)
            }
        };
        self.m().set_reg(op.dst.into(), reg);
        Ok(())
    }
}
