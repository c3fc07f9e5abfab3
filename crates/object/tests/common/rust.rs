//! Compiling the sources in `tests/rust` with what every Rust developer has: the stable compiler, for this machine, down to
//! LLVM's bitcode; from there the code generator of the same LLVM, rustup's component `llvm-tools`, goes on to BPF.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use skep_object::Object;

/// No unwinding, which BPF has not; no vectors, which its back end would take apart badly; debug information, which becomes BTF.
const RUSTC: &[&str] = &[
    "--edition=2024",
    "--crate-type=lib",
    "-O",
    "-Cpanic=abort",
    "-Ccodegen-units=1",
    "-Cdebuginfo=2",
    "-Cforce-unwind-tables=no",
    "-Cno-vectorize-loops",
    "-Cno-vectorize-slp",
    "--emit=llvm-bc=-",
];

/// From bitcode on standard input to an object on standard output.
const LLC: &[&str] = &["-mtriple=bpfel", "-mcpu=v3", "-filetype=obj", "-o", "-", "-"];

/// Compiles `tests/rust/NAME.rs` of skep-object; none, with a line that says so, when a tool is missing.
pub(crate) fn compile(test: &str, name: &str) -> Option<Vec<u8>> {
    let llc = match llc() {
        Ok(llc) => llc,
        Err(why) => {
            eprintln!("SKIPPED {test}: {why}");
            return None;
        }
    };
    // Every crate whose tests do this lies beside skep-object.
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../object/tests/rust/{name}.rs"));
    // rustc leaves files where it runs, even for what goes to standard output, and other tests compile the same source.
    let folder = std::env::temp_dir().join(format!("skep-rust-{test}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let bitcode = run(Command::new("rustc").args(RUSTC).arg(source).current_dir(&folder), &[]);
    let _ = std::fs::remove_dir_all(&folder);
    Some(run(Command::new(llc).args(LLC), &bitcode))
}

/// Compiles and parses.
pub(crate) fn parse(test: &str, name: &str) -> Option<Object> {
    let bytes = compile(test, name)?;
    Some(Object::parse(&format!("{name}.bpf.o"), &bytes).unwrap_or_else(|error| panic!("{error}")))
}

/// The code generator that belongs to the installed rustc; why there is none otherwise.
fn llc() -> Result<PathBuf, String> {
    let asked = Command::new("rustc").args(["--print", "target-libdir"]).output();
    let asked = asked.map_err(|error| format!("rustc cannot be started: {error}"))?;
    let folder = String::from_utf8_lossy(&asked.stdout).into_owned();
    let llc = Path::new(folder.trim()).with_file_name("bin").join("llc");
    match llc.is_file() {
        true => Ok(llc),
        false => Err("rustc's own llc is not installed (`rustup component add llvm-tools`)".to_owned()),
    }
}

/// Runs a compiler on `input`, which it has to accept.
fn run(command: &mut Command, input: &[u8]) -> Vec<u8> {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    // Neither tool writes before it has read all of its input, so this cannot block.
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
