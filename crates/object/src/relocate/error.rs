//! Why a program cannot be fitted to a machine.

use std::fmt::{self, Write};

use crate::error::OneLine;

/// Why a program cannot be fitted to a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelocateError {
    /// The object's name.
    pub object: String,
    /// The program's name; empty where the object as a whole is at fault.
    pub program: String,
    /// Slot of the instruction.
    pub at: Option<usize>,
    /// What is wrong.
    pub reason: Reason,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// There are CO-RE relocations and no types to match them against.
    NoTarget {
        /// How many there are.
        count: usize,
    },
    /// Two types of the target match and do not agree.
    Ambiguous {
        /// What was matched.
        what: String,
        /// The first candidate and its value.
        first: String,
        /// The second.
        second: String,
    },
    /// A value was found but the instruction cannot hold it.
    Patch {
        /// What was matched.
        what: String,
        /// The instruction and why not.
        problem: String,
    },
    /// The record itself is broken.
    BadRecord(String),
    /// A strong extern has no value.
    MissingExtern {
        /// Its name.
        name: String,
        /// Where it was looked for.
        looked_in: String,
    },
    /// rustc left a call into `core`, which is not compiled for BPF: a panic that it could not rule out, as a rule.
    RustCore {
        /// The symbol as the object has it, mangled.
        symbol: String,
        /// The function's path.
        path: String,
        /// Whether it is one that only panics.
        panics: bool,
        /// File and line of what needs it, when the object tells.
        place: Option<String>,
    },
    /// An extern's value does not fit the type it is declared with.
    BadValue {
        /// Its name.
        name: String,
        /// Its declared shape.
        expected: String,
        /// The machine's value.
        found: String,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTarget { count } => {
                write!(f, "{count} CO-RE relocations need the kernel's types (BTF), found none")
            }
            Self::Ambiguous { what, first, second } => {
                write!(f, "CO-RE {what} is ambiguous: {first} or {second}")
            }
            Self::Patch { what, problem } => write!(f, "CO-RE {what}: {problem}"),
            Self::BadRecord(problem) => write!(f, "CO-RE record: {problem}"),
            Self::MissingExtern { name, looked_in } => {
                write!(f, "extern {name} is not weak: expected in {looked_in}, found nowhere")
            }
            Self::RustCore { symbol, path, panics, place } => {
                write!(f, "undefined {path}")?;
                if let Some(place) = place {
                    write!(f, ", wanted at {place}")?;
                }
                match panics {
                    true => write!(f, ": expected code that rustc proves free of panics")?,
                    false => write!(f, ": expected nothing of core but what is inlined")?,
                }
                write!(f, ", found a call of {symbol}")
            }
            Self::BadValue { name, expected, found } => {
                write!(f, "extern {name}: expected {expected}, found {found}")
            }
        }
    }
}

impl fmt::Display for RelocateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = OneLine(f);
        write!(f, "{}: ", self.object)?;
        if !self.program.is_empty() {
            write!(f, "program {}", self.program)?;
            match self.at {
                Some(at) => write!(f, ", instruction {at}: ")?,
                None => write!(f, ": ")?,
            }
        }
        write!(f, "{}", self.reason)
    }
}

impl std::error::Error for RelocateError {}
