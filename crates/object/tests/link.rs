//! Objects linked into one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::process::Command;

use common::{CLANG, CLANG_BIG, Compiler, GCC, Scratch, check_invariants, compile, compile_file};
use skep_object::{LinkError, Linkage, Object, link};

/// The two objects that belong together, linked.
fn linked(test: &str, compiler: Compiler) -> Option<Vec<u8>> {
    let (a, b) = (compile(test, compiler, "link_a")?, compile(test, compiler, "link_b")?);
    Some(link(&[("a.o", &a), ("b.o", &b)]).unwrap_or_else(|error| panic!("{error}")))
}

/// Compiles a few lines of C.
fn snippet(test: &str, text: &str) -> Option<Vec<u8>> {
    let scratch = Scratch::new(&format!("snippet-{test}"));
    let source = scratch.path("snippet.c");
    std::fs::write(&source, format!("#define SEC(n) __attribute__((section(n), used))\n{text}\n")).unwrap();
    compile_file(test, CLANG, &source, &[])
}

#[test]
fn symbols_resolve_across_objects() {
    for compiler in [CLANG, CLANG_BIG, GCC] {
        let Some(bytes) = linked("symbols_resolve_across_objects", compiler) else { continue };
        let object =
            Object::parse("linked.o", &bytes).unwrap_or_else(|error| panic!("{compiler:?}: {error}"));
        check_invariants(&object);
        assert_eq!(object.externs, [], "{compiler:?}: nothing is left open");
        assert_eq!(object.license, "GPL");
        let entry = object.program("entry_a").unwrap();
        let mut functions: Vec<_> =
            entry.subprograms.iter().map(|function| (function.name.as_str(), function.linkage)).collect();
        functions.sort_by_key(|(name, _)| *name);
        let (global, local) = (Linkage::Global, Linkage::Static);
        // Both objects have a static function `local`, and the strong `replaced` took the weak one's place.
        let expected = [
            ("entry_a", global),
            ("from_b", global),
            ("local", local),
            ("local", local),
            ("replaced", global),
        ];
        assert_eq!(functions, expected);
        let replaced = entry.subprograms.iter().find(|function| function.name == "replaced").unwrap();
        let body = &entry.insns[replaced.start..replaced.start + replaced.len];
        assert!(body.iter().any(|insn| insn.imm == 100), "{compiler:?}: the second object's definition");
        let (_, map) = object.map("shared_map").unwrap();
        assert_eq!(map.max_entries, 8);
        assert_eq!(object.maps.iter().filter(|map| map.name == "shared_map").count(), 1);
    }
}

#[test]
fn variables_and_lines_move_with_their_sections() {
    for compiler in [CLANG, CLANG_BIG] {
        let Some(bytes) = linked("variables_and_lines_move_with_their_sections", compiler) else { continue };
        let object = Object::parse("linked.o", &bytes).unwrap();
        let (_, data) = object.map(".data").unwrap();
        let names: Vec<_> =
            data.variables.iter().map(|variable| (variable.offset, variable.name.as_str())).collect();
        assert_eq!(
            names,
            [(0, "shared_counter"), (4, "private_value"), (8, "limit_of_b"), (12, "private_value")]
        );
        for (program, file) in [("entry_a", "link_a.c"), ("entry_b", "link_b.c")] {
            let program = object.program(program).unwrap();
            let source = object.source(program.line_at(0).unwrap()).unwrap();
            assert!(source.file.ends_with(file), "{}", source.file);
        }
        let entry = object.program("entry_a").unwrap();
        let from_b = entry.subprograms.iter().find(|function| function.name == "from_b").unwrap();
        let source = object.source(entry.line_at(from_b.start).unwrap()).unwrap();
        assert!(source.file.ends_with("link_b.c") && source.text.contains("from_b"), "{source:?}");
    }
}

#[test]
fn linking_one_object_keeps_its_programs() {
    for compiler in [CLANG, CLANG_BIG, GCC] {
        for name in ["basic", "maps", "core", "legacy", "struct_ops", "static_entry"] {
            let Some(bytes) = compile("linking_one_object_keeps_its_programs", compiler, name) else {
                continue;
            };
            let before = Object::parse(name, &bytes).unwrap();
            let again =
                link(&[("in.o", &bytes)]).unwrap_or_else(|error| panic!("{compiler:?} {name}: {error}"));
            let after =
                Object::parse(name, &again).unwrap_or_else(|error| panic!("{compiler:?} {name}: {error}"));
            let programs = |object: &Object| -> Vec<_> {
                object.programs.iter().map(|program| (program.name.clone(), program.insns.clone())).collect()
            };
            assert_eq!(programs(&before), programs(&after), "{compiler:?} {name}");
            let maps = |object: &Object| -> Vec<_> {
                let all = object.maps.iter();
                all.map(|map| (map.name.clone(), map.max_entries, map.initial.clone(), map.slots.clone()))
                    .collect()
            };
            assert_eq!(maps(&before), maps(&after), "{compiler:?} {name}");
            let records = |object: &Object| -> Vec<_> {
                object.programs.iter().map(|program| (program.lines.len(), program.core.len())).collect()
            };
            assert_eq!(records(&before), records(&after), "{compiler:?} {name}");
            assert_eq!(before.externs.len(), after.externs.len());
        }
    }
}

#[test]
fn two_strong_definitions_are_an_error_that_names_both() {
    let test = "two_strong_definitions_are_an_error_that_names_both";
    let Some(a) = compile(test, CLANG, "link_a") else { return };
    let error = link(&[("one.o", &a), ("two.o", &a)]).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, LinkError::Conflict { .. }));
    assert_eq!(text, "symbol entry_a: a definition in one.o, but another one in two.o");
}

#[test]
fn licences_and_byte_orders_must_agree() {
    let test = "licences_and_byte_orders_must_agree";
    let Some(gpl) = snippet(test, "char _license[] SEC(\"license\") = \"GPL\";") else { return };
    let Some(mit) = snippet(test, "char _license[] SEC(\"license\") = \"Dual MIT/GPL\";") else { return };
    let error = link(&[("gpl.o", &gpl), ("mit.o", &mit)]).unwrap_err();
    assert_eq!(error.to_string(), "license: \"GPL\" in gpl.o, but \"Dual MIT/GPL\" in mit.o");
    let Some(big) = compile(test, CLANG_BIG, "link_b") else { return };
    let error = link(&[("gpl.o", &gpl), ("big.o", &big)]).unwrap_err();
    assert_eq!(error.to_string(), "byte order: little-endian in gpl.o, but big-endian in big.o");
    assert_eq!(link(&[]).unwrap_err(), LinkError::NoInput);
}

#[test]
fn what_nobody_defines_stays_open() {
    let test = "what_nobody_defines_stays_open";
    let Some(a) = compile(test, CLANG, "link_a") else { return };
    let bytes = link(&[("a.o", &a)]).unwrap();
    let object = Object::parse("a.o", &bytes).unwrap();
    let mut open: Vec<_> = object.externs.iter().map(|item| item.name.as_str()).collect();
    open.sort_unstable();
    assert_eq!(open, ["from_b", "limit_of_b"]);
}

#[test]
fn the_output_is_what_bpftool_makes() {
    let test = "the_output_is_what_bpftool_makes";
    let (Some(a), Some(b)) = (compile(test, CLANG, "link_a"), compile(test, CLANG, "link_b")) else { return };
    let scratch = Scratch::new(test);
    let paths = ["theirs.o", "a.o", "b.o"].map(|name| scratch.path(name));
    std::fs::write(&paths[1], &a).unwrap();
    std::fs::write(&paths[2], &b).unwrap();
    let run = Command::new("bpftool").args(["gen", "object"]).args(&paths).output();
    let Some(theirs) =
        run.ok().filter(|run| run.status.success()).and_then(|_| std::fs::read(&paths[0]).ok())
    else {
        return eprintln!("SKIPPED {test}: bpftool is not installed");
    };
    let ours = link(&[("a.o", &a), ("b.o", &b)]).unwrap();
    let (ours, theirs) = (Object::parse("x.o", &ours).unwrap(), Object::parse("x.o", &theirs).unwrap());
    assert_eq!(ours.programs.len(), theirs.programs.len());
    for (our, their) in ours.programs.iter().zip(&theirs.programs) {
        assert_eq!(
            (&our.name, &our.insns, &our.subprograms.len()),
            (&their.name, &their.insns, &their.subprograms.len())
        );
        let lines = |object: &Object, program: &skep_object::Program| -> Vec<_> {
            let sources = program.lines.iter().filter_map(|line| object.source(line));
            sources.map(|source| (source.line, source.text.to_owned())).collect()
        };
        assert_eq!(lines(&ours, our), lines(&theirs, their));
    }
}
