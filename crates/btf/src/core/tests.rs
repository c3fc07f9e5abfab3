//! Answers on small made-up kernels; real records are tested where objects are read.

use super::RelocationKind::*;
use super::*;
use crate::{Builder, IntEncoding, Kind, Member};

fn build(make: impl FnOnce(&mut Builder)) -> Btf {
    let mut builder = Builder::new();
    make(&mut builder);
    Btf::parse(&builder.build()).unwrap()
}

/// The program's view: `struct task { int pid; u32 flags; char comm[16]; struct { u64 start; } ; struct inner *parent;
/// unsigned kind:3; }`, with a flavour.
fn program() -> Btf {
    build(|b| {
        let int = b.int("int", 4, IntEncoding::SIGNED);
        let unsigned = b.int("unsigned int", 4, IntEncoding::UNSIGNED);
        let long = b.int("unsigned long", 8, IntEncoding::UNSIGNED);
        let char_ = b.int("char", 1, IntEncoding::SIGNED);
        let comm = b.array(char_, int, 16);
        let anon = b.structure("", 8, &[("start", long, 0)]);
        let fwd = b.forward("inner", false);
        let parent = b.ptr(fwd);
        let member = |name, type_id, bit_offset, bit_size| Member { name, type_id, bit_offset, bit_size };
        let members = [
            member("pid", int, 0, 0),
            member("flags", unsigned, 32, 0),
            member("comm", comm, 64, 0),
            member("", anon, 192, 0),
            member("parent", parent, 256, 0),
            member("kind", unsigned, 320, 3),
        ];
        b.composite(false, "task___mine", 48, members.into_iter());
        b.enumeration("state", 4, false, &[("IDLE", 0), ("BUSY___old", 1), ("GONE", 2)]);
        b.typedef("task_t", TypeId(9));
        let open = b.array(int, int, 0);
        b.structure("tail", 4, &[("len", int, 0), ("data", open, 32)]);
    })
}

/// Another kernel: fields moved, one wrapped in an anonymous union, one widened, one bit-field elsewhere, two gone.
fn kernel() -> Btf {
    build(|b| {
        let int = b.int("int", 4, IntEncoding::SIGNED);
        let unsigned = b.int("unsigned int", 4, IntEncoding::UNSIGNED);
        let long = b.int("unsigned long", 8, IntEncoding::UNSIGNED);
        let char_ = b.int("char", 1, IntEncoding::SIGNED);
        let comm = b.array(char_, int, 8);
        let ids = b.structure("", 8, &[("tgid", int, 0), ("pid", int, 32)]);
        let wrap = b.union("", 8, &[("both", long, 0), ("", ids, 0)]);
        let member = |name, type_id, bit_offset, bit_size| Member { name, type_id, bit_offset, bit_size };
        let members = [
            member("flags", long, 0, 0),
            member("", wrap, 64, 0),
            member("comm", comm, 128, 0),
            member("start", long, 192, 0),
            member("kind", unsigned, 285, 5),
        ];
        b.composite(false, "task", 40, members.into_iter());
        b.enumeration64("state", 8, false, &[("BUSY", 1 << 40), ("IDLE", 3)]);
        b.enumeration("task", 4, false, &[]);
        let open = b.array(int, int, 0);
        b.structure("tail", 12, &[("len", int, 64), ("data", open, 96)]);
    })
}

fn ask(spec: &str, kind: RelocationKind) -> Outcome {
    ask_about("task___mine", spec, kind).unwrap().outcome
}

fn ask_about(name: &str, spec: &str, kind: RelocationKind) -> Result<CoreValue, CoreError> {
    let (program, kernel) = (program(), kernel());
    let id = program.find_all(name).next().unwrap();
    match_field(&program, id, spec, kind, &kernel)
}

#[test]
fn fields_are_found_by_name() {
    use Outcome::{Poison, Value};
    for (spec, kind, expected) in [
        ("0:0", FieldByteOffset, Value(12)),
        ("0:0", FieldByteSize, Value(4)),
        ("0:0", FieldSigned, Value(1)),
        ("0:0", FieldExists, Value(1)),
        ("0:1", FieldByteOffset, Value(0)),
        ("0:1", FieldSigned, Value(0)),
        ("0:2:5", FieldByteOffset, Value(21)),
        ("0:2:5", FieldByteSize, Value(1)),
        ("0:2", FieldByteSize, Value(8)),
        // Beyond the target's shorter array.
        ("0:2:9", FieldByteOffset, Poison),
        ("0:2:9", FieldExists, Value(0)),
        ("0:3:0", FieldByteOffset, Value(24)),
        ("0:4", FieldByteOffset, Poison),
        ("0:4", FieldExists, Value(0)),
        ("1:1", FieldByteOffset, Value(40)),
        // Bits 285 to 289 cross a 4-byte word, so the 8-byte word at 32 … holds only from 256: 256..320.
        ("0:5", FieldByteOffset, Value(32)),
        ("0:5", FieldByteSize, Value(8)),
        ("0:5", FieldLshiftU64, Value(64 - 34)),
        ("0:5", FieldRshiftU64, Value(59)),
    ] {
        assert_eq!(ask(spec, kind), expected, "{kind} {spec}");
    }
    let flags = ask_about("task___mine", "0:1", FieldByteOffset).unwrap();
    assert_eq!(flags.local, Some(4));
    assert_eq!(flags.resize, Some(Resize { local: 4, target: 8, allowed: true }));
    assert_eq!(ask_about("task___mine", "0:0", FieldByteOffset).unwrap().resize, None);
}

#[test]
fn open_arrays_take_any_index() {
    assert_eq!(ask_about("tail", "0:1:7", FieldByteOffset).unwrap().outcome, Outcome::Value(12 + 28));
}

#[test]
fn types_and_constants_are_found_by_name() {
    let kernel = kernel();
    let task = kernel.find("task", Kind::Struct).unwrap();
    assert_eq!(ask("0", TypeExists), Outcome::Value(1));
    assert_eq!(ask("0", TypeIdTarget), Outcome::Value(task.0.into()));
    assert_eq!(ask("0", TypeSize), Outcome::Value(40));
    assert_eq!(ask("0", TypeIdLocal), Outcome::Value(9));
    // The kernel's has more members but not all of the program's.
    assert_eq!(ask("0", TypeMatches), Outcome::Value(0));
    for (spec, kind, expected) in [
        ("0", EnumvalValue, Outcome::Value(3)),
        ("1", EnumvalValue, Outcome::Value(1 << 40)),
        ("2", EnumvalValue, Outcome::Poison),
        ("2", EnumvalExists, Outcome::Value(0)),
        ("1", EnumvalExists, Outcome::Value(1)),
    ] {
        assert_eq!(ask_about("state", spec, kind).unwrap().outcome, expected, "{kind} {spec}");
    }
    let missing = ask_about("task_t", "0", TypeSize).unwrap();
    assert_eq!((missing.outcome, missing.target), (Outcome::Value(0), None));
}

#[test]
fn a_type_matches_itself() {
    let kernel = kernel();
    for name in ["task", "tail", "state"] {
        let id = kernel.find_all(name).next().unwrap();
        let value = match_field(&kernel, id, "0", TypeMatches, &kernel).unwrap();
        assert_eq!(value.outcome, Outcome::Value(1), "{name}");
    }
}

/// A target with two structs of one name, at different offsets; only one has the second field.
fn two_faced() -> Btf {
    build(|b| {
        let int = b.int("int", 4, IntEncoding::SIGNED);
        b.structure("task", 8, &[("pid", int, 0), ("flags", int, 32)]);
        b.structure("task", 16, &[("pid", int, 64)]);
    })
}

#[test]
fn disagreement_is_an_error_that_names_both() {
    let (program, target) = (program(), two_faced());
    let id = program.find("task___mine", Kind::Struct).unwrap();
    let error = match_field(&program, id, "0:0", FieldByteOffset, &target).unwrap_err();
    assert_eq!(
        error.to_string(),
        "CO-RE byte_off of struct task___mine.pid (0:0): two types of the target disagree: \
         [2] struct task (bit 0, value 0) and [3] struct task (bit 64, value 8)"
    );
}

#[test]
fn a_candidate_that_failed_once_is_out() {
    let (program, target) = (program(), two_faced());
    let id = program.find("task___mine", Kind::Struct).unwrap();
    let mut resolver = Resolver::new(&program, &target);
    assert_eq!(resolver.resolve(id, "0:4", FieldExists).unwrap().outcome, Outcome::Value(0));
    assert_eq!(resolver.resolve(id, "0:1", FieldByteOffset).unwrap().outcome, Outcome::Value(4));
    assert_eq!(resolver.resolve(id, "0:0", FieldByteOffset).unwrap().outcome, Outcome::Value(0));
}

#[test]
fn damaged_paths_are_errors() {
    for (spec, kind, reason) in [
        ("", FieldByteOffset, "expected numbers separated by colons, found ``"),
        ("0:x", FieldByteOffset, "expected numbers separated by colons, found `x`"),
        ("0:+1", FieldByteOffset, "expected numbers separated by colons, found `+1`"),
        ("0:99", FieldByteOffset, "expected a member of struct task___mine below 6, found 99"),
        ("0:2:16", FieldByteOffset, "expected an index below 16, found 16"),
        ("0:0:0", FieldByteOffset, "expected a struct, union or array at `:0`, found int int"),
        ("1", TypeExists, "expected `0` for type_exists"),
        ("0", EnumvalValue, "expected an enum, found struct task___mine"),
    ] {
        let error = ask_about("task___mine", spec, kind).unwrap_err().to_string();
        assert_eq!(error, format!("CO-RE path `{spec}` on type 9: {reason}"));
    }
}

#[test]
fn every_named_struct_of_the_kernel_matches_itself() {
    let Some(kernel) = crate::tests::running("every_named_struct_of_the_kernel_matches_itself") else {
        return;
    };
    let mut resolver = Resolver::new(&kernel, &kernel);
    for name in ["task_struct", "sk_buff", "file", "sock", "bpf_prog"] {
        let id = kernel.find(name, Kind::Struct).unwrap();
        assert_eq!(resolver.resolve(id, "0", TypeMatches).unwrap().outcome, Outcome::Value(1), "{name}");
        let members = kernel.get(id).unwrap().as_composite().unwrap().members;
        for (index, member) in
            members.iter().enumerate().filter(|(_, m)| !m.name.is_empty() && m.bit_size == 0)
        {
            let value = resolver.resolve(id, &format!("0:{index}"), FieldByteOffset).unwrap();
            assert_eq!(
                value.outcome,
                Outcome::Value(u64::from(member.bit_offset / 8)),
                "{name}.{}",
                member.name
            );
        }
    }
}
