//! Slots that the loader fills before any program runs.
//!
//! Two sources: initialisers of `values` in `.maps`, pointers whose relocations name maps or functions; and iproute2's
//! section names, where a program in section `ID/SLOT` goes into that slot of the program array with that id.

use std::collections::HashMap;

use skep_platform::MapType;

use crate::error::{Fault, Problem};
use crate::parse::{Functions, Input, Places};
use crate::{MapDef, MapOrigin, Program, Slot, SlotValue};

/// Bytes of a pointer in an initialiser.
const POINTER: u64 = 8;

/// Fills the slots of all maps. `programs_by_function` gives a program's index by its entry function's.
pub(crate) fn fill(
    input: &Input<'_>,
    functions: &Functions<'_>,
    places: &Places,
    programs: &[Program],
    programs_by_function: &HashMap<usize, usize>,
    maps: &mut [MapDef],
) -> Result<(), Fault> {
    for values in &places.values {
        for reloc in input.relocs_in(values.section, values.start, values.end) {
            let symbol = input.symbol_of(reloc);
            let section = &input.elf.sections[values.section];
            let inline = input.elf.bytes(section.data).u64(reloc.offset).unwrap_or_default();
            let addend = input.addends.of_place(reloc, symbol, inline.cast_signed());
            let place = symbol.section().map(|index| (index, symbol.value.wrapping_add_signed(addend)));
            let map = place.and_then(|place| places.maps.get(&place)).map(|&map| SlotValue::Map(map));
            let program = place
                .and_then(|(section, offset)| functions.at(section, offset))
                .and_then(|function| programs_by_function.get(&function))
                .map(|&program| SlotValue::Program(program));
            let holds_maps = maps[values.map].inner.is_some();
            let expected = if holds_maps { "a map" } else { "a program" };
            let value = if holds_maps { map } else { program };
            let value = value.ok_or_else(|| {
                let what = format!("slot of map {}", maps[values.map].name);
                Problem::expected(what, expected, format!("{:?}", symbol.name)).at(section.name, reloc.offset)
            })?;
            let key = ((reloc.offset - values.start) / POINTER) as u32;
            maps[values.map].slots.push(Slot { key, value });
        }
    }
    tail_calls(programs, maps);
    Ok(())
}

/// iproute2's `ID/SLOT` sections.
fn tail_calls(programs: &[Program], maps: &mut [MapDef]) {
    let mut arrays = HashMap::new();
    for (index, map) in maps.iter().enumerate() {
        if let (MapType::ProgArray, MapOrigin::Legacy { id, .. }) = (map.map_type, map.origin) {
            arrays.entry(id).or_insert(index);
        }
    }
    for (index, program) in programs.iter().enumerate() {
        let numbers = program
            .section
            .split_once('/')
            .and_then(|(id, slot)| Some((id.parse().ok()?, slot.parse().ok()?)));
        if let Some((id, key)) = numbers
            && let Some(&map) = arrays.get(&id)
        {
            maps[map].slots.push(Slot { key, value: SlotValue::Program(index) });
        }
    }
}
