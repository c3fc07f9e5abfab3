//! Programs as text.

mod print;

use alloc::string::String;

use crate::{Call, DecodeError, Insn, RawInsn};

/// What functions outside the program are called: how `call` is printed by name, and which call a name means.
///
/// `()` knows no names.
pub trait Names {
    /// The name of a helper, kernel function or function of the program.
    fn name(&self, call: Call) -> Option<String> {
        let _ = call;
        None
    }

    /// The call that a name means; asked only for names that no label of the program bears.
    fn call(&self, name: &str) -> Option<Call> {
        let _ = name;
        None
    }
}

impl Names for () {}

/// One line of a disassembly: an instruction, or a slot that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Index of the first slot.
    pub at: usize,
    /// That slot, as it stands.
    pub raw: RawInsn,
    /// The instruction, or why there is none; then the next line begins one slot further.
    pub insn: Result<Insn, DecodeError>,
}

impl core::fmt::Display for Line {
    /// The instruction in the kernel's form, or a `.raw` directive with the slot's fields; assembles to the same slots.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match &self.insn {
            Ok(insn) => insn.fmt(f),
            Err(_) => {
                let RawInsn { code, dst, src, off, imm } = self.raw;
                write!(f, ".raw {code:#04x}, {dst}, {src}, {off}, {imm}")
            }
        }
    }
}

/// The lines of a program, whatever its slots hold.
pub fn disassemble(slots: &[RawInsn]) -> impl Iterator<Item = Line> {
    let mut at = 0;
    core::iter::from_fn(move || {
        let line = Line { at, raw: *slots.get(at)?, insn: crate::decode(slots, at) };
        at += line.insn.as_ref().map_or(1, Insn::slots);
        Some(line)
    })
}
