//! What a line's program is for: `attach_btf_name`.
//!
//! The verifier knows targets by the name that a section would have (`sched_switch`, `task`, `file_open`). Lines may also
//! carry the name that the kernel's types have for it (`btf_trace_sched_switch`, `bpf_iter_task`, `bpf_lsm_file_open`),
//! which is what a loader looks up; and for a member of a struct_ops type both names, `tcp_congestion_ops:init`.

use skep_btf::{Btf, Kind};
use skep_platform::{AttachType, ProgramType};
use skep_verifier::Input;

use super::program::Problem;

/// Prefixes of the kernel's names, each with the programs that it is for.
const PREFIXES: [(ProgramType, Option<AttachType>, &str); 3] = [
    (ProgramType::Tracing, Some(AttachType::TraceRawTp), "btf_trace_"),
    (ProgramType::Tracing, Some(AttachType::TraceIter), "bpf_iter_"),
    (ProgramType::Lsm, None, "bpf_lsm_"),
];

/// Sets the input's target, and for a member of a struct the attach type, which is the member's place.
pub(super) fn set(input: &mut Input, name: Option<&str>, kernel: Option<&Btf>) -> Result<(), Problem> {
    let Some(name) = name else { return Ok(()) };
    if input.program_type == ProgramType::StructOps {
        return member(input, name, kernel);
    }
    let prefix = PREFIXES.iter().find(|(program, attach, _)| {
        *program == input.program_type && (attach.is_none() || *attach == input.attach_type)
    });
    let bare = prefix.and_then(|(_, _, prefix)| name.strip_prefix(prefix)).unwrap_or(name);
    input.attach_target = Some(bare.to_owned());
    Ok(())
}

fn member(input: &mut Input, name: &str, kernel: Option<&Btf>) -> Result<(), Problem> {
    let (structure, member) = name.split_once([':', '.']).map_or((name, None), |(a, b)| (a, Some(b)));
    let structure = structure.strip_prefix("struct ").unwrap_or(structure);
    input.attach_target = Some(structure.to_owned());
    let Some(member) = member else { return Ok(()) };
    let place = kernel.and_then(|btf| {
        let id = btf.find(structure, Kind::Struct)?;
        let place = btf.get(id)?.as_composite()?.members.iter().position(|known| known.name == member)?;
        u32::try_from(place).ok()
    });
    let place = place.ok_or_else(|| Problem::unsupported(format!("the kernel's types have no {name}")))?;
    input.attach_type = AttachType::from_number(place);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(program: ProgramType, attach: Option<AttachType>, name: &str) -> Option<String> {
        let mut input = Input::new(program, Vec::new());
        input.attach_type = attach;
        set(&mut input, Some(name), None).ok()?;
        input.attach_target
    }

    #[test]
    fn both_names_of_a_target_are_the_same_target() {
        for name in ["sched_switch", "btf_trace_sched_switch"] {
            let found = target(ProgramType::Tracing, Some(AttachType::TraceRawTp), name);
            assert_eq!(found.as_deref(), Some("sched_switch"));
        }
        let lsm = target(ProgramType::Lsm, Some(AttachType::LsmMac), "bpf_lsm_file_open");
        assert_eq!(lsm.as_deref(), Some("file_open"));
        let function = target(ProgramType::Tracing, Some(AttachType::TraceFentry), "bpf_iter_task");
        assert_eq!(function.as_deref(), Some("bpf_iter_task"));
        assert_eq!(target(ProgramType::StructOps, None, "struct a").as_deref(), Some("a"));
        assert_eq!(target(ProgramType::StructOps, None, "a:member"), None, "no kernel, no member");
    }
}
