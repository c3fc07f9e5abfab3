//! `.BTF.ext`: what the compiler knows about instructions.
//!
//! Three tables of records, each grouped by code section: functions, source lines, CO-RE relocations. The size of a
//! record stands before each table, so that newer compilers can append fields; those are skipped. The header's length
//! tells whether there is a third table (32 bytes) or not (24, compilers before CO-RE).

use std::collections::HashMap;
use std::ops::Range;

use skep_btf::TypeId;

use super::input::Input;
use crate::elf::Bytes;
use crate::error::{Fault, Problem};

const SECTION: &str = ".BTF.ext";
const MAGIC: u16 = 0xeb9f;
/// Header without and with the CO-RE table.
const HEADER: (u32, u32) = (24, 32);

/// `insn_off`, `type_id`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FuncRecord {
    /// Byte offset in the section, as in the other two.
    pub(crate) offset: u64,
    pub(crate) func: TypeId,
}

/// `insn_off`, `file_name_off`, `line_off`, `line_col`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LineRecord {
    pub(crate) offset: u64,
    pub(crate) file: u32,
    pub(crate) text: u32,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// `insn_off`, `type_id`, `access_str_off`, `kind`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CoreRecord {
    pub(crate) offset: u64,
    pub(crate) type_id: TypeId,
    pub(crate) access: u32,
    pub(crate) kind: u32,
}

/// The records of one code section, each list sorted by offset with at most one record for an offset.
#[derive(Clone, Debug, Default)]
pub(crate) struct Records {
    pub(crate) funcs: Vec<FuncRecord>,
    pub(crate) lines: Vec<LineRecord>,
    pub(crate) core: Vec<CoreRecord>,
}

/// All records, by index of the code section.
pub(crate) type Ext = HashMap<usize, Records>;

/// The part of a sorted list that lies in a range of bytes.
pub(crate) fn within<T>(list: &[T], offset: impl Fn(&T) -> u64, range: Range<u64>) -> &[T] {
    let from = list.partition_point(|record| offset(record) < range.start);
    let to = list.partition_point(|record| offset(record) < range.end);
    &list[from..to.max(from)]
}

/// Reads the section; an object without it has no records.
pub(crate) fn parse(input: &Input<'_>) -> Result<Ext, Fault> {
    let mut ext = Ext::new();
    let Some(section) = input.elf.section(SECTION).filter(|_| input.btf.is_some()) else { return Ok(ext) };
    let bytes = input.elf.bytes(section.data);
    let header = header(bytes)?;
    for (kind, table) in [Table::Funcs, Table::Lines, Table::Core].into_iter().zip(header) {
        read_table(input, bytes, kind, table, &mut ext)?;
    }
    for records in ext.values_mut() {
        records.funcs.sort_by_key(|record| record.offset);
        records.funcs.dedup_by_key(|record| record.offset);
        records.lines.sort_by_key(|record| record.offset);
        records.lines.dedup_by_key(|record| record.offset);
        records.core.sort_by_key(|record| record.offset);
        if let Some(pair) = records.core.windows(2).find(|pair| pair[0].offset == pair[1].offset) {
            let what = format!("CO-RE relocations of the instruction at {:#x}", pair[0].offset);
            return Err(Problem::expected(what, "one", "two").within(SECTION));
        }
    }
    Ok(ext)
}

#[derive(Clone, Copy, PartialEq)]
enum Table {
    Funcs,
    Lines,
    Core,
}

impl Table {
    const fn name(self) -> &'static str {
        match self {
            Self::Funcs => "function records",
            Self::Lines => "line records",
            Self::Core => "CO-RE records",
        }
    }

    /// Bytes of the fields known today.
    const fn record(self) -> u32 {
        if matches!(self, Self::Funcs) { 8 } else { 16 }
    }
}

/// Start and end of the three tables in the section.
fn header(bytes: Bytes<'_>) -> Result<[Range<u64>; 3], Fault> {
    let found = bytes.data.len() as u64;
    let short = || Problem::Short { what: "header", needed: HEADER.0.into(), found }.at(SECTION, 0);
    let magic = bytes.u16(0).ok_or_else(short)?;
    if magic != MAGIC {
        return Err(Problem::expected("magic", "0xeb9f", format!("{magic:#x}")).at(SECTION, 0));
    }
    let version = bytes.data.get(2).copied().ok_or_else(short)?;
    if version != 1 {
        return Err(Problem::expected("version", "1", version).at(SECTION, 2));
    }
    let length = bytes.u32(4).ok_or_else(short)?;
    if length < HEADER.0 || u64::from(length) > found {
        let expected = format!("{} to {found}", HEADER.0);
        return Err(Problem::expected("header length", expected, length).at(SECTION, 4));
    }
    let mut tables = [0..0, 0..0, 0..0];
    let known = if length >= HEADER.1 { 3 } else { 2 };
    for (number, table) in tables.iter_mut().enumerate().take(known) {
        let at = 8 + number as u64 * 8;
        let start = u64::from(length) + u64::from(bytes.u32(at).ok_or_else(short)?);
        let end = start + u64::from(bytes.u32(at + 4).ok_or_else(short)?);
        if end > found {
            let what = "table that the header describes";
            return Err(Problem::Short { what, needed: end, found }.at(SECTION, at));
        }
        *table = start..end;
    }
    Ok(tables)
}

fn read_table(
    input: &Input<'_>,
    bytes: Bytes<'_>,
    kind: Table,
    table: Range<u64>,
    ext: &mut Ext,
) -> Result<(), Fault> {
    if table.is_empty() {
        return Ok(());
    }
    let word = |at: u64| {
        let inside = at + 4 <= table.end;
        let what = kind.name();
        bytes.u32(at).filter(|_| inside).ok_or_else(|| {
            Problem::Short { what, needed: at + 4 - table.start, found: table.end - table.start }
                .at(SECTION, at)
        })
    };
    let size = word(table.start)?;
    if size < kind.record() || size % 4 != 0 {
        let expected = format!("a multiple of 4 from {}", kind.record());
        let what = format!("size of the {}", kind.name());
        return Err(Problem::expected(what, expected, size).at(SECTION, table.start));
    }
    let mut at = table.start + 4;
    while at < table.end {
        let (name_at, count) = (word(at)?, word(at + 4)?);
        let name = input.btf.as_ref().and_then(|btf| btf.string(name_at));
        let name = name.ok_or_else(|| {
            let what = format!("section name of the {}", kind.name());
            Problem::expected(what, "a string of .BTF", format!("offset {name_at:#x}")).at(SECTION, at)
        })?;
        let group = at + 8;
        at = group + u64::from(count) * u64::from(size);
        if at > table.end {
            let (needed, found) = (at - group, table.end - group);
            return Err(Problem::Short { what: kind.name(), needed, found }.at(SECTION, group));
        }
        // Records of a section that is not there (stripped, or empty) are nobody's.
        let Some(section) = input.elf.section(name) else { continue };
        let records = ext.entry(section.index).or_default();
        for record in (group..at).step_by(size as usize) {
            push(records, kind, word(record)?.into(), |field| word(record + field))?;
        }
    }
    Ok(())
}

fn push(
    records: &mut Records,
    kind: Table,
    offset: u64,
    word: impl Fn(u64) -> Result<u32, Fault>,
) -> Result<(), Fault> {
    match kind {
        Table::Funcs => records.funcs.push(FuncRecord { offset, func: TypeId(word(4)?) }),
        Table::Lines => {
            let place = word(12)?;
            let (line, column) = (place >> 10, place & 0x3ff);
            records.lines.push(LineRecord { offset, file: word(4)?, text: word(8)?, line, column });
        }
        Table::Core => {
            let (type_id, access, kind) = (TypeId(word(4)?), word(8)?, word(12)?);
            records.core.push(CoreRecord { offset, type_id, access, kind });
        }
    }
    Ok(())
}
