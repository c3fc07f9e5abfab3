//! What all steps of parsing share: the file's tables, look-ups into them, and its type information.

use std::collections::HashMap;
use std::sync::Arc;

use skep_btf::Btf;

use super::addend::Addends;
use super::fixup;
use crate::elf::{Elf, Place, Reloc, STT_FILE, STT_SECTION, Symbol};
use crate::error::{Fault, Problem};

/// The file being parsed.
pub(crate) struct Input<'a> {
    pub(crate) elf: Elf<'a>,
    /// Named symbols by section and name; of several of one name, the first that is not local.
    by_name: HashMap<(SectionIndex, &'a str), usize>,
    pub(crate) addends: Addends,
    pub(crate) btf: Option<Arc<Btf>>,
    pub(crate) btf_bytes: Vec<u8>,
}

/// A section's index, or none for undefined symbols.
type SectionIndex = Option<usize>;

impl<'a> Input<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Result<Self, Fault> {
        let elf = Elf::parse(data)?;
        let mut by_name = HashMap::new();
        for (index, symbol) in elf.symbols.iter().enumerate().skip(1) {
            let section = match symbol.place {
                Place::Section(section) => Some(section),
                Place::Undefined => None,
                _ => continue,
            };
            if symbol.kind != STT_SECTION && symbol.kind != STT_FILE {
                by_name.entry((section, symbol.name)).or_insert(index);
            }
        }
        let addends = Addends::of(&elf);
        let mut input = Self { elf, by_name, addends, btf: None, btf_bytes: Vec::new() };
        input.read_btf()?;
        Ok(input)
    }

    /// The symbol of that name in a section, by index.
    pub(crate) fn symbol_in(&self, section: usize, name: &str) -> Option<&Symbol<'a>> {
        self.by_name.get(&(Some(section), name)).map(|&index| &self.elf.symbols[index])
    }

    /// The index of the symbol of that name in a section.
    pub(crate) fn symbol_index(&self, section: usize, name: &str) -> Option<usize> {
        self.by_name.get(&(Some(section), name)).copied()
    }

    /// The undefined symbol of that name.
    pub(crate) fn undefined(&self, name: &str) -> Option<&Symbol<'a>> {
        self.by_name.get(&(None, name)).map(|&index| &self.elf.symbols[index])
    }

    /// The symbol of a relocation.
    pub(crate) fn symbol_of(&self, reloc: &Reloc) -> &Symbol<'a> {
        // Relocations were checked against the table when it was read.
        &self.elf.symbols[reloc.symbol]
    }

    /// The relocations of a section whose offsets lie in a range.
    pub(crate) fn relocs_in(&self, section: usize, start: u64, end: u64) -> &[Reloc] {
        let all = self.elf.relocs.get(section).map_or(&[][..], Vec::as_slice);
        let from = all.partition_point(|reloc| reloc.offset < start);
        let to = all.partition_point(|reloc| reloc.offset < end);
        &all[from..to.max(from)]
    }

    /// Reads `.BTF` and completes it from the ELF tables.
    fn read_btf(&mut self) -> Result<(), Fault> {
        let Some(data) = self.elf.section(".BTF").map(|section| section.data).filter(|data| !data.is_empty())
        else {
            return Ok(());
        };
        let parse = |bytes: &[u8]| {
            Btf::parse(bytes).map_err(|error| {
                let at = error.malformed().map_or(0, |malformed| malformed.offset as u64);
                let (expected, found) = match error.malformed() {
                    Some(malformed) => (malformed.expected.clone(), malformed.found.clone()),
                    None => ("BTF".to_owned(), error.to_string()),
                };
                Problem::expected("type information", expected, found).at(".BTF", at)
            })
        };
        let raw = parse(data)?;
        self.btf_bytes = fixup::complete(self, data, &raw);
        self.btf = Some(Arc::new(parse(&self.btf_bytes)?));
        Ok(())
    }
}
