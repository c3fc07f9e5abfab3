//! What the kernel manages in maps and objects, in C as people write it: every rule kept once and broken once.
//!
//! The sources are in `tests/managed`, many small programs a file; they are compiled here. The verdicts stand in `tests/managed/verdicts.txt`
//! (`BLESS=1` writes them), and where the kernel can be asked they must be its own.

#![allow(clippy::unwrap_used)] // A test may panic.

mod common;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use common::{Agreement, kernel_btf, live};
use skep_btf::Btf;
use skep_linux::acceptable_types;
use skep_object::{Environment, MapDef, Object, Target};
use skep_platform::MapFlags;
use skep_verifier::program::flags;
use skep_verifier::{FunctionInfo, Input, MapInfo, Verdict, verify};

const FILES: &[(&str, &str)] = &[
    ("timer", "v3"),
    ("graph", "v3"),
    ("kptr", "v3"),
    ("work", "v3"),
    ("arena", "v4"),
    ("maps", "v3"),
    ("mixed", "v3"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/managed")
}

/// The object of a source; none where there is no compiler.
fn compile(name: &str, cpu: &str) -> Option<Object> {
    let output = std::env::temp_dir().join(format!("skep-managed-{name}-{}.o", std::process::id()));
    let mut clang = Command::new("clang-19");
    clang.args(["-g", "-O2", "-target", "bpf", "-Wno-everything", "-c", "-o"]).arg(&output);
    clang.arg(format!("-mcpu={cpu}")).arg(folder().join(format!("{name}.c")));
    let done = clang.status().ok()?;
    assert!(done.success(), "{name}.c is not compiled");
    let bytes = std::fs::read(&output).unwrap();
    let _ = std::fs::remove_file(&output);
    Some(Object::parse(name, &bytes).unwrap())
}

fn map(definition: &MapDef, btf: Option<&Arc<Btf>>) -> MapInfo {
    MapInfo {
        name: definition.name.clone(),
        flags: MapFlags(definition.flags),
        extra: definition.extra,
        inner: definition.inner.as_deref().map(|inner| Box::new(map(inner, btf))),
        btf: btf.cloned(),
        key_type: definition.key_type.unwrap_or_default(),
        value_type: definition.value_type.unwrap_or_default(),
        ..MapInfo::new(
            definition.map_type,
            definition.key_size,
            definition.value_size,
            definition.max_entries,
        )
    }
}

/// The programs of an object, fitted to the running kernel.
fn inputs(object: &Object, kernel: &Arc<Btf>) -> Vec<Input> {
    let btf = acceptable_types(object).map(|bytes| Arc::new(Btf::parse(&bytes).unwrap()));
    let maps: Vec<MapInfo> = object.maps.iter().map(|definition| map(definition, btf.as_ref())).collect();
    let mut inputs = Vec::new();
    for program in &object.programs {
        let relocated = program.relocate(object, &Environment::with_target(Target::Btf(kernel))).unwrap();
        let functions = program.subprograms.iter();
        let mut input = Input::new(program.kind.program_type.unwrap(), relocated.insns);
        input.name = program.name.clone();
        input.attach_type = program.kind.attach_type;
        if program.kind.sleepable {
            input.flags |= flags::SLEEPABLE;
        }
        input.attach_target = target(program);
        input.maps.clone_from(&maps);
        input.btf.clone_from(&btf);
        input.kernel_btf = Some(Arc::clone(kernel));
        input.functions =
            functions.filter_map(|f| Some(FunctionInfo { start: f.start, type_id: f.func? })).collect();
        inputs.push(input);
    }
    inputs
}

fn target(program: &skep_object::Program) -> Option<String> {
    use skep_object::AttachTarget;
    match &program.kind.target {
        AttachTarget::Named(name) | AttachTarget::Function { name, .. } => Some(name.clone()),
        AttachTarget::Tracepoint { name, .. } => Some(name.clone()),
        _ => None,
    }
}

#[test]
fn managed_fields() {
    let Some(kernel) = kernel_btf() else {
        eprintln!("SKIPPED managed_fields: no BTF of the kernel");
        return;
    };
    let may_ask = live("managed_fields");
    let mut verdicts = BTreeMap::new();
    let mut agreement = Agreement::default();
    for &(name, cpu) in FILES {
        let Some(object) = compile(name, cpu) else {
            eprintln!("SKIPPED managed_fields: no clang-19");
            return;
        };
        for mut input in inputs(&object, &kernel) {
            input.name = format!("{name}/{}", input.name);
            let said = match verify(&input).verdict {
                Verdict::Verified(_) => "accept".to_owned(),
                Verdict::Rejected(rejection) => format!("reject {}", rejection.code),
                Verdict::Unsupported(what) => format!("unsupported {}", what.reason),
            };
            verdicts.insert(input.name.clone(), said);
            if may_ask {
                agreement.add(&input);
            }
        }
    }
    agreement.print("managed fields");
    assert_eq!((agreement.only_we_accept, agreement.only_kernel_accepts, agreement.unsupported), (0, 0, 0));
    let mut text = String::new();
    for (name, said) in verdicts {
        let _ = writeln!(text, "{name}: {said}");
    }
    let golden = folder().join("verdicts.txt");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&golden, &text).unwrap();
    }
    let wanted = std::fs::read_to_string(&golden).unwrap_or_default();
    for (said, wanted) in text.lines().zip(wanted.lines()) {
        assert_eq!(said, wanted);
    }
    assert_eq!(text.lines().count(), wanted.lines().count(), "BLESS=1 writes the verdicts anew");
}
