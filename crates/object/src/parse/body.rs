//! One function's instructions with every reference resolved to what it names.

use skep_isa::{RawInsn, from_bytes};

use super::functions::{Functions, SLOT};
use super::input::Input;
use super::places::Places;
use crate::ExternUse;
use crate::elf::{Place, R_BPF_64_32, R_BPF_64_64, Reloc, Symbol};
use crate::error::{Fault, Problem};

/// Opcode of `lddw`.
const LDDW: u8 = 0x18;
/// Opcode of a call.
const CALL: u8 = 0x85;
/// Pseudo sources; see `Imm64` and `Call` of the instruction set.
const SOURCE_FUNCTION: u8 = 4;
const SOURCE_MAP: u8 = 5;
const SOURCE_MAP_VALUE: u8 = 6;
const SOURCE_LOCAL_CALL: u8 = 1;
const SOURCE_KERNEL_CALL: u8 = 2;

/// A function's instructions; references to other functions are still to be filled in, by slot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Body {
    pub(crate) insns: Vec<RawInsn>,
    /// Calls and `lddw`s of functions: slot and index of the function.
    pub(crate) functions: Vec<(usize, usize)>,
    pub(crate) externs: Vec<ExternUse>,
    /// Maps it names, in any order and more than once.
    pub(crate) maps: Vec<usize>,
}

/// What a reference names.
enum Referent {
    Function(usize),
    Map(usize),
    MapValue { map: usize, offset: u32 },
    Extern { index: usize, addend: i64 },
    Constant(u64),
}

/// Resolves one function.
pub(crate) fn resolve(
    input: &Input<'_>,
    functions: &Functions<'_>,
    places: &Places,
    index: usize,
) -> Result<Body, Fault> {
    let function = &functions.list[index];
    let section = &input.elf.sections[function.section];
    let code = section.data.get(function.start as usize..function.end as usize).unwrap_or_default();
    let insns = from_bytes(code, input.elf.order).unwrap_or_default();
    let mut resolver = Resolver { input, functions, places, section: section.index, start: function.start };
    let mut body = Body { insns, ..Body::default() };
    let mut relocs = input.relocs_in(section.index, function.start, function.end).iter().peekable();
    let mut slot = 0;
    while slot < body.insns.len() {
        let wide = body.insns[slot].code == LDDW;
        let end = function.start + (slot as u64 + 1 + u64::from(wide)) * SLOT;
        if wide && slot + 1 == body.insns.len() {
            let problem = Problem::expected("lddw", "a second slot", "the end of the function");
            return Err(problem.at(section.name, end - 2 * SLOT));
        }
        match relocs.next_if(|reloc| reloc.offset < end) {
            Some(reloc) => resolver.relocate(&mut body, slot, reloc)?,
            None => resolver.implicit(&mut body, slot)?,
        }
        while relocs.next_if(|reloc| reloc.offset < end).is_some() {}
        slot += 1 + usize::from(wide);
    }
    Ok(body)
}

/// Whether an instruction names a function by its distance, when no relocation says otherwise.
pub(super) fn is_local_reference(insn: &RawInsn) -> bool {
    matches!((insn.code, insn.src), (CALL, SOURCE_LOCAL_CALL) | (LDDW, SOURCE_FUNCTION))
}

struct Resolver<'r, 'a> {
    input: &'r Input<'a>,
    functions: &'r Functions<'a>,
    places: &'r Places,
    section: usize,
    start: u64,
}

impl Resolver<'_, '_> {
    /// A fault at a slot of this function.
    fn fault(&self, slot: usize, problem: Problem) -> Fault {
        problem.at(self.input.elf.section_name(self.section), self.start + slot as u64 * SLOT)
    }

    /// References within a section need no relocation: their offset is final.
    fn implicit(&mut self, body: &mut Body, slot: usize) -> Result<(), Fault> {
        let insn = body.insns[slot];
        if !is_local_reference(&insn) {
            return Ok(());
        }
        let from = (self.start / SLOT + slot as u64 + 1).cast_signed();
        let target = from.checked_add(insn.imm.into()).and_then(|to| to.cast_unsigned().checked_mul(SLOT));
        let function = target.and_then(|target| self.functions.at(self.section, target));
        let function = function.ok_or_else(|| {
            let found = format!("slot {}", from + i64::from(insn.imm));
            self.fault(slot, Problem::expected("local call", "the start of a function", found))
        })?;
        body.functions.push((slot, function));
        Ok(())
    }

    fn relocate(&mut self, body: &mut Body, slot: usize, reloc: &Reloc) -> Result<(), Fault> {
        let insn = body.insns[slot];
        let symbol = self.input.symbol_of(reloc);
        if reloc.offset != self.start + slot as u64 * SLOT {
            let found = format!("{:#x}", reloc.offset);
            return Err(
                self.fault(slot, Problem::expected("relocation", "the start of an instruction", found))
            );
        }
        match (reloc.kind, insn.code) {
            (0, _) => Ok(()),
            (R_BPF_64_64, LDDW) => {
                let high = body.insns.get(slot + 1).map_or(0, |next| next.imm);
                let inline = i64::from(insn.imm.cast_unsigned()) | i64::from(high) << 32;
                let addend = self.input.addends.of_place(reloc, symbol, inline);
                let referent = self.referent(slot, symbol, addend)?;
                patch_load(body, slot, referent);
                Ok(())
            }
            (R_BPF_64_32, CALL) => {
                let addend = self.input.addends.of_call(reloc, symbol, insn.imm);
                match self.referent(slot, symbol, addend)? {
                    Referent::Function(function) => {
                        body.insns[slot].src = SOURCE_LOCAL_CALL;
                        body.functions.push((slot, function));
                    }
                    Referent::Extern { index, .. } => {
                        body.insns[slot].src = SOURCE_KERNEL_CALL;
                        body.insns[slot].imm = -1;
                        body.externs.push(ExternUse { at: slot, index, addend: 0 });
                    }
                    _ => {
                        let found = format!("{:?}", symbol.name);
                        return Err(self.fault(slot, Problem::expected("call", "a function", found)));
                    }
                }
                Ok(())
            }
            (kind, code) => {
                let expected = "type 1 on an lddw or type 10 on a call";
                let found = format!("type {kind} on opcode {code:#04x} (symbol {:?})", symbol.name);
                Err(self.fault(slot, Problem::expected("relocation", expected, found)))
            }
        }
    }

    fn referent(&self, slot: usize, symbol: &Symbol<'_>, addend: i64) -> Result<Referent, Fault> {
        let offset = symbol.value.wrapping_add_signed(addend);
        let index = match symbol.place {
            Place::Section(index) => index,
            Place::Absolute => return Ok(Referent::Constant(offset)),
            Place::Undefined => return self.undefined(slot, symbol, addend),
            Place::Common => {
                let what = format!("symbol {:?}", symbol.name);
                let problem =
                    Problem::expected(what, "a section (compile with -fno-common)", "a common symbol");
                return Err(self.fault(slot, problem));
            }
        };
        let section = &self.input.elf.sections[index];
        let what = || format!("reference to {:?} in section {}", symbol.name, section.name);
        if section.is_code() {
            let function = self.functions.at(index, offset).ok_or_else(|| {
                let found = format!("offset {offset:#x}");
                self.fault(slot, Problem::expected(what(), "the start of a function", found))
            })?;
            return Ok(Referent::Function(function));
        }
        if let Some(&map) = self.places.maps.get(&(index, offset)) {
            return Ok(Referent::Map(map));
        }
        match self.places.data.get(&index) {
            Some(&map) if offset <= section.size && offset <= u64::from(u32::MAX) => {
                Ok(Referent::MapValue { map, offset: offset as u32 })
            }
            Some(_) => {
                let expected = format!("an offset up to {:#x}", section.size);
                Err(self.fault(slot, Problem::expected(what(), expected, format!("{offset:#x}"))))
            }
            None => {
                let found = format!("offset {offset:#x}");
                Err(self.fault(slot, Problem::expected(what(), "a map, global data or a function", found)))
            }
        }
    }

    fn undefined(&self, slot: usize, symbol: &Symbol<'_>, addend: i64) -> Result<Referent, Fault> {
        if let (Some(map), Some(&offset)) =
            (self.places.kconfig, self.places.kconfig_offsets.get(symbol.name))
        {
            let offset = u64::from(offset).wrapping_add_signed(addend);
            return Ok(Referent::MapValue { map, offset: offset as u32 });
        }
        match self.places.externs.get(symbol.name) {
            Some(&index) => Ok(Referent::Extern { index, addend }),
            None => {
                let found = format!("undefined {:?}", symbol.name);
                Err(self.fault(slot, Problem::expected("symbol", "one that is defined or extern", found)))
            }
        }
    }
}

/// Writes what an `lddw` names into its two slots.
fn patch_load(body: &mut Body, slot: usize, referent: Referent) {
    let (source, low, high) = match referent {
        Referent::Function(function) => {
            body.functions.push((slot, function));
            (SOURCE_FUNCTION, 0, 0)
        }
        Referent::Map(map) => {
            body.maps.push(map);
            (SOURCE_MAP, map as u32, 0)
        }
        Referent::MapValue { map, offset } => {
            body.maps.push(map);
            (SOURCE_MAP_VALUE, map as u32, offset)
        }
        Referent::Extern { index, addend } => {
            body.externs.push(ExternUse { at: slot, index, addend });
            (0, 0, 0)
        }
        Referent::Constant(value) => (0, value as u32, (value >> 32) as u32),
    };
    body.insns[slot].src = source;
    body.insns[slot].imm = low.cast_signed();
    body.insns[slot + 1].imm = high.cast_signed();
}
