//! The `.BTF` section of an ELF file of any machine: an eBPF object, a kernel image, a module.
//!
//! Only what it takes to find one section by name; everything else about objects is the object crate's.

use crate::error::{BtfError, Malformed, Section};
use crate::wire::ByteOrder;

/// The section's name.
const NAME: &[u8] = b".BTF\0";

/// Reads numbers of the file's class and byte order.
struct Elf<'a> {
    data: &'a [u8],
    order: ByteOrder,
    wide: bool,
}

/// Where the fields of a 32- and a 64-bit file are; the first of each pair is the 32-bit one's.
struct Field(usize, usize);
const SECTIONS_AT: Field = Field(0x20, 0x28);
const SECTION_LEN: Field = Field(0x2e, 0x3a);
const SECTION_COUNT: Field = Field(0x30, 0x3c);
const NAMES_INDEX: Field = Field(0x32, 0x3e);
const OFFSET: Field = Field(0x10, 0x18);
const SIZE: Field = Field(0x14, 0x20);

fn malformed(offset: usize, expected: &str, found: impl ToString) -> BtfError {
    let (expected, found) = (expected.into(), found.to_string());
    BtfError::Malformed(Box::new(Malformed { section: Section::Elf, offset, type_id: None, expected, found }))
}

/// Does the file begin as ELF files do?
pub fn is_elf(data: &[u8]) -> bool {
    data.starts_with(b"\x7fELF")
}

/// The bytes of the section `.BTF`.
pub fn section(data: &[u8]) -> Result<&[u8], BtfError> {
    if !is_elf(data) {
        return Err(malformed(0, "an ELF file", "other bytes"));
    }
    let class = data.get(4).copied().unwrap_or(0);
    let order = match data.get(5) {
        Some(2) => ByteOrder::Big,
        _ => ByteOrder::Little,
    };
    let elf = Elf { data, order, wide: class == 2 };
    let table = elf.address(0, &SECTIONS_AT)?;
    let entry = elf.half(0, &SECTION_LEN)?;
    let count = elf.half(0, &SECTION_COUNT)?;
    if entry < elf.pick(&Field(40, 64)) {
        return Err(malformed(elf.pick(&SECTION_LEN), "section headers of 40 or 64 bytes", entry));
    }
    let header = |index: usize| index.checked_mul(entry).and_then(|at| at.checked_add(table));
    let names =
        header(elf.half(0, &NAMES_INDEX)?).ok_or_else(|| malformed(table, "a section table", "none"))?;
    let names = elf.content(names)?;
    for at in (0..count).filter_map(header) {
        let name = elf.number(at, 4)?;
        if names.get(name..).is_some_and(|rest| rest.starts_with(NAME)) {
            return elf.content(at);
        }
    }
    Err(malformed(table, "a section .BTF (compile with -g)", "none"))
}

impl<'a> Elf<'a> {
    fn pick(&self, field: &Field) -> usize {
        if self.wide { field.1 } else { field.0 }
    }

    fn number(&self, at: usize, len: usize) -> Result<usize, BtfError> {
        let bytes = at.checked_add(len).and_then(|end| self.data.get(at..end));
        let bytes = bytes.ok_or_else(|| malformed(at, "a number", "the end of the file"))?;
        let join = |number: usize, byte: &u8| number << 8 | usize::from(*byte);
        Ok(match self.order {
            ByteOrder::Little => bytes.iter().rev().fold(0, join),
            ByteOrder::Big => bytes.iter().fold(0, join),
        })
    }

    fn half(&self, base: usize, field: &Field) -> Result<usize, BtfError> {
        self.number(base.saturating_add(self.pick(field)), 2)
    }

    fn address(&self, base: usize, field: &Field) -> Result<usize, BtfError> {
        self.number(base.saturating_add(self.pick(field)), if self.wide { 8 } else { 4 })
    }

    fn content(&self, header: usize) -> Result<&'a [u8], BtfError> {
        let (start, len) = (self.address(header, &OFFSET)?, self.address(header, &SIZE)?);
        let content = start.checked_add(len).and_then(|end| self.data.get(start..end));
        content.ok_or_else(|| {
            malformed(header, "a section within the file", format!("offset {start}, length {len}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Xorshift;

    /// A file of one class and order with the sections `.BTF` and the names'.
    fn file(wide: bool, big: bool, content: &[u8]) -> Vec<u8> {
        let mut out = vec![0u8; 0x40];
        out[..6].copy_from_slice(&[
            0x7f,
            b'E',
            b'L',
            b'F',
            if wide { 2 } else { 1 },
            if big { 2 } else { 1 },
        ]);
        let put = |out: &mut Vec<u8>, at: usize, len: usize, value: usize| {
            for i in 0..len {
                out[at + i] = (value >> (8 * if big { len - 1 - i } else { i })) as u8;
            }
        };
        let (entry, word) = if wide { (64, 8) } else { (40, 4) };
        let pick = |field: &Field| if wide { field.1 } else { field.0 };
        let names = b"\0.BTF\0";
        let content_at = out.len();
        out.extend(content);
        let names_at = out.len();
        out.extend(names);
        let table = out.len();
        out.resize(table + 2 * entry, 0);
        put(&mut out, pick(&SECTIONS_AT), word, table);
        put(&mut out, pick(&SECTION_LEN), 2, entry);
        put(&mut out, pick(&SECTION_COUNT), 2, 2);
        put(&mut out, pick(&NAMES_INDEX), 2, 1);
        for (at, name, start, len) in
            [(table, 1, content_at, content.len()), (table + entry, 0, names_at, names.len())]
        {
            put(&mut out, at, 4, name);
            put(&mut out, at + pick(&OFFSET), word, start);
            put(&mut out, at + pick(&SIZE), word, len);
        }
        out
    }

    #[test]
    fn the_section_is_found_and_damage_is_an_error() {
        let mut random = Xorshift(3);
        for (wide, big) in [(false, false), (false, true), (true, false), (true, true)] {
            let good = file(wide, big, b"hello");
            assert_eq!(section(&good).unwrap(), b"hello");
            for _ in 0..2000 {
                let mut bad = good.clone();
                let at = random.below(bad.len());
                bad[at] = random.next() as u8;
                let _ = section(&bad);
                bad.truncate(random.below(bad.len()));
                let _ = section(&bad);
            }
        }
        assert!(
            section(b"no").unwrap_err().to_string().starts_with("ELF file, offset 0x0: expected an ELF file")
        );
    }
}
