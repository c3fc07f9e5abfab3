//! Sections of one name become one section.

use std::collections::HashMap;

use super::error::conflict;
use super::{LinkError, Placed, Source};
use crate::elf::{NewSection, SHF_ALLOC, SHF_EXECINSTR, SHT_NOBITS, SHT_PROGBITS, Section};
use crate::error::Problem;

/// Largest alignment that is taken from an input: that of a page of any kernel. A header may claim anything.
const MAX_ALIGN: u64 = 1 << 16;
/// Largest section of zeros that becomes part of one with contents.
const MAX_ZEROS: u64 = 1 << 28;
/// Sections that hold one fact about the object and not a list: all inputs must agree, and one copy is kept.
const FACTS: &[&str] = &["license", "version"];

/// Appends all inputs' sections and notes where each went.
pub(super) fn merge(sources: &mut [Source<'_>]) -> Result<Vec<NewSection>, LinkError> {
    let mut merged: Vec<NewSection> = Vec::new();
    let mut by_name: HashMap<String, (usize, usize)> = HashMap::new();
    for number in 0..sources.len() {
        for at in 0..sources[number].input.elf.sections.len() {
            let section = sources[number].input.elf.sections[at];
            if !is_kept(&section) {
                continue;
            }
            let (index, first) = *by_name.entry(section.name.to_owned()).or_insert_with(|| {
                merged.push(NewSection {
                    name: section.name.to_owned(),
                    kind: section.kind,
                    flags: section.flags,
                    align: 1,
                    entry_size: section.entry_size,
                    ..NewSection::default()
                });
                (merged.len() - 1, number)
            });
            if FACTS.contains(&section.name) && first != number {
                agree(&sources[first], &sources[number], &section)?;
                continue;
            }
            let output = &mut merged[index];
            if output.flags & SHF_EXECINSTR != section.flags & SHF_EXECINSTR {
                let says = |flags| if flags & SHF_EXECINSTR != 0 { "code" } else { "data" };
                let (a, b) = (says(output.flags), says(section.flags));
                return Err(conflict(
                    format!("section {}", section.name),
                    sources[first].name,
                    a,
                    sources[number].name,
                    b,
                ));
            }
            let offset =
                append(output, &section).map_err(|fault| LinkError::Input(fault.of(sources[number].name)))?;
            sources[number].placed[at] = Some(Placed { section: index, offset });
        }
    }
    Ok(merged)
}

/// Whether a section is part of the program, and not of the file's own tables or a debugger's.
fn is_kept(section: &Section<'_>) -> bool {
    let contents = section.kind == SHT_PROGBITS || section.kind == SHT_NOBITS;
    contents && section.flags & SHF_ALLOC != 0 && section.size > 0
}

/// The same fact, stated twice.
fn agree(first: &Source<'_>, second: &Source<'_>, section: &Section<'_>) -> Result<(), LinkError> {
    let before = first.input.elf.section(section.name).map(|section| section.data).unwrap_or_default();
    if before == section.data {
        return Ok(());
    }
    let text = |data: &[u8]| match section.name {
        "license" => format!("{:?}", String::from_utf8_lossy(data).trim_end_matches('\0')),
        _ => format!("{data:02x?}"),
    };
    Err(conflict(section.name, first.name, text(before), second.name, text(section.data)))
}

/// Appends the contents at the next place that is aligned for them.
fn append(output: &mut NewSection, section: &Section<'_>) -> Result<u64, crate::error::Fault> {
    let align = section.align.max(1);
    if !align.is_power_of_two() || align > MAX_ALIGN {
        let expected = format!("a power of two up to {MAX_ALIGN}");
        return Err(Problem::expected("alignment", expected, align).within(section.name));
    }
    output.align = output.align.max(align);
    // Zeros have a size in the header alone; they become bytes only beside an input that has bytes.
    let becomes_bytes = (output.kind == SHT_NOBITS) != (section.kind == SHT_NOBITS);
    let zeros = [output.zeros, if section.kind == SHT_NOBITS { section.size } else { 0 }].into_iter().max();
    if becomes_bytes && zeros > Some(MAX_ZEROS) {
        let expected = format!("at most {MAX_ZEROS} bytes of zeros in a section with contents");
        return Err(Problem::expected("size", expected, section.size).within(section.name));
    }
    if becomes_bytes && output.kind == SHT_NOBITS {
        output.kind = SHT_PROGBITS;
        output.data = vec![0; output.zeros as usize];
        output.zeros = 0;
    }
    let overflow = || Problem::expected("size", "less than 2^64 bytes in all", "more").within(section.name);
    let offset = output.size().checked_next_multiple_of(align).ok_or_else(overflow)?;
    if output.kind == SHT_NOBITS {
        output.zeros = offset.checked_add(section.size).ok_or_else(overflow)?;
        return Ok(offset);
    }
    output.data.resize(offset as usize, 0);
    if section.kind == SHT_NOBITS {
        output.data.resize((offset + section.size) as usize, 0);
    } else {
        output.data.extend_from_slice(section.data);
    }
    Ok(offset)
}
