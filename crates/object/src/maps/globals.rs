//! Data sections as maps: an array of one value, which is the section.

use skep_btf::{DataSec, Linkage, Type};
use skep_platform::{MapFlags, MapType};

use super::KERNEL_NAME;
use crate::elf::{SHF_ALLOC, SHT_NOBITS, SHT_PROGBITS, STT_OBJECT, Section, Symbol};
use crate::error::{Fault, Problem};
use crate::parse::{Input, Places, kconfig_size};
use crate::{Extern, ExternKind, MapDef, MapOrigin, Variable};

/// Variables in the address space of the object's arena.
const ARENA: &str = ".addr_space.1";
/// At least so many characters of a map's kernel name are its section's.
const SECTION_PART: usize = 7;

/// Adds a map for each data section and one for `.kconfig`.
pub(super) fn find(
    object: &str,
    input: &Input<'_>,
    externs: &[Extern],
    places: &mut Places,
    maps: &mut Vec<MapDef>,
) -> Result<(), Fault> {
    let symbols = by_section(input);
    for section in input.elf.sections.iter().filter(|section| section.size > 0) {
        if section.name == ARENA {
            arena(input, section, &symbols[section.index], places, maps)?;
            continue;
        }
        let Some(origin) = origin(section) else { continue };
        let mut map = global(object, section.name, origin, section.size)?;
        if section.kind != SHT_NOBITS {
            map.initial = section.data.to_vec();
        }
        describe(input, section.name, &symbols[section.index], &mut map);
        places.data.insert(section.index, maps.len());
        maps.push(map);
    }
    let size = kconfig_size(externs);
    if size > 0 {
        let mut map = global(object, ".kconfig", MapOrigin::Kconfig, size.into())?;
        let kconfig = |item: &Extern| match item.kind {
            ExternKind::Kconfig { offset, size, .. } => {
                Some(Variable { name: item.name.clone(), offset, size, type_id: None, global: true })
            }
            _ => None,
        };
        map.variables = externs.iter().filter_map(kconfig).collect();
        places.kconfig = Some(maps.len());
        maps.push(map);
    }
    Ok(())
}

/// What a section's name and contents make of it; none for sections that are no global data.
fn origin(section: &Section<'_>) -> Option<MapOrigin> {
    let is = |base: &str| {
        section.name.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let data = section.kind == SHT_PROGBITS || section.kind == SHT_NOBITS;
    match section.kind {
        _ if !data || section.is_code() || section.flags & SHF_ALLOC == 0 => None,
        _ if is(".rodata") => Some(MapOrigin::Rodata),
        _ if is(".data") => Some(MapOrigin::Data),
        _ if is(".bss") => Some(MapOrigin::Bss),
        _ => None,
    }
}

/// The symbols of objects in each section.
fn by_section<'i, 'a>(input: &'i Input<'a>) -> Vec<Vec<&'i Symbol<'a>>> {
    let mut lists = vec![Vec::new(); input.elf.sections.len()];
    for symbol in input.elf.symbols.iter().filter(|symbol| symbol.kind == STT_OBJECT) {
        if let Some(section) = symbol.section() {
            lists[section].push(symbol);
        }
    }
    lists
}

fn global(object: &str, section: &str, origin: MapOrigin, size: u64) -> Result<MapDef, Fault> {
    let value_size = u32::try_from(size)
        .map_err(|_| Problem::expected("size", "less than 4 GiB", format!("{size} bytes")).within(section))?;
    let mut map = MapDef::new(section, MapType::Array, origin);
    map.kernel_name = kernel_name(object, section);
    map.key_size = 4;
    map.value_size = value_size;
    map.max_entries = 1;
    if matches!(origin, MapOrigin::Rodata | MapOrigin::Kconfig) {
        map.flags = MapFlags::RDONLY_PROG.0;
    }
    Ok(map)
}

/// Adds variables and types, from BTF where it has them and from symbols otherwise.
fn describe(input: &Input<'_>, section: &str, symbols: &[&Symbol<'_>], map: &mut MapDef) {
    let btf = input.btf.as_deref();
    match btf.and_then(|btf| Some((btf, btf.find_section(section)?))) {
        Some((btf, data)) => {
            map.variables = typed_variables(btf, &data);
            map.value_type = btf.find(section, skep_btf::Kind::DataSec);
            // libbpf maps a section to user memory only when it holds something that user space has a name for.
            if map.variables.iter().any(|variable| variable.global) {
                map.flags |= MapFlags::MMAPABLE.0;
            }
        }
        None => {
            map.variables = symbols.iter().map(|symbol| untyped_variable(symbol)).collect();
        }
    }
    map.variables.sort_by_key(|variable| variable.offset);
}

fn typed_variables(btf: &skep_btf::Btf, data: &DataSec<'_>) -> Vec<Variable> {
    let vars = data.vars.iter().filter_map(|entry| match btf.get(entry.type_id)? {
        Type::Var(var) => Some(Variable {
            name: var.name.to_owned(),
            offset: entry.offset,
            size: entry.size,
            type_id: Some(var.target),
            global: var.linkage != Linkage::STATIC,
        }),
        _ => None,
    });
    vars.collect()
}

fn untyped_variable(symbol: &Symbol<'_>) -> Variable {
    Variable {
        name: symbol.name.to_owned(),
        offset: symbol.value as u32,
        size: symbol.size as u32,
        type_id: None,
        global: symbol.binding != crate::elf::Binding::Local,
    }
}

/// Variables of the arena: initial contents of the one arena map.
fn arena(
    input: &Input<'_>,
    section: &Section<'_>,
    symbols: &[&Symbol<'_>],
    places: &mut Places,
    maps: &mut [MapDef],
) -> Result<(), Fault> {
    let Some(index) = maps.iter().position(|map| map.map_type == MapType::Arena) else {
        let problem = Problem::expected("arena variables", "an arena map in .maps", "none");
        return Err(problem.within(section.name));
    };
    maps[index].initial = section.data.to_vec();
    let mut described = MapDef::new("", MapType::Arena, MapOrigin::Btf);
    describe(input, section.name, symbols, &mut described);
    maps[index].variables = described.variables;
    places.data.insert(section.index, index);
    Ok(())
}

/// libbpf's name for the kernel: as much of the object's name as fits before the section's, of which at least seven
/// characters stand.
fn kernel_name(object: &str, section: &str) -> String {
    let file = object.rsplit('/').next().unwrap_or(object);
    let stem = file.split('.').next().unwrap_or(file);
    let part = section.chars().count().clamp(SECTION_PART, KERNEL_NAME);
    let stem: String = stem.chars().take(KERNEL_NAME - part).collect();
    super::kernel_name(&(stem + section))
}

#[cfg(test)]
mod tests {
    use super::kernel_name;

    #[test]
    fn kernel_names_are_those_of_libbpf() {
        assert_eq!(kernel_name("/tmp/doorman.bpf.o", ".rodata"), "doorman.rodata");
        assert_eq!(kernel_name("a-very-long-name.o", ".bss"), "a_very_l.bss");
        assert_eq!(kernel_name("x.o", ".rodata.str1.16"), ".rodata.str1.16");
    }
}
