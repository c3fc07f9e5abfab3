//! Relocations.

use super::{Bytes, SHT_REL, SHT_RELA, Section};
use crate::error::{Fault, Problem};
use skep_isa::ByteOrder;

/// A 64-bit value in the two immediates of an `lddw`.
pub(crate) const R_BPF_64_64: u32 = 1;
/// A 64-bit value in data.
pub(crate) const R_BPF_64_ABS64: u32 = 2;
/// A 32-bit value in data.
pub(crate) const R_BPF_64_ABS32: u32 = 3;
/// The same, for sections that only debuggers and loaders read (`.BTF`, `.BTF.ext`).
pub(crate) const R_BPF_64_NODYLD32: u32 = 4;
/// The target of a call.
pub(crate) const R_BPF_64_32: u32 = 10;
/// GNU as's own numbers for a 32-bit and a 64-bit value in data; read as [`R_BPF_64_ABS32`] and [`R_BPF_64_ABS64`].
const GNU_DATA_32: u32 = 11;
const GNU_DATA_64: u32 = 12;

/// One relocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reloc {
    /// Byte offset in the section it applies to.
    pub(crate) offset: u64,
    /// `R_BPF_*`
    pub(crate) kind: u32,
    /// Index in the symbol table.
    pub(crate) symbol: usize,
    /// The explicit addend of `RELA` (GCC); without it the addend stands in the place relocated.
    pub(crate) addend: Option<i64>,
}

/// Reads and checks all relocation sections; the answer has one list for each section.
pub(super) fn parse(
    sections: &[Section<'_>],
    symbols: usize,
    order: ByteOrder,
) -> Result<Vec<Vec<Reloc>>, Fault> {
    let mut all = vec![Vec::new(); sections.len()];
    for section in sections {
        let entry = match section.kind {
            SHT_REL => 16,
            SHT_RELA => 24,
            _ => continue,
        };
        if !(section.data.len() as u64).is_multiple_of(entry) {
            let found = format!("{} bytes", section.data.len());
            let expected = format!("a multiple of {entry} bytes");
            return Err(Problem::expected("relocations", expected, found).within(section.name));
        }
        let Some(target) = sections.get(section.info as usize).filter(|target| target.index != 0) else {
            let expected = format!("an index from 1 to {}", sections.len() - 1);
            let problem = Problem::expected("section that relocations apply to", expected, section.info);
            return Err(problem.within(section.name));
        };
        let list = &mut all[target.index];
        for at in (0..section.data.len() as u64).step_by(entry as usize) {
            list.push(one(Bytes::new(section.data, order), section, target, symbols, at)?);
        }
    }
    for list in &mut all {
        list.sort_by_key(|reloc: &Reloc| reloc.offset);
    }
    Ok(all)
}

fn one(
    bytes: Bytes<'_>,
    section: &Section<'_>,
    target: &Section<'_>,
    symbols: usize,
    at: u64,
) -> Result<Reloc, Fault> {
    let offset = bytes.u64(at).unwrap_or_default();
    let info = bytes.u64(at + 8).unwrap_or_default();
    let symbol = (info >> 32) as usize;
    if symbol >= symbols {
        let expected = format!("a symbol index below {symbols}");
        return Err(Problem::expected("relocation", expected, symbol).at(section.name, at + 8));
    }
    if offset >= target.size {
        let expected = format!("an offset below {:#x} in {}", target.size, target.name);
        return Err(Problem::expected("relocation", expected, format!("{offset:#x}")).at(section.name, at));
    }
    let addend = (section.kind == SHT_RELA).then(|| bytes.u64(at + 16).unwrap_or_default().cast_signed());
    let kind = match info as u32 {
        GNU_DATA_32 => R_BPF_64_ABS32,
        GNU_DATA_64 => R_BPF_64_ABS64,
        other => other,
    };
    Ok(Reloc { offset, kind, symbol, addend })
}
