//! CO-RE: numbers that follow from the machine's types.

use std::collections::HashMap;

use skep_btf::Btf;
use skep_btf::core::{CoreError, CoreValue, RelocationKind, Resolver, describe};
use skep_isa::RawInsn;

use super::patch::{Patched, apply};
use super::{Poison, Reason, Target};
use crate::{CoreRelocation, Program};

/// Applies all CO-RE relocations of a program. An error comes with the slot at fault.
pub(super) fn relocate(
    program: &Program,
    local: Option<&Btf>,
    target: Target<'_>,
    insns: &mut [RawInsn],
    poisoned: &mut Vec<Poison>,
) -> Result<(), (usize, Reason)> {
    let Some(first) = program.core.first() else { return Ok(()) };
    let target = match target {
        Target::None => return Err((first.at, Reason::NoTarget { count: program.core.len() })),
        // The compiler wrote its own view into the instructions already.
        Target::Local => return Ok(()),
        Target::Btf(target) => target,
    };
    let Some(local) = local else {
        return Err((
            first.at,
            Reason::BadRecord("expected type information in the object, found none".into()),
        ));
    };
    let mut resolver = Resolver::new(local, target);
    // Programs ask the same few questions over and over: inlined functions, unrolled loops.
    let mut known: HashMap<(u32, u32, u32), CoreValue> = HashMap::new();
    for record in &program.core {
        let key = (record.type_id.0, record.access_offset, record.kind);
        let value = match known.get(&key) {
            Some(value) => *value,
            None => {
                let value = ask(&mut resolver, local, record).map_err(|reason| (record.at, reason))?;
                *known.entry(key).or_insert(value)
            }
        };
        match apply(insns, record.at, &value) {
            Ok(Patched::Done) => {}
            Ok(Patched::Poisoned) => {
                let why = match value.target {
                    Some(_) => "its size differs and it is not an unsigned number",
                    None => "this kernel has none",
                };
                poisoned.push(Poison { at: record.at, reason: format!("{}: {why}", subject(local, record)) });
            }
            Err(problem) => return Err((record.at, Reason::Patch { what: subject(local, record), problem })),
        }
    }
    Ok(())
}

fn ask(resolver: &mut Resolver<'_>, local: &Btf, record: &CoreRelocation) -> Result<CoreValue, Reason> {
    let kind = RelocationKind::from_number(record.kind).ok_or_else(|| {
        Reason::BadRecord(format!(
            "expected a kind from 0 to {}, found {}",
            RelocationKind::ALL.len() - 1,
            record.kind
        ))
    })?;
    let spec = local.string(record.access_offset).ok_or_else(|| {
        Reason::BadRecord(format!("expected an access string, found offset {:#x}", record.access_offset))
    })?;
    resolver.resolve(record.type_id, spec, kind).map_err(|error| match error {
        CoreError::Ambiguous { question, candidates } => {
            let [first, second] = candidates.map(|candidate| candidate.to_string());
            Reason::Ambiguous { what: question, first, second }
        }
        other => Reason::BadRecord(other.to_string()),
    })
}

/// What a record is about, in words.
fn subject(local: &Btf, record: &CoreRelocation) -> String {
    let spec = local.string(record.access_offset).unwrap_or_default();
    match RelocationKind::from_number(record.kind) {
        Some(kind) => format!("{kind} of {}", describe(local, record.type_id, spec, kind)),
        None => format!("kind {}", record.kind),
    }
}

impl CoreRelocation {
    /// What it is about, in words: `byte_off of struct task_struct.pid (0:12)`. `local` is the
    /// object's BTF.
    pub fn describe(&self, local: &Btf) -> String {
        subject(local, self)
    }
}
