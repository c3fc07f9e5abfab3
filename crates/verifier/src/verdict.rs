//! What verification says.

use std::fmt;

use crate::rejection::Rejection;

/// The answer, and what it took to find it.
#[derive(Clone, Debug)]
pub struct Report {
    /// The answer.
    pub verdict: Verdict,
    /// The effort.
    pub stats: Stats,
}

/// The answer.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Proved safe.
    Verified(Verified),
    /// Refused, with the reason.
    Rejected(Box<Rejection>),
    /// The program uses something that is not modelled yet; nothing is said of its safety.
    Unsupported(Unsupported),
}

/// Proof that a program is safe. Only the verifier makes one.
#[derive(Clone, Debug)]
pub struct Verified {
    facts: Facts,
}

/// What the proof found on its way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// For each slot, whether some path runs through it.
    pub reached: Vec<bool>,
    /// Bytes of stack used by each function, in the order of their first slots.
    pub stack_depth: Vec<u32>,
}

impl Verified {
    pub(crate) fn new(facts: Facts) -> Self {
        Self { facts }
    }

    /// What the proof found.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }
}

/// Something that is not modelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// Slot of the instruction that needs it, where it is one instruction.
    pub insn: Option<usize>,
    /// What it is, in a few words.
    pub reason: String,
}

/// The effort of a verification, in the words of the kernel's own statistics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Instructions processed, over all paths.
    pub processed: u64,
    /// Checkpoints made.
    pub states: u64,
    /// Most checkpoints held at once.
    pub peak_states: u64,
}

impl Verdict {
    /// Whether the program was proved safe.
    pub const fn is_verified(&self) -> bool {
        matches!(self, Self::Verified(_))
    }

    /// `accept`, `reject` or `unsupported`.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Verified(_) => "accept",
            Self::Rejected(_) => "reject",
            Self::Unsupported(_) => "unsupported",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verified(_) => f.write_str("accept"),
            Self::Rejected(rejection) => write!(f, "reject: {rejection}"),
            Self::Unsupported(what) => write!(f, "unsupported: {what}"),
        }
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.insn {
            Some(insn) => write!(f, "insn {insn}: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

/// Why a check ended the walk.
#[derive(Clone, Debug)]
pub(crate) enum Stop {
    /// The program is refused.
    Reject(Box<Rejection>),
    /// It uses what is not modelled.
    Unsupported(Unsupported),
}

/// What every check returns.
pub(crate) type Checked<T = ()> = Result<T, Stop>;

/// Ends the walk with a rejection.
pub(crate) fn reject<T>(
    code: crate::Code,
    insn: usize,
    place: impl Into<Option<crate::Place>>,
    message: impl Into<String>,
) -> Checked<T> {
    Err(Stop::Reject(Box::new(Rejection::new(code, insn, place, message))))
}

/// Ends the walk with "not modelled".
pub(crate) fn unsupported<T>(insn: usize, reason: impl Into<String>) -> Checked<T> {
    Err(Stop::Unsupported(Unsupported { insn: Some(insn), reason: reason.into() }))
}
