//! What the tests that cross crates share: one generated program, run by whoever can run it.

pub mod cli;
pub mod kernel;
pub mod live;
pub mod shrink;

use skep_fuzz::generate::Generated;
use skep_fuzz::user::Ran;
use skep_isa::{Insn, text};

/// What is different between two runs, one line each; empty when nothing is.
pub fn differences(a: &Ran, b: &Ran) -> String {
    let mut out = String::new();
    if a.value != b.value {
        out.push_str(&format!("verdict: {:#x} and {:#x}\n", a.value, b.value));
    }
    if a.packet != b.packet {
        let at = a.packet.iter().zip(&b.packet).position(|(a, b)| a != b);
        let (a, b) = (a.packet.len(), b.packet.len());
        out.push_str(&format!("packet: {a} and {b} bytes, first different byte {at:?}\n"));
    }
    for (index, (a, b)) in a.maps.iter().zip(&b.maps).enumerate() {
        if a != b {
            out.push_str(&format!("map {index}: {a:02x?}\n  and  {b:02x?}\n"));
        }
    }
    out
}

/// A program as text, for messages. What [`shrink`] took out is left out.
pub fn listing(program: &Generated) -> String {
    let lines = text::disassemble(&program.insns).filter(|line| line.insn != Ok(NOTHING));
    lines.map(|line| format!("{:4}: {line}\n", line.at)).collect()
}

/// `goto +0`
const NOTHING: Insn = Insn::Jump { off: 0, long: false };
