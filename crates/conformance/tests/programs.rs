//! Runs the programs of `tests/programs/*.md` through the built plugin, as the suite would: one process for each.
//!
//! The files are prose with programs in two forms. A table row is a short program, statements parted by `;`, with an `exit`
//! at its end unless it has one:
//!
//! ```text
//! | program | memory | r0 |
//! |---|---|---|
//! | `r0 = 7; r0 /= 2` | | `3` |
//! ```
//!
//! A fenced `asm` block is a longer one, its expectation in the list after it: `* memory: 01 02`, and either
//! `* r0: 0x3` or `* refused: WORDS`, which asks for exit code 1 and WORDS in the one line on standard error.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use skep_isa::text::{assemble, disassemble};
use skep_isa::{ByteOrder, Insn, RawInsn, decode, to_bytes};

/// One program and what is to become of it.
#[derive(Default)]
struct Case {
    /// File and line, for messages.
    place: String,
    source: String,
    memory: String,
    r0: Option<String>,
    refused: Option<String>,
}

impl Case {
    fn set(&mut self, key: &str, value: &str) {
        let value = value.trim().trim_matches('`').trim().to_owned();
        match key {
            "program" => {
                self.source = value.replace("\\|", "|").replace(';', "\n");
                if !value.contains("exit") && !value.contains(".raw") {
                    self.source += "\nexit";
                }
            }
            "memory" => self.memory = value,
            "r0" if !value.is_empty() => self.r0 = Some(value),
            "refused" if !value.is_empty() => self.refused = Some(value),
            "r0" | "refused" | "" => {}
            _ => panic!("{}: no such column: {key}", self.place),
        }
    }
}

/// The cells of a table's line.
fn cells(line: &str) -> Vec<String> {
    // A `\|` inside a cell is an operator, not a border.
    let line = line.trim().trim_matches('|').replace("\\|", "\u{0}");
    line.split('|').map(|cell| cell.trim().replace('\u{0}', "|")).collect()
}

/// Everything in one file.
fn read(file: &Path) -> Vec<Case> {
    let text = std::fs::read_to_string(file).unwrap();
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    let mut cases: Vec<Case> = Vec::new();
    let mut header: Vec<String> = Vec::new();
    let mut in_block = false;
    for (number, line) in text.lines().enumerate() {
        let place = format!("{name}:{}", number + 1);
        if in_block {
            in_block = line != "```";
            if in_block {
                let case = cases.last_mut().unwrap();
                case.source += &format!("{line}\n");
            }
        } else if line == "```asm" {
            in_block = true;
            cases.push(Case { place, ..Case::default() });
        } else if line.starts_with("|--") {
        } else if line.starts_with('|') && header.is_empty() {
            header = cells(line);
        } else if line.starts_with('|') {
            let mut case = Case { place, ..Case::default() };
            for (key, value) in header.iter().zip(cells(line)) {
                case.set(key, &value);
            }
            cases.push(case);
        } else if let Some((key, value)) = line.strip_prefix("* ").and_then(|item| item.split_once(':')) {
            cases.last_mut().unwrap().set(key, value);
        } else {
            header.clear();
        }
    }
    cases
}

/// Exit code, standard output, standard error.
fn plugin(args: &[&str], input: &str) -> (Option<i32>, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_skep-conformance"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The plugin may refuse its arguments and be gone before it reads: then nobody misses the input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// The way the suite spells bytes: two blanks after each.
fn hex(slots: &[RawInsn]) -> String {
    to_bytes(slots, ByteOrder::NATIVE).iter().map(|byte| format!("{byte:02x}  ")).collect()
}

fn number(text: &str) -> u64 {
    let parsed = match (text.strip_prefix("0x"), text.strip_prefix('-')) {
        (Some(digits), _) => u64::from_str_radix(digits, 16).ok(),
        (_, Some(digits)) => digits.parse().ok().map(u64::wrapping_neg),
        _ => text.parse().ok(),
    };
    parsed.unwrap_or_else(|| panic!("`{text}` is no number"))
}

/// What went wrong, if anything.
fn check(case: &Case) -> Result<(), String> {
    let slots = assemble(&case.source).map_err(|error| error.to_string())?;
    let (code, out, err) = plugin(&[&case.memory, ""], &format!("{}\n", hex(&slots)));
    match (&case.r0, &case.refused) {
        (Some(r0), None) => {
            if code != Some(0) {
                return Err(format!("expected r0 = {r0}, found: {}", err.trim_end()));
            }
            let found = u64::from_str_radix(out.trim_end(), 16).map_err(|_| format!("r0 is `{out}`"))?;
            let same = found == number(r0);
            if same { Ok(()) } else { Err(format!("expected r0 = {:#x}, found {found:#x}", number(r0))) }
        }
        (None, Some(words)) => {
            let refused =
                code == Some(1) && out.is_empty() && err.lines().count() == 1 && err.contains(words.as_str());
            if refused {
                Ok(())
            } else {
                Err(format!("expected `{words}`, found code {code:?}, {out:?}, {err:?}"))
            }
        }
        _ => Err("expected one of r0 and refused".to_owned()),
    }
}

fn run_file(name: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs").join(name);
    let cases = read(&file);
    assert!(!cases.is_empty(), "{name} holds no program");
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|case| check(case).err().map(|why| format!("{}: {why}\n{}", case.place, case.source)))
        .collect();
    assert!(failures.is_empty(), "{} of {} failed:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

/// One test for each file, so that the summary tells the groups apart.
macro_rules! files {
    ($($test:ident => $file:literal,)*) => {
        const FILES: &[&str] = &[$($file),*];
        $(#[test] fn $test() { run_file($file); })*
    };
}

files! {
    arithmetic => "arithmetic.md",
    division => "division.md",
    shifts => "shifts.md",
    byte_order => "byte-order.md",
    moves => "moves.md",
    jumps => "jumps.md",
    memory => "memory.md",
    atomics => "atomics.md",
    calls => "calls.md",
    whole_programs => "whole-programs.md",
    malformed => "malformed.md",
    stopped => "stopped.md",
}

#[test]
fn every_file_is_run() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs");
    let there: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(there, FILES.iter().map(|name| (*name).to_owned()).collect());
}

/// Whether some program is to show what an instruction with this opcode computes. Calls through a register, kernel
/// functions, packet loads and casts need what plain memory does not give.
fn must_be_shown(insn: &Insn) -> bool {
    !matches!(
        insn,
        Insn::CallReg(_) | Insn::LegacyLoad { .. } | Insn::AddrSpaceCast { .. } | Insn::MayGoto { .. }
    )
}

#[test]
fn every_opcode_is_shown_by_a_program_that_ends_well() {
    let kind = |slot: RawInsn, insn: &Insn| {
        // What tells instructions apart beside the opcode: the offset of arithmetic, the immediate of atomics and byte orders.
        let off = if matches!(insn, Insn::Alu { .. } | Insn::MovSx { .. }) { slot.off } else { 0 };
        let told_by_imm = matches!(
            insn,
            Insn::Atomic { .. } | Insn::LoadAcquire { .. } | Insn::StoreRelease { .. } | Insn::Endian { .. }
        );
        (slot.code, off, if told_by_imm { slot.imm } else { 0 })
    };
    let mut shown = BTreeSet::new();
    for name in FILES {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs").join(name);
        for case in read(&file).iter().filter(|case| case.r0.is_some()) {
            let slots = assemble(&case.source).unwrap_or_else(|error| panic!("{}: {error}", case.place));
            for line in disassemble(&slots) {
                shown.extend(line.insn.ok().map(|insn| kind(line.raw, &insn)));
            }
        }
    }
    let imms = [0, 16, 32, 64, 0x40, 0x50, 0xa0, 1, 0x41, 0x51, 0xa1, 0xe1, 0xf1, 0x100, 0x110];
    let mut missing = BTreeSet::new();
    for code in 0..=u8::MAX {
        for (off, imm) in [0, 1, 8, 16, 32].into_iter().flat_map(|off| imms.map(|imm| (off, imm))) {
            let slot = RawInsn { code, off, imm, ..RawInsn::default() };
            let Ok(insn) = decode(&[slot, RawInsn::default()], 0) else { continue };
            let kind = kind(slot, &insn);
            if must_be_shown(&insn) && !shown.contains(&kind) {
                missing.insert((kind, insn.to_string()));
            }
        }
    }
    // Instructions that share a kind are listed once for each immediate; the first tells enough.
    assert!(missing.is_empty(), "no program shows {missing:x?}");
}

#[test]
fn the_contract_of_the_command_line() {
    let exit = hex(&assemble("r0 = r2\nexit").unwrap());
    let ran = |args: &[&str], input: &str| {
        let (code, out, err) = plugin(args, input);
        assert_eq!((code, err.as_str()), (Some(0), ""), "{args:?}");
        out
    };
    assert_eq!(ran(&[], &exit), "0\n");
    assert_eq!(ran(&["", ""], &exit), "0\n");
    assert_eq!(ran(&["01 02 03"], &exit), "3\n");
    assert_eq!(ran(&["010203", "--interpret"], &exit), "3\n");
    assert_eq!(ran(&["--interpret", "010203"], &exit), "3\n");
    assert_eq!(ran(&["01", "--program", &exit], ""), "1\n");
    assert_eq!(ran(&["01"], &exit.replace("  ", "")), "1\n", "without blanks or a line's end");
    assert!(ran(&["--help"], "").contains("--elf"));

    let refused = |args: &[&str], input: &str| {
        let (code, out, err) = plugin(args, input);
        assert_eq!((code, out.as_str(), err.lines().count()), (Some(1), "", 1), "{args:?}: {err}");
        err.trim_end().trim_start_matches("skep-conformance: ").to_owned()
    };
    assert_eq!(refused(&["--jit"], &exit), "option `--jit`: not known (see --help)");
    assert_eq!(refused(&["xyz"], &exit), "memory: offset 0: expected a hexadecimal digit, found `x`");
    assert_eq!(refused(&[], ""), "program: expected instructions, found none");
    assert_eq!(refused(&[], "b70"), "standard input: offset 3: expected another digit, found the byte's end");
    assert_eq!(
        refused(&[], "95 00 00"),
        "program: offset 0: a program is a row of 8-byte slots, found 3 bytes after the last whole one"
    );
    refused(&["--elf"], "7f 45 4c 46");
    refused(&["--elf"], "");
}

/// A map, a global variable and a function: what an object has beyond slots.
const OBJECT: &str = "
struct {
    int (*type)[2]; int (*max_entries)[4]; unsigned *key; unsigned long long *value;
} table __attribute__((section(\".maps\"), used));
static void *(*lookup)(void *, const void *) = (void *)1;
unsigned long long counter = 5;
__attribute__((noinline)) static unsigned long long thrice(unsigned long long x) { return x * 3; }
__attribute__((section(\"xdp\"))) unsigned long long prog(unsigned char *p, unsigned long long n) {
    unsigned key = 1;
    unsigned long long *value = lookup(&table, &key);
    if (!value) return 99;
    *value += p[0];
    counter += n;
    return thrice(*value) + counter;
}
";

/// The form of the suite's own objects: one global function in `.text`, nothing else.
const BARE_OBJECT: &str =
    "unsigned long long entry(unsigned char *p, unsigned long long n) { return p[1] + n; }";

#[test]
fn an_object_brings_its_maps_variables_and_functions() {
    if Command::new("clang-19").arg("--version").output().is_err() {
        eprintln!("SKIPPED an_object_brings_its_maps_variables_and_functions: clang-19 is not installed");
        return;
    }
    let other = if cfg!(target_endian = "big") { "bpfel" } else { "bpfeb" };
    let swapped = Err("program: expected an object in this machine's byte order, found the other");
    for (name, target, source, expected) in [
        ("maps", "bpf", OBJECT, Ok("16")),
        ("bare", "bpf", BARE_OBJECT, Ok("9")),
        ("swapped", other, BARE_OBJECT, swapped),
    ] {
        let file = |ending: &str| Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.{ending}"));
        std::fs::write(file("c"), source).unwrap();
        let built = Command::new("clang-19")
            .args(["-target", target, "-g", "-O2", "-ffreestanding", "-c"])
            .args([file("c").as_os_str(), "-o".as_ref(), file("o").as_os_str()])
            .output()
            .unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let bytes: String =
            std::fs::read(file("o")).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        let (code, out, err) = plugin(&["05 07", "--elf"], &bytes);
        let found = if code == Some(0) { Ok(out.trim_end()) } else { Err(err.trim_end()) };
        assert_eq!(found.map_err(|e| e.trim_start_matches("skep-conformance: ")), expected, "{name}");
    }
}
