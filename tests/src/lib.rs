//! What the tests that cross crates share: one generated program, run by whoever can run it.

pub mod kernel;
pub mod shrink;
pub mod user;

use std::collections::BTreeMap;

use skep_fuzz::generate::Generated;
use skep_isa::{Insn, text};

/// What can be seen of a run from outside. Two engines that agree have equal ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// The verdict: the lower half of r0.
    pub value: u32,
    /// The packet afterwards.
    pub packet: Vec<u8>,
    /// What is in each map afterwards, by key.
    pub maps: Vec<BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl Ran {
    /// What is different, one line each; empty when nothing is.
    pub fn differences(&self, other: &Self) -> String {
        let mut out = String::new();
        if self.value != other.value {
            out.push_str(&format!("verdict: {:#x} and {:#x}\n", self.value, other.value));
        }
        if self.packet != other.packet {
            let at = self.packet.iter().zip(&other.packet).position(|(a, b)| a != b);
            let (a, b) = (self.packet.len(), other.packet.len());
            out.push_str(&format!("packet: {a} and {b} bytes, first different byte {at:?}\n"));
        }
        for (index, (a, b)) in self.maps.iter().zip(&other.maps).enumerate() {
            if a != b {
                out.push_str(&format!("map {index}: {a:02x?}\n  and  {b:02x?}\n"));
            }
        }
        out
    }
}

/// A program as text, for messages. What [`shrink`] took out is left out.
pub fn listing(program: &Generated) -> String {
    let lines = text::disassemble(&program.insns).filter(|line| line.insn != Ok(NOTHING));
    lines.map(|line| format!("{:4}: {line}\n", line.at)).collect()
}

/// `goto +0`
const NOTHING: Insn = Insn::Jump { off: 0, long: false };
