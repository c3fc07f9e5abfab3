//! Packet accesses: which comparison proved how many bytes, and why it was not enough.

use skep_isa::{Call, Insn, Operand, Reg as Number};

use super::story::{Cell, Comparison, Story, What};
use super::words::bytes;
use super::{Told, damage};
use crate::analysis;
use crate::rejection::{Place, Rejection};
use crate::state::{Reg, RegKind, State};

pub(super) fn tell(story: &Story<'_>, rejection: &Rejection) -> Told {
    let mut told = Told::default();
    let last = story.last();
    let Some(Place::Register(number)) = rejection.place else { return told };
    let pointer = *story.reg(last, number);
    let (off, size) = touched(story, last, number);
    let need = i64::from(pointer.off) + off + size;
    told.label(match pointer.value.as_constant() {
        Some(_) if size == 1 => format!("this is byte {} of the packet", need - 1),
        Some(_) => format!("these are bytes {} to {} of the packet", need - size, need - 1),
        None => format!("{} behind an offset that varies", bytes(size)),
    });
    let life = story.life(last, story.cell(last, number));
    // The comparison that the present range comes from.
    let proof = life
        .iter()
        .find(|link| link.what == What::Became && matches!(story.insn(link.step), Some(Insn::JumpIf { .. })));
    match proof {
        Some(link) if pointer.range > 0 => {
            told.note(story.at(link.step), format!("this proves {}", bytes(pointer.range.into())));
            told.cause = Some(story.at(link.step));
        }
        _ => {
            lost(story, &mut told, &life, &pointer);
        }
    }
    origin(story, &mut told, &life);
    if pointer.value.s64.min < 0 {
        told.help("make the offset unsigned, or check that it is not negative, before it is added");
    } else {
        told.help(format!(
            "check {} instead: `if (pointer + {need} > data_end) return …;`, with the pointer that is used here",
            if pointer.range > 0 { bytes(need) } else { "the length".to_owned() }
        ));
    }
    told.damage = damage::of_packet(story, number);
    told
}

/// Offset and size of the failing access; of a helper's argument only that it begins at the pointer.
fn touched(story: &Story<'_>, step: usize, number: Number) -> (i64, i64) {
    match story.insn(step) {
        Some(
            Insn::Load { size, off, .. } | Insn::Store { size, off, .. } | Insn::Atomic { size, off, .. },
        ) => (off.into(), size.bytes() as i64),
        Some(Insn::Call(_)) => {
            // The size stands in the register after the pointer's.
            let size = Number::new(number.number() + 1).map(|next| story.reg(step, next).value.u64.max);
            (0, size.filter(|&size| size < 1 << 20).map_or(1, |size| size as i64))
        }
        _ => (0, 1),
    }
}

/// No comparison proves anything of this pointer: was there one before, of another?
fn lost(story: &Story<'_>, told: &mut Told, life: &[super::story::Link], pointer: &Reg) {
    let moved = life.iter().find(|link| link.what == What::Changed && varies(story, link.step, link.cell));
    if let Some(link) = moved
        && pointer.value.as_constant().is_none()
    {
        let text = "an unknown number is added here: what was checked before says nothing of the sum";
        told.note(story.at(link.step), text);
        told.cause = Some(story.at(link.step));
    }
    let check = story.comparisons(story.last()).find(|comparison| is_packet_check(story, comparison));
    let Some(check) = check else { return };
    let between = (check.step..story.last()).rev().find(|&step| moves_packet(story.insn(step)));
    match between {
        Some(step) => {
            told.note(story.at(step), "this may move the packet: what was checked before is void");
            told.note(story.at(check.step), "the check was made here, before the packet was moved");
        }
        None if failed(story, &check) => {
            told.note(
                story.at(check.step),
                "the packet is too short where this check comes out as it does here",
            );
        }
        None => told.note(story.at(check.step), "this check is of another pointer or another offset"),
    }
}

fn varies(story: &Story<'_>, step: usize, cell: Cell) -> bool {
    let (was, is) =
        (Story::value(story.before(step), cell), story.after(step).map(|state| Story::value(state, cell)));
    is.is_some_and(|is| was.value != is.value)
}

pub(super) fn is_packet_check(story: &Story<'_>, comparison: &Comparison) -> bool {
    let Operand::Reg(right) = comparison.src else { return false };
    let kinds = [story.reg(comparison.step, comparison.dst).kind, story.reg(comparison.step, right).kind];
    kinds.contains(&RegKind::PacketEnd) || (kinds[0] != kinds[1] && kinds.contains(&RegKind::PacketMeta))
}

/// Whether the path took the side of a check on which the packet is too short.
fn failed(story: &Story<'_>, check: &Comparison) -> bool {
    let proves = |state: &State| state.any_reg(|reg| reg.is_packet() && reg.range > 0);
    story.after(check.step).is_some_and(|after| !proves(after))
}

pub(super) fn moves_packet(insn: Option<Insn>) -> bool {
    let Some(Insn::Call(Call::Helper(id))) = insn else { return false };
    analysis::helper(id).is_some_and(|helper| helper.traits.changes_packet)
}

/// Where the pointer was loaded, if nothing else points there.
fn origin(story: &Story<'_>, told: &mut Told, life: &[super::story::Link]) {
    let made = life.iter().find(|link| link.what == What::Made);
    if let Some(link) = made
        && matches!(story.insn(link.step), Some(Insn::Load { .. }))
    {
        told.note(story.at(link.step), "the pointer comes from here");
        told.cause = told.cause.or(None);
    }
}
