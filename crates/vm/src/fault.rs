//! Why a run was stopped.
//!
//! A fault is not an error of the engine: it is the finding of the checking interpreter that this program, with this
//! input, did something no verified program may do. It is therefore a report: what rule was broken, at which instruction,
//! with which object, and what every register held.

use std::fmt;

use crate::prov::{Kind, Reg};

/// The rule that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// A register was used before anything was written to it, or after a call destroyed it.
    UninitRegister,
    /// Stack bytes were read that nobody wrote; only under [`crate::Strictness::Strict`] or by a helper.
    UninitStack,
    /// An access through the null pointer.
    NullPointer,
    /// An access through a number.
    NotAPointer,
    /// An access that is not wholly inside the object.
    OutOfBounds,
    /// The object's life is over: released, returned from, resized.
    Dead,
    /// A load from what is write-only, or a store to what is read-only.
    Permission,
    /// Bytes of a map value that only helpers may touch.
    SpecialField,
    /// An atomic operation, or an access to the stack or the context, at an address it must not have.
    Unaligned,
    /// The context has no such field, or not with that size or direction.
    Context,
    /// A helper's argument is not what its prototype says.
    Argument,
    /// Acquired, and neither released nor handed on when the run ended.
    Leak,
    /// A lock, an RCU section or the like was taken, left or held against its rules.
    Locking,
    /// A dynptr or an iterator was used against its protocol.
    Protocol,
    /// The value that a program or a callback returned is outside its range.
    ReturnValue,
    /// More than eight frames.
    CallDepth,
    /// The instruction budget, or another limit on running, is used up.
    Budget,
    /// The instruction or the call is not one this place allows.
    Unsupported,
    /// The program threw an exception that reached the end of the program with resources held.
    Exception,
    /// The engine failed to give what the run needs (memory).
    Engine,
}

impl FaultKind {
    /// A stable name, for golden tests and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UninitRegister => "uninit-register",
            Self::UninitStack => "uninit-stack",
            Self::NullPointer => "null-pointer",
            Self::NotAPointer => "not-a-pointer",
            Self::OutOfBounds => "out-of-bounds",
            Self::Dead => "dead",
            Self::Permission => "permission",
            Self::SpecialField => "special-field",
            Self::Unaligned => "unaligned",
            Self::Context => "context",
            Self::Argument => "argument",
            Self::Leak => "leak",
            Self::Locking => "locking",
            Self::Protocol => "protocol",
            Self::ReturnValue => "return-value",
            Self::CallDepth => "call-depth",
            Self::Budget => "budget",
            Self::Unsupported => "unsupported",
            Self::Exception => "exception",
            Self::Engine => "engine",
        }
    }
}

/// The access that went wrong, where the fault is about one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// The kind of object.
    pub object: Kind,
    /// First byte accessed, relative to the object's first.
    pub offset: i64,
    /// Bytes accessed.
    pub size: u64,
    /// The object's length.
    pub len: u64,
    /// Whether it was a store.
    pub write: bool,
}

/// The full report. Boxed in [`Fault`], so that the `Result` of a run stays small.
#[derive(Clone, Debug)]
pub struct Report {
    /// The rule broken.
    pub kind: FaultKind,
    /// One line that says what happened.
    pub message: String,
    /// The program.
    pub program: String,
    /// The function of the program.
    pub function: String,
    /// Slot index of the instruction, from the program's first.
    pub at: usize,
    /// The instruction as text.
    pub insn: String,
    /// The access, where there was one.
    pub access: Option<Access>,
    /// `r0` to `r10` at the instruction.
    pub registers: [Reg; 11],
}

/// Why a run was stopped; dereferences to its [`Report`].
#[derive(Clone, Debug)]
pub struct Fault(Box<Report>);

impl Fault {
    /// Wraps a report.
    pub fn new(report: Report) -> Self {
        Self(Box::new(report))
    }

    /// The report with each register on a line of its own.
    pub fn detailed(&self) -> impl fmt::Display + '_ {
        Detailed(self)
    }
}

impl std::ops::Deref for Fault {
    type Target = Report;
    fn deref(&self) -> &Report {
        &self.0
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: insn {} ({}): {}", self.function, self.at, self.insn, self.message)
    }
}

impl std::error::Error for Fault {}

struct Detailed<'a>(&'a Fault);

impl fmt::Display for Detailed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.0)?;
        for (i, reg) in self.0.registers.iter().enumerate() {
            if reg.prov.kind() != Kind::Uninit {
                writeln!(f, "  r{i:<2} = {reg}")?;
            }
        }
        Ok(())
    }
}
