//! Real objects: what compilers make is accepted.

mod common;

use std::path::Path;

use skep_object::Object;
use skep_platform::MapFlags;
use skep_verifier::{FunctionInfo, Input, MapInfo, Verdict, verify};

/// The programs of an object as inputs.
fn inputs(object: &Object) -> Vec<Input> {
    let maps: Vec<MapInfo> = object
        .maps
        .iter()
        .map(|map| MapInfo {
            name: map.name.clone(),
            flags: MapFlags(map.flags),
            extra: map.extra,
            frozen: map.name.starts_with(".rodata"),
            value: map.initial.clone(),
            ..MapInfo::new(map.map_type, map.key_size, map.value_size, map.max_entries)
        })
        .collect();
    let input = |program: &skep_object::Program| {
        let functions = program
            .subprograms
            .iter()
            .filter_map(|function| Some(FunctionInfo { start: function.start, type_id: function.func? }))
            .collect();
        Some(Input {
            name: program.name.clone(),
            attach_type: program.kind.attach_type,
            license: object.license.clone(),
            maps: maps.clone(),
            btf: object.btf.clone(),
            functions,
            ..Input::new(program.kind.program_type?, program.insns.clone())
        })
    };
    object.programs.iter().filter_map(input).collect()
}

#[test]
fn the_example_is_accepted() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/doorman.bpf.o");
    let bytes = std::fs::read(path).unwrap();
    let object = Object::parse("doorman", &bytes).unwrap();
    let inputs = inputs(&object);
    assert!(!inputs.is_empty());
    for input in inputs {
        let report = verify(&input);
        println!("{}: {} {:?}", input.name, report.verdict, report.stats);
        assert!(matches!(report.verdict, Verdict::Verified(_)), "{}: {}", input.name, report.verdict);
    }
}
