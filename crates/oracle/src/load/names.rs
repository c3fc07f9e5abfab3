//! The kernel's numbers for the names in a line.

use serde_json::Value;
use skep_btf::{Btf, Kind};
use skep_isa::RawInsn;
use skep_platform::{AttachType, ProgramType};

use super::maps;
use crate::line::{Line, Reloc};

/// Opcodes of `lddw` and of calls.
const LDDW: u8 = 0x18;
const CALL: u8 = 0x85;

/// Words before a type's name, each with the kinds it means.
const TYPE_WORDS: [(&str, &[Kind]); 3] =
    [("struct ", &[Kind::Struct]), ("union ", &[Kind::Union]), ("enum ", &[Kind::Enum, Kind::Enum64])];

/// Kinds that a bare name may mean, those that have an address first.
const BARE: [Kind; 8] =
    [Kind::Var, Kind::Func, Kind::Struct, Kind::Union, Kind::Typedef, Kind::Enum, Kind::Enum64, Kind::Int];

/// Applies a line's relocations, but for maps' descriptors: those that name maps leave indices.
pub(super) fn relocate(line: &Line, kernel: &Btf, insns: &mut [RawInsn]) -> Result<(), String> {
    for reloc in &line.relocs {
        let place = reloc.insn;
        let wrong = |what: &str| format!("relocation at {place}: {what}");
        let next = insns.get(place + 1).copied();
        let insn = insns.get_mut(place).ok_or_else(|| wrong("no such instruction"))?;
        match reloc.kind.as_str() {
            "map" | "map_value" => {
                insn.src = if reloc.kind == "map" { 1 } else { 2 };
                insn.imm = map(line, reloc).ok_or_else(|| wrong("no such map"))?;
            }
            "kfunc" => {
                let name = name(reloc).ok_or_else(|| wrong("no name"))?;
                let id =
                    kernel.find_func(name).ok_or_else(|| format!("the kernel has no function {name}"))?;
                (insn.src, insn.off, insn.imm) = (2, 0, id.0.cast_signed());
            }
            "btf_id" => {
                let name = name(reloc).ok_or_else(|| wrong("no name"))?;
                let (id, kind) = find(kernel, name).ok_or_else(|| format!("the kernel has no {name}"))?;
                insn.imm = id.cast_signed();
                if insn.code == LDDW {
                    let address = matches!(kind, Kind::Var | Kind::Func);
                    insn.src = if address { 3 } else { insn.src };
                    if let (Some(next), Some(second)) = (next, insns.get_mut(place + 1)) {
                        *second = RawInsn { imm: 0, ..next };
                    }
                }
            }
            "func" => {
                let target = reloc.target.as_i64().ok_or_else(|| wrong("no target"))?;
                insn.src = if insn.code == CALL { 1 } else { 4 };
                insn.imm = i32::try_from(target - place as i64 - 1).map_err(|_| wrong("too far"))?;
            }
            other => return Err(wrong(&format!("no kind {other}"))),
        }
    }
    Ok(())
}

fn name(reloc: &Reloc) -> Option<&str> {
    reloc.name.as_deref().or_else(|| reloc.target.as_str())
}

fn map(line: &Line, reloc: &Reloc) -> Option<i32> {
    let index = match [&reloc.map, &reloc.target].into_iter().find(|value| !value.is_null()) {
        Some(Value::Number(index)) => usize::try_from(index.as_u64()?).ok(),
        Some(Value::String(name)) => maps::by_name(line).get(name.as_str()).copied(),
        _ => maps::by_name(line).get(reloc.name.as_deref()?).copied(),
    };
    index.and_then(|index| i32::try_from(index).ok())
}

fn find(btf: &Btf, name: &str) -> Option<(u32, Kind)> {
    let worded = TYPE_WORDS.iter().find_map(|(word, kinds)| Some((*kinds, name.strip_prefix(word)?)));
    let (kinds, name) = worded.unwrap_or((&BARE, name));
    kinds.iter().find_map(|&kind| Some((btf.find(name, kind)?.0, kind)))
}

/// The BTF id of what the program is for, and its attach type: for a member of a struct, the member's place.
pub(super) fn target(line: &Line, kernel: &Btf) -> Result<(u32, u32), String> {
    let attach = line.expected_attach_type.unwrap_or(0);
    let Some(name) = &line.attach_btf_name else { return Ok((0, attach)) };
    let tracing = AttachType::from_number(attach);
    let (prefix, kind) = match (ProgramType::from_number(line.prog_type), tracing) {
        (Some(ProgramType::Tracing), Some(AttachType::TraceRawTp)) => ("btf_trace_", Kind::Typedef),
        (Some(ProgramType::Tracing), Some(AttachType::TraceIter)) => ("bpf_iter_", Kind::Func),
        (Some(ProgramType::Tracing), _) => ("", Kind::Func),
        (Some(ProgramType::Lsm), _) => ("bpf_lsm_", Kind::Func),
        (Some(ProgramType::StructOps), _) => return member(name, kernel, attach),
        (Some(ProgramType::Ext), _) => return Err("a program to replace is needed".to_owned()),
        _ => return Ok((0, attach)),
    };
    let bare = name.strip_prefix(prefix).unwrap_or(name);
    let id = kernel.find(&format!("{prefix}{bare}"), kind);
    let id = id.ok_or_else(|| format!("the kernel has no {prefix}{bare} to trace"))?;
    Ok((id.0, attach))
}

/// `struct:member`, or the struct alone where the attach type says the member.
fn member(name: &str, kernel: &Btf, attach: u32) -> Result<(u32, u32), String> {
    let (structure, member) = name.split_once([':', '.']).unwrap_or((name, ""));
    let structure = structure.strip_prefix("struct ").unwrap_or(structure);
    let missing = || format!("the kernel has no {name} to implement");
    let id = kernel.find(structure, Kind::Struct).ok_or_else(missing)?;
    if member.is_empty() {
        return Ok((id.0, attach));
    }
    let members = kernel.get(id).and_then(|ty| ty.as_composite().map(|ty| ty.members)).ok_or_else(missing)?;
    let place = members.iter().position(|known| known.name == member).ok_or_else(missing)?;
    Ok((id.0, place as u32))
}
