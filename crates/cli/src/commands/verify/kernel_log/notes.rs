//! Where the value at fault came from, as far as a log tells: its instructions are followed backwards.

use skep_isa::text::assemble;
use skep_isa::{AluOp, Insn, Operand, Reg};
use skep_platform::helper;
use skep_verifier::Code;

use super::parse::{Log, Step};

/// The register that a message names first: `R6 invalid …`, `…, R2(id=0 …`.
pub(super) fn register(message: &str) -> Option<u8> {
    let mut rest = message;
    while let Some(at) = rest.find('R') {
        let before = rest[..at].chars().next_back();
        rest = &rest[at + 1..];
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let number = digits.parse().ok().filter(|&number: &u8| number <= 10);
        if number.is_some() && before.is_none_or(|c| !c.is_alphanumeric() && c != '_') {
            return number;
        }
    }
    None
}

/// Remarks: slots and what is to be said of them.
pub(super) fn tell(log: &Log, code: Code, message: &str, at: usize) -> Vec<(usize, String)> {
    match code {
        Code::ReferenceLeak => leak(log, message),
        Code::InfiniteLoop => turn(log, at),
        _ => register(message).and_then(Reg::new).map_or_else(Vec::new, |reg| origin(log, code, reg)),
    }
}

fn leak(log: &Log, message: &str) -> Vec<(usize, String)> {
    let acquired = message
        .split_once("alloc_insn=")
        .and_then(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok());
    let mut notes = Vec::new();
    if let Some(at) = acquired {
        notes.push((at, "this gives a reference that must be released".to_owned()));
        let since = log.path.iter().rposition(|step| step.at == at).unwrap_or(0);
        let branch = log.path[since..].iter().rev().find(|step| step.text.starts_with("if "));
        notes.extend(
            branch.map(|step| {
                (step.at, "the path on which it is not released goes over this branch".to_owned())
            }),
        );
    }
    notes
}

fn turn(log: &Log, at: usize) -> Vec<(usize, String)> {
    let last = log.path.iter().rev().find(|step| step.at != at);
    last.map(|step| (step.at, "from here it goes round again".to_owned())).into_iter().collect()
}

/// The steps that made the value of a register, the first one last.
fn origin(log: &Log, code: Code, reg: Reg) -> Vec<(usize, String)> {
    const MOST: usize = 3;
    let (mut notes, mut reg) = (Vec::new(), reg);
    let steps = log.path.iter().rev().skip(1);
    for step in steps {
        if notes.len() >= MOST {
            break;
        }
        if let Some(callee) = call(step) {
            if moves_packet(callee) && matches!(code, Code::NotAPointer | Code::PacketBounds) {
                notes.push((step.at, "this may move the packet: what was checked before is void".to_owned()));
                break;
            }
            if reg.number() > 5 {
                continue;
            }
            let text = match (reg.number(), code) {
                (0, Code::MaybeNull) => format!("{callee} may return NULL"),
                (0, _) => format!("it is what {callee} returned"),
                _ => format!("{callee} leaves nothing in r1 to r5"),
            };
            notes.push((step.at, text));
            break;
        }
        let Some(insn) = decode(step) else { continue };
        if step.text.starts_with("if ") && insn.uses().contains(reg) {
            let name = format!("R{}=", reg.number());
            let known = step.state.split_whitespace().find(|part| part.starts_with(&name));
            notes.push((
                step.at,
                known.map_or("it is compared here".to_owned(), |known| format!("after this, {known}")),
            ));
            continue;
        }
        if !insn.defs().contains(reg) {
            continue;
        }
        match insn {
            Insn::Alu { op: AluOp::Mov, src: Operand::Reg(source), .. } => reg = source,
            Insn::Alu { op: AluOp::Mov, .. } | Insn::LoadImm64 { .. } => {
                notes.push((step.at, "it gets a constant here".to_owned()));
                break;
            }
            Insn::Load { .. } => {
                notes.push((step.at, "it is loaded here".to_owned()));
                break;
            }
            _ => notes.push((step.at, "it is changed here".to_owned())),
        }
    }
    notes
}

/// The instruction of a step, if its text is one of ours; jumps and calls need not be.
fn decode(step: &Step) -> Option<Insn> {
    let text = step.text.split(" goto ").next().unwrap_or_default();
    let text = if text.starts_with("if ") { format!("{text} goto +0\nexit") } else { text.to_owned() };
    skep_isa::decode(&assemble(&text).ok()?, 0).ok()
}

/// What a step calls, as a name.
fn call(step: &Step) -> Option<&str> {
    let callee = step.text.strip_prefix("call ")?;
    Some(callee.split('#').next().unwrap_or(callee))
}

fn moves_packet(callee: &str) -> bool {
    helper::by_name(callee).is_some_and(|helper| helper.traits.changes_packet)
}
