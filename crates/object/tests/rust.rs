//! eBPF programs written in Rust: the same road as C's, with what rustc does otherwise.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{check_invariants, rust};
use skep_object::{Environment, ExternKind, Linkage, MapOrigin, Reason, Target};
use skep_platform::{AttachType, MapType, ProgramType};

#[test]
fn programs_maps_and_globals_of_rust() {
    let Some(object) = rust::parse("programs_maps_and_globals_of_rust", "gate") else { return };
    check_invariants(&object);
    assert_eq!(object.license, "Dual MIT/GPL");
    assert_eq!(object.externs, []);
    // The panic handler, a function that nothing calls, is no program.
    let [gate] = &object.programs[..] else { panic!("{:?}", object.programs) };
    assert_eq!((gate.name.as_str(), gate.section.as_str()), ("gate", "xdp"));
    assert_eq!(gate.kind.program_type, Some(ProgramType::Xdp));
    assert_eq!(gate.kind.attach_type, Some(AttachType::Xdp));
    let functions: Vec<_> = gate.subprograms.iter().map(|f| (f.name.as_str(), f.linkage)).collect();
    assert_eq!(functions, [("gate", Linkage::Global), ("is_closed", Linkage::Global)]);

    let (index, packets) = object.map("packets").unwrap();
    let sizes = (packets.key_size, packets.value_size, packets.max_entries);
    assert_eq!((packets.map_type, sizes), (MapType::Array, (4, 8, 256)));
    assert_eq!(packets.origin, MapOrigin::Btf);
    let btf = object.btf.as_ref().unwrap();
    let names = [packets.key_type, packets.value_type].map(|id| btf.name_of(id.unwrap()));
    assert_eq!(names, ["u32", "u64"]);
    assert!(gate.maps.contains(&index));

    let (_, rodata) = object.map(".rodata").unwrap();
    let port = rodata.variables.iter().find(|variable| variable.name == "closed_port").unwrap();
    assert_eq!(rodata.initial[port.offset as usize..][..2], 9u16.to_le_bytes());
}

#[test]
fn lines_are_those_of_the_rust_source() {
    let Some(object) = rust::parse("lines_are_those_of_the_rust_source", "gate") else { return };
    let gate = object.program("gate").unwrap();
    let source = object.source(gate.line_at(0).unwrap()).unwrap();
    assert!(source.file.ends_with("gate.rs"), "{}", source.file);
    assert!(source.text.starts_with("pub extern \"C\" fn gate("), "{}", source.text);
    let add = gate.insns.iter().position(|insn| (insn.code, insn.imm) == (0x07, 1)).unwrap();
    assert_eq!(object.source(gate.line_at(add).unwrap()).unwrap().text.trim(), "*value += 1;");
}

#[test]
fn nothing_is_left_to_the_machine() {
    let Some(object) = rust::parse("nothing_is_left_to_the_machine", "gate") else { return };
    let gate = object.program("gate").unwrap();
    // rustc writes no CO-RE records: no types of a kernel are needed.
    assert_eq!(gate.core.len(), 0);
    let fitted = gate.relocate(&object, &Environment::default()).unwrap();
    assert_eq!((fitted.insns, fitted.poisoned.len()), (gate.insns.clone(), 0));
}

#[test]
fn a_panic_that_rustc_left_is_named_with_its_line() {
    let Some(object) = rust::parse("a_panic_that_rustc_left_is_named_with_its_line", "panics") else {
        return;
    };
    // The object can be looked at, and what does not panic be loaded.
    assert!(matches!(&object.externs[..], [item] if item.kind == ExternKind::Undefined));
    object.program("checked").unwrap().relocate(&object, &Environment::default()).unwrap();
    let unchecked = object.program("unchecked").unwrap();
    for target in [Target::Local, Environment::default().target] {
        let error = unchecked.relocate(&object, &Environment::with_target(target)).unwrap_err();
        let Reason::RustCore { symbol, path, panics: true, place } = &error.reason else { panic!("{error}") };
        assert_eq!(path, "core::panicking::panic_bounds_check");
        let text = format!(
            "panics.bpf.o: program unchecked, instruction {}: undefined {path}, wanted at {}: \
             expected code that rustc proves free of panics, found a call of {symbol}",
            error.at.unwrap(),
            place.as_ref().unwrap(),
        );
        assert_eq!(error.to_string(), text);
        let line = include_str!("rust/panics.rs").lines().position(|line| line.contains("as usize]"));
        assert!(text.contains(&format!("panics.rs:{}:", line.unwrap() + 1)), "{text}");
    }
}
