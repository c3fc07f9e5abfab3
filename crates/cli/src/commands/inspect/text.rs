//! An object for people.

use std::io::{self, Write};

use anstyle::Style;
use skep_isa::ByteOrder;
use skep_object::{MapDef, Object, Program};

use super::words;

/// A heading.
pub(super) const BOLD: Style = Style::new().bold();
/// What is there for completeness.
pub(super) const DIM: Style = Style::new().dimmed();

/// Everything but the instructions.
pub(super) fn object(
    object: &Object,
    chosen: &[&Program],
    size: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let order = if object.order == ByteOrder::Big { "big-endian" } else { "little-endian" };
    let license = match object.license.as_str() {
        "" => "no licence".to_owned(),
        text => format!("licence {text:?}"),
    };
    writeln!(out, "{BOLD}{}{BOLD:#}: {size} bytes, {order}, {license}", object.name)?;
    if let Some(version) = object.version {
        writeln!(out, "for kernel {}.{}.{}", version >> 16, version >> 8 & 0xff, version & 0xff)?;
    }
    programs(object, chosen, out)?;
    maps(object, out)?;
    globals(object, out)?;
    struct_ops(object, out)?;
    externs(object, out)?;
    types(object, chosen, out)
}

/// Rows of cells under a heading, each column as wide as its widest cell. Nothing when there are no rows.
fn table(heading: &str, columns: &[&str], rows: &[Vec<String>], out: &mut dyn Write) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{BOLD}{heading}{BOLD:#}")?;
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([columns[column].len()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<_> = cells.zip(&widths).map(|(cell, &width)| format!("{cell:width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    writeln!(out, "  {DIM}{}{DIM:#}", line(&mut columns.iter().copied()))?;
    for row in rows {
        writeln!(out, "  {}", line(&mut row.iter().map(String::as_str)))?;
    }
    Ok(())
}

/// Words with commas, or a dash.
fn list<T: AsRef<str>>(words: &[T]) -> String {
    let words: Vec<_> = words.iter().map(AsRef::as_ref).collect();
    if words.is_empty() { "-".to_owned() } else { words.join(", ") }
}

fn programs(object: &Object, chosen: &[&Program], out: &mut dyn Write) -> io::Result<()> {
    let row = |program: &&Program| {
        let maps: Vec<_> = program.maps.iter().filter_map(|&index| object.maps.get(index)).collect();
        let maps: Vec<_> = maps.iter().map(|map| map.name.as_str()).collect();
        vec![
            program.name.clone(),
            words::kind(program),
            words::target(&program.kind.target),
            program.insns.len().to_string(),
            program.subprograms.len().to_string(),
            program.core.len().to_string(),
            list(&maps),
            words::traits(program).join(" "),
        ]
    };
    let rows: Vec<_> = chosen.iter().map(row).collect();
    let columns = ["name", "type", "attaches to", "insns", "functions", "co-re", "maps", ""];
    table("programs", &columns, &rows, out)
}

/// Size of a key or value with its type.
fn sized(object: &Object, size: u32, id: Option<skep_btf::TypeId>) -> String {
    match (&object.btf, id) {
        (Some(btf), Some(id)) => format!("{size} {}", words::type_name(btf, id)),
        _ => size.to_string(),
    }
}

fn maps(object: &Object, out: &mut dyn Write) -> io::Result<()> {
    let shown = |map: &&MapDef| !words::is_global(map);
    let row = |map: &MapDef| {
        let mut notes = words::flags(map);
        notes.extend(words::pinning(map).map(|pinning| format!("pinned {pinning}")));
        notes.extend(map.numa_node.map(|node| format!("node {node}")));
        notes.extend((map.extra != 0).then(|| format!("extra {:#x}", map.extra)));
        vec![
            map.name.clone(),
            map.map_type.name().to_owned(),
            sized(object, map.key_size, map.key_type),
            sized(object, map.value_size, map.value_type),
            map.max_entries.to_string(),
            list(&notes),
        ]
    };
    let rows: Vec<_> = object.maps.iter().filter(shown).map(row).collect();
    table("maps", &["name", "type", "key", "value", "entries", "flags"], &rows, out)?;
    for map in object.maps.iter().filter(shown) {
        if let Some(inner) = &map.inner {
            let (kind, key, value) = (inner.map_type.name(), inner.key_size, inner.value_size);
            writeln!(
                out,
                "  {}: holds {kind} maps of {} entries, key {key}, value {value}",
                map.name, inner.max_entries
            )?;
        }
        for slot in &map.slots {
            writeln!(out, "  {}[{}] = {}", map.name, slot.key, words::slot(object, slot.value))?;
        }
        for field in &map.fields {
            writeln!(
                out,
                "  {}: {} at offset {} of the value",
                map.name,
                words::field(&field.kind),
                field.offset
            )?;
        }
    }
    Ok(())
}

fn globals(object: &Object, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = Vec::new();
    for map in object.maps.iter().filter(|map| words::is_global(map)) {
        for variable in &map.variables {
            let kind = match (&object.btf, variable.type_id) {
                (Some(btf), Some(id)) => words::type_name(btf, id),
                _ => "-".to_owned(),
            };
            let visible = if variable.global { "" } else { "static" };
            rows.push(vec![
                map.name.clone(),
                variable.name.clone(),
                variable.offset.to_string(),
                variable.size.to_string(),
                kind,
                visible.to_owned(),
            ]);
        }
        if map.variables.is_empty() {
            let size = map.value_size.to_string();
            rows.push(vec![map.name.clone(), "-".to_owned(), "0".to_owned(), size, "-".to_owned()]);
        }
    }
    table("globals", &["section", "name", "offset", "size", "type", ""], &rows, out)
}

fn struct_ops(object: &Object, out: &mut dyn Write) -> io::Result<()> {
    for item in &object.struct_ops {
        let how = if item.link { "attached by a link" } else { "attached by an update" };
        writeln!(out, "\n{BOLD}struct_ops {}{BOLD:#}: struct {}, {how}", item.name, item.type_name)?;
        for member in &item.members {
            let program = object.programs.get(member.program).map_or("?", |program| program.name.as_str());
            writeln!(out, "  .{} = {program}", member.name)?;
        }
    }
    Ok(())
}

fn externs(object: &Object, out: &mut dyn Write) -> io::Result<()> {
    let row = |item: &skep_object::Extern| {
        let weak = if item.weak { "weak" } else { "" };
        vec![item.name.clone(), words::extern_kind(object, &item.kind), weak.to_owned()]
    };
    let rows: Vec<_> = object.externs.iter().map(row).collect();
    table("externs", &["name", "what", ""], &rows, out)
}

fn types(object: &Object, chosen: &[&Program], out: &mut dyn Write) -> io::Result<()> {
    let sum = |count: fn(&Program) -> usize| chosen.iter().map(|program| count(program)).sum::<usize>();
    let (lines, core) = (sum(|program| program.lines.len()), sum(|program| program.core.len()));
    match &object.btf {
        Some(btf) => writeln!(
            out,
            "\n{BOLD}types{BOLD:#}: {} types in {} bytes; {lines} source lines, {core} CO-RE relocations",
            btf.len().saturating_sub(1),
            object.btf_bytes.len()
        ),
        None => writeln!(out, "\n{BOLD}types{BOLD:#}: none"),
    }
}
