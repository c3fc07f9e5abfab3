//! Is a program the one that a proof is about?
//!
//! A proof is worth what it is held to: the same instructions, for the same kind of place, over maps of the same sizes, and
//! constants that are constants. Everything that the verifier relied on and that a caller could exchange is compared here.

use skep_maps::Map;
use skep_verifier::{MapInfo, Verified};

use crate::hook::Hook;
use crate::load_error::{LoadError, LoadProblem};
use crate::program::ProgramSpec;

/// Whether the proof is about what `spec` describes.
pub(crate) fn covers(proof: &Verified, spec: &ProgramSpec) -> Result<(), LoadError> {
    let subject = proof.subject();
    let parts = if subject.insns != spec.insns {
        Some((None, "the instructions are others".to_owned()))
    } else if !same_place(proof, &spec.hook) {
        Some((None, format!("it was proved for another hook than {}", spec.hook.name())))
    } else if subject.maps.len() != spec.maps.len() {
        let message = format!("{} maps where the proof has {}", spec.maps.len(), subject.maps.len());
        Some((None, message))
    } else if let Some(call) = subject.kfuncs.iter().find(|call| !spec.kfuncs.contains(call)) {
        Some((Some(call.0), format!("the proof calls {} here", call.1)))
    } else {
        let mut pairs = subject.maps.iter().zip(&spec.maps);
        pairs.find_map(|(proved, map)| differs(proved, map)).map(|message| (None, message))
    };
    match parts {
        None => Ok(()),
        Some((at, what)) => {
            Err(LoadError { program: spec.name.clone(), at, problem: LoadProblem::NotWhatWasProved(what) })
        }
    }
}

fn same_place(proof: &Verified, hook: &Hook) -> bool {
    let subject = proof.subject();
    match hook.program_type() {
        Some(program_type) => subject.host.is_none() && subject.program_type == program_type,
        None => subject.host.as_deref() == Some(&hook.host()),
    }
}

/// How a map differs from the one in the proof.
fn differs(proved: &MapInfo, map: &Map) -> Option<String> {
    let spec = map.spec();
    let same = proved.map_type == spec.map_type
        && proved.key_size == spec.key_size
        && proved.value_size == spec.value_size
        && proved.max_entries == spec.max_entries
        && proved.flags == spec.flags;
    if !same {
        return Some(format!("map {} has another type, other sizes or flags", spec.name));
    }
    if !proved.frozen {
        return None;
    }
    if !map.is_constant() {
        return Some(format!("map {} was constant in the proof", spec.name));
    }
    let value = map.lookup(&0u32.to_ne_bytes()).ok()?;
    let zeros = value.get(proved.value.len()..).is_some_and(|rest| rest.iter().all(|&byte| byte == 0));
    (!value.starts_with(&proved.value) || !zeros).then(|| format!("map {} holds other constants", spec.name))
}
