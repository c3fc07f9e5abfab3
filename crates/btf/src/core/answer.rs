//! What comes of a CO-RE record: a value, poison, or a reason why there is neither.
//!
//! "The target does not have it" is an answer ([`Outcome::Poison`]), because programs ask first and jump around what is
//! missing. Errors ([`CoreError`]) are left for damaged objects and for targets that contradict themselves.

use std::fmt;

use crate::types::TypeId;

/// The answer to a CO-RE record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoreValue {
    /// What the instruction must hold before it is patched: the program's own value. `None` where tools may have changed it
    /// since (type ids, signedness, right shifts), so that a comparison would be pointless.
    pub local: Option<u64>,
    /// What it must hold after.
    pub outcome: Outcome,
    /// The field's size differs between program and target. Only for [`super::RelocationKind::FieldByteOffset`], and of
    /// consequence only if the instruction itself loads or stores.
    pub resize: Option<Resize>,
    /// The target's type that answered: the first, if several agree.
    pub target: Option<TypeId>,
}

/// What becomes of the instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It gets this value.
    Value(u64),
    /// The target has no such field or constant. The instruction must be replaced by one that no verifier lets be
    /// reached: programs ask with `bpf_core_field_exists` first and jump around it.
    Poison,
}

/// A field whose size in the target differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resize {
    /// Bytes in the program's type.
    pub local: u32,
    /// Bytes in the target's.
    pub target: u32,
    /// May a load or store just take the new size? True for pointers and unsigned integers, which zero-extend; anything else
    /// would change the meaning, and the instruction must be poisoned.
    pub allowed: bool,
}

/// A type of the target that answered, for the message about two that disagree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its id in the target.
    pub id: TypeId,
    /// Its kind and name: `struct task_struct`.
    pub name: String,
    /// Its answer; `None` means poison.
    pub value: Option<u64>,
    /// Bits from its start to the field; 0 if it is not about one.
    pub bit_offset: u64,
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {} (bit {}, ", self.id, self.name, self.bit_offset)?;
        match self.value {
            Some(value) => write!(f, "value {value})"),
            None => f.write_str("no value)"),
        }
    }
}

/// Why a CO-RE record has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CoreError {
    /// The record does not fit the program's own types: the object is damaged.
    BadSpec {
        /// The type's id in the program's BTF.
        id: TypeId,
        /// The path as it stands in the object.
        spec: String,
        /// What was expected and found.
        reason: String,
    },
    /// Two types of the target answer differently.
    Ambiguous {
        /// What was asked: `byte_off of struct s.field (0:1)`.
        question: String,
        /// The type that answered first, and the first that disagreed.
        candidates: Box<[Candidate; 2]>,
    },
    /// A field was found but the question has no answer for it.
    Unanswerable {
        /// What was asked.
        question: String,
        /// Why not.
        reason: String,
    },
}

impl fmt::Display for CoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadSpec { id, spec, reason } => write!(f, "CO-RE path `{spec}` on type {id}: {reason}"),
            Self::Ambiguous { question, candidates } => {
                let [first, second] = &**candidates;
                write!(f, "CO-RE {question}: two types of the target disagree: {first} and {second}")
            }
            Self::Unanswerable { question, reason } => write!(f, "CO-RE {question}: {reason}"),
        }
    }
}

impl std::error::Error for CoreError {}
