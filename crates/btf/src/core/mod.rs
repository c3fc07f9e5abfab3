//! CO-RE: "compile once, run everywhere".
//!
//! # Problem
//!
//! A program is compiled against one kernel's structs and runs on another's. The compiler leaves, for each access that
//! should follow, a record in `.BTF.ext`: *this instruction holds the offset of `task_struct.pid`*. Before loading, each
//! such number is computed anew from the target kernel's BTF.
//!
//! # Idea
//!
//! A record names a type of the program, a kind of question and a path (`0:12:1`: index, member, member …). The path is read
//! on the program's own type, which turns it into names; then it is walked by those names on every type of the target
//! that has the same name apart from `___flavour`. Members of anonymous structs and unions count as the outer one's. All
//! candidates on which the walk succeeds must agree on the answer.
//!
//! # Invariants
//!
//! * This module only answers; who patches the instruction is the loader, which knows what the instruction is.
//! * Candidates that failed one question of a [`Resolver`] are not asked the next about the same type, so one program never mixes
//!   two of the target's types that share a name.
//! * Each question takes a bounded number of steps, whatever the two BTFs hold.

mod compat;
mod field;
mod spec;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;

use crate::lookup::essential_name;
use crate::parse::Btf;
use crate::types::{Type, TypeId};
use spec::Spec;

macro_rules! relocation_kinds {
    ($($variant:ident = $number:literal, $name:literal, $doc:literal;)*) => {
        /// What a CO-RE record asks, with the numbers of `.BTF.ext`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum RelocationKind { $(#[doc = $doc] $variant = $number,)* }

        impl RelocationKind {
            /// Every kind, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The kind of that number; `None` for 13 and above.
            pub const fn from_number(number: u32) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)* _ => None }
            }

            /// The short name that loaders' logs use: `byte_off`, …
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

relocation_kinds! {
    FieldByteOffset = 0, "byte_off", "Bytes from the struct's start to the field (to the word that holds it, for a bit-field).";
    FieldByteSize = 1, "byte_sz", "Bytes of the field (of the word that holds it, for a bit-field).";
    FieldExists = 2, "field_exists", "Does the target have the field? 0 or 1.";
    FieldSigned = 3, "signed", "Is the field a signed number? 0 or 1.";
    FieldLshiftU64 = 4, "lshift_u64", "Left shift that brings a bit-field's top bit to bit 63.";
    FieldRshiftU64 = 5, "rshift_u64", "Right shift that then brings it down to bit 0.";
    TypeIdLocal = 6, "local_type_id", "The type's id in the program's own BTF.";
    TypeIdTarget = 7, "target_type_id", "The type's id in the target; 0 if it has none.";
    TypeExists = 8, "type_exists", "Does the target have the type? 0 or 1.";
    TypeSize = 9, "type_size", "Bytes of the type in the target; 0 if it has none.";
    EnumvalExists = 10, "enumval_exists", "Does the target's enum have the constant? 0 or 1.";
    EnumvalValue = 11, "enumval_value", "The constant's value in the target.";
    TypeMatches = 12, "type_matches", "Does the target have the type with all the members that the program's has? 0 or 1.";
}

impl RelocationKind {
    /// Is it about a field?
    pub const fn is_field(self) -> bool {
        (self as u8) <= Self::FieldRshiftU64 as u8
    }
    /// Is it about a constant of an enum?
    pub const fn is_enumval(self) -> bool {
        matches!(self, Self::EnumvalExists | Self::EnumvalValue)
    }
    /// Is it about a whole type?
    pub const fn is_type(self) -> bool {
        !self.is_field() && !self.is_enumval()
    }
}

impl fmt::Display for RelocationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The answer to a CO-RE record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoreValue {
    /// What the instruction must hold before it is patched: the program's own value. `None` where tools may have changed it
    /// since (type ids, signedness, right shifts), so that a comparison would be pointless.
    pub local: Option<u64>,
    /// What it must hold after.
    pub outcome: Outcome,
    /// The field's size differs between program and target. Only for [`RelocationKind::FieldByteOffset`], and of
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

/// Steps one question may take. The largest real one, `TypeMatches` on `struct task_struct`, needs a few thousand.
const MAX_STEPS: u32 = 1 << 20;

/// Answers the CO-RE records of one program file against one target.
pub struct Resolver<'a> {
    local: &'a Btf,
    target: &'a Btf,
    /// Which types of the target are still in question for a type of the program.
    candidates: HashMap<TypeId, Vec<TypeId>>,
}

impl<'a> Resolver<'a> {
    /// `local` is the object's BTF, `target` the kernel's.
    pub fn new(local: &'a Btf, target: &'a Btf) -> Self {
        Self { local, target, candidates: HashMap::new() }
    }

    /// Answers one record: `kind` asked about the path `spec` from the program's type `id`.
    pub fn resolve(&mut self, id: TypeId, spec: &str, kind: RelocationKind) -> Result<CoreValue, CoreError> {
        let path = Spec::read(self.local, id, spec, kind)?;
        if kind == RelocationKind::TypeIdLocal {
            let value = Outcome::Value(u64::from(id.0));
            return Ok(CoreValue { local: None, outcome: value, resize: None, target: None });
        }
        let own = field::answer(self.local, Some(&path), kind);
        let own = own.map_err(|reason| self.unanswerable(id, spec, kind, reason))?;
        let candidates = match self.candidates.remove(&id) {
            Some(known) => known,
            None => self.find_candidates(id, spec)?,
        };
        let mut matched: Vec<(Spec<'_>, field::Answer)> = Vec::new();
        for candidate in &candidates {
            let mut steps = MAX_STEPS;
            let Some(found) = path.find_in(self.local, self.target, *candidate, kind, &mut steps) else {
                continue;
            };
            let answer = field::answer(self.target, Some(&found), kind);
            let answer = answer.map_err(|reason| self.unanswerable(id, spec, kind, reason))?;
            if let Some((first_spec, first)) = matched.first()
                && (first_spec.bit_offset != found.bit_offset || first.value != answer.value)
            {
                return Err(CoreError::Ambiguous {
                    question: self.question(id, spec, kind),
                    candidates: Box::new([
                        self.candidate(first_spec, first),
                        self.candidate(&found, &answer),
                    ]),
                });
            }
            matched.push((found, answer));
        }
        let survivors: Vec<TypeId> = matched.iter().map(|(found, _)| found.root).collect();
        // Nothing found says nothing about which candidate is meant: programs probe for fields that may be missing.
        self.candidates.insert(id, if survivors.is_empty() { candidates } else { survivors });
        let (found, answer) = match matched.into_iter().next() {
            Some((found, answer)) => (Some(found.root), answer),
            None => (None, field::answer(self.target, None, kind).unwrap_or_default()),
        };
        Ok(CoreValue {
            local: own.value.filter(|_| own.checked),
            outcome: answer.value.map_or(Outcome::Poison, Outcome::Value),
            resize: field::resize(self.local, &own, self.target, &answer),
            target: found,
        })
    }

    fn find_candidates(&self, id: TypeId, spec: &str) -> Result<Vec<TypeId>, CoreError> {
        let name = self.local.name_of(id);
        if name.is_empty() {
            let reason = "expected a type with a name, found an anonymous one".into();
            return Err(CoreError::BadSpec { id, spec: spec.into(), reason });
        }
        let kind = self.local.kind_of(id);
        let same_kind = |candidate: &TypeId| compat::kinds_agree(kind, self.target.kind_of(*candidate));
        Ok(self.target.find_essential(essential_name(name)).filter(same_kind).collect())
    }

    fn candidate(&self, spec: &Spec<'_>, answer: &field::Answer) -> Candidate {
        let name = spec::name_with_kind(self.target, spec.root);
        Candidate { id: spec.root, name, value: answer.value, bit_offset: spec.bit_offset }
    }

    fn question(&self, id: TypeId, spec: &str, kind: RelocationKind) -> String {
        format!("{kind} of {}", describe(self.local, id, spec, kind))
    }

    fn unanswerable(&self, id: TypeId, spec: &str, kind: RelocationKind, reason: String) -> CoreError {
        CoreError::Unanswerable { question: self.question(id, spec, kind), reason }
    }
}

/// Answers one CO-RE record by itself. Who has several about the same types uses one [`Resolver`] for all of them.
pub fn match_field(
    local: &Btf,
    id: TypeId,
    spec: &str,
    kind: RelocationKind,
    target: &Btf,
) -> Result<CoreValue, CoreError> {
    Resolver::new(local, target).resolve(id, spec, kind)
}

/// A record's subject in words: `struct task_struct.comm[3] (0:12:3)`. Never fails: what cannot be read stays as it
/// stands.
pub fn describe(local: &Btf, id: TypeId, spec: &str, kind: RelocationKind) -> String {
    match Spec::read(local, id, spec, kind) {
        Ok(path) => format!("{} ({spec})", path.describe(local)),
        Err(_) => format!("{} ({spec})", spec::name_with_kind(local, id)),
    }
}

/// Does the type have a chance to be meant by `id` of `local`? Used by tests and `inspect`.
pub fn is_compatible(local: &Btf, id: TypeId, target: &Btf, candidate: TypeId) -> bool {
    let mut steps = MAX_STEPS;
    matches!(local.get(id), Some(ty) if !matches!(ty, Type::Void))
        && compat::types_compatible(local, id, target, candidate, &mut steps)
}
