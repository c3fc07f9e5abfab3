//! Symbols of all inputs.
//!
//! Local symbols are kept as they are. Of the others, those of one name become one: a strong definition wins over weak ones,
//! the first weak one over later ones, any definition over none.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::error::conflict;
use super::{LinkError, Source};
use crate::elf::{Binding, NewSymbol, Place, STT_FILE, STT_SECTION, Symbol, Writer};
use crate::error::Problem;

/// Resolves all symbols into the writer's list.
pub(super) fn resolve(sources: &mut [Source<'_>], writer: &mut Writer) -> Result<(), LinkError> {
    section_symbols(writer);
    // Name to index of the output's symbol and the input that defined it.
    let mut known: HashMap<String, (usize, usize)> = HashMap::new();
    for number in 0..sources.len() {
        for at in 1..sources[number].input.elf.symbols.len() {
            let symbol = sources[number].input.elf.symbols[at];
            let Some(new) = moved(&sources[number], &symbol)? else {
                // A section's own symbol stands for the output's section; its relocations are shifted.
                let section = symbol.section().filter(|_| symbol.kind == STT_SECTION);
                let placed = section.and_then(|section| sources[number].placed[section]);
                sources[number].symbols[at] = placed.map(|placed| placed.section);
                continue;
            };
            let index = if new.binding == Binding::Local {
                writer.symbols.push(new);
                writer.symbols.len() - 1
            } else {
                match known.entry(new.name.clone()) {
                    Entry::Vacant(entry) => {
                        entry.insert((writer.symbols.len(), number));
                        writer.symbols.push(new);
                        writer.symbols.len() - 1
                    }
                    Entry::Occupied(mut entry) => {
                        let (index, owner) = *entry.get();
                        if combine(&mut writer.symbols[index], new, sources, owner, number)? {
                            entry.insert((index, number));
                        }
                        index
                    }
                }
            };
            sources[number].symbols[at] = Some(index);
        }
    }
    Ok(())
}

/// The first symbols are the sections' own, in their order, so that both have the same index.
fn section_symbols(writer: &mut Writer) {
    writer.symbols = (0..writer.sections.len())
        .map(|index| NewSymbol {
            name: String::new(),
            value: 0,
            size: 0,
            binding: Binding::Local,
            kind: STT_SECTION,
            other: 0,
            place: Place::Section(index + 1),
        })
        .collect();
}

/// The symbol at its place in the output; none for those of sections and files, and of sections that are left out.
fn moved(source: &Source<'_>, symbol: &Symbol<'_>) -> Result<Option<NewSymbol>, LinkError> {
    if symbol.kind == STT_SECTION || symbol.kind == STT_FILE {
        return Ok(None);
    }
    let (place, value) = match symbol.place {
        Place::Section(section) => match source.placed[section] {
            Some(placed) => (Place::Section(placed.section + 1), symbol.value.wrapping_add(placed.offset)),
            None => return Ok(None),
        },
        Place::Common => {
            let what = format!("symbol {:?}", symbol.name);
            let fault = Problem::expected(what, "a section (compile with -fno-common)", "a common symbol")
                .within(".symtab");
            return Err(LinkError::Input(fault.of(source.name)));
        }
        place => (place, symbol.value),
    };
    Ok(Some(NewSymbol {
        name: symbol.name.to_owned(),
        value,
        size: symbol.size,
        binding: symbol.binding,
        kind: symbol.kind,
        other: symbol.other,
        place,
    }))
}

/// Makes one of two symbols of a name; `true` when the new one's definition is taken.
fn combine(
    old: &mut NewSymbol,
    new: NewSymbol,
    sources: &[Source<'_>],
    old_owner: usize,
    new_owner: usize,
) -> Result<bool, LinkError> {
    let defined = |symbol: &NewSymbol| symbol.place != Place::Undefined;
    match (defined(old), defined(&new)) {
        (true, true) if old.binding == Binding::Global && new.binding == Binding::Global => {
            let what = format!("symbol {}", new.name);
            let (a, b) = (sources[old_owner].name, sources[new_owner].name);
            Err(conflict(what, a, "a definition", b, "another one"))
        }
        (true, true) if new.binding == Binding::Global => {
            *old = new;
            Ok(true)
        }
        (false, true) => {
            *old = new;
            Ok(true)
        }
        (false, false) => {
            // One user that cannot do without makes it needed.
            if new.binding == Binding::Global {
                old.binding = Binding::Global;
            }
            Ok(false)
        }
        _ => Ok(false),
    }
}
