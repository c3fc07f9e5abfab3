//! ELF, as far as relocatable eBPF objects use it: 64-bit, either byte order, machine 247.
//!
//! Everything that a header says about the file is checked when [`Elf::parse`] returns: tables lie inside the file, names
//! inside their string tables, symbols in sections that exist. What remains to be checked by users is what only they
//! can know, such as that a symbol's value lies inside the data they look it up in.

mod bytes;
mod header;
mod reloc;
mod section;
mod symbol;
mod write;

pub(crate) use bytes::Bytes;
pub(crate) use header::{EM_BPF, ET_REL};
pub(crate) use reloc::{R_BPF_64_32, R_BPF_64_64, R_BPF_64_ABS32, R_BPF_64_ABS64, R_BPF_64_NODYLD32, Reloc};
pub(crate) use section::{
    SHF_ALLOC, SHF_EXECINSTR, SHF_INFO_LINK, SHT_NOBITS, SHT_PROGBITS, SHT_REL, SHT_RELA, SHT_STRTAB,
    SHT_SYMTAB, Section,
};
pub(crate) use symbol::{Binding, Place, STT_FILE, STT_FUNC, STT_NOTYPE, STT_OBJECT, STT_SECTION, Symbol};

use crate::error::Fault;
pub(crate) use write::{NewReloc, NewSection, NewSymbol, Writer};

use skep_isa::ByteOrder;

/// An ELF file, every table of which has been checked.
#[derive(Debug)]
pub(crate) struct Elf<'a> {
    /// Byte order of everything in it.
    pub(crate) order: ByteOrder,
    /// All sections; the index is ELF's own, section 0 being the null section.
    pub(crate) sections: Vec<Section<'a>>,
    /// All symbols; the index is ELF's own, symbol 0 being the null symbol.
    pub(crate) symbols: Vec<Symbol<'a>>,
    /// Index of the string table with the section names.
    pub(crate) names_index: usize,
    /// Relocations of each section, by the section they apply to; sorted by offset.
    pub(crate) relocs: Vec<Vec<Reloc>>,
}

impl<'a> Elf<'a> {
    /// Reads all tables of a file.
    pub(crate) fn parse(data: &'a [u8]) -> Result<Self, Fault> {
        let (order, header) = header::parse(data)?;
        let bytes = Bytes::new(data, order);
        let (sections, names_index) = section::parse(bytes, &header)?;
        let symbols = symbol::parse(&sections, order)?;
        let relocs = reloc::parse(&sections, symbols.len(), order)?;
        Ok(Self { order, sections, symbols, names_index, relocs })
    }

    /// The first section of that name.
    pub(crate) fn section(&self, name: &str) -> Option<&Section<'a>> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// The name a section's index stands for, for messages.
    pub(crate) fn section_name(&self, index: usize) -> &'a str {
        self.sections.get(index).map_or("", |section| section.name)
    }

    /// A view of bytes in this file's order.
    pub(crate) fn bytes<'d>(&self, data: &'d [u8]) -> Bytes<'d> {
        Bytes::new(data, self.order)
    }
}
