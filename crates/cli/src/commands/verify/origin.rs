//! Where the value at fault came from.
//!
//! The verifier says which register is at fault at which instruction. What made its value stands somewhere before, and
//! as long as no jump comes in between, it is on the very path that failed: the instructions are followed backwards from the
//! fault, through copies, until one makes the value, or until the path cannot be told any more. Nothing is guessed.

use std::collections::HashSet;

use skep_isa::{AluOp, Call, Insn, Operand, RawInsn, Reg, text};
use skep_platform::helper;
use skep_verifier::{Code, Note, Place, Rejection};

/// How many remarks are made before it becomes tiresome.
const MOST: usize = 3;

/// Remarks on the instructions that made the value of the register at fault, in the order of the program.
pub(super) fn notes(insns: &[RawInsn], starts: &[usize], rejection: &Rejection) -> Vec<Note> {
    let Some(Place::Register(mut reg)) = rejection.place else { return Vec::new() };
    let lines: Vec<(usize, Insn)> =
        text::disassemble(insns).filter_map(|line| Some((line.at, line.insn.ok()?))).collect();
    let mut joins: HashSet<usize> = lines.iter().filter_map(|(at, insn)| insn.jump_target(*at)).collect();
    joins.extend(starts);
    let mut notes = Vec::new();
    let mut from = rejection.insn;
    let Some(mut index) = lines.iter().position(|(at, _)| *at == from) else { return notes };
    while notes.len() < MOST && !joins.contains(&from) && index > 0 {
        index -= 1;
        let (at, insn) = lines[index];
        if insn.is_terminator() {
            break;
        }
        from = at;
        if !insn.defs().contains(reg) {
            continue;
        }
        match step(insn, reg, rejection.code) {
            Step::Copy(source) => reg = source,
            Step::Changed(what) => notes.push(Note { insn: at, text: what }),
            Step::Made(what) => {
                notes.push(Note { insn: at, text: what });
                break;
            }
            Step::Unknown => break,
        }
    }
    notes.reverse();
    notes
}

/// What an instruction did to the register it wrote.
enum Step {
    /// It copied another register; follow that.
    Copy(Reg),
    /// It changed the value that was there.
    Changed(String),
    /// It made the value.
    Made(String),
    /// It cannot be told in a few words.
    Unknown,
}

fn step(insn: Insn, reg: Reg, code: Code) -> Step {
    let name = format!("r{}", reg.number());
    match insn {
        Insn::Alu { op: AluOp::Mov, src: Operand::Reg(source), .. } => Step::Copy(source),
        Insn::Alu { op: AluOp::Mov, src: Operand::Imm(_), .. } | Insn::LoadImm64 { .. } => {
            Step::Made(format!("{name} gets a constant here"))
        }
        Insn::Alu { .. } => Step::Changed(format!("{name} is changed here")),
        Insn::Call(call) if reg.number() == 0 => {
            let function = match call {
                Call::Helper(id) => u32::try_from(id).ok().and_then(helper::by_id),
                _ => None,
            };
            let function = function.map_or("this call".to_owned(), |helper| format!("bpf_{}", helper.name));
            let null = if code == Code::MaybeNull { ", which may be NULL" } else { "" };
            Step::Made(format!("{name} is what {function} returned{null}"))
        }
        Insn::Call(_) => Step::Made(format!("{name} has no value after a call")),
        Insn::Load { .. } => Step::Made(format!("{name} is loaded here")),
        _ => Step::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skep_isa::text::assemble;

    fn of(program: &str, code: Code, insn: usize, reg: u8) -> Vec<(usize, String)> {
        let insns = assemble(program).unwrap();
        let reg = Reg::new(reg).unwrap();
        let notes = notes(&insns, &[0], &Rejection::new(code, insn, Place::Register(reg), ""));
        notes.into_iter().map(|note| (note.insn, note.text)).collect()
    }

    #[test]
    fn copies_are_followed_to_what_made_the_value() {
        let program = "call 1\nr6 = r0\nr7 = 3\nr1 = *(u64 *)(r6 +0)\nexit";
        let expected = "r0 is what bpf_map_lookup_elem returned, which may be NULL";
        assert_eq!(of(program, Code::MaybeNull, 3, 6), [(0, expected.to_owned())]);
        let program = "r2 = *(u32 *)(r1 +0)\nr2 += 4\nr0 = *(u8 *)(r2 +0)\nexit";
        let expected = [(0, "r2 is loaded here".to_owned()), (1, "r2 is changed here".to_owned())];
        assert_eq!(of(program, Code::PacketBounds, 2, 2), expected);
        let program = "call 7\nr0 = r1\nexit";
        assert_eq!(of(program, Code::Uninitialised, 1, 1), [(0, "r1 has no value after a call".to_owned())]);
    }

    #[test]
    fn nothing_is_said_across_a_join() {
        let program = "r2 = 1\nif r1 == 0 goto +1\nr3 = 0\nr0 = *(u8 *)(r2 +0)\nexit";
        assert_eq!(of(program, Code::NotAPointer, 3, 2), []);
        // A branch that is not taken is on the path.
        let program = "r2 = 1\nif r1 == 0 goto +1\nr0 = *(u8 *)(r2 +0)\nexit";
        assert_eq!(of(program, Code::NotAPointer, 2, 2), [(0, "r2 gets a constant here".to_owned())]);
    }
}
