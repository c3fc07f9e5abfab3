//! `skep asm`, `skep disasm`, and assembly as a program to run.

// A helper outside of #[test] functions may panic as well as they.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::Write;
use std::process::Stdio;

use common::{Scratch, fails, json, run, stdout, text};

const PROGRAM: &str = "\
; drops what is longer than a hundred bytes
        r2 = *(u32 *)(r1 +0)
        r6 = *(u32 *)(r1 +4)
        r6 -= r2
        call bpf_ktime_get_ns   // helpers by name
        call two
        if r6 <= 100 goto out
        r0 = 1
out:    exit

two:    r0 = 2
        exit
";

const HEX: &str = "\
61 12 00 00 00 00 00 00
61 16 04 00 00 00 00 00
1f 26 00 00 00 00 00 00
85 00 00 00 05 00 00 00
85 10 00 00 03 00 00 00
b5 06 01 00 64 00 00 00
b7 00 00 00 01 00 00 00
95 00 00 00 00 00 00 00
b7 00 00 00 02 00 00 00
95 00 00 00 00 00 00 00
";

const LISTING: &str = " 0: (61) r2 = *(u32 *)(r1 +0)
 1: (61) r6 = *(u32 *)(r1 +4)
 2: (1f) r6 -= r2
 3: (85) call bpf_ktime_get_ns#5
 4: (85) call pc+3                                ; to 8
 5: (b5) if r6 <= 0x64 goto pc+1                  ; to 7
 6: (b7) r0 = 1
 7: (95) exit
 8: (b7) r0 = 2
 9: (95) exit
";

/// Output of a command that reads standard input.
fn fed(args: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child =
        common::skep(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the command starts");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{args:?}");
    output.stdout
}

#[test]
fn text_becomes_bytes_and_bytes_become_text() {
    let source = Scratch::new("short.s", PROGRAM);
    assert_eq!(stdout(&["asm", source.arg()]), HEX);
    let hex = Scratch::new("short.hex", HEX);
    assert_eq!(stdout(&["disasm", hex.arg()]), LISTING);
    assert_eq!(text(&fed(&["asm", "-"], LISTING.as_bytes())), HEX);
    // The bytes themselves, in either byte order.
    for order in [&[][..], &["--big-endian"]] {
        let raw = Scratch::new("short.bin", "");
        stdout(&[&["asm", source.arg(), "--format", "raw", "-o", raw.arg()], order].concat());
        assert_eq!(raw.read().len(), 80);
        assert_eq!(stdout(&[&["disasm", raw.arg()], order].concat()), LISTING, "{order:?}");
    }
}

#[test]
fn the_c_form_is_an_array() {
    let source = Scratch::new("2-slots.s", "r1 = 0x1122334455667788 ll\nr0 = -2147483648\nexit");
    let expected = "\
static const struct bpf_insn program2_slots[] = {
	/* 0: r1 = 0x1122334455667788 ll */
	{ .code = 0x18, .dst_reg = 1, .src_reg = 0, .off = 0, .imm = 1432778632 },
	{ .code = 0x00, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 287454020 },
	/* 2: r0 = -2147483648 */
	{ .code = 0xb7, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = -2147483647 - 1 },
	/* 3: exit */
	{ .code = 0x95, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0 },
};
";
    assert_eq!(stdout(&["asm", source.arg(), "--format", "c"]), expected);
}

#[test]
fn slots_that_are_no_instruction_are_shown_and_read_back() {
    let hex = "ff 00 00 00 00 00 00 00\n95 00 00 00 00 00 00 00\n";
    let listing = fed(&["disasm", "-"], hex.as_bytes());
    assert!(text(&listing).contains(".raw 0xff, 0, 0, 0, 0"), "{}", text(&listing));
    assert!(text(&listing).contains("unknown opcode"), "{}", text(&listing));
    assert_eq!(text(&fed(&["asm", "-"], &listing)), hex);
}

#[test]
fn assembly_runs() {
    let source = Scratch::new("short.s", PROGRAM);
    let report = json(&["run", source.arg(), "--type", "xdp", "--on", "pcap:examples/evening.pcap"]);
    let verdicts: Vec<_> = report["verdicts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| (v["name"].as_str().unwrap(), &v["packets"]))
        .collect();
    assert_eq!(verdicts, [("XDP_DROP", &399.into()), ("XDP_PASS", &1865.into())]);
    assert_eq!((&report["program"], &report["maps"]), (&"short".into(), &serde_json::json!([])));
    let sum = Scratch::new("sum.s", "r0 = *(u64 *)(r1 +0)\nr2 = *(u64 *)(r1 +8)\nr0 += r2\nexit");
    let shown = stdout(&["run", sum.arg(), "--type", "raw_tp", "--on", "args:40,2"]);
    assert!(shown.starts_with("sum (raw_tracepoint) returned 0x2a (42), "), "{shown}");
}

#[test]
fn a_fault_points_into_the_text() {
    let source = Scratch::new("bad.s", PROGRAM.replace("r0 = 2", "r0 = *(u8 *)(r9 +0)"));
    let output = run(&["run", source.arg(), "--type", "xdp", "--on", "hex:00", "--unproved"]);
    assert_eq!(output.status.code(), Some(1));
    let report = text(&output.stdout);
    assert!(report.contains("\nstopped, first at packet 1: two: insn 8 ("), "{report}");
    assert!(report.contains("/bad.s:11: two:    r0 = *(u8 *)(r9 +0)\n"), "{report}");
}

#[test]
fn mistakes_are_one_line_with_file_line_and_column() {
    for (mistake, expected) in [
        ("r0 = = 1", "bad.s:2:6: expected a value, found `=`"),
        ("r11 = 1", "bad.s:2:1: expected an instruction"),
        ("call bpf_nothing", "bad.s:2:6: expected a label of this program or the name of a known function"),
        ("goto away", "bad.s:2:6: expected a label of this program, found `away`"),
        ("r0 = 1 2", "bad.s:2:8: expected the end of the line, found `2`"),
    ] {
        let source = Scratch::new("bad.s", format!("r0 = 0\n{mistake}\nexit\n"));
        fails(&["asm", source.arg()], &[expected]);
        fails(&["run", source.arg(), "--type", "tc"], &[expected]);
    }
    let source = Scratch::new("bad.s", b"r0 = 0\n\xff\n");
    fails(&["asm", source.arg()], &["bad.s: offset 7: expected UTF-8 text, found byte 0xff"]);
    let empty = Scratch::new("empty.s", "");
    fails(&["run", empty.arg(), "--type", "tc", "--on", "hex:00"], &["empty", "0 instructions"]);
}

#[test]
fn the_type_must_be_said_and_be_one() {
    let source = Scratch::new("short.s", PROGRAM);
    for (args, words) in [
        (&["run", source.arg()][..], "add --type"),
        (&["run", source.arg(), "--type", "xpd"], "expected a section name or a program type"),
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(text(&output.stderr).contains(words), "{args:?}: {}", text(&output.stderr));
    }
}
