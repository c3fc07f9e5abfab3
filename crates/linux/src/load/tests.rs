//! Whole objects into the live kernel.

use std::path::PathBuf;

use skep_object::Object;
use skep_platform::errno::EPERM;
use skep_platform::{MapType, ProgramType};

use crate::calls_test::skipped;
use crate::{LoadError, Loader, RunRequest, count_runs};

pub(crate) fn example(name: &str) -> Object {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name);
    Object::parse(name, &std::fs::read(path).expect("is committed")).expect("parses")
}

#[test]
fn an_object_loads_and_runs() {
    if skipped("an_object_loads_and_runs") {
        return;
    }
    let object = example("doorman.bpf.o");
    let loaded = Loader::new(&object).load().unwrap_or_else(|error| panic!("{error}\n{}", error.log()));
    assert!(loaded.untyped().is_none(), "{}", loaded.untyped().map(LoadError::log).unwrap_or_default());
    let program = loaded.program("doorman").expect("is there");
    let counting = count_runs();
    let packet = [0u8; 64];
    let result = program.run(&RunRequest { data: Some(&packet), ..RunRequest::default() }).expect("runs");
    assert_eq!(result.ret, 2, "XDP_PASS");
    let info = program.info().expect("is told");
    assert_eq!((info.name.as_str(), info.program_type), ("doorman", Some(ProgramType::Xdp)));
    assert!(info.btf != 0 && info.gpl_compatible && info.verified_insns > 0);
    assert!(counting.is_err() || info.runs >= 1);
    let tallies = loaded.map("tallies").expect("is there");
    assert!(info.maps.contains(&tallies.id()));
    assert_eq!(tallies.map_type(), Some(MapType::PercpuArray));
    // Not of the array: its key is an enum, and the kernel takes integers only.
    assert!(loaded.map("visitors").expect("is there").info().btf_value_type_id != 0);
    let rodata = loaded.map(".rodata").expect("is there");
    assert_eq!(rodata.update(&[0; 4], &rodata.lookup(&[0; 4]).expect("reads"), 0), Err(EPERM));
}

#[test]
fn variables_are_set_and_maps_carried_over() {
    if skipped("variables_are_set_and_maps_carried_over") {
        return;
    }
    let object = example("doorman.bpf.o");
    let (_, rodata) = object.map(".rodata").expect("is there");
    let contents = vec![1; rodata.value_size as usize];
    let first = Loader::new(&object).contents(".rodata", contents.clone()).load().expect("loads");
    assert_eq!(first.map(".rodata").expect("is there").lookup(&[0; 4]), Ok(contents));
    let ports = first.map("knocked_ports").expect("is there");
    let second = Loader::new(&object).reuse("knocked_ports", ports).load().expect("loads");
    assert_eq!(second.map("knocked_ports").expect("is there").id(), ports.id());
    let unlike = Loader::new(&object).reuse("visitors", ports).load().expect_err("is another shape");
    assert!(unlike.to_string().contains("type: expected 9, found 1"), "{unlike}");
    let small = Loader::new(&object).max_entries("visitors", 64).load().expect("loads");
    assert_eq!(small.map("visitors").expect("is there").info().max_entries, 64);
}

#[test]
fn what_is_asked_for_must_be_there() {
    let object = example("doorman.bpf.o");
    let missing = Loader::new(&object).program("porter").load().expect_err("no such program");
    assert_eq!(missing.to_string(), "doorman.bpf.o: no program `porter`; there are: doorman");
    let missing = Loader::new(&object).max_entries("guests", 1).load().expect_err("no such map");
    assert!(missing.to_string().starts_with("doorman.bpf.o: no map `guests`; there are: "), "{missing}");
}

#[test]
fn an_object_for_another_engine_is_refused_in_words() {
    let object = example("gate.bpf.o");
    let refused = Loader::new(&object).load().expect_err("not a hook of the kernel");
    if !skipped("an_object_for_another_engine_is_refused_in_words") {
        let text = refused.to_string();
        assert!(text.contains("the section name `http_request` says no program type"), "{text}");
    }
}
