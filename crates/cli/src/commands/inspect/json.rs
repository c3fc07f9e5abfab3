//! An object for programs. Names and numbers are those of the kernel; what has no value is left out.

use serde_json::{Map, Value, json};
use skep_isa::ByteOrder;
use skep_object::{MapDef, Object, Program};

use super::{disasm, words};

/// The whole object; with each program's instructions when they are wanted.
pub(super) fn object(object: &Object, chosen: &[&Program], size: usize, with_instructions: bool) -> Value {
    let programs: Vec<_> =
        chosen.iter().map(|program| self::program(object, program, with_instructions)).collect();
    let externs = object.externs.iter().map(|item| {
        json!({ "name": item.name, "kind": words::extern_kind(object, &item.kind), "weak": item.weak })
    });
    let struct_ops = object.struct_ops.iter().map(|item| {
        let members: Map<_, _> = item
            .members
            .iter()
            .filter_map(|member| {
                Some((member.name.clone(), object.programs.get(member.program)?.name.clone().into()))
            })
            .collect();
        json!({ "name": item.name, "type": item.type_name, "link": item.link, "members": members })
    });
    json!({
        "file": object.name,
        "bytes": size,
        "byte_order": if object.order == ByteOrder::Big { "big" } else { "little" },
        "license": object.license,
        "version": object.version,
        "programs": programs,
        "maps": object.maps.iter().map(|map| self::map(object, map)).collect::<Vec<_>>(),
        "externs": externs.collect::<Vec<_>>(),
        "struct_ops": struct_ops.collect::<Vec<_>>(),
        "types": object.btf.as_ref().map(|btf| btf.len().saturating_sub(1)),
    })
}

fn program(object: &Object, program: &Program, with_instructions: bool) -> Value {
    let functions = program.subprograms.iter().map(|function| {
        json!({
            "name": function.name,
            "section": function.section,
            "start": function.start,
            "instructions": function.len,
            "linkage": format!("{:?}", function.linkage).to_lowercase(),
        })
    });
    let core = program.core.iter().map(|record| {
        let what = object.btf.as_ref().map(|btf| record.describe(btf));
        json!({ "at": record.at, "what": what })
    });
    let maps = program.maps.iter().filter_map(|&index| Some(object.maps.get(index)?.name.as_str()));
    let mut value = json!({
        "name": program.name,
        "section": program.section,
        "type": program.kind.program_type.map(|kind| kind.name()),
        "attach_type": program.kind.attach_type.map(|kind| kind.name()),
        "target": words::target(&program.kind.target),
        "sleepable": program.kind.sleepable,
        "frags": program.kind.frags,
        "autoload": program.autoload,
        "instructions": program.insns.len(),
        "functions": functions.collect::<Vec<_>>(),
        "maps": maps.collect::<Vec<_>>(),
        "core_relocations": core.collect::<Vec<_>>(),
    });
    if with_instructions {
        let lines = disasm::lines(object, program).map(|line| {
            let source = line.source.map(|source| {
                json!({ "file": source.file, "line": source.line, "column": source.column, "text": source.text })
            });
            json!({ "at": line.at, "text": line.text, "note": line.note, "source": source })
        });
        value["disassembly"] = lines.collect();
    }
    value
}

fn map(object: &Object, map: &MapDef) -> Value {
    let type_of = |id| Some(words::type_name(object.btf.as_deref()?, id?));
    let variables = map.variables.iter().map(|variable| {
        json!({
            "name": variable.name,
            "offset": variable.offset,
            "size": variable.size,
            "type": type_of(variable.type_id),
            "global": variable.global,
        })
    });
    let fields = map.fields.iter().map(
        |field| json!({ "offset": field.offset, "size": field.size, "kind": words::field(&field.kind) }),
    );
    let slots =
        map.slots.iter().map(|slot| json!({ "key": slot.key, "value": words::slot(object, slot.value) }));
    json!({
        "name": map.name,
        "kernel_name": map.kernel_name,
        "origin": words::origin(map),
        "type": map.map_type.name(),
        "key_size": map.key_size,
        "value_size": map.value_size,
        "max_entries": map.max_entries,
        "flags": words::flags(map),
        "extra": map.extra,
        "numa_node": map.numa_node,
        "pinning": words::pinning(map),
        "key_type": type_of(map.key_type),
        "value_type": type_of(map.value_type),
        "inner": map.inner.as_ref().map(|inner| self::map(object, inner)),
        "slots": slots.collect::<Vec<_>>(),
        "fields": fields.collect::<Vec<_>>(),
        "variables": variables.collect::<Vec<_>>(),
    })
}
