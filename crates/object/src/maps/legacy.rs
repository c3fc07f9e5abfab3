//! Legacy records: `struct bpf_map_def` and its relatives in `maps` and `maps/NAME`.
//!
//! Every loader before BTF had its own record, of 20 bytes and more, all with the same five numbers in front: type, key size,
//! value size, entries, flags. What follows depends on the loader, and the length is all there is to tell them apart:
//!
//! | bytes | numbers 6 to 9 | who |
//! |---|---|---|
//! | 20 | – | libbpf |
//! | 28 | id, pinning; or inner map's index, NUMA node | aya, Cilium; the kernel's samples |
//! | 36 | id, pinning, inner_id, inner_idx | iproute2, Cilium |
//! | more | the same, then zeros | |

use skep_platform::{MapFlags, MapType};

use crate::elf::{STT_FILE, STT_SECTION, Section};
use crate::error::{Fault, Problem};
use crate::parse::{Input, Places};
use crate::{MapDef, MapOrigin, Pinning, Slot, SlotValue};

/// Bytes of the five numbers that all have.
const SHORTEST: u64 = 20;
/// Bytes of the longest record that is known.
const LONGEST: u64 = 36;

/// Adds the maps of all legacy sections.
pub(super) fn find(input: &Input<'_>, places: &mut Places, maps: &mut Vec<MapDef>) -> Result<(), Fault> {
    let first = maps.len();
    let legacy = |section: &&Section<'_>| section.name == "maps" || section.name.starts_with("maps/");
    for section in input.elf.sections.iter().filter(legacy).filter(|section| !section.data.is_empty()) {
        find_in(input, section, places, maps)?;
    }
    nest(&mut maps[first..], first);
    Ok(())
}

fn find_in(
    input: &Input<'_>,
    section: &Section<'_>,
    places: &mut Places,
    maps: &mut Vec<MapDef>,
) -> Result<(), Fault> {
    // Old compilers give these symbols no type, so only what is surely no map is left out.
    let named = input.elf.symbols.iter().filter(|symbol| symbol.section() == Some(section.index));
    let mut symbols: Vec<_> = named.filter(|s| s.kind != STT_SECTION && s.kind != STT_FILE).collect();
    symbols.sort_by_key(|symbol| symbol.value);
    symbols.dedup_by_key(|symbol| symbol.value);
    if symbols.is_empty() {
        return Err(Problem::expected("map records", "a symbol for each", "none").within(section.name));
    }
    for (number, symbol) in symbols.iter().enumerate() {
        let next = symbols.get(number + 1).map_or(section.size, |next| next.value);
        let len = next.saturating_sub(symbol.value);
        let len = if symbol.size == 0 { len } else { symbol.size.min(len) };
        let record = input.elf.bytes(section.data).slice(symbol.value, len).unwrap_or_default();
        let map = record_map(input, symbol.name, record)
            .map_err(|problem| problem.at(section.name, symbol.value))?;
        places.maps.insert((section.index, symbol.value), maps.len());
        maps.push(map);
    }
    Ok(())
}

fn record_map(input: &Input<'_>, name: &str, record: &[u8]) -> Result<MapDef, Problem> {
    let bytes = input.elf.bytes(record);
    let len = record.len() as u64;
    if len < SHORTEST {
        return Err(Problem::Short { what: "map record", needed: SHORTEST, found: len });
    }
    let word = |index: u64| bytes.u32(index * 4).unwrap_or_default();
    let map_type = MapType::from_number(word(0)).ok_or_else(|| {
        let last = MapType::ALL.last().map_or(0, |last| last.number());
        Problem::expected(format!("map {name}: type"), format!("a number from 1 to {last}"), word(0))
    })?;
    let tail = record.get(LONGEST as usize..).unwrap_or_default();
    if let Some(at) = tail.iter().position(|&byte| byte != 0) {
        let what = format!("map {name}: byte {} of the record", LONGEST as usize + at);
        return Err(Problem::expected(what, "0", tail[at]));
    }
    let mut map = MapDef::new(name, map_type, MapOrigin::Legacy { id: 0, inner_id: 0, inner_index: -1 });
    map.key_size = word(1);
    map.value_size = word(2);
    map.max_entries = word(3);
    map.flags = word(4);
    if len < LONGEST && map.flags & MapFlags::NUMA_NODE.0 != 0 {
        // The kernel's samples: only they set this flag, and their record ends with the node.
        map.numa_node = Some(word(6));
        return Ok(map);
    }
    let (inner_id, inner_index) = if len >= LONGEST { (word(7), word(8).cast_signed()) } else { (0, -1) };
    map.origin = MapOrigin::Legacy { id: word(5), inner_id, inner_index };
    map.pinning = match word(6) {
        0 => Pinning::None,
        1 if len < LONGEST => Pinning::ByName,
        1 => Pinning::ObjectNamespace,
        2 => Pinning::GlobalNamespace,
        16 => Pinning::Replace,
        other => return Err(Problem::expected(format!("map {name}: pinning"), "0, 1, 2 or 16", other)),
    };
    Ok(map)
}

/// Joins inner maps to outer ones by their numbers. `first` is the index of `maps[0]` in the object's list.
fn nest(maps: &mut [MapDef], first: usize) {
    let numbers: Vec<_> = maps.iter().map(|map| map.origin).collect();
    for outer in 0..maps.len() {
        let MapOrigin::Legacy { id, inner_id, .. } = numbers[outer] else { continue };
        if !matches!(maps[outer].map_type, MapType::ArrayOfMaps | MapType::HashOfMaps) {
            continue;
        }
        let is_inner = |origin: &MapOrigin| matches!(origin, MapOrigin::Legacy { id, .. } if *id == inner_id);
        let inner = match inner_id {
            // The kernel's samples name the inner map by its place, in the word where others have the id.
            0 => Some(id as usize).filter(|&index| index < maps.len()),
            _ => numbers.iter().position(is_inner),
        };
        let Some(inner) = inner.filter(|&inner| inner != outer) else { continue };
        maps[outer].inner = Some(Box::new(MapDef { inner: None, slots: Vec::new(), ..maps[inner].clone() }));
        if let (true, MapOrigin::Legacy { inner_index, .. }) = (inner_id != 0, numbers[inner])
            && let Ok(key) = u32::try_from(inner_index)
        {
            maps[outer].slots.push(Slot { key, value: SlotValue::Map(first + inner) });
        }
    }
}
