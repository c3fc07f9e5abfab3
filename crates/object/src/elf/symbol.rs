//! The symbol table.

use super::{Bytes, SHT_STRTAB, SHT_SYMTAB, Section};
use crate::error::{Fault, Problem};
use skep_isa::ByteOrder;

/// Bytes of a symbol.
const SIZE: u64 = 24;

pub(crate) const STT_NOTYPE: u8 = 0;
pub(crate) const STT_OBJECT: u8 = 1;
pub(crate) const STT_FUNC: u8 = 2;
pub(crate) const STT_SECTION: u8 = 3;
pub(crate) const STT_FILE: u8 = 4;

/// Who can see a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binding {
    Local,
    Global,
    Weak,
}

/// Where a symbol is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In another object.
    Undefined,
    /// In a section of this one, by index.
    Section(usize),
    /// Nowhere: its value is a number.
    Absolute,
    /// To be allocated by the linker; C's tentative definitions, which BPF compilers do not emit by default.
    Common,
}

/// One symbol.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Symbol<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: u64,
    pub(crate) size: u64,
    pub(crate) binding: Binding,
    /// `STT_*`
    pub(crate) kind: u8,
    /// `st_other`: the visibility.
    pub(crate) other: u8,
    pub(crate) place: Place,
}

impl Symbol<'_> {
    /// Index of the section it is defined in.
    pub(crate) fn section(&self) -> Option<usize> {
        match self.place {
            Place::Section(index) => Some(index),
            _ => None,
        }
    }
}

/// Reads and checks the symbol table; an object without one has no symbols.
pub(super) fn parse<'a>(sections: &[Section<'a>], order: ByteOrder) -> Result<Vec<Symbol<'a>>, Fault> {
    let Some(table) = sections.iter().find(|section| section.kind == SHT_SYMTAB) else {
        return Ok(Vec::new());
    };
    if let Some(second) = sections.iter().filter(|section| section.kind == SHT_SYMTAB).nth(1) {
        return Err(Problem::expected("symbol table", "one in the file", "a second one").within(second.name));
    }
    if !(table.data.len() as u64).is_multiple_of(SIZE) {
        let found = format!("{} bytes", table.data.len());
        return Err(Problem::expected("symbol table", "a multiple of 24 bytes", found).within(table.name));
    }
    let names = sections.get(table.link as usize).filter(|section| section.kind == SHT_STRTAB);
    let names = names.ok_or_else(|| {
        Problem::expected("string table of the symbols", "a section index", table.link).within(table.name)
    })?;
    let names = Bytes::new(names.data, order);
    let bytes = Bytes::new(table.data, order);
    let count = table.data.len() as u64 / SIZE;
    (0..count).map(|index| one(bytes, names, sections, table.name, index * SIZE)).collect()
}

fn one<'a>(
    bytes: Bytes<'a>,
    names: Bytes<'a>,
    sections: &[Section<'a>],
    table: &str,
    at: u64,
) -> Result<Symbol<'a>, Fault> {
    let name_at = bytes.u32(at).unwrap_or_default();
    let name = match name_at {
        0 => "",
        _ => names.text(name_at.into()).map_err(|found| {
            Problem::expected("name of a symbol", "a text in the symbols' string table", found).at(table, at)
        })?,
    };
    let info = bytes.data.get(at as usize + 4).copied().unwrap_or_default();
    let binding = match info >> 4 {
        0 => Binding::Local,
        1 => Binding::Global,
        2 => Binding::Weak,
        other => {
            let what = format!("binding of symbol {name:?}");
            return Err(Problem::expected(what, "0, 1 or 2", other).at(table, at + 4));
        }
    };
    let place = match bytes.u16(at + 6).unwrap_or_default() {
        0 => Place::Undefined,
        0xfff1 => Place::Absolute,
        0xfff2 => Place::Common,
        index if usize::from(index) < sections.len() => Place::Section(index.into()),
        index => {
            let what = format!("section of symbol {name:?}");
            return Err(Problem::expected(what, format!("an index below {}", sections.len()), index)
                .at(table, at + 6));
        }
    };
    // Section symbols have no name of their own; in messages they go by their section's.
    let name = match place {
        Place::Section(index) if name.is_empty() && info & 15 == STT_SECTION => sections[index].name,
        _ => name,
    };
    Ok(Symbol {
        name,
        value: bytes.u64(at + 8).unwrap_or_default(),
        size: bytes.u64(at + 16).unwrap_or_default(),
        binding,
        kind: info & 15,
        other: bytes.data.get(at as usize + 5).copied().unwrap_or_default(),
        place,
    })
}
