//! The proof that a program of an object is safe, asked of the verifier with the maps that were really made.

use skep_maps::Map;
use skep_object::{ExternKind, Object, Poison, Program as Definition};
use skep_platform::ProgramType;
use skep_platform::program::ContextShape;
use skep_verifier::{Input, MapInfo, Verdict, Verified};
use skep_vm::ProgramSpec;

use crate::engine::Engine;
use crate::error::Error;
use crate::verify::{self, Case, Cases, Setting};

/// Asks for the proof.
///
/// # Errors
/// [`Error::Rejected`] or [`Error::Undecided`].
pub(crate) fn prove(
    engine: &Engine,
    object: &Object,
    definition: &Definition,
    spec: &ProgramSpec,
) -> Result<Verified, Error> {
    let input = input(engine, object, definition, spec)?;
    let (report, _) = verify::verify(&input);
    let (object, program) = (object.name.clone(), definition.name.clone());
    match report.verdict {
        Verdict::Verified(proof) => Ok(proof),
        Verdict::Unsupported(what) => Err(Error::Undecided { object, program, reason: what.to_string() }),
        Verdict::Rejected(_) => {
            let poisoned =
                spec.poisoned.iter().map(|(at, reason)| Poison { at: *at, reason: reason.clone() });
            let case = Box::new(Case { input, unfit: None, poisoned: poisoned.collect() });
            Err(Error::Rejected { object, program, case, report: Box::new(report) })
        }
    }
}

/// What the verifier is asked: the program as it will be run, over the maps it will be run with.
fn input(
    engine: &Engine,
    object: &Object,
    definition: &Definition,
    spec: &ProgramSpec,
) -> Result<Input, Error> {
    let kernel = needs_kernel(object, definition).then(|| engine.kernel_types()).flatten();
    let setting = Setting { kernel, ..Setting::default() };
    let mut input = Cases::new(object, &setting)?.described(definition);
    input.insns.clone_from(&spec.insns);
    if spec.hook.program_type().is_none() {
        // Of Linux's helpers, programs of an application may call those that every program may.
        input.program_type = ProgramType::SocketFilter;
        input.attach_type = None;
        input.host = Some(spec.hook.host().into());
    }
    for (info, map) in input.maps.iter_mut().zip(&spec.maps) {
        as_made(info, map);
    }
    Ok(input)
}

/// A map may have been given other sizes than the object says, or be another object's.
fn as_made(info: &mut MapInfo, map: &Map) {
    let made = map.spec();
    (info.map_type, info.flags, info.extra) = (made.map_type, made.flags, made.map_extra);
    (info.key_size, info.value_size, info.max_entries) = (made.key_size, made.value_size, made.max_entries);
    info.frozen = map.is_constant();
    info.value = if info.frozen { map.lookup(&0u32.to_ne_bytes()).unwrap_or_default() } else { Vec::new() };
}

/// Whether it can be judged only with the kernel's types at hand.
fn needs_kernel(object: &Object, definition: &Definition) -> bool {
    let typed = definition.kind.program_type.is_some_and(|program| {
        matches!(program.context_shape(), ContextShape::BtfArgs | ContextShape::BtfStruct)
    });
    typed
        || definition.externs.iter().any(|used| {
            let item = object.externs.get(used.index);
            item.is_some_and(|item| !matches!(item.kind, ExternKind::Kconfig { .. }))
        })
}
