//! Compiling the sources in `tests/c` with whatever compilers this machine has.

#![allow(dead_code, reason = "each test file uses its own part")]

pub(crate) mod rust;

use std::path::{Path, PathBuf};
use std::process::Command;

use skep_object::Object;

/// A compiler with the arguments that make it emit a relocatable BPF object with types.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compiler {
    pub(crate) name: &'static str,
    pub(crate) arguments: &'static [&'static str],
}

/// clang, little-endian: the reference.
pub(crate) const CLANG: Compiler =
    Compiler { name: "clang-19", arguments: &["-target", "bpfel", "-mcpu=v3", "-g", "-O2", "-c"] };
/// The same, big-endian.
pub(crate) const CLANG_BIG: Compiler =
    Compiler { name: "clang-19", arguments: &["-target", "bpfeb", "-mcpu=v3", "-g", "-O2", "-c"] };
/// The oldest clang that is promised to work.
pub(crate) const CLANG_14: Compiler =
    Compiler { name: "clang-14", arguments: &["-target", "bpfel", "-mcpu=v3", "-g", "-O2", "-c"] };
/// GCC. It writes no CO-RE records in the versions that Debian has.
pub(crate) const GCC: Compiler = Compiler { name: "bpf-gcc", arguments: &["-gbtf", "-O2", "-c"] };
/// All of them.
pub(crate) const ALL: [Compiler; 4] = [CLANG, CLANG_BIG, CLANG_14, GCC];

/// A directory of one test's own, removed at its end.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("skep-object-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Compiles `tests/c/NAME.c`; none, with a line that says so, when the compiler is not installed.
pub(crate) fn compile(test: &str, compiler: Compiler, name: &str) -> Option<Vec<u8>> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c").join(format!("{name}.c"));
    compile_file(test, compiler, &source, &[])
}

/// Compiles a file with further arguments.
pub(crate) fn compile_file(
    test: &str,
    compiler: Compiler,
    source: &Path,
    further: &[&str],
) -> Option<Vec<u8>> {
    static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let scratch = Scratch::new(&format!("{test}-{number}"));
    let output = scratch.path("out.o");
    let mut command = Command::new(compiler.name);
    command.args(compiler.arguments).args(further).arg(source).arg("-o").arg(&output);
    let run = match command.output() {
        Ok(run) => run,
        Err(_) => {
            eprintln!("SKIPPED {test}: {} is not installed", compiler.name);
            return None;
        }
    };
    assert!(run.status.success(), "{} {source:?}: {}", compiler.name, String::from_utf8_lossy(&run.stderr));
    Some(std::fs::read(&output).unwrap())
}

/// Compiles and parses.
pub(crate) fn parse(test: &str, compiler: Compiler, name: &str) -> Option<Object> {
    let bytes = compile(test, compiler, name)?;
    Some(
        Object::parse(&format!("{name}.bpf.o"), &bytes)
            .unwrap_or_else(|error| panic!("{compiler:?}: {error}")),
    )
}

/// What every program must hold, whatever was compiled.
pub(crate) fn check_invariants(object: &Object) {
    for program in &object.programs {
        let mut next = 0;
        for function in &program.subprograms {
            assert_eq!(function.start, next, "{}: functions follow without gaps", program.name);
            next += function.len;
        }
        assert_eq!(next, program.insns.len());
        let starts: Vec<_> = program.subprograms.iter().map(|function| function.start).collect();
        for line in skep_isa::text::disassemble(&program.insns) {
            let insn = line.insn.unwrap_or_else(|error| panic!("{}: {error}", program.name));
            let target = match insn {
                skep_isa::Insn::Call(skep_isa::Call::Local(_)) => insn.call_target(line.at),
                skep_isa::Insn::LoadImm64 { value: skep_isa::Imm64::Func(offset), .. } => {
                    (line.at + 1).checked_add_signed(offset as isize)
                }
                _ => continue,
            };
            assert!(target.is_some_and(|target| starts.contains(&target)), "{}: {target:?}", program.name);
        }
        assert!(program.lines.is_sorted_by_key(|line| line.at));
    }
}
