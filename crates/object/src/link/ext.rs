//! The records about instructions, `.BTF.ext`, of all inputs.

use skep_isa::ByteOrder;

use super::types::Merged;
use super::{LinkError, Source};
use crate::parse::{Records, records};

const MAGIC: u16 = 0xeb9f;
/// Bytes of the header with all three tables.
const HEADER: u32 = 32;

/// Both sections, finished: records add strings to the types.
pub(super) struct Sections {
    pub(super) types: Vec<u8>,
    /// Empty when no input has records.
    pub(super) records: Vec<u8>,
}

/// A record's words, its offset first.
type Row = [u32; 4];

/// One table: words in a record, then groups of a section's name and its rows.
struct Table {
    words: usize,
    groups: Vec<(u32, Vec<Row>)>,
}

/// Merges the records of all inputs.
pub(super) fn merge(sources: &[Source<'_>], merged: Merged) -> Result<Sections, LinkError> {
    let Merged { mut builder, order, numbers } = merged;
    let mut tables = [2, 4, 4].map(|words| Table { words, groups: Vec::new() });
    for (source, numbers) in sources.iter().zip(&numbers) {
        let Some(btf) = source.input.btf.as_deref() else { continue };
        let ext = records(&source.input).map_err(|fault| LinkError::Input(fault.of(source.name)))?;
        let mut sections: Vec<_> = ext.into_iter().collect();
        sections.sort_by_key(|(index, _)| *index);
        for (index, Records { funcs, lines, core }) in sections {
            let Some(placed) = source.placed[index] else { continue };
            let name = builder.string(source.input.elf.section_name(index));
            let offset = |at: u64| (at + placed.offset) as u32;
            let number = |id: skep_btf::TypeId| numbers.get(id.0 as usize).map_or(0, |id| id.0);
            let mut text = |at: u32| builder.string(btf.string(at).unwrap_or_default());
            tables[0].push(name, funcs.iter().map(|r| [offset(r.offset), number(r.func), 0, 0]));
            tables[1].push(
                name,
                lines.iter().map(|r| [offset(r.offset), text(r.file), text(r.text), r.line << 10 | r.column]),
            );
            tables[2].push(
                name,
                core.iter().map(|r| [offset(r.offset), number(r.type_id), text(r.access), r.kind]),
            );
        }
    }
    let records =
        if tables.iter().all(|table| table.groups.is_empty()) { Vec::new() } else { write(&tables, order) };
    let order = match order {
        ByteOrder::Little => skep_btf::ByteOrder::Little,
        ByteOrder::Big => skep_btf::ByteOrder::Big,
    };
    Ok(Sections { types: builder.build_as(order), records })
}

impl Table {
    /// Adds rows to the group of a section, which may have rows of an earlier input already.
    fn push(&mut self, name: u32, rows: impl Iterator<Item = Row>) {
        let rows: Vec<_> = rows.collect();
        if rows.is_empty() {
            return;
        }
        match self.groups.iter_mut().find(|(known, _)| *known == name) {
            Some((_, all)) => all.extend(rows),
            None => self.groups.push((name, rows)),
        }
    }

    /// Bytes of the table; an empty one has none.
    fn size(&self) -> u32 {
        let groups = self.groups.iter().map(|(_, rows)| 8 + rows.len() * self.words * 4);
        if self.groups.is_empty() { 0 } else { 4 + groups.sum::<usize>() as u32 }
    }
}

fn write(tables: &[Table; 3], order: ByteOrder) -> Vec<u8> {
    let mut words = vec![HEADER];
    let mut at = 0;
    for table in tables {
        words.extend([at, table.size()]);
        at += table.size();
    }
    for table in tables.iter().filter(|table| !table.groups.is_empty()) {
        words.push(table.words as u32 * 4);
        for (name, rows) in &table.groups {
            words.extend([*name, rows.len() as u32]);
            words.extend(rows.iter().flat_map(|row| &row[..table.words]));
        }
    }
    let big = order == ByteOrder::Big;
    let magic = if big { MAGIC.to_be_bytes() } else { MAGIC.to_le_bytes() };
    let mut out = vec![magic[0], magic[1], 1, 0];
    out.extend(words.iter().flat_map(|word| if big { word.to_be_bytes() } else { word.to_le_bytes() }));
    out
}
