//! Why some slots are not an instruction.

use core::fmt;

/// A part of a slot, as messages call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// The destination register number.
    Dst,
    /// The source register number or pseudo source.
    Src,
    /// The 16-bit offset.
    Off,
    /// The 32-bit immediate.
    Imm,
    /// The opcode (of the second slot of a pair; a wrong first one is [`DecodeProblem::UnknownOpcode`]).
    Opcode,
}

impl Field {
    /// The field's name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dst => "dst register",
            Self::Src => "src register",
            Self::Off => "offset",
            Self::Imm => "immediate",
            Self::Opcode => "opcode",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A refused instruction: where it stands and which field is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// Index of the slot at fault: for a pair it may be the second one.
    pub at: usize,
    /// What is wrong with it.
    pub problem: DecodeProblem,
}

/// What is wrong with a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeProblem {
    /// No instruction has this opcode.
    UnknownOpcode {
        /// The opcode byte.
        code: u8,
    },
    /// A field holds a value that this instruction gives no meaning.
    Field {
        /// Which field.
        field: Field,
        /// The instruction, in a word.
        insn: &'static str,
        /// The values that would do: `"0"`, `"16, 32 or 64"`.
        expected: &'static str,
        /// The value there, sign-extended.
        found: i32,
    },
    /// The second slot of a pair lies beyond the program's end.
    IncompletePair,
    /// The slot asked for lies beyond the program's end.
    OutOfProgram {
        /// How many slots there are.
        len: usize,
    },
}

impl DecodeError {
    /// The field at fault, when there is one.
    pub const fn field(&self) -> Option<Field> {
        match self.problem {
            DecodeProblem::Field { field, .. } => Some(field),
            DecodeProblem::UnknownOpcode { .. } => Some(Field::Opcode),
            DecodeProblem::IncompletePair | DecodeProblem::OutOfProgram { .. } => None,
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "slot {}: ", self.at)?;
        match self.problem {
            DecodeProblem::UnknownOpcode { code } => write!(f, "unknown opcode {code:#04x}"),
            DecodeProblem::Field { field, insn, expected, found } => {
                write!(f, "{field} must be {expected} in `{insn}`, found {found}")
            }
            DecodeProblem::IncompletePair => {
                f.write_str("`lddw` takes two slots, found the end of the program after the first")
            }
            DecodeProblem::OutOfProgram { len } => {
                write!(f, "an instruction was expected here, found the end of the program ({len} slots)")
            }
        }
    }
}

impl core::error::Error for DecodeError {}
