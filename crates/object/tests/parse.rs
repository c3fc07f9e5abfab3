//! What compilers emit, parsed: the same sources give the same object whichever compiler read them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{ALL, CLANG, CLANG_BIG, check_invariants, parse};
use skep_object::{
    AttachTarget, ByteOrder, ExternKind, FieldKind, KconfigType, KptrTag, Linkage, MapOrigin, Pinning, Slot,
    SlotValue,
};
use skep_platform::{AttachType, MapFlags, MapType, ProgramType};

#[test]
fn programs_take_the_functions_they_reach() {
    for compiler in ALL {
        let Some(object) = parse("programs_take_the_functions_they_reach", compiler, "basic") else {
            continue;
        };
        check_invariants(&object);
        assert_eq!(object.license, "Dual MIT/GPL");
        assert!(object.gpl_compatible());
        assert_eq!(object.version, Some(0x60400));
        let names: Vec<_> = object.programs.iter().map(|program| program.name.as_str()).collect();
        assert_eq!(names, ["first", "second", "third"], "{compiler:?}");
        let functions = |name: &str| -> Vec<_> {
            let program = object.program(name).unwrap();
            program.subprograms.iter().map(|function| (function.name.clone(), function.linkage)).collect()
        };
        let mut first = functions("first");
        assert_eq!(first.remove(0), ("first".into(), Linkage::Global));
        // Which of the two is reached first is the compiler's choice.
        first.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(first, [("global_helper".into(), Linkage::Global), ("helper".into(), Linkage::Static)]);
        let names: Vec<_> = functions("second").into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["second", "global_helper", "helper"]);
        let third = object.program("third").unwrap();
        assert!(!third.autoload);
        assert_eq!(third.section, "kprobe/do_exit+16");
        assert_eq!(third.kind.program_type, Some(ProgramType::Kprobe));
        assert_eq!(
            third.kind.target,
            AttachTarget::Function { name: "do_exit".into(), offset: 16, ret: false }
        );
        assert_eq!(object.program("first").unwrap().kind.attach_type, Some(AttachType::Xdp));
    }
}

#[test]
fn globals_become_maps() {
    for compiler in ALL {
        let Some(object) = parse("globals_become_maps", compiler, "basic") else { continue };
        let big = object.order == ByteOrder::Big;
        let (_, rodata) = object.map(".rodata").unwrap();
        let greeting = rodata.variables.iter().find(|variable| variable.name == "greeting").unwrap();
        assert_eq!(&rodata.initial[greeting.offset as usize..][..6], b"hello\0");
        assert_eq!(rodata.origin, MapOrigin::Rodata);
        assert_eq!(rodata.kernel_name, "basic.rodata");
        assert_eq!(rodata.flags, MapFlags::RDONLY_PROG.0 | MapFlags::MMAPABLE.0);
        let (_, data) = object.map(".data").unwrap();
        let limit = data.variables.iter().find(|variable| variable.name == "limit").unwrap();
        let bytes = data.initial[limit.offset as usize..][..4].try_into().unwrap();
        assert_eq!(if big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }, 10);
        let (_, bss) = object.map(".bss").unwrap();
        assert_eq!((bss.value_size, bss.initial.len(), bss.max_entries), (8, 0, 1));
        assert_eq!(bss.variables[0].name, "total");
        assert!(object.program("first").unwrap().maps.contains(&object.map(".bss").unwrap().0));
    }
}

#[test]
fn lines_have_their_source() {
    for compiler in [CLANG, CLANG_BIG] {
        let Some(object) = parse("lines_have_their_source", compiler, "basic") else { continue };
        let program = object.program("second").unwrap();
        let source = object.source(program.line_at(0).unwrap()).unwrap();
        assert!(source.file.ends_with("basic.c"));
        assert_eq!(source.text.trim(), "return global_helper(7);");
        assert!(source.line > 0 && source.column > 0);
        let helper = program.subprograms.iter().find(|function| function.name == "helper").unwrap();
        let source = object.source(program.line_at(helper.start + 1).unwrap()).unwrap();
        assert_eq!(source.text.trim(), "return x * limit + step;");
        let btf = object.btf.as_ref().unwrap();
        assert_eq!(btf.name_of(helper.func.unwrap()), "helper");
    }
}

#[test]
fn map_definitions_have_all_their_attributes() {
    for compiler in ALL {
        let Some(object) = parse("map_definitions_have_all_their_attributes", compiler, "maps") else {
            continue;
        };
        check_invariants(&object);
        let (_, hash) = object.map("hash").unwrap();
        assert_eq!((hash.map_type, hash.max_entries, hash.key_size), (MapType::Hash, 100, 8));
        assert_eq!((hash.flags, hash.pinning), (MapFlags::NO_PREALLOC.0, Pinning::ByName));
        let btf = object.btf.as_ref().unwrap();
        assert_eq!(btf.name_of(hash.key_type.unwrap()), "__u64");
        let offsets: Vec<_> = hash.fields.iter().map(|field| (field.offset, field.size)).collect();
        assert_eq!(offsets[..3], [(0, 4), (8, 16), (24, 16)], "{compiler:?}");
        assert_eq!(hash.fields[1].kind, FieldKind::Timer);
        if compiler.name.starts_with("clang") {
            // GCC drops type tags.
            assert!(matches!(hash.fields[3].kind, FieldKind::Kptr { tag: KptrTag::Referenced, .. }));
        }
        let (_, bloom) = object.map("bloom").unwrap();
        assert_eq!((bloom.extra, bloom.numa_node, bloom.value_size), (3, Some(1), 4));
        assert_eq!(bloom.flags, MapFlags::NUMA_NODE.0);
    }
}

#[test]
fn slots_name_maps_and_programs() {
    for compiler in ALL {
        let Some(object) = parse("slots_name_maps_and_programs", compiler, "maps") else { continue };
        let map = |name| object.map(name).unwrap().0;
        let (_, outer) = object.map("outer").unwrap();
        let inner = outer.inner.as_ref().unwrap();
        assert_eq!((inner.map_type, inner.max_entries, inner.value_size), (MapType::Array, 4, 8));
        let slot = |key, value| Slot { key, value };
        assert_eq!(
            outer.slots,
            [slot(0, SlotValue::Map(map("one"))), slot(2, SlotValue::Map(map("two")))],
            "{compiler:?}"
        );
        let program = |name| object.programs.iter().position(|program| program.name == name).unwrap();
        let (_, jumps) = object.map("jumps").unwrap();
        let expected =
            [(1, "tail_a"), (3, "tail_b")].map(|(key, name)| slot(key, SlotValue::Program(program(name))));
        assert_eq!(jumps.slots, expected);
        // The callback is no program but part of the one that passes it to bpf_loop.
        let entry = object.program("entry").unwrap();
        assert_eq!(entry.subprograms[1].name, "each");
    }
}

#[test]
fn legacy_records_of_every_length() {
    for compiler in ALL {
        let Some(object) = parse("legacy_records_of_every_length", compiler, "legacy") else { continue };
        let (inner_index, inner) = object.map("inner_map").unwrap();
        assert_eq!(inner.pinning, Pinning::GlobalNamespace);
        assert_eq!(inner.origin, MapOrigin::Legacy { id: 42, inner_id: 0, inner_index: 1 });
        let (_, outer) = object.map("outer_map").unwrap();
        assert_eq!(outer.inner.as_ref().unwrap().value_size, 8);
        assert_eq!(outer.slots, [Slot { key: 1, value: SlotValue::Map(inner_index) }]);
        let (_, five) = object.map("five").unwrap();
        assert_eq!((five.map_type, five.max_entries, five.flags), (MapType::Hash, 9, 1));
        let (_, jumps) = object.map("jump_map").unwrap();
        let tail = object.programs.iter().position(|program| program.name == "tail").unwrap();
        assert_eq!(jumps.slots, [Slot { key: 3, value: SlotValue::Program(tail) }]);
        assert_eq!(jumps.pinning, Pinning::ObjectNamespace);
    }
}

#[test]
fn struct_ops_know_their_programs() {
    for compiler in ALL {
        let Some(object) = parse("struct_ops_know_their_programs", compiler, "struct_ops") else { continue };
        let find = |name| object.struct_ops.iter().position(|item| item.name == name).unwrap();
        let (plain, linked) = (find("plain"), find("linked"));
        assert!(!object.struct_ops[plain].link && object.struct_ops[linked].link);
        let plain = &object.struct_ops[plain];
        let members: Vec<_> = plain
            .members
            .iter()
            .map(|member| {
                (member.name.as_str(), member.offset, object.programs[member.program].name.as_str())
            })
            .collect();
        assert_eq!(members, [("init", 8, "ops_init"), ("ssthresh", 16, "ops_ssthresh")]);
        assert_eq!(&plain.initial[24..35], b"skep_plain\0");
        assert!(plain.initial[8..24].iter().all(|&byte| byte == 0));
        let (_, map) = object.map("linked").unwrap();
        assert_eq!((map.map_type, map.flags), (MapType::StructOps, MapFlags::LINK.0));
        assert_eq!(map.origin, MapOrigin::StructOps(linked));
    }
}

#[test]
fn static_functions_are_entries_unless_something_refers_to_them() {
    for compiler in ALL {
        let test = "static_functions_are_entries_unless_something_refers_to_them";
        let Some(object) = parse(test, compiler, "static_entry") else { continue };
        check_invariants(&object);
        let mut names: Vec<_> = object.programs.iter().map(|program| program.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["hidden", "other", "visible"], "{compiler:?}");
        let other = object.program("other").unwrap();
        let functions: Vec<_> = other.subprograms.iter().map(|function| function.name.as_str()).collect();
        assert_eq!(functions, ["other", "shared", "choice"]);
        assert_eq!(other.subprograms[2].linkage, Linkage::Weak);
    }
}

#[test]
fn externs_know_what_they_are() {
    let Some(object) = parse("externs_know_what_they_are", CLANG, "core") else { return };
    let kind = |name: &str| {
        let item = object.externs.iter().find(|item| item.name == name).unwrap();
        (item.weak, item.kind.clone())
    };
    let (weak, hz) = kind("CONFIG_HZ");
    assert!(!weak);
    assert!(matches!(hz, ExternKind::Kconfig { size: 4, value: KconfigType::Integer { signed: true }, .. }));
    assert!(matches!(kind("CONFIG_NAME").1, ExternKind::Kconfig { size: 16, value: KconfigType::Text, .. }));
    assert!(matches!(kind("CONFIG_MISSING"), (true, ExternKind::Kconfig { value: KconfigType::Bool, .. })));
    assert_eq!(kind("some_symbol"), (false, ExternKind::Variable { type_id: None }));
    assert!(matches!(kind("absent_symbol"), (true, ExternKind::Variable { type_id: Some(_) })));
    assert!(matches!(kind("absent_function"), (true, ExternKind::Function { .. })));
}
