//! Accesses through what is no pointer, or not one for this: where the value came from, and where it stopped being one.

use skep_isa::{Call, Insn};

use super::story::{Link, Story, What};
use super::values::made_by;
use super::{Told, packet, words};
use crate::analysis;
use crate::rejection::{Code, Place, Rejection};
use crate::state::{Reg, RegKind};

pub(super) fn tell(story: &Story<'_>, rejection: &Rejection) -> Told {
    match (rejection.code, rejection.place) {
        (Code::StackUninitialised, _) => stack(story, rejection),
        (Code::MaybeNull, Some(Place::Register(number))) => maybe_null(story, number),
        (_, Some(Place::Register(number))) => pointer(story, rejection.code, number),
        _ => Told::default(),
    }
}

/// A pointer that was not compared with NULL.
fn maybe_null(story: &Story<'_>, number: skep_isa::Reg) -> Told {
    let mut told = Told::default();
    let last = story.last();
    let value = *story.reg(last, number);
    told.label("it may be NULL here");
    let life = story.life(last, story.cell(last, number));
    if let Some(made) = life.iter().find(|link| link.what == What::Made) {
        let at = story.at(made.step);
        told.cause = Some(at);
        match story.insn(made.step) {
            Some(Insn::Call(_)) => {
                told.note(
                    at,
                    format!("{} returns NULL when there is nothing to give", story.callee(made.step)),
                );
            }
            Some(_) => told.note(at, "what is loaded here may be NULL"),
            None => {}
        }
        told.damage = other_check(story, made, &value);
        if let Some(check) = checked_elsewhere(story, made.step, &value) {
            told.note(story.at(check), "this compares another pointer with NULL");
        }
    }
    told.help("compare it with NULL before it is used: `if (!pointer) return …;`");
    told
}

/// A comparison with NULL, since the pointer was made, of a pointer that is another.
fn checked_elsewhere(story: &Story<'_>, made: usize, value: &Reg) -> Option<usize> {
    story.comparisons(story.last()).take_while(|comparison| comparison.step > made).find_map(|comparison| {
        let compared = story.reg(comparison.step, comparison.dst);
        (compared.is_nullable() && compared.id != value.id).then_some(comparison.step)
    })
}

/// Two calls of the same function where the source has one: the check is of the other's result.
fn other_check(story: &Story<'_>, made: &Link, value: &Reg) -> Option<String> {
    let call = story.insn(made.step).filter(|insn| matches!(insn, Insn::Call(_)))?;
    let same_line = |a: usize, b: usize| {
        super::damage::line(story, a).is_some_and(|line| super::damage::line(story, b) == Some(line))
    };
    story.comparisons(story.last()).find_map(|comparison| {
        let compared = story.reg(comparison.step, comparison.dst);
        if !compared.is_nullable() || compared.id == value.id {
            return None;
        }
        let life = story.life(comparison.step, story.cell(comparison.step, comparison.dst));
        let other = life.iter().find(|link| link.what == What::Made)?;
        let twice = story.insn(other.step) == Some(call) && same_line(story.at(other.step), story.at(made.step));
        twice.then(|| {
            "the compiler made two calls of one, and the check is of the other's result; keep the pointer in one variable \
             and pass it through `asm volatile(\"\" : \"+r\"(pointer))`"
                .to_owned()
        })
    })
}

/// A value that is no pointer (any more), or one that does not allow this.
fn pointer(story: &Story<'_>, code: Code, number: skep_isa::Reg) -> Told {
    let mut told = Told::default();
    let last = story.last();
    let value = *story.reg(last, number);
    let not = if value.is_scalar() { ", not a pointer" } else { "" };
    told.label(format!("this is {}{not}", words::reg(&value)));
    let life = story.life(last, story.cell(last, number));
    for link in &life {
        let (Some(insn), Some(after)) = (story.insn(link.step), story.after(link.step)) else { continue };
        let was = Story::value(story.before(link.step), link.cell);
        let is = Story::value(after, link.cell);
        let at = story.at(link.step);
        if link.what != What::Made && was.is_pointer() && is.is_scalar() {
            told.cause = Some(at);
            stopped(story, &mut told, link, insn, &was, &is);
            return told;
        }
        if link.what == What::Changed && is.is_pointer() && told.notes.is_empty() {
            told.note(at, format!("after this it is {}", words::reg(&is)));
        }
        if link.what == What::Made {
            told.note(at, made_by(story, link.step));
            told.cause = told.cause.or(Some(at));
            help_number(&mut told, code, insn, &value);
        }
    }
    if code == Code::Misaligned {
        told.help("access the bytes one by one, or copy them to an aligned variable with __builtin_memcpy");
    }
    told
}

/// The step at which a pointer became a number.
fn stopped(story: &Story<'_>, told: &mut Told, link: &Link, insn: Insn, was: &Reg, is: &Reg) {
    let at = story.at(link.step);
    match insn {
        _ if packet::moves_packet(Some(insn)) => {
            told.note(at, "this may move the packet: every pointer into it is void from here on");
            told.help("load data and data_end from the context again after the call, and repeat the check");
        }
        Insn::Call(_) => {
            told.note(
                at,
                format!("{} takes it back: the pointer is void from here on", story.callee(link.step)),
            );
            told.help("use it before it is given back");
        }
        Insn::JumpIf { .. } if is.is_null() => {
            told.note(at, "this found it NULL, and the access is on that side");
            told.help("leave this path when the pointer is NULL: `if (!pointer) return …;`");
        }
        _ => told.note(at, format!("here {} becomes {}", words::reg(was), words::reg(is))),
    }
}

fn help_number(told: &mut Told, code: Code, insn: Insn, value: &Reg) {
    if code != Code::NotAPointer || !value.is_scalar() || told.help.is_some() {
        return;
    }
    told.help(match insn {
        Insn::Load { .. } => "an address loaded from memory is a number; read through it with bpf_probe_read_kernel or BPF_CORE_READ",
        Insn::Call(Call::Helper(id)) if analysis::helper(id).is_some_and(|helper| helper.name.starts_with("get_current")) => {
            "this helper returns a number; use the helper that returns a pointer (bpf_get_current_task_btf), or bpf_probe_read_kernel"
        }
        _ => "only what a map, a helper or the context gives as a pointer can be accessed",
    });
}

/// Bytes of the stack that were not written.
fn stack(story: &Story<'_>, rejection: &Rejection) -> Told {
    let mut told = Told::default();
    let Some(Place::Stack(off)) = rejection.place else { return told };
    let last = story.last();
    told.label(format!("byte r10{off:+} has no value here"));
    // The last store near it shows which variable it is.
    let near = |step: &usize| match story.insn(*step) {
        Some(Insn::Store { dst, off: to, .. }) => {
            let base = story.reg(*step, dst);
            let at = base.off + i32::from(to);
            matches!(base.kind, RegKind::Stack(_)) && (at - off).abs() <= 16
        }
        _ => false,
    };
    if let Some(step) = (0..last).rev().find(near) {
        told.note(story.at(step), "bytes near it are written here");
        told.cause = Some(story.at(step));
    }
    told.help("write all of it first, padding included: `__builtin_memset(&variable, 0, sizeof(variable))`");
    told
}
