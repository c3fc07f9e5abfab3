//! Writing a relocatable file, laid out as LLVM does: contents, relocations, symbols, one string table for all names.

use std::collections::HashMap;

use skep_isa::ByteOrder;

use super::{
    Binding, EM_BPF, ET_REL, Place, SHF_INFO_LINK, SHT_NOBITS, SHT_REL, SHT_STRTAB, SHT_SYMTAB, STT_SECTION,
};

/// Bytes of the file header, of a section header, of a symbol, of a relocation.
const HEADER: usize = 64;
const SECTION: u16 = 64;
const SYMBOL: u64 = 24;
const RELOC: u64 = 16;
/// Place of a symbol that is only a number.
const ABSOLUTE: u16 = 0xfff1;

/// A file to be written. Sections are counted from 1, as they will be in the file, and symbols from 0, in any order.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) order: ByteOrder,
    pub(crate) sections: Vec<NewSection>,
    pub(crate) symbols: Vec<NewSymbol>,
}

/// A section to be written.
#[derive(Debug, Default)]
pub(crate) struct NewSection {
    pub(crate) name: String,
    pub(crate) kind: u32,
    pub(crate) flags: u64,
    pub(crate) align: u64,
    pub(crate) entry_size: u64,
    /// The contents; of a section without contents, nothing.
    pub(crate) data: Vec<u8>,
    /// Bytes of a section without contents.
    pub(crate) zeros: u64,
    pub(crate) relocs: Vec<NewReloc>,
}

/// A symbol to be written.
#[derive(Clone, Debug)]
pub(crate) struct NewSymbol {
    pub(crate) name: String,
    pub(crate) value: u64,
    pub(crate) size: u64,
    pub(crate) binding: Binding,
    pub(crate) kind: u8,
    pub(crate) other: u8,
    pub(crate) place: Place,
}

/// A relocation to be written; the addend stands in the section's contents.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewReloc {
    pub(crate) offset: u64,
    pub(crate) kind: u32,
    /// Index in [`Writer::symbols`].
    pub(crate) symbol: usize,
}

impl NewSection {
    /// Bytes in memory.
    pub(crate) fn size(&self) -> u64 {
        if self.kind == SHT_NOBITS { self.zeros } else { self.data.len() as u64 }
    }
}

/// Texts one after the other, each once, closed by zeros.
#[derive(Default)]
struct Strings {
    data: Vec<u8>,
    known: HashMap<String, u32>,
}

impl Strings {
    fn add(&mut self, text: &str) -> u32 {
        if self.data.is_empty() {
            self.data.push(0);
        }
        if text.is_empty() {
            return 0;
        }
        *self.known.entry(text.to_owned()).or_insert_with(|| {
            let at = self.data.len() as u32;
            self.data.extend_from_slice(text.as_bytes());
            self.data.push(0);
            at
        })
    }
}

/// A growing file in one byte order.
struct Output {
    order: ByteOrder,
    data: Vec<u8>,
}

impl Output {
    fn u16(&mut self, value: u16) {
        self.put(&value.to_le_bytes());
    }
    fn u32(&mut self, value: u32) {
        self.put(&value.to_le_bytes());
    }
    fn u64(&mut self, value: u64) {
        self.put(&value.to_le_bytes());
    }
    fn put(&mut self, little: &[u8]) {
        match self.order {
            ByteOrder::Little => self.data.extend_from_slice(little),
            ByteOrder::Big => self.data.extend(little.iter().rev()),
        }
    }
}

/// A section header's numbers, in the file's order after the name.
struct Head {
    name: u32,
    kind: u32,
    flags: u64,
    at: u64,
    size: u64,
    link: u32,
    info: u32,
    align: u64,
    entry_size: u64,
}

impl Writer {
    /// The file's bytes.
    pub(crate) fn finish(self) -> Vec<u8> {
        let mut strings = Strings::default();
        let mut out = Output { order: self.order, data: vec![0; HEADER] };
        let mut heads = Vec::new();
        let (table, first_global, places) = self.symbol_table(&mut strings);
        let relocated = self.sections.iter().filter(|section| !section.relocs.is_empty()).count();
        // The null section, contents, relocations, symbols, strings.
        let symbols_index = (1 + self.sections.len() + relocated) as u32;
        for section in &self.sections {
            let at = out.align(section.align);
            out.data.extend_from_slice(&section.data);
            heads.push(Head {
                name: strings.add(&section.name),
                kind: section.kind,
                flags: section.flags,
                at,
                size: section.size(),
                link: 0,
                info: 0,
                align: section.align,
                entry_size: section.entry_size,
            });
        }
        for (index, section) in self.sections.iter().enumerate().filter(|(_, s)| !s.relocs.is_empty()) {
            let at = out.align(8);
            for reloc in &section.relocs {
                out.u64(reloc.offset);
                out.u64((places[reloc.symbol] as u64) << 32 | u64::from(reloc.kind));
            }
            heads.push(Head {
                name: strings.add(&format!(".rel{}", section.name)),
                kind: SHT_REL,
                flags: SHF_INFO_LINK,
                at,
                size: section.relocs.len() as u64 * RELOC,
                link: symbols_index,
                info: index as u32 + 1,
                align: 8,
                entry_size: RELOC,
            });
        }
        let at = out.align(8);
        out.data.extend_from_slice(&table);
        heads.push(Head {
            name: strings.add(".symtab"),
            kind: SHT_SYMTAB,
            flags: 0,
            at,
            size: table.len() as u64,
            link: symbols_index + 1,
            info: first_global,
            align: 8,
            entry_size: SYMBOL,
        });
        let name = strings.add(".strtab");
        let at = out.align(1);
        out.data.extend_from_slice(&strings.data);
        let size = strings.data.len() as u64;
        let (kind, flags, link, info, align, entry_size) = (SHT_STRTAB, 0, 0, 0, 1, 0);
        heads.push(Head { name, kind, flags, at, size, link, info, align, entry_size });
        out.section_headers(&heads);
        out.data
    }

    /// The symbols' bytes, the index of the first that is not local, and each symbol's index in the file.
    fn symbol_table(&self, strings: &mut Strings) -> (Vec<u8>, u32, Vec<usize>) {
        let mut out = Output { order: self.order, data: vec![0; SYMBOL as usize] };
        let mut places = vec![0; self.symbols.len()];
        let mut next = 1;
        let mut first_global = 1;
        // ELF wants local symbols first.
        for local in [true, false] {
            for (index, symbol) in self.symbols.iter().enumerate() {
                if (symbol.binding == Binding::Local) != local {
                    continue;
                }
                let name = if symbol.kind == STT_SECTION { "" } else { &symbol.name };
                out.u32(strings.add(name));
                let binding = match symbol.binding {
                    Binding::Local => 0,
                    Binding::Global => 1,
                    Binding::Weak => 2,
                };
                out.data.extend([binding << 4 | symbol.kind, symbol.other]);
                out.u16(match symbol.place {
                    Place::Section(section) => section as u16,
                    Place::Absolute => ABSOLUTE,
                    Place::Undefined | Place::Common => 0,
                });
                out.u64(symbol.value);
                out.u64(symbol.size);
                places[index] = next;
                next += 1;
            }
            if local {
                first_global = next as u32;
            }
        }
        (out.data, first_global, places)
    }
}

impl Output {
    /// Fills up to a multiple and says where that is.
    fn align(&mut self, to: u64) -> u64 {
        let at = self.data.len().next_multiple_of(to.max(1) as usize);
        self.data.resize(at, 0);
        at as u64
    }

    /// Appends the section headers and fills in the file header.
    fn section_headers(&mut self, heads: &[Head]) {
        let at = self.align(8);
        self.data.resize(self.data.len() + usize::from(SECTION), 0);
        for head in heads {
            self.u32(head.name);
            self.u32(head.kind);
            self.u64(head.flags);
            self.u64(0);
            self.u64(head.at);
            self.u64(head.size);
            self.u32(head.link);
            self.u32(head.info);
            self.u64(head.align);
            self.u64(head.entry_size);
        }
        let mut header = Output { order: self.order, data: b"\x7fELF\x02".to_vec() };
        header.data.extend([if self.order == ByteOrder::Big { 2 } else { 1 }, 1]);
        header.data.resize(16, 0);
        header.u16(ET_REL);
        header.u16(EM_BPF);
        header.u32(1);
        header.u64(0);
        header.u64(0);
        header.u64(at);
        header.u32(0);
        for half in [HEADER as u16, 0, 0, SECTION, heads.len() as u16 + 1, heads.len() as u16] {
            header.u16(half);
        }
        self.data[..HEADER].copy_from_slice(&header.data);
    }
}
