//! Why a program is not loaded.

use std::fmt;

use skep_isa::DecodeError;

use crate::load::{MAX_FUNCTIONS, MAX_INSNS, MAX_MAPS};

/// Why a program was not loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    /// The program.
    pub program: String,
    /// Slot at fault, where it is one.
    pub at: Option<usize>,
    /// What is wrong with it.
    pub problem: LoadProblem,
}

/// What is wrong with a program's shape.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadProblem {
    /// No instructions.
    Empty,
    /// More than [`MAX_INSNS`] slots.
    TooLong(usize),
    /// Not an instruction.
    Decode(DecodeError),
    /// A jump or call to a slot where no instruction of this function begins.
    BadTarget(i64),
    /// The last instruction of a function can be run past.
    FallsOff,
    /// More than [`MAX_FUNCTIONS`] functions.
    TooManyFunctions(usize),
    /// More than [`MAX_MAPS`] maps.
    TooManyMaps(usize),
    /// A write to r10.
    FramePointer,
    /// A map reference beyond the list of maps.
    NoSuchMap(u32),
    /// The value of this map has no fixed address, or is shorter than the offset.
    NoMapValue(String),
    /// A map or BTF reference that a loader should have resolved.
    Unresolved(&'static str),
    /// No helper has this number.
    NoSuchHelper(i32),
    /// No kernel function of this name here.
    NoSuchKfunc(String),
    /// The call has no name in [`ProgramSpec::kfuncs`](crate::ProgramSpec::kfuncs).
    UnnamedKfunc,
    /// The proof is about something else; this says where they part.
    NotWhatWasProved(String),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "program {}: ", self.program)?;
        if let Some(at) = self.at {
            write!(f, "insn {at}: ")?;
        }
        match &self.problem {
            LoadProblem::Empty => f.write_str("no instructions"),
            LoadProblem::TooLong(n) => write!(f, "{n} instructions, at most {MAX_INSNS} are allowed"),
            LoadProblem::Decode(e) => write!(f, "{e}"),
            LoadProblem::BadTarget(t) => {
                write!(f, "jump to {t}, where no instruction of this function begins")
            }
            LoadProblem::FallsOff => f.write_str("the function's last instruction is not exit or a jump"),
            LoadProblem::TooManyFunctions(n) => {
                write!(f, "{n} functions, at most {MAX_FUNCTIONS} are allowed")
            }
            LoadProblem::TooManyMaps(n) => write!(f, "{n} maps, at most {MAX_MAPS} are allowed"),
            LoadProblem::FramePointer => f.write_str("the frame pointer r10 is read-only"),
            LoadProblem::NoSuchMap(i) => write!(f, "map number {i}, but the program has no such map"),
            LoadProblem::NoMapValue(why) => f.write_str(why),
            LoadProblem::Unresolved(what) => write!(f, "{what} was not resolved before loading"),
            LoadProblem::NoSuchHelper(id) => write!(f, "call of helper {id}, which does not exist"),
            LoadProblem::NoSuchKfunc(name) => write!(f, "call of {name}, which this engine does not have"),
            LoadProblem::NotWhatWasProved(what) => {
                write!(f, "this is not what was proved to be safe: {what}")
            }
            LoadProblem::UnnamedKfunc => f.write_str("call of a kernel function without a name"),
        }
    }
}

impl std::error::Error for LoadError {}
