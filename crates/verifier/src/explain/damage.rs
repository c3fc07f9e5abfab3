//! What the compiler did to a check that stands in the source.
//!
//! A check proves something of one register. Compilers know that two registers hold the same number and check the one while using
//! the other; they compare the lower 32 bits of a number and add all 64; they join two pointers and use what is common. The source
//! is right, and the program is refused. Each of these has a shape on the failing path, and only where the shape is there is it named.

use skep_isa::{AluOp, Insn, Operand, Reg as Number, Size, Width};

use super::packet::is_packet_check;
use super::story::{Cell, Link, Story, What};
use crate::state::{Reg, RegKind};

/// Checks looked at before giving up.
const MOST_CHECKS: usize = 200;

const BARRIER: &str = "put `asm volatile(\"\" : \"+r\"(index));` before the check, so that the compiler checks the register that it uses";

/// The source line of a slot.
pub(super) fn line(story: &Story<'_>, at: usize) -> Option<u32> {
    let lines = &story.input.lines;
    let index = lines.partition_point(|&(start, _)| start <= at).checked_sub(1)?;
    Some(lines[index].1)
}

/// A number that is not bounded enough at `step`, though something on the path looks like a bound of it.
pub(super) fn of_number(story: &Story<'_>, step: usize, number: Number) -> Option<String> {
    let value = *story.reg(step, number);
    let life = story.life(step, story.cell(step, number));
    let made = life.iter().find(|link| link.what == What::Made);
    lower_half(story, &life, &value)
        .or_else(|| shifted(story, &life))
        .or_else(|| made.and_then(|made| copy(story, step, &life, made)))
}

/// The comparison was of the lower 32 bits, and all 64 are used.
fn lower_half(story: &Story<'_>, life: &[Link], value: &Reg) -> Option<String> {
    if value.value.u32.max == u32::MAX || value.value.u64.max <= u64::from(u32::MAX) {
        return None;
    }
    let narrow = |link: &&Link| {
        link.what == What::Became
            && matches!(story.insn(link.step), Some(Insn::JumpIf { width: Width::W32, .. }))
    };
    life.iter().find(narrow)?;
    Some(
        "the compiler compares the lower 32 bits of the number and uses all 64: make the variable 64 bits wide (`__u64`), or \
         mask it after the check"
            .to_owned(),
    )
}

/// `<< 32`, `>> 32`: a bound of the number before is not one of the number after.
fn shifted(story: &Story<'_>, life: &[Link]) -> Option<String> {
    let shift = |link: &Link, wanted: &[AluOp]| matches!(story.insn(link.step), Some(Insn::Alu { op, src: Operand::Imm(32), .. }) if wanted.contains(&op));
    let right = life.iter().position(|link| shift(link, &[AluOp::Rsh, AluOp::Arsh]))?;
    let left = life[right..].iter().any(|link| shift(link, &[AluOp::Lsh]));
    // A bound that came after the shifts counts.
    let later = life[..right].iter().any(|link| link.what == What::Became);
    (left && !later).then(|| {
        "the compiler extends the number from 32 to 64 bits by shifting it, and what was checked before is lost: make the \
         variable 64 bits wide (`__u64`), or build with `-mcpu=v3`"
            .to_owned()
    })
}

/// Another register that holds the same number was checked instead.
fn copy(story: &Story<'_>, step: usize, life: &[Link], made: &Link) -> Option<String> {
    let cells: Vec<Cell> = life.iter().map(|link| link.cell).collect();
    for check in story.comparisons(step).take_while(|check| check.step > made.step).take(MOST_CHECKS) {
        let sides = [Some(check.dst), if let Operand::Reg(reg) = check.src { Some(reg) } else { None }];
        for side in sides.into_iter().flatten() {
            let compared = story.reg(check.step, side);
            let bounds = life.iter().any(|link| link.step == check.step);
            if !compared.is_scalar() || compared.as_constant().is_some() || bounds {
                continue;
            }
            let other = story.life(check.step, story.cell(check.step, side));
            let Some(origin) = other.iter().find(|link| link.what == What::Made) else { continue };
            let same = origin.step == made.step || same_place(story, origin, made);
            if same && !cells.contains(&story.cell(check.step, side)) {
                let at = story.at(check.step);
                let how = if origin.step == made.step {
                    "a copy of the number"
                } else {
                    "the same number, loaded twice,"
                };
                return Some(format!(
                    "the check at instruction {at} is of {how} that the compiler keeps in r{}, and another register is used: {BARRIER}",
                    side.number()
                ));
            }
        }
    }
    None
}

/// Both are loads from the same place.
fn same_place(story: &Story<'_>, a: &Link, b: &Link) -> bool {
    let place = |link: &Link| -> Option<(Size, i16, RegKind, i32)> {
        let Some(Insn::Load { size, src, off, .. }) = story.insn(link.step) else { return None };
        let base = story.reg(link.step, src);
        base.is_pointer().then_some((size, off, base.kind, base.off))
    };
    place(a).is_some_and(|place_a| place(b) == Some(place_a))
}

/// A packet pointer without proof, though a comparison with the packet's end stands on the path.
pub(super) fn of_packet(story: &Story<'_>, number: Number) -> Option<String> {
    let last = story.last();
    let pointer = *story.reg(last, number);
    pointer.value.as_constant().is_none().then_some(())?;
    let life = story.life(last, story.cell(last, number));
    let moved = life.iter().find_map(|link| super::bounds::added(story, link))?;
    let check = story.comparisons(last).find(|check| is_packet_check(story, check))?;
    let Operand::Reg(right) = check.src else { return None };
    let checked =
        [check.dst, right].into_iter().find(|&reg| story.reg(check.step, reg).kind == RegKind::Packet)?;
    let other = story.life(check.step, story.cell(check.step, checked));
    let (step, index) = other.iter().find_map(|link| super::bounds::added(story, link))?;
    let origin = |step: usize, index: Number| {
        story
            .life(step, story.cell(step, index))
            .into_iter()
            .find(|link| link.what == What::Made)
            .map(|link| link.step)
    };
    let same_number = origin(step, index).is_some() && origin(step, index) == origin(moved.0, moved.1);
    (same_number && story.reg(check.step, checked).id != pointer.id).then(|| {
        "the compiler adds the same offset twice, once for the check and once for the access, and the verifier does not see \
         that both are one pointer: compute the pointer once and pass it through `asm volatile(\"\" : \"+r\"(pointer))` before \
         the check"
            .to_owned()
    })
}
