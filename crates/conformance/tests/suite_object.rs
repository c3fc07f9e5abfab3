//! An object in the form that the suite's own writer gives it, byte by byte: one string table for sections and symbols, code
//! in `.text`, maps as records of 28 bytes without names or types.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
use std::io::Write as _;
use std::process::{Command, Stdio};

use skep_isa::text::assemble;
use skep_isa::{ByteOrder, to_bytes};

/// Section and symbol names in one table.
const NAMES: &[u8] = b"\0.shstrtab\0.symtab\0.text\0maps\0.rel.text\0main\0table\0";

/// Where a name stands in the table.
fn name(wanted: &str) -> u32 {
    let bytes = [b"\0", wanted.as_bytes(), b"\0"].concat();
    let at = NAMES.windows(bytes.len()).position(|window| window == bytes).expect("a name of the table");
    u32::try_from(at + 1).expect("the table is short")
}

/// Little-endian numbers in a row, each in its own width.
macro_rules! bytes {
    ($($number:expr),* $(,)?) => {{
        let mut out: Vec<u8> = Vec::new();
        $(out.extend($number.to_le_bytes());)*
        out
    }};
}

/// One section: name, type, flags, link, info, size of an entry, contents.
type Section = (&'static str, u32, u64, u32, u32, u64, Vec<u8>);

fn elf(sections: &[Section]) -> Vec<u8> {
    const HEADER: u64 = 64;
    let mut table = vec![0_u8; 64];
    let mut body: Vec<u8> = Vec::new();
    for (title, kind, flags, link, info, entry, data) in sections {
        let (offset, size) = (HEADER + body.len() as u64, data.len() as u64);
        table.extend(bytes![name(title), kind, flags, 0_u64, offset, size, link, info, 4_u64, entry]);
        body.extend(data);
    }
    let mut out = b"\x7fELF\x02\x01\x01".to_vec();
    out.resize(16, 0);
    let (relocatable, bpf, count) =
        (1_u16, 247_u16, u16::try_from(sections.len()).expect("few sections") + 1);
    let sections_at = HEADER + body.len() as u64;
    out.extend(bytes![relocatable, bpf, 1_u32, 0_u64, 0_u64, sections_at, 0_u32]);
    out.extend(bytes![64_u16, 0_u16, 0_u16, 64_u16, count, 1_u16]);
    out.extend(body);
    out.extend(table);
    out
}

/// A program that looks up key 1 of the map, whose constant load stands at its second slot.
const PROGRAM: &str = "
    r2 = 1
    r1 = 0 ll
    *(u32 *)(r10 - 4) = r2
    r2 = r10
    r2 += -4
    call 1
    if r0 == 0 goto +1
    r0 = 1
    exit";

/// Two functions of which the object names only the first, as it does for every program of the suite.
const CALLS: &str = "
    r1 = 41
    call pc+2
    r0 += -1
    exit
    r0 = r1
    r0 += 2
    exit";

/// A program as the one function of `.text`.
fn bare_object(source: &str) -> Vec<u8> {
    let text = to_bytes(&assemble(source).expect("a program"), ByteOrder::Little);
    let mut symbols = vec![0; 24];
    symbols.extend(bytes![name("main"), 0x12_u8, 0_u8, 3_u16, 0_u64, text.len() as u64]);
    elf(&[
        (".shstrtab", 3, 0, 0, 0, 0, NAMES.to_vec()),
        (".symtab", 2, 0, 1, 1, 24, symbols),
        (".text", 1, 6, 0, 0, 0, text),
    ])
}

fn object(map_record: usize) -> Vec<u8> {
    let text = to_bytes(&assemble(PROGRAM).expect("a program"), ByteOrder::Little);
    let mut maps = bytes![2_u32, 4_u32, 4_u32, 10_u32];
    maps.resize(map_record, 0);
    let mut symbols = vec![0; 24];
    symbols.extend(bytes![name("main"), 0x12_u8, 0_u8, 3_u16, 0_u64, text.len() as u64]);
    symbols.extend(bytes![name("table"), 0x11_u8, 0_u8, 4_u16, 0_u64, map_record as u64]);
    let relocation = bytes![8_u64, (2_u64 << 32) | 1];
    elf(&[
        (".shstrtab", 3, 0, 0, 0, 0, NAMES.to_vec()),
        (".symtab", 2, 0, 1, 1, 24, symbols),
        (".text", 1, 6, 0, 0, 0, text),
        ("maps", 1, 3, 0, 0, 0, maps),
        (".rel.text", 9, 0, 2, 3, 16, relocation),
    ])
}

/// Exit code and what was printed on either stream.
fn run(object: &[u8]) -> (Option<i32>, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_skep-conformance"))
        .args(["", "--elf"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let hex: String = object.iter().map(|byte| format!("{byte:02x}  ")).collect();
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "{hex}").unwrap();
    // The writing end stays open, as it does in the suite: the plugin must not wait for the input's end.
    let output = child.wait_with_output().unwrap();
    drop(input);
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

#[test]
fn the_suites_objects_run() {
    for record in [28, 36] {
        assert_eq!(run(&object(record)), (Some(0), "1\n".to_owned()), "records of {record} bytes");
    }
}

#[test]
fn functions_without_a_symbol_are_called() {
    assert_eq!(run(&bare_object(CALLS)), (Some(0), "2a\n".to_owned()));
    // One that is also run into, or jumped into, is no function of its own.
    for source in ["call pc+1\nr0 = 1\nr0 = 2\nexit", "call pc+1\ngoto +1\nexit\nr0 = 2\nexit"] {
        let (code, text) = run(&bare_object(source));
        assert_eq!(code, Some(1));
        assert!(
            text.contains("section .text, offset 0x0: local call: expected the start of a function"),
            "{text}"
        );
    }
}

#[test]
fn any_damage_is_a_result_or_one_line() {
    let whole = object(28);
    for at in (0..whole.len()).step_by(7) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x5a;
        for bytes in [&damaged[..], &whole[..at]] {
            let (code, text) = run(bytes);
            assert!(matches!(code, Some(0 | 1)) && text.lines().count() == 1, "at {at}: {code:?} {text}");
        }
    }
}
