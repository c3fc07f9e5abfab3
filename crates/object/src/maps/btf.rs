//! `.maps`: variables whose types are definitions.

use skep_btf::Type;

use super::attributes::read;
use super::fields::Types;
use crate::MapDef;
use crate::error::{Fault, Problem};
use crate::parse::{Input, Places, Values};

const SECTION: &str = ".maps";

/// Adds the maps of `.maps` in the order of their places.
pub(super) fn find(input: &Input<'_>, places: &mut Places, maps: &mut Vec<MapDef>) -> Result<(), Fault> {
    let Some(section) = input.elf.section(SECTION).filter(|section| section.size > 0) else { return Ok(()) };
    let fault = |what: &str, expected: &str, found: &str| {
        Err(Problem::expected(what, expected, found).within(SECTION))
    };
    let Some(btf) = &input.btf else {
        return fault("map definitions", "type information (compile with -g)", "none");
    };
    let Some(data) = btf.find_section(SECTION) else {
        return fault("map definitions", "a DATASEC .maps in .BTF", "none");
    };
    let types = Types::new(btf);
    let mut found = Vec::new();
    for entry in data.vars.iter() {
        let Some(Type::Var(var)) = btf.get(entry.type_id) else { continue };
        let Some(symbol) = input.symbol_in(section.index, var.name) else {
            return fault(&format!("map {}", var.name), "a symbol in .maps", "none");
        };
        found.push((symbol.value, read(&types, var.name, var.target, 0)?));
    }
    found.sort_by_key(|(offset, _)| *offset);
    let mut ends: Vec<u64> = found.iter().skip(1).map(|(offset, _)| *offset).collect();
    ends.push(section.size);
    for ((offset, definition), end) in found.into_iter().zip(ends) {
        let index = maps.len();
        if places.maps.insert((section.index, offset), index).is_some() {
            return fault(
                &format!("map {}", definition.map.name),
                "a place of its own",
                "that of another map",
            );
        }
        if let Some(values) = definition.values_at {
            let start = offset.saturating_add(values.into());
            places.values.push(Values { map: index, section: section.index, start, end });
        }
        maps.push(definition.map);
    }
    Ok(())
}
