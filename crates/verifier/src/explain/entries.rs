//! The values of maps that a path uses, and the keys they are found under.
//!
//! A pointer to a value is followed back to the lookup that made it; the key is what constant stores left in the key's memory on
//! the stack before. A key that is not constant stays open. As all of what an input must hold, it is a guess that a run
//! confirms.

use skep_isa::{Call, Insn, Operand, Reg as Number};

use super::story::{Story, What};
use crate::state::RegKind;

/// Accesses of map values that are followed, the latest on the path.
const MOST: usize = 64;
/// The longest key that is put together.
const LONGEST: u32 = 64;

/// A value of a map that the path uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Index of the map in [`Input::maps`](crate::Input::maps).
    pub map: usize,
    /// Its key, if that is constant.
    pub key: Option<Vec<u8>>,
}

/// The map values that the path reads and writes, those at its end first.
pub(crate) fn of(story: &Story<'_>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let accesses = (0..=story.last()).rev().filter_map(|step| {
        let base = match story.insn(step)? {
            Insn::Load { src, .. } => src,
            Insn::Store { dst, .. } | Insn::Atomic { dst, .. } => dst,
            _ => return None,
        };
        matches!(story.reg(step, base).kind, RegKind::MapValue(_)).then_some((step, base))
    });
    for (step, base) in accesses.take(MOST) {
        if let Some(entry) = entry(story, step, base)
            && !entries.contains(&entry)
        {
            entries.push(entry);
        }
    }
    entries
}

/// The entry whose value a register points into before a step.
pub(crate) fn entry(story: &Story<'_>, step: usize, base: Number) -> Option<Entry> {
    let RegKind::MapValue(map) = story.reg(step, base).kind else { return None };
    let map = map.0 as usize;
    let size = story.input.maps.get(map)?.key_size;
    let life = story.life(step, story.cell(step, base));
    let made = life.last().filter(|link| link.what == What::Made)?.step;
    let key = match story.insn(made)? {
        // A global variable: the one entry of an array.
        Insn::LoadImm64 { .. } => Some(vec![0; size as usize]),
        Insn::Call(Call::Helper(_)) => key(story, made, size),
        _ => None,
    };
    Some(Entry { map, key })
}

/// What constant stores left where r2 points at the call at a step.
fn key(story: &Story<'_>, call: usize, size: u32) -> Option<Vec<u8>> {
    let pointer = story.reg(call, Number::R2);
    let RegKind::Stack(frame) = pointer.kind else { return None };
    let start = i64::from(pointer.off) + pointer.value.as_constant()? as i64;
    let mut bytes = vec![None; size.min(LONGEST) as usize];
    if bytes.len() < size as usize {
        return None;
    }
    for step in (0..call).rev() {
        if bytes.iter().all(Option::is_some) {
            break;
        }
        let Some(Insn::Store { size, dst, off, src }) = story.insn(step) else { continue };
        let base = story.reg(step, dst);
        if base.kind != RegKind::Stack(frame) {
            continue;
        }
        let at = i64::from(base.off) + i64::from(off) + base.value.as_constant()? as i64 - start;
        let value = match src {
            Operand::Imm(imm) => Some(i64::from(imm) as u64),
            Operand::Reg(reg) => story.reg(step, reg).as_constant(),
        };
        for index in 0..size.bytes() as i64 {
            let place = usize::try_from(at + index).ok().and_then(|index| bytes.get_mut(index));
            if let Some(place @ None) = place {
                *place = Some((value? >> (8 * index)) as u8);
            }
        }
    }
    bytes.into_iter().collect()
}
