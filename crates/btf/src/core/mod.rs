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

mod answer;
mod compat;
mod field;
mod kind;
mod spec;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use crate::lookup::essential_name;
use crate::set::Btf;
use crate::types::{Type, TypeId};
pub use answer::{Candidate, CoreError, CoreValue, Outcome, Resize};
pub use kind::RelocationKind;
use spec::Spec;

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
