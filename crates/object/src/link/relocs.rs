//! Relocations: they move with their section, and what they add moves with the section it counts from.
//!
//! All are written in LLVM's form, the addend standing in the place itself, whatever form the input has.

use skep_isa::{ByteOrder, RawInsn};

use super::{LinkError, Placed, Source};
use crate::elf::{
    NewReloc, R_BPF_64_32, R_BPF_64_64, R_BPF_64_ABS32, R_BPF_64_ABS64, R_BPF_64_NODYLD32, Reloc,
    STT_SECTION, Writer,
};
use crate::error::{Fault, Problem};

/// Bytes of a slot.
const SLOT: usize = RawInsn::SIZE;
/// Place of the immediate in a slot.
const IMMEDIATE: usize = 4;

/// Adds all relocations to the writer's sections.
pub(super) fn apply(sources: &[Source<'_>], writer: &mut Writer) -> Result<(), LinkError> {
    for source in sources {
        for (index, placed) in source.placed.iter().enumerate() {
            let Some(placed) = placed else { continue };
            for reloc in &source.input.elf.relocs[index] {
                one(source, index, *placed, reloc, writer)
                    .map_err(|fault| LinkError::Input(fault.of(source.name)))?;
            }
        }
    }
    Ok(())
}

fn one(
    source: &Source<'_>,
    section: usize,
    placed: Placed,
    reloc: &Reloc,
    writer: &mut Writer,
) -> Result<(), Fault> {
    let elf = &source.input.elf;
    let name = elf.section_name(section);
    if reloc.kind == 0 {
        return Ok(());
    }
    let symbol = &elf.symbols[reloc.symbol];
    let target = source.symbols[reloc.symbol].ok_or_else(|| {
        let found = format!("symbol {:?} of a section that is not", symbol.name);
        Problem::expected("relocation", "a symbol of a part that is linked", found).at(name, reloc.offset)
    })?;
    // A section's symbol now stands for a larger section, in which the old one begins later.
    let base = symbol.section().filter(|_| symbol.kind == STT_SECTION).and_then(|index| source.placed[index]);
    let shift = base.map_or(0, |base| base.offset.cast_signed());
    let at = reloc.offset + placed.offset;
    let order = elf.order;
    let output = &mut writer.sections[placed.section];
    let short = || {
        let found = output_size(elf.sections[section].size, reloc.offset);
        Problem::Short { what: "place of a relocation", needed: needed(reloc.kind), found }
            .at(name, reloc.offset)
    };
    let place = usize::try_from(at).ok().and_then(|at| output.data.get_mut(at..)).unwrap_or_default();
    if (place.len() as u64) < needed(reloc.kind)
        || elf.sections[section].size - reloc.offset < needed(reloc.kind)
    {
        return Err(short());
    }
    let addends = source.input.addends;
    match reloc.kind {
        R_BPF_64_64 => {
            let low = u32_at(place, IMMEDIATE, order);
            let high = u32_at(place, SLOT + IMMEDIATE, order);
            let inline = (u64::from(low) | u64::from(high) << 32).cast_signed();
            let addend = addends.of_place(reloc, symbol, inline).wrapping_add(shift);
            put(place, IMMEDIATE, addend as u32, order);
            put(place, SLOT + IMMEDIATE, (addend >> 32) as u32, order);
        }
        R_BPF_64_32 => {
            let immediate = u32_at(place, IMMEDIATE, order).cast_signed();
            let addend = addends.of_call(reloc, symbol, immediate).wrapping_add(shift);
            put(place, IMMEDIATE, (addend / SLOT as i64 - 1) as u32, order);
        }
        R_BPF_64_ABS64 => {
            let (first, second) = (u32_at(place, 0, order), u32_at(place, 4, order));
            let (low, high) = if order == ByteOrder::Big { (second, first) } else { (first, second) };
            let inline = (u64::from(low) | u64::from(high) << 32).cast_signed();
            let addend = addends.of_place(reloc, symbol, inline).wrapping_add(shift);
            let (low, high) = (addend as u32, (addend >> 32) as u32);
            let words = if order == ByteOrder::Big { [high, low] } else { [low, high] };
            put(place, 0, words[0], order);
            put(place, 4, words[1], order);
        }
        R_BPF_64_ABS32 | R_BPF_64_NODYLD32 => {
            let inline = i64::from(u32_at(place, 0, order));
            let addend = addends.of_place(reloc, symbol, inline).wrapping_add(shift);
            put(place, 0, addend as u32, order);
        }
        other => {
            let problem = Problem::expected("relocation type", "0 to 4 or 10", other);
            return Err(problem.at(name, reloc.offset));
        }
    }
    writer.sections[placed.section].relocs.push(NewReloc { offset: at, kind: reloc.kind, symbol: target });
    Ok(())
}

/// Bytes that a relocation touches from its offset on.
const fn needed(kind: u32) -> u64 {
    match kind {
        R_BPF_64_64 => 16,
        R_BPF_64_32 | R_BPF_64_ABS64 => 8,
        _ => 4,
    }
}

const fn output_size(size: u64, offset: u64) -> u64 {
    size.saturating_sub(offset)
}

fn u32_at(place: &[u8], at: usize, order: ByteOrder) -> u32 {
    let bytes = place.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default();
    if order == ByteOrder::Big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
}

fn put(place: &mut [u8], at: usize, value: u32, order: ByteOrder) {
    let bytes = if order == ByteOrder::Big { value.to_be_bytes() } else { value.to_le_bytes() };
    if let Some(place) = place.get_mut(at..at + 4) {
        place.copy_from_slice(&bytes);
    }
}
