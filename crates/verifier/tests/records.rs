//! Which map values the kernel takes, and where their managed fields are.

#![allow(clippy::unwrap_used)] // A test may panic.

mod common;

use std::sync::Arc;

use common::{create, live};
use skep_btf::{Btf, Builder, IntEncoding, Kind, TypeId};
use skep_platform::{MapFlags, MapType};
use skep_verifier::MapInfo;
use skep_verifier::record::{FieldKind, Record, refusal};

/// The structs that the kernel manages, by name, size and alignment.
const STRUCTS: &[(&str, u32)] = &[
    ("bpf_spin_lock", 4),
    ("bpf_res_spin_lock", 4),
    ("bpf_timer", 16),
    ("bpf_wq", 16),
    ("bpf_task_work", 8),
    ("bpf_refcount", 4),
    ("bpf_list_head", 16),
    ("bpf_list_node", 24),
    ("bpf_rb_root", 16),
    ("bpf_rb_node", 32),
];

/// What a value may be made of, besides the structs.
const MORE: &[&str] =
    &["untrusted", "kptr", "percpu", "uptr", "local", "cpumask", "file", "other tag", "two tags", "kptr int"];

struct Types {
    builder: Builder,
    long: TypeId,
    parts: Vec<(String, TypeId, u32)>,
}

impl Types {
    fn new() -> Types {
        let mut b = Builder::new();
        let long = b.int("long", 8, IntEncoding::SIGNED);
        let int = b.int("int", 4, IntEncoding::SIGNED);
        let mut parts = vec![("long".to_owned(), long, 8)];
        for &(name, size) in STRUCTS {
            let members: Vec<_> = if size % 8 == 0 {
                (0..size / 8).map(|i| ("m", long, 64 * i)).collect()
            } else {
                vec![("m", int, 0)]
            };
            parts.push((name.to_owned(), b.structure(name, size, &members), size));
        }
        let (node, tree, refcount) = (parts[8].1, parts[10].1, parts[6].1);
        b.structure(
            "element",
            72,
            &[("value", long, 0), ("node", node, 64), ("tree", tree, 256), ("refs", refcount, 512)],
        );
        b.structure("leaf", 32, &[("node", node, 0), ("value", long, 192)]);
        b.structure("branch", 40, &[("node", tree, 0), ("value", long, 256)]);
        let task = b.structure("task_struct", 8, &[("x", long, 0)]);
        let own = b.structure("own_thing", 8, &[("x", long, 0)]);
        let cpumask = b.structure("bpf_cpumask", 8, &[("x", long, 0)]);
        let file = b.structure("file", 8, &[("x", long, 0)]);
        let tagged = |b: &mut Builder, tag: &str, target: TypeId| {
            let tag = b.type_tag(tag, target, false);
            b.ptr(tag)
        };
        let twice = b.type_tag("kptr", task, false);
        for name in MORE {
            let pointer = match *name {
                "untrusted" => tagged(&mut b, "kptr_untrusted", task),
                "kptr" => tagged(&mut b, "kptr", task),
                "percpu" => tagged(&mut b, "percpu_kptr", own),
                "uptr" => tagged(&mut b, "uptr", own),
                "local" => tagged(&mut b, "kptr", own),
                "cpumask" => tagged(&mut b, "kptr", cpumask),
                "file" => tagged(&mut b, "kptr", file),
                "two tags" => tagged(&mut b, "kptr", twice),
                "kptr int" => tagged(&mut b, "kptr", int),
                _ => tagged(&mut b, "something", task),
            };
            parts.push(((*name).to_owned(), pointer, 8));
        }
        Types { builder: b, long, parts }
    }
}

/// A value of these parts, each at its natural place unless it is moved.
fn value(layout: &[(usize, u32)], contains: &str, nested: bool, array: u32) -> (Arc<Btf>, TypeId, u32) {
    let mut types = Types::new();
    let mut at = 0u32;
    let mut members = Vec::new();
    for (index, &(part, shift)) in layout.iter().enumerate() {
        let (_, id, size) = &types.parts[part];
        let align = if *size == 4 { 4 } else { 8 };
        at = at.next_multiple_of(align) + shift;
        let (mut id, mut size) = (*id, *size);
        if array > 0 && index == layout.len() - 1 {
            id = types.builder.array(id, types.long, array);
            size *= array;
        }
        members.push((["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m"][index], id, at * 8));
        at += size;
    }
    let mut size = at.next_multiple_of(8);
    let mut id = types.builder.structure("value", size, &members);
    for (index, &(part, _)) in layout.iter().enumerate() {
        let name = types.parts[part].0.as_str();
        if matches!(name, "bpf_list_head" | "bpf_rb_root") && !contains.is_empty() {
            types.builder.decl_tag(contains, id, Some(index as u32), false);
        }
    }
    if nested {
        id = types.builder.structure("outer", size + 8, &[("first", types.long, 0), ("inner", id, 64)]);
        size += 8;
    }
    (Arc::new(Btf::parse(&types.builder.build()).unwrap()), id, size)
}

fn map(map_type: MapType, value: (Arc<Btf>, TypeId, u32)) -> MapInfo {
    let storage = matches!(
        map_type,
        MapType::SkStorage | MapType::TaskStorage | MapType::InodeStorage | MapType::CgrpStorage
    );
    let entries = if storage || map_type == MapType::CgroupStorage { 0 } else { 4 };
    let key = match map_type {
        MapType::CgroupStorage => 8,
        _ => 4,
    };
    let mut info = MapInfo::new(map_type, key, value.2, entries);
    if storage {
        info.flags = MapFlags::NO_PREALLOC;
    }
    (info.btf, info.value_type) = (Some(value.0.clone()), value.1);
    if key == 4 {
        info.key_type = value.0.find("int", Kind::Int).unwrap();
    } else if key == 8 {
        info.key_type = value.0.find("long", Kind::Int).unwrap();
    }
    info
}

fn kernel_types() -> Option<Btf> {
    Btf::parse(&std::fs::read("/sys/kernel/btf/vmlinux").ok()?).ok()
}

#[test]
fn values_the_kernel_takes() {
    if !live("values_the_kernel_takes") {
        return;
    }
    let Some(kernel) = kernel_types() else {
        eprintln!("SKIPPED values_the_kernel_takes: no BTF of the kernel");
        return;
    };
    let count = Types::new().parts.len();
    let mut cases: Vec<(String, MapInfo)> = Vec::new();
    let name = |parts: &[(usize, u32)]| {
        let types = Types::new();
        parts.iter().map(|&(p, s)| format!("{}+{s}", types.parts[p].0)).collect::<Vec<_>>().join(" ")
    };
    let types = [
        MapType::Hash,
        MapType::Array,
        MapType::LruHash,
        MapType::PercpuHash,
        MapType::PercpuArray,
        MapType::LruPercpuHash,
        MapType::SkStorage,
        MapType::TaskStorage,
        MapType::InodeStorage,
        MapType::CgrpStorage,
        MapType::CgroupStorage,
    ];
    for map_type in types {
        for part in 0..count {
            for contains in ["", "contains:leaf:node", "contains:branch:node"] {
                let layout = [(part, 0)];
                cases.push((
                    format!("{map_type:?} {} {contains}", name(&layout)),
                    map(map_type, value(&layout, contains, false, 0)),
                ));
                let layout = [(1, 0), (part, 0)];
                cases.push((
                    format!("{map_type:?} {} {contains}", name(&layout)),
                    map(map_type, value(&layout, contains, false, 0)),
                ));
            }
        }
    }
    for contains in [
        "contains:leaf:node",
        "contains:branch:node",
        "contains:leaf:value",
        "contains:leaf:none",
        "contains:none:node",
        "contains:leaf",
        "contains:element:node",
        "contains:element:tree",
        "holds:leaf:node",
    ] {
        for a in 0..count {
            for b in 0..count {
                for nested in [false, true] {
                    let layout = [(1, 0), (a, 0), (b, 0)];
                    cases.push((
                        format!("Array {} {contains} {nested}", name(&layout)),
                        map(MapType::Array, value(&layout, contains, nested, 0)),
                    ));
                    let layout = [(a, 0), (b, 4)];
                    cases.push((
                        format!("Array {} {contains} {nested}", name(&layout)),
                        map(MapType::Array, value(&layout, contains, nested, 0)),
                    ));
                }
            }
            for array in [1, 2, 10, 11, 12] {
                let layout = [(1, 0), (a, 0)];
                cases.push((
                    format!("Array {} x{array} {contains}", name(&layout)),
                    map(MapType::Array, value(&layout, contains, false, array)),
                ));
                let layout = [(a, 0)];
                cases.push((
                    format!("Array {} x{array} {contains}", name(&layout)),
                    map(MapType::Array, value(&layout, contains, false, array)),
                ));
            }
        }
    }
    let mut wrong = Vec::new();
    for (name, map) in &cases {
        let ours = refusal(map, Some(&kernel));
        // Types that the kernel does not take at all are no matter of maps.
        if skep_linux::btf_load(&map.btf.as_ref().unwrap().to_bytes()).is_err() {
            continue;
        }
        let theirs = create(map, &mut common::Types::default()).is_some();
        if ours.is_none() != theirs {
            wrong.push(format!("{name}: kernel takes it: {theirs}; ours: {ours:?}"));
        }
    }
    println!("{} cases, {} differ", cases.len(), wrong.len());
    for line in wrong.iter().take(60) {
        println!("{line}");
    }
    assert!(wrong.is_empty());
}

#[test]
fn fields_are_found_in_nested_structs_and_arrays() {
    let (btf, id, _) = value(&[(1, 0), (11, 0)], "", true, 3);
    let record = Record::of(&btf, None, id, Record::VALUE).unwrap();
    let found: Vec<_> = record.fields().iter().map(|field| (field.offset, field.kind)).collect();
    let pointers = [16, 24, 32].map(|offset| (offset, FieldKind::KptrUntrusted));
    assert_eq!(found, [vec![(8, FieldKind::SpinLock)], pointers.to_vec()].concat());
}

/// How deep structs may be nested for the kernel to see the lock in the innermost: a lock is refused in maps of this type.
#[test]
fn deep_structs() {
    if !live("deep_structs") {
        return;
    }
    for depth in 1..40 {
        let mut b = Builder::new();
        let int = b.int("int", 4, IntEncoding::SIGNED);
        let mut id = b.structure("bpf_spin_lock", 4, &[("val", int, 0)]);
        for _ in 0..depth {
            id = b.structure("level", 4, &[("inner", id, 0)]);
        }
        let btf = Arc::new(Btf::parse(&b.build()).unwrap());
        if skep_linux::btf_load(&btf.to_bytes()).is_err() {
            continue;
        }
        let mut info = MapInfo::new(MapType::LruHash, 4, 4, 4);
        (info.btf, info.key_type, info.value_type) = (Some(btf), int, id);
        let theirs = create(&info, &mut common::Types::default()).is_some();
        assert_eq!(refusal(&info, None).is_none(), theirs, "{depth} structs");
    }
}
