//! Extensions (`freplace`): signatures kept and broken, and the rights of what is replaced.
//!
//! The sources are in `tests/extensions`, compiled here. The verdicts stand in `tests/extensions/verdicts.txt` (`SKEP_BLESS=1` writes them). There is no
//! oracle behind them: the kernel that the other tests ask loads no freplace program, by its policy, so they are what its documentation says.

#![allow(clippy::unwrap_used)] // A test may panic.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use skep_object::{AttachTarget, Environment, Object, Program, Target};
use skep_platform::{AttachType, ProgramType};
use skep_verifier::{Extended, FunctionInfo, Input, Verdict, verify};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/extensions")
}

/// The object of a source; none where there is no compiler.
fn compile(name: &str, test: &str) -> Option<Object> {
    let output = std::env::temp_dir().join(format!("skep-{test}-{name}-{}.o", std::process::id()));
    let mut clang = Command::new("clang-19");
    clang.args(["-g", "-O2", "-target", "bpfel", "-mcpu=v3", "-Wno-everything", "-c", "-o"]).arg(&output);
    let Ok(done) = clang.arg(folder().join(format!("{name}.c"))).status() else {
        eprintln!("SKIPPED {test}: no clang-19");
        return None;
    };
    assert!(done.success(), "{name}.c is not compiled");
    let bytes = std::fs::read(&output).unwrap();
    let _ = std::fs::remove_file(&output);
    Some(Object::parse(name, &bytes).unwrap())
}

fn input(object: &Object, program: &Program) -> Input {
    let relocated = program.relocate(object, &Environment::with_target(Target::Local)).unwrap();
    let mut input = Input::new(program.kind.program_type.unwrap(), relocated.insns);
    input.name.clone_from(&program.name);
    input.attach_type = program.kind.attach_type;
    if program.kind.sleepable {
        input.flags |= skep_verifier::program::flags::SLEEPABLE;
    }
    input.attach_target = match &program.kind.target {
        AttachTarget::Named(name) | AttachTarget::Function { name, .. } => Some(name.clone()),
        _ => None,
    };
    input.btf.clone_from(&object.btf);
    let functions = program.subprograms.iter();
    input.functions =
        functions.filter_map(|f| Some(FunctionInfo { start: f.start, type_id: f.func? })).collect();
    input
}

/// The function of this name, in the first program that has it.
fn function(object: &Object, name: &str) -> Extended {
    let found = object.programs.iter().find_map(|program| {
        let function = program.subprograms.iter().find(|function| function.name == name)?;
        Some((program, function.start))
    });
    let (program, start) = found.unwrap_or_else(|| panic!("no function {name}"));
    Extended::of(&input(object, program), start).unwrap()
}

fn said(input: &Input) -> String {
    match verify(input).verdict {
        Verdict::Rejected(rejection) => format!("reject: {} {}", rejection.code, rejection.message),
        other => other.to_string(),
    }
}

#[test]
fn extensions() {
    let (Some(target), Some(object)) = (compile("target", "extensions"), compile("extensions", "extensions"))
    else {
        return;
    };
    let mut text = String::new();
    for program in &object.programs {
        let mut input = input(&object, program);
        let replaced = input.attach_target.clone();
        input.extends = replaced.map(|name| Arc::new(function(&target, &name)));
        let _ = writeln!(text, "{}: {}", input.name, said(&input));
    }
    let path = folder().join("verdicts.txt");
    if std::env::var_os("SKEP_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "SKEP_BLESS=1 writes the file anew");
}

#[test]
fn what_is_known_of_the_target_decides() {
    let test = "what_is_known_of_the_target_decides";
    let (Some(target), Some(object)) = (compile("target", test), compile("extensions", test)) else { return };
    let mut input = input(&object, object.program("weigh_same").unwrap());
    assert!(
        said(&input).starts_with("unsupported") && said(&input).contains("--extends"),
        "{}",
        said(&input)
    );
    let extended = function(&target, "weigh");
    let with = |change: &dyn Fn(&mut Extended)| {
        let mut extended = extended.clone();
        change(&mut extended);
        let mut input = input.clone();
        input.extends = Some(Arc::new(extended));
        said(&input)
    };
    assert_eq!(with(&|_| ()), "accept");
    let types = [
        (ProgramType::Ext, None, "reject"),
        (ProgramType::Tracing, Some(AttachType::TraceFexit), "reject"),
        (ProgramType::Tracing, Some(AttachType::TraceIter), "unsupported"),
        (ProgramType::Lsm, Some(AttachType::LsmMac), "unsupported"),
        (ProgramType::SchedAct, None, "accept"),
    ];
    for (program_type, attach_type, expected) in types {
        let found =
            with(&|extended| (extended.program_type, extended.attach_type) = (program_type, attach_type));
        assert!(found.starts_with(expected), "{program_type:?}: {found}");
    }
    assert!(with(&|extended| extended.catches = true).starts_with("reject"));
    assert!(with(&|extended| extended.sleepable = true).starts_with("unsupported"));
    // The rule is for extensions: with other programs the field says nothing.
    input.program_type = ProgramType::SchedCls;
    input.extends = Some(Arc::new(extended.clone()));
    assert!(said(&input).starts_with("reject"), "the entry of a program has no second argument");
}
