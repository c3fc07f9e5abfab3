//! Accesses outside of stack, map values and other memory: how far the offset reaches, and what bounded it last.

use skep_isa::{AluOp, Insn, Operand, Reg as Number};

use super::story::{Cell, Link, Story, What};
use super::words::{self, bytes};
use super::{Told, damage};
use crate::rejection::{Code, Place, Rejection};
use crate::state::{Reg, RegKind};

pub(super) fn tell(story: &Story<'_>, rejection: &Rejection) -> Told {
    let mut told = Told::default();
    let last = story.last();
    let Some(Place::Register(number)) = rejection.place else { return told };
    let pointer = *story.reg(last, number);
    let life = story.life(last, story.cell(last, number));
    let limit = limit(story, &pointer);
    if let Some(limit) = limit {
        told.label(format!("there are {} here", bytes(limit.into())));
    }
    let added = life.iter().find_map(|link| added(story, link));
    match added {
        Some((step, index)) if pointer.value.as_constant().is_none() => {
            let value = *story.reg(step, index);
            told.note(
                story.at(step),
                format!("the offset added here may be {}", words::number(&value.value)),
            );
            told.cause = Some(story.at(step));
            index_notes(story, &mut told, step, index);
            told.damage = damage::of_number(story, step, index);
            help_index(story, &mut told, rejection, &pointer, limit);
        }
        _ => {
            origin(story, &mut told, &life);
            match rejection.code {
                Code::StackBounds => {
                    told.help("a function has 512 bytes of stack; large data belongs in a per-CPU array of one entry");
                }
                _ => told.help("access only bytes that are there; the size is that of the map's value or of the memory asked for"),
            }
        }
    }
    told
}

/// Bytes of the memory that a pointer points into.
fn limit(story: &Story<'_>, pointer: &Reg) -> Option<u32> {
    match pointer.kind {
        RegKind::MapValue(map) => story.input.maps.get(map.0 as usize).map(|map| map.value_size),
        RegKind::MapKey(map) => story.input.maps.get(map.0 as usize).map(|map| map.key_size),
        RegKind::Mem(size) => Some(size),
        RegKind::Stack(_) => Some(512),
        _ => None,
    }
}

/// The number that a link of a pointer's life added to it, if it was not a constant.
pub(super) fn added(story: &Story<'_>, link: &Link) -> Option<(usize, Number)> {
    if link.what != What::Changed {
        return None;
    }
    let Some(Insn::Alu { op: AluOp::Add | AluOp::Sub, dst, src: Operand::Reg(src), .. }) =
        story.insn(link.step)
    else {
        return None;
    };
    let number = if story.reg(link.step, src).is_scalar() { src } else { dst };
    let value = story.reg(link.step, number);
    (value.is_scalar() && value.as_constant().is_none()).then_some((link.step, number))
}

/// Where a number came from and what narrowed it.
pub(super) fn index_notes(story: &Story<'_>, told: &mut Told, step: usize, number: Number) {
    const MOST: usize = 2;
    let life = story.life(step, story.cell(step, number));
    let mut narrowed = 0;
    for link in &life {
        let Some(after) = story.after(link.step) else { continue };
        let value = Story::value(after, link.cell);
        if !value.is_scalar() {
            continue;
        }
        match (link.what, story.insn(link.step)) {
            (What::Became, Some(Insn::JumpIf { .. })) if narrowed < MOST => {
                narrowed += 1;
                told.note(story.at(link.step), format!("after this it is {}", words::number(&value.value)));
            }
            (What::Changed, Some(Insn::Alu { op: AluOp::And | AluOp::Mod, .. })) if narrowed < MOST => {
                narrowed += 1;
                told.note(story.at(link.step), format!("after this it is {}", words::number(&value.value)));
            }
            (What::Made, _) => {
                let text = if narrowed == 0 {
                    format!("it is {} from here on, and nothing bounds it", words::number(&value.value))
                } else {
                    "the number comes from here".to_owned()
                };
                told.note(story.at(link.step), text);
            }
            _ => {}
        }
    }
}

fn help_index(story: &Story<'_>, told: &mut Told, rejection: &Rejection, pointer: &Reg, limit: Option<u32>) {
    let size = match story.insn(story.last()) {
        Some(
            Insn::Load { size, off, .. } | Insn::Store { size, off, .. } | Insn::Atomic { size, off, .. },
        ) => size.bytes() as i64 + i64::from(off),
        _ => 1,
    };
    let most = limit.map(|limit| i64::from(limit) - size - i64::from(pointer.off)).filter(|&most| most >= 0);
    told.help(match (rejection.code, most) {
        (Code::StackBounds, _) => {
            "check the index right before it is used, against the size of the array".to_owned()
        }
        (_, Some(most)) if pointer.value.s64.min < 0 => {
            format!("make the offset unsigned and check it: it may be 0 to {most}")
        }
        (_, Some(most)) => {
            format!("check the offset right before it is used: `if (offset > {most}) return …;`, or mask it with `&`")
        }
        (_, None) => "check the offset right before it is used".to_owned(),
    });
}

/// Where the pointer was made, and the last step that moved it by a constant.
pub(super) fn origin(story: &Story<'_>, told: &mut Told, life: &[Link]) {
    for link in life {
        let at = story.at(link.step);
        match (link.what, story.insn(link.step), link.cell) {
            (What::Made, Some(_), Cell::Reg(..)) => {
                told.note(at, super::values::made_by(story, link.step));
                told.cause = told.cause.or(Some(at));
            }
            (What::Changed, Some(Insn::Alu { .. }), _) => {
                let Some(after) = story.after(link.step) else { continue };
                let value = Story::value(after, link.cell);
                if value.is_pointer() && told.notes.len() < 2 {
                    told.note(at, format!("after this it is {}", words::reg(&value)));
                }
            }
            _ => {}
        }
    }
}
