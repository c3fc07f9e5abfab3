//! What verification says.

use std::fmt;
use std::sync::Arc;

use skep_isa::RawInsn;
use skep_platform::ProgramType;

use crate::facts::Facts;
use crate::host::Host;
use crate::program::{Input, MapInfo, SymbolKind};
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

/// Proof that a program is safe. Only the verifier makes one. Cheap to clone.
///
/// It holds what was proved: these instructions, over maps like these, for this kind of place. An engine that is given a proof
/// must run that and nothing else.
#[derive(Clone, Debug)]
pub struct Verified {
    facts: Arc<Facts>,
    subject: Arc<Subject>,
}

/// What a proof is about.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The program's type; for a program of an application's hook, whose helpers it may call.
    pub program_type: ProgramType,
    /// The application's hook, if it is for one.
    pub host: Option<Arc<Host>>,
    /// The instructions, all functions.
    pub insns: Vec<RawInsn>,
    /// The maps they name, in the order of the references. Contents are kept of frozen ones only: those the proof relied on.
    pub maps: Vec<MapInfo>,
    /// Kernel functions called, by slot.
    pub kfuncs: Vec<(usize, String)>,
}

impl Verified {
    pub(crate) fn new(facts: Facts, input: &Input) -> Self {
        let maps = input.maps.iter().map(|map| {
            let value = if map.frozen { map.value.clone() } else { Vec::new() };
            MapInfo { value, ..map.clone() }
        });
        let kfuncs = input.symbols.iter().filter(|symbol| symbol.kind == SymbolKind::Kfunc);
        let subject = Subject {
            program_type: input.program_type,
            host: input.host.clone(),
            insns: input.insns.clone(),
            maps: maps.collect(),
            kfuncs: kfuncs.map(|symbol| (symbol.at, symbol.name.clone())).collect(),
        };
        Self { facts: Arc::new(facts), subject: Arc::new(subject) }
    }

    /// What was proved to be safe.
    pub fn subject(&self) -> &Subject {
        &self.subject
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
