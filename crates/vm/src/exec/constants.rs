//! Constants that are pointers: `lddw` of a map, of a map's value, of a function.

use skep_maps::Map;
use skep_platform::MapType;

use super::Run;
use crate::code::{Code, Op};
use crate::fault::{Fault, FaultKind};
use crate::prov::{Kind, Life, Perm, Prov, Reg};

/// Whether a program may take the address of byte `offset` of the map's value, and if not, why.
pub(crate) fn map_value_exists(map: &Map, offset: u32) -> Result<(), String> {
    let spec = map.spec();
    let name = map.name();
    match spec.map_type {
        MapType::Array if spec.max_entries != 1 => Err(format!(
            "map {name} has {} entries, only a single value has a fixed address",
            spec.max_entries
        )),
        MapType::Array if offset >= spec.value_size => {
            Err(format!("offset {offset} is outside the {}-byte value of map {name}", spec.value_size))
        }
        MapType::Array | MapType::Arena => Ok(()),
        other => Err(format!("values of map {name} ({}) have no fixed address", other.name())),
    }
}

impl Run<'_> {
    /// `lddw` of a map, a map's value or a function.
    pub(super) fn load_constant(&mut self, op: &Op) -> Result<(), Fault> {
        let reg = match op.code {
            Code::LdFunc => {
                let prov = Prov {
                    kind: Kind::Func,
                    base: u64::from(op.imm as u32),
                    index: self.current as u16,
                    ..Prov::SCALAR
                };
                // Functions have no address here; the slot number shifted out of the way of null will do.
                Reg { val: (u64::from(op.imm as u32) + 1) << 32, prov }
            }
            code => {
                let map = self.program().maps[op.imm as usize].clone();
                let number = match self.current {
                    0 => op.imm as u16,
                    _ => self.map_number(&map)?,
                };
                if code == Code::LdMap {
                    map_reg(&map, number)
                } else {
                    self.value_reg(&map, number, op.off as u32)?
                }
            }
        };
        self.m().set_reg(op.dst.into(), reg);
        Ok(())
    }

    fn value_reg(&mut self, map: &Map, number: u16, offset: u32) -> Result<Reg, Fault> {
        if map.spec().map_type == MapType::Arena {
            return self.arena_reg(map, number, offset);
        }
        let Some(value) = map.lookup_ptr(&self.guard, &0u32.to_ne_bytes()) else {
            return Err(self.fault(FaultKind::Engine, format!("map `{}` has no value", map.name())));
        };
        let mut reg = value_pointer(map, number, value.as_ptr() as u64);
        reg.val += u64::from(offset);
        Ok(reg)
    }
}

/// The register that stands for a map.
pub(crate) fn map_reg(map: &Map, number: u16) -> Reg {
    // Any number but 0 will do as long as equal maps are equal.
    let val = 1 << 48 | u64::from(map.id()) << 8;
    Reg { val, prov: Prov { kind: Kind::Map, base: val, index: number, ..Prov::SCALAR } }
}

/// A pointer to a value of a map, with what programs may do to it.
pub(crate) fn value_pointer(map: &Map, number: u16, addr: u64) -> Reg {
    let spec = map.spec();
    let mut perm = 0;
    if map.programs_read() {
        perm |= Perm::READ.0;
    }
    if map.programs_write() {
        perm |= Perm::WRITE.0;
    }
    if !spec.fields.is_empty() {
        perm |= Perm::SPECIAL;
    }
    let mut reg = Reg::pointer(Kind::MapValue, addr, spec.value_size as usize, Perm(perm), Life::RUN);
    reg.prov.index = number;
    reg
}
