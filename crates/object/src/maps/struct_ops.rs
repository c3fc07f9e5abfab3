//! struct_ops: instances of kernel structs whose function members are programs.

use std::collections::HashMap;

use skep_btf::Type;
use skep_platform::{MapFlags, MapType};

use crate::error::{Fault, Problem};
use crate::parse::{Functions, Input};
use crate::{MapDef, MapOrigin, StructOps, StructOpsMember};

/// The sections and whether their instances are attached by links.
const SECTIONS: &[(&str, bool)] = &[(".struct_ops", false), (".struct_ops.link", true)];

/// An instance with its place, so that its relocations can be found once programs are known.
pub(crate) struct Instance {
    pub(crate) struct_ops: StructOps,
    pub(crate) section: usize,
    pub(crate) start: u64,
}

/// Finds all instances and adds a map for each.
pub(crate) fn instances(input: &Input<'_>, maps: &mut Vec<MapDef>) -> Result<Vec<Instance>, Fault> {
    let mut found = Vec::new();
    let Some(btf) = input.btf.as_deref() else { return Ok(found) };
    for section in &input.elf.sections {
        let bare = section.name.strip_prefix('?').unwrap_or(section.name);
        let Some(&(_, link)) = SECTIONS.iter().find(|(name, _)| *name == bare) else { continue };
        let Some(data) = btf.find_section(section.name) else { continue };
        for entry in data.vars.iter() {
            let Some(Type::Var(var)) = btf.get(entry.type_id) else { continue };
            let type_id = btf.resolve(var.target);
            let what = || format!("struct_ops {}", var.name);
            let Some(Type::Struct(layout)) = btf.get(type_id) else {
                return Err(Problem::expected(what(), "a struct", "another type").within(section.name));
            };
            let symbol = input.symbol_in(section.index, var.name);
            let start = symbol.map_or(u64::from(entry.offset), |symbol| symbol.value);
            let initial = input.elf.bytes(section.data).slice(start, layout.size.into());
            let initial = initial.ok_or_else(|| {
                let found = section.size.saturating_sub(start);
                Problem::Short { what: "struct_ops instance", needed: layout.size.into(), found }
                    .at(section.name, start)
            })?;
            let mut map = MapDef::new(var.name, MapType::StructOps, MapOrigin::StructOps(found.len()));
            map.key_size = 4;
            map.value_size = layout.size;
            map.max_entries = 1;
            map.value_type = Some(type_id);
            map.flags = if link { MapFlags::LINK.0 } else { 0 };
            maps.push(map);
            let struct_ops = StructOps {
                name: var.name.to_owned(),
                type_name: layout.name.to_owned(),
                type_id,
                link,
                autocreate: bare.len() == section.name.len(),
                initial: initial.to_vec(),
                members: Vec::new(),
            };
            found.push(Instance { struct_ops, section: section.index, start });
        }
    }
    Ok(found)
}

/// Fills in which program each function member holds.
pub(crate) fn members(
    input: &Input<'_>,
    functions: &Functions<'_>,
    programs_by_function: &HashMap<usize, usize>,
    instances: Vec<Instance>,
) -> Result<Vec<StructOps>, Fault> {
    let Some(btf) = input.btf.as_deref() else { return Ok(Vec::new()) };
    instances
        .into_iter()
        .map(|mut instance| {
            let section = &input.elf.sections[instance.section];
            let size = instance.struct_ops.initial.len() as u64;
            let Some(Type::Struct(layout)) = btf.get(instance.struct_ops.type_id) else {
                return Ok(instance.struct_ops);
            };
            // A relocation per member at most, so looking members up one by one would be quadratic in the struct alone.
            let by_offset: HashMap<u32, (usize, &str)> = layout
                .members
                .iter()
                .enumerate()
                .map(|(index, member)| (member.bit_offset, (index, member.name)))
                .collect();
            for reloc in input.relocs_in(instance.section, instance.start, instance.start + size) {
                let symbol = input.symbol_of(reloc);
                let inline = input.elf.bytes(section.data).u64(reloc.offset).unwrap_or_default();
                let addend = input.addends.of_place(reloc, symbol, inline.cast_signed());
                let offset = (reloc.offset - instance.start) as u32;
                let program = symbol
                    .section()
                    .and_then(|index| functions.at(index, symbol.value.wrapping_add_signed(addend)))
                    .and_then(|function| programs_by_function.get(&function));
                let member = by_offset.get(&offset.saturating_mul(8));
                let (Some(&program), Some(&(index, name))) = (program, member) else {
                    let what = format!("struct_ops {}: pointer", instance.struct_ops.name);
                    let problem =
                        Problem::expected(what, "a member set to a program", format!("{:?}", symbol.name));
                    return Err(problem.at(section.name, reloc.offset));
                };
                if let Some(pointer) =
                    instance.struct_ops.initial.get_mut(offset as usize..offset as usize + 8)
                {
                    pointer.fill(0);
                }
                instance.struct_ops.members.push(StructOpsMember {
                    name: name.to_owned(),
                    index,
                    offset,
                    program,
                });
            }
            Ok(instance.struct_ops)
        })
        .collect()
}
