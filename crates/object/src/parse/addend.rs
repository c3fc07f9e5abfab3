//! What is added to a symbol's value.
//!
//! Relocations without an explicit addend keep it in the place they apply to. LLVM writes just that. GNU as up to 2.40 writes
//! the *sum* of addend and symbol value there when the symbol has a name, though whoever applies the relocation adds the
//! value again; and for calls it forgets that the immediate counts slots and not bytes. Such objects cannot be told by any
//! mark, only by this: their section names have a string table of their own, and no named symbol's place holds less than the
//! symbol's value.

use crate::elf::{Elf, R_BPF_64_64, R_BPF_64_ABS64, Reloc, SHT_SYMTAB, STT_SECTION, Symbol};

/// How a file's addends are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Addends {
    /// The place holds the addend.
    Plain,
    /// The place holds the addend plus the value of a named symbol.
    WithValue,
}

impl Addends {
    /// Finds out which of the two a file has.
    pub(crate) fn of(elf: &Elf<'_>) -> Self {
        let symbols = elf.sections.iter().find(|section| section.kind == SHT_SYMTAB);
        if symbols.is_none_or(|table| table.link as usize == elf.names_index) {
            return Self::Plain;
        }
        for (section, relocs) in elf.sections.iter().zip(&elf.relocs) {
            let bytes = elf.bytes(section.data);
            for reloc in relocs.iter().filter(|reloc| reloc.addend.is_none()) {
                let symbol = &elf.symbols[reloc.symbol];
                let place = match reloc.kind {
                    R_BPF_64_64 if section.is_code() => bytes.u32(reloc.offset + 4).map(u64::from),
                    R_BPF_64_ABS64 if !section.is_code() => bytes.u64(reloc.offset),
                    _ => None,
                };
                let Some(place) = place.filter(|_| is_named(symbol) && symbol.value > 0) else { continue };
                if place < symbol.value {
                    return Self::Plain;
                }
            }
        }
        // Without a witness the two agree, but for calls.
        Self::WithValue
    }

    /// The addend of a reference to data or to a function's address, given what the place holds.
    pub(crate) fn of_place(self, reloc: &Reloc, symbol: &Symbol<'_>, place: i64) -> i64 {
        match (reloc.addend, self) {
            (Some(explicit), _) => explicit,
            (None, Self::WithValue) if is_named(symbol) => place.wrapping_sub(symbol.value.cast_signed()),
            (None, _) => place,
        }
    }

    /// The addend of a call in bytes, given the immediate. Named functions are only ever called at their start.
    pub(crate) fn of_call(self, reloc: &Reloc, symbol: &Symbol<'_>, immediate: i32) -> i64 {
        match (reloc.addend, self) {
            (Some(explicit), _) => explicit,
            (None, Self::WithValue) if is_named(symbol) => 0,
            (None, _) => (i64::from(immediate) + 1) * 8,
        }
    }
}

/// Whether the symbol stands for a thing and not for a section as a whole.
fn is_named(symbol: &Symbol<'_>) -> bool {
    symbol.kind != STT_SECTION && symbol.section().is_some()
}
