//! Section headers.

use super::Bytes;
use super::header::Header;
use crate::error::{Fault, Problem};

/// Bytes of a section header.
pub(super) const HEADER_SIZE: u64 = 64;

pub(crate) const SHT_PROGBITS: u32 = 1;
pub(crate) const SHT_SYMTAB: u32 = 2;
pub(crate) const SHT_STRTAB: u32 = 3;
pub(crate) const SHT_RELA: u32 = 4;
pub(crate) const SHT_NOBITS: u32 = 8;
pub(crate) const SHT_REL: u32 = 9;

pub(crate) const SHF_ALLOC: u64 = 2;
pub(crate) const SHF_EXECINSTR: u64 = 4;
pub(crate) const SHF_INFO_LINK: u64 = 0x40;
const SHF_COMPRESSED: u64 = 0x800;

/// One section.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section<'a> {
    pub(crate) index: usize,
    pub(crate) name: &'a str,
    pub(crate) kind: u32,
    pub(crate) flags: u64,
    /// Bytes; of `data`, but for sections without contents.
    pub(crate) size: u64,
    pub(crate) link: u32,
    pub(crate) info: u32,
    pub(crate) align: u64,
    pub(crate) entry_size: u64,
    /// The contents; empty for `NOBITS`.
    pub(crate) data: &'a [u8],
}

impl Section<'_> {
    /// Whether it holds instructions.
    pub(crate) fn is_code(&self) -> bool {
        self.kind == SHT_PROGBITS && self.flags & SHF_EXECINSTR != 0 && self.size > 0
    }
}

/// Reads and checks all headers; also says which section holds the section names.
pub(super) fn parse<'a>(file: Bytes<'a>, header: &Header) -> Result<(Vec<Section<'a>>, usize), Fault> {
    let at = header.sections_at;
    let first = table(file, at, 1)?;
    // Counts that do not fit their field stand in the otherwise empty first header.
    let count = match header.section_count {
        0 => first.u64(32).unwrap_or_default(),
        count => u64::from(count),
    };
    let names_index = match header.names_index {
        0xffff => first.u32(40).unwrap_or_default() as usize,
        index => usize::from(index),
    };
    let headers = table(file, at, count)?;
    let names = names_section(file, headers, names_index, count, at)?;
    // `count` headers lie in the file, so this is at most the file's size.
    let sections = (0..count).map(|index| one(file, headers, names, index, at));
    let sections = sections.collect::<Result<Vec<_>, _>>()?;
    // Without this, a small file could have the same bytes read thousands of times over.
    let total: u64 = sections.iter().map(|section| section.data.len() as u64).sum();
    if total > file.data.len() as u64 {
        let found = format!("{total} bytes in all");
        let expected = format!("no overlap in a file of {} bytes", file.data.len());
        return Err(Problem::expected("ELF sections", expected, found).at_file(at));
    }
    Ok((sections, names_index))
}

/// The headers' bytes.
fn table(file: Bytes<'_>, at: u64, count: u64) -> Result<Bytes<'_>, Fault> {
    let needed = count.saturating_mul(HEADER_SIZE);
    let data = file.slice(at, needed).ok_or_else(|| {
        let found = (file.data.len() as u64).saturating_sub(at);
        Problem::Short { what: "ELF section headers", needed, found }.at_file(at)
    })?;
    Ok(Bytes::new(data, file.order))
}

/// The string table with the section names.
fn names_section<'a>(
    file: Bytes<'a>,
    headers: Bytes<'a>,
    index: usize,
    count: u64,
    at: u64,
) -> Result<Bytes<'a>, Fault> {
    let bad = |expected: &str, found: String| {
        Problem::expected("ELF section of section names", expected, found).at_file(62)
    };
    if index as u64 >= count || index == 0 {
        return Err(bad(&format!("an index from 1 to {}", count.saturating_sub(1)), index.to_string()));
    }
    let base = index as u64 * HEADER_SIZE;
    let kind = headers.u32(base + 4).unwrap_or_default();
    if kind != SHT_STRTAB {
        return Err(bad("a string table", format!("section type {kind}")));
    }
    let data = contents(file, headers, base, &format!("#{index}"), at)?;
    Ok(Bytes::new(data, file.order))
}

/// The contents that the header at `base` describes.
fn contents<'a>(
    file: Bytes<'a>,
    headers: Bytes<'a>,
    base: u64,
    name: &str,
    at: u64,
) -> Result<&'a [u8], Fault> {
    let offset = headers.u64(base + 24).unwrap_or_default();
    let size = headers.u64(base + 32).unwrap_or_default();
    file.slice(offset, size).ok_or_else(|| {
        let found = (file.data.len() as u64).saturating_sub(offset);
        let mut fault = Problem::Short { what: "section", needed: size, found }.at_file(at + base);
        fault.place.section = Some(name.to_owned());
        fault
    })
}

fn one<'a>(
    file: Bytes<'a>,
    headers: Bytes<'a>,
    names: Bytes<'a>,
    index: u64,
    at: u64,
) -> Result<Section<'a>, Fault> {
    let base = index * HEADER_SIZE;
    let word = |offset| headers.u32(base + offset).unwrap_or_default();
    let long = |offset| headers.u64(base + offset).unwrap_or_default();
    let kind = word(4);
    let name = match (index, word(0)) {
        (0, _) => "",
        (_, offset) => names.text(offset.into()).map_err(|found| {
            let what = format!("name of section #{index}");
            Problem::expected(what, "a text in the section names", found).at_file(at + base)
        })?,
    };
    let flags = long(8);
    // The null section (type 0) has no contents; its fields may hold counts instead.
    let data = if kind == 0 || kind == SHT_NOBITS { &[] } else { contents(file, headers, base, name, at)? };
    // Only debugging sections are ever compressed, and those nobody here reads.
    let kind = if flags & SHF_COMPRESSED != 0 { 0 } else { kind };
    Ok(Section {
        index: index as usize,
        name,
        kind,
        flags,
        size: if kind == 0 { 0 } else { long(32) },
        link: word(40),
        info: word(44),
        align: long(48),
        entry_size: long(56),
        data,
    })
}
