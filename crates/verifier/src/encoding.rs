//! From slots to instructions, as Linux reads them.
//!
//! RFC 9669 reserves every field that an instruction does not use, and `skep-isa` reads no program that uses one. Linux looks at most
//! of them only when its walk comes to the instruction: behind a branch that is never taken they may hold anything, and the offset of `exit` it never looks at.
//! So a slot that is wrong in such a field is read as if the field were right, and what is wrong with it is kept for when a path comes by.
//!
//! At once Linux refuses unknown opcodes, immediates in loads, and pairs that are no 64-bit constant.

use std::collections::HashMap;

use skep_isa::{DecodeError, DecodeProblem, Field, Insn, RawInsn, decode};
use skep_platform::instruction;

use crate::Code;
use crate::program::Input;
use crate::verdict::{Checked, reject};

/// Most fields that one slot can have wrong.
const FIELDS: usize = 8;
const EXIT: u8 = 0x95;
const LDDW: u8 = 0x18;
/// The bits that tell loads from other instructions, and what they are then.
const CLASS: (u8, u8) = (0x07, 0x01);

/// Instructions by slot, and what is wrong with some of them.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    /// One entry a slot; second halves are `None`.
    pub(crate) insns: Vec<Option<Insn>>,
    /// What is wrong with an instruction, for when it is reached.
    pub(crate) wrong: HashMap<usize, String>,
}

/// Reads the whole program.
pub(crate) fn decoded(input: &Input) -> Checked<Decoded> {
    let mut found = Decoded { insns: Vec::with_capacity(input.insns.len()), wrong: HashMap::new() };
    while found.insns.len() < input.insns.len() {
        let at = found.insns.len();
        let insn = match decode(&input.insns, at) {
            Ok(insn) => insn,
            Err(error) => mended(&input.insns, at, error, &mut found.wrong)?,
        };
        if let Insn::CallReg(_) = insn {
            return reject(Code::BadInstruction, at, None, "a call through a register");
        }
        let form = instruction::form(&insn);
        if form.since > input.release {
            let message = format!("{} came with Linux {}, after this release", form.name, form.since);
            if !form.late {
                return reject(Code::BadInstruction, at, None, message);
            }
            found.wrong.insert(at, message);
        }
        found.insns.push(Some(insn));
        found.insns.extend((1..insn.slots()).map(|_| None));
    }
    Ok(found)
}

/// The instruction that would stand there if its fields were right; what is wrong goes to `wrong`.
fn mended(
    slots: &[RawInsn],
    at: usize,
    first: DecodeError,
    wrong: &mut HashMap<usize, String>,
) -> Checked<Insn> {
    let mut window = [slots[at], slots.get(at + 1).copied().unwrap_or(slots[at])];
    let window = if slots.len() > at + 1 { &mut window[..] } else { &mut window[..1] };
    let mut error = DecodeError { at: first.at - at, ..first };
    let mut passed = window[0].code == EXIT && error.field() == Some(Field::Off);
    for _ in 0..FIELDS {
        let slot = window[0];
        let load = slot.code & CLASS.0 == CLASS.1;
        let field = match error.problem {
            DecodeProblem::Field { field, .. } if error.at == 0 => field,
            _ => break,
        };
        let early = matches!(field, Field::Imm if load)
            || (slot.code == LDDW && field == Field::Src)
            || field == Field::Opcode;
        if early {
            break;
        }
        set(&mut window[0], field, &error);
        match decode(window, 0) {
            Ok(insn) => {
                if !passed {
                    wrong.insert(at, first.to_string());
                }
                return Ok(insn);
            }
            Err(next) => {
                passed &= window[0].code == EXIT && next.field() == Some(Field::Off);
                error = next;
            }
        }
    }
    let error = DecodeError { at: error.at + at, ..error };
    reject(Code::BadInstruction, at, None, error.to_string())
}

/// Gives a field a value that the instruction allows.
fn set(slot: &mut RawInsn, field: Field, error: &DecodeError) {
    // The values allowed are words for people; the first number in them is one that will do.
    let allowed = match error.problem {
        DecodeProblem::Field { expected, .. } => expected,
        _ => "",
    };
    let number = |text: &str| match text.strip_prefix("0x") {
        Some(hex) => i32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    };
    let first = allowed.split([' ', ',']).find_map(number).unwrap_or(0);
    match field {
        Field::Dst => slot.dst = 0,
        Field::Src => slot.src = 0,
        Field::Off => slot.off = i16::try_from(first).unwrap_or(0),
        Field::Imm => slot.imm = first,
        Field::Opcode => {}
    }
}
