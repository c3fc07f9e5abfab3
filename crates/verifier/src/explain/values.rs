//! Registers without a value, arithmetic and comparisons that are not allowed, offsets without bounds.

use skep_isa::{AluOp, Insn, Operand, Reg as Number, Width};

use super::story::{Cell, Story, What};
use super::{Told, bounds, damage, packet, words};
use crate::rejection::{Code, Place, Rejection};
use crate::state::RegKind;

pub(super) fn tell(story: &Story<'_>, rejection: &Rejection) -> Told {
    let Some(Place::Register(number)) = rejection.place else { return Told::default() };
    match rejection.code {
        Code::Uninitialised => uninitialised(story, number),
        Code::UnboundedOffset => unbounded(story, number),
        _ => operands(story, number),
    }
}

/// How an instruction made a value.
pub(super) fn made_by(story: &Story<'_>, step: usize) -> String {
    match story.insn(step) {
        Some(Insn::Call(_)) => format!("it is what {} returned", story.callee(step)),
        Some(Insn::Load { .. } | Insn::LoadAcquire { .. }) => "it is loaded here".to_owned(),
        Some(Insn::LoadImm64 { .. } | Insn::Alu { op: AluOp::Mov, src: Operand::Imm(_), .. }) => {
            "it gets a constant here".to_owned()
        }
        Some(Insn::LegacyLoad { .. }) => "it is loaded from the packet here".to_owned(),
        _ => "it is made here".to_owned(),
    }
}

/// A register that is read without a value: was there one, and what took it away?
pub(super) fn uninitialised(story: &Story<'_>, number: Number) -> Told {
    let mut told = Told::default();
    let last = story.last();
    let Cell::Reg(depth, _) = story.cell(last, number) else { return told };
    told.label("there is no value to read here");
    let cell = Cell::Reg(depth, number);
    let had = |step: usize| {
        story.before(step).depth() >= depth && Story::value(story.before(step), cell).kind != RegKind::Uninit
    };
    let same_frame = |step: &usize| story.before(*step).depth() >= depth;
    let lost = (0..last).rev().take_while(same_frame).find(|&step| had(step));
    if let Some(step) = lost {
        let (at, insn) = (story.at(step), story.insn(step));
        told.cause = Some(at);
        if packet::moves_packet(insn) && number.number() > 5 {
            told.note(at, "this may move the packet: pointers into it are void");
            told.help("load the pointers from the context again after the call, and check them again");
        } else if let Some(Insn::Call(_)) = insn {
            told.note(at, format!("{} leaves nothing in r1 to r5", story.callee(step)));
            told.help("keep what is needed after a call in a local variable (r6 to r9, or the stack)");
        } else {
            told.note(at, "after this there is nothing in it");
        }
        return told;
    }
    // It is written somewhere, but not on this path: the jump that went round it.
    if let Some((written, jump)) = gone_round(story, number, depth) {
        told.note(written, "it is written here, but not on this path");
        told.note(jump, "this jump goes round it");
        told.cause = Some(jump);
    }
    told.help("give the variable a value on every path: initialise it where it is declared");
    told
}

/// An instruction that writes the register and was skipped, with the jump that skipped it.
fn gone_round(story: &Story<'_>, number: Number, depth: usize) -> Option<(usize, usize)> {
    let in_frame = |step: &usize| story.before(*step).depth() == depth;
    for step in (0..story.last()).rev().filter(in_frame) {
        let (at, insn) = (story.at(step), story.insn(step)?);
        let Some(target) = insn.jump_target(at) else { continue };
        let (from, to) = if story.moments[step + 1].at == target { (at + 1, target) } else { continue };
        let writes = |slot: &usize| {
            skep_isa::decode(&story.input.insns, *slot)
                .is_ok_and(|insn| insn.defs().contains(number) && !matches!(insn, Insn::Call(_)))
        };
        if let Some(written) = (from..to).find(writes) {
            return Some((written, at));
        }
    }
    None
}

/// A number without bounds is added to a pointer.
fn unbounded(story: &Story<'_>, number: Number) -> Told {
    let mut told = Told::default();
    let last = story.last();
    let index = match story.insn(last) {
        Some(Insn::Alu { dst, src: Operand::Reg(src), .. }) => {
            if story.reg(last, src).is_scalar() {
                src
            } else {
                dst
            }
        }
        _ => number,
    };
    let value = *story.reg(last, index);
    if value.is_scalar() {
        told.label(format!("the number added may be {}", words::number(&value.value)));
        bounds::index_notes(story, &mut told, last, index);
        told.damage = damage::of_number(story, last, index);
        told.help(if value.value.s64.min < 0 && value.value.u32.max < u32::MAX {
            "make the variable a 64-bit unsigned one, or mask it (`index &= 0xff`), so that all of it is bounded"
        } else {
            "bound the number before it is added: `if (number > MOST) return …;`, or `number &= MASK`"
        });
    }
    told
}

/// An operation that does not go with what its operands are.
fn operands(story: &Story<'_>, number: Number) -> Told {
    let mut told = Told::default();
    let last = story.last();
    let value = *story.reg(last, number);
    told.label(format!("this is {}", words::reg(&value)));
    if matches!(story.insn(last), Some(Insn::Alu { width: Width::W32, .. })) && value.is_pointer() {
        told.help("pointers have 64 bits: do not cast them to 32-bit integers");
    }
    let life = story.life(last, story.cell(last, number));
    for link in life.iter().filter(|link| link.what == What::Made).take(1) {
        told.note(story.at(link.step), made_by(story, link.step));
    }
    told
}
