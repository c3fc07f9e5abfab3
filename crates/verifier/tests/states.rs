//! What is known before, the code, what is known after: `states.md`, in the words of the kernel's log.
//!
//! Each block begins with the state it starts from (`R2=scalar(umax=15) fp-8=0000mmmm`, nothing for a program's usual
//! entry), then the code; behind the line `---` is what must be known after each instruction, on every path. `SKEP_BLESS=1` writes
//! that part anew.

#![allow(clippy::unwrap_used)] // A test may panic.

use std::fmt::Write as _;
use std::path::Path;

use skep_isa::Reg as Number;
use skep_isa::text::assemble;
use skep_platform::ProgramType;
use skep_verifier::Input;
use skep_verifier::explain::{Fields, LogOptions, log_from};
use skep_verifier::state::{ByteKind, Reg, RegKind, State};
use skep_verifier::value::{Scalar, Tnum};

#[test]
fn states_before_and_after() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/states.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (mut found, mut blocks) = (String::new(), 0);
    let mut rest = text.as_str();
    while let Some((prose, tail)) = rest.split_once("```state\n") {
        let (block, tail) = tail.split_once("```\n").unwrap();
        let given = block.split_once("---\n").map_or(block, |(given, _)| given);
        let _ = write!(found, "{prose}```state\n{given}---\n{}```\n", after(given));
        (rest, blocks) = (tail, blocks + 1);
    }
    found.push_str(rest);
    if std::env::var_os("SKEP_BLESS").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    for (number, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
        assert_eq!(found, expected, "states.md:{}", number + 1);
    }
    assert_eq!(found.lines().count(), expected.lines().count(), "SKEP_BLESS=1 writes the file anew");
    assert!(blocks >= 20, "{blocks} blocks were found");
}

/// What is known after each instruction of a block.
fn after(given: &str) -> String {
    let (before, code) = match given.strip_prefix("before:") {
        Some(rest) => rest.split_once('\n').unwrap(),
        None => ("", given),
    };
    let input = Input::new(ProgramType::Xdp, assemble(code).unwrap());
    let options = LogOptions { level: 2, fields: Fields::ALL, source: &|_| None };
    let mut log = Vec::new();
    log_from(&input, &|state| set(state, before), &options, &mut log).unwrap();
    let log = String::from_utf8(log).unwrap();
    let effort = |line: &&str| !line.starts_with("processed ");
    log.lines().filter(effort).fold(String::new(), |text, line| text + line.trim_end() + "\n")
}

/// Puts `R1=… fp-8=…` into a state.
fn set(state: &mut State, text: &str) {
    for part in text.split_whitespace() {
        let (place, what) = part.split_once('=').unwrap();
        if let Some(number) = place.strip_prefix('R') {
            let number = Number::new(number.parse().unwrap()).unwrap();
            *state.reg_mut(number) = reg(what);
        } else if let Some(off) = place.strip_prefix("fp-") {
            let off: i32 = off.parse().unwrap();
            state.frame_mut().stack.grow(-off);
            let slot = state.frame_mut().stack.slot_mut((off / 8 - 1) as usize);
            let letters = what.len() == 8 && what.bytes().all(|byte| b"?m0".contains(&byte));
            if letters {
                for (byte, letter) in slot.bytes.iter_mut().rev().zip(what.bytes()) {
                    *byte = match letter {
                        b'm' => ByteKind::Misc,
                        b'0' => ByteKind::Zero,
                        _ => ByteKind::Invalid,
                    };
                }
            } else {
                (slot.bytes, slot.spilled) = ([ByteKind::Spill; 8], reg(what));
            }
        } else {
            panic!("{place} is no place");
        }
    }
}

/// `scalar(umin=1,umax=15,var_off=(0x0;0xf))`, `pkt(r=8)`, `pkt_end()`, `mem(sz=16)`, `fp-16`, `7`.
fn reg(text: &str) -> Reg {
    if let Some(off) = text.strip_prefix("fp-") {
        let mut reg = Reg::pointer(RegKind::Stack(0));
        reg.off = -off.parse::<i32>().unwrap();
        return reg;
    }
    let Some((kind, parts)) = text.split_once('(') else { return Reg::constant(number(text) as u64) };
    let parts = parts.strip_suffix(')').unwrap();
    let mut reg = match kind {
        "scalar" => Reg::UNKNOWN,
        "pkt" => Reg::pointer(RegKind::Packet),
        "pkt_end" => Reg::pointer(RegKind::PacketEnd),
        "mem" => Reg::pointer(RegKind::Mem(0)),
        other => panic!("{other} is no kind that these tests know"),
    };
    if parts.contains("smin") || parts.contains("umax") || parts.contains("var_off") {
        reg.value = Scalar::UNKNOWN;
    }
    for part in parts.split(',').filter(|part| !part.is_empty()) {
        let (name, what) = part.split_once('=').unwrap();
        let value = &mut reg.value;
        match name {
            "smin" => value.s64.min = number(what),
            "smax" => value.s64.max = number(what),
            "umin" => value.u64.min = number(what) as u64,
            "umax" => value.u64.max = number(what) as u64,
            "smin32" => value.s32.min = number(what) as i32,
            "smax32" => value.s32.max = number(what) as i32,
            "umin32" => value.u32.min = number(what) as u32,
            "umax32" => value.u32.max = number(what) as u32,
            "var_off" => {
                let (bits, mask) = what.trim_matches(['(', ')']).split_once(';').unwrap();
                value.bits = Tnum::new(number(bits) as u64, number(mask) as u64);
            }
            "id" => reg.id = number(what) as u32,
            "r" => reg.range = number(what) as i32,
            "off" => reg.off = number(what) as i32,
            "sz" => reg.kind = RegKind::Mem(number(what) as u32),
            other => panic!("{other} is no field that these tests know"),
        }
    }
    reg.value.settle();
    reg
}

fn number(text: &str) -> i64 {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let value = match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).unwrap() as i64,
        None => digits.parse::<u64>().unwrap() as i64,
    };
    if negative { value.wrapping_neg() } else { value }
}
