//! What an input must hold for a run to take a failing path, as far as single fields decide it.
//!
//! Each comparison on the path with a constant asks something of one number; where that number is a field of the packet, of the context or of a
//! map's value that went through operations that can be undone, the field's value follows. It is a guess and not a proof: whether
//! the run goes that way is seen by running it.

use skep_isa::{AluOp, Call, Condition, Endian, Insn, Operand, Reg as Number};

use super::bounds;
use super::entries::{self, Entry};
use super::story::{Cell, Story, What};
use crate::rejection::{Place, Rejection};
use crate::state::RegKind;

/// How many numbers one is put together of at most, counted along one side.
const PARTS: usize = 8;

/// Where a number comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// Bytes of the packet from this offset.
    Packet(u32),
    /// A field of the context at this offset.
    Context(u32),
    /// What a helper returns.
    Helper {
        /// The helper's number.
        helper: i32,
        /// How many calls of it come before on the path.
        before: usize,
    },
    /// Bytes of a map's value.
    Value {
        /// Index into [`Trail::entries`](super::Trail::entries).
        entry: usize,
        /// Offset in the value.
        at: u32,
    },
}

/// A field and the value that it should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    /// The field.
    pub source: Source,
    /// Its bytes.
    pub size: u32,
    /// Its value, as a little-endian load sees it.
    pub value: u64,
    /// Whether no other value would do.
    pub exact: bool,
}

/// What an input should hold.
#[derive(Default)]
pub(crate) struct Wants {
    /// The fields that decide about the path, the decisive ones last.
    pub(crate) fields: Vec<Want>,
    /// How long the packet should be, if that matters.
    pub(crate) length: Option<u32>,
    /// The map values that the path uses.
    pub(crate) entries: Vec<Entry>,
}

/// What the path of a rejection asks of the input.
pub(crate) fn of(story: &Story<'_>, rejection: &Rejection) -> Wants {
    let mut wants = Vec::new();
    if story.is_empty() {
        return Wants::default();
    }
    let mut entries = entries::of(story);
    let last = story.last();
    for step in 0..last {
        let Some(Insn::JumpIf { cond, dst, src, .. }) = story.insn(step) else { continue };
        let constant = match src {
            Operand::Imm(imm) => Some(i64::from(imm) as u64),
            Operand::Reg(reg) => story.reg(step, reg).as_constant(),
        };
        let Some(constant) = constant else { continue };
        let (value, exact) = satisfying(cond, story.taken(step), constant);
        let mut found = Vec::new();
        want(story, &mut entries, step, dst, value, PARTS, &mut found);
        wants.extend(found.into_iter().map(|want| Want { exact, ..want }));
    }
    wants.sort_by_key(|want| want.exact);
    // An offset that is too great: as great as it can be.
    let mut length = None;
    if let Some(Place::Register(number)) = rejection.place {
        let pointer = *story.reg(last, number);
        let life = story.life(last, story.cell(last, number));
        if let Some((step, index)) = life.iter().find_map(|link| bounds::added(story, link)) {
            let most = story.reg(step, index).value.u64.max;
            let mut found = Vec::new();
            want(story, &mut entries, step, index, most, PARTS, &mut found);
            wants.extend(found.into_iter().map(|want| Want { exact: true, ..want }));
        }
        if pointer.is_packet() {
            let proved = |state: &crate::state::State| {
                let frames = state.frames.iter().flat_map(|frame| frame.regs().iter());
                frames
                    .filter(|reg| reg.kind == RegKind::Packet && reg.range > 0)
                    .map(|reg| reg.range as u32)
                    .max()
            };
            length = Some(story.moments.iter().filter_map(|moment| proved(&moment.state)).max().unwrap_or(0));
        }
    }
    Wants { fields: wants, length, entries }
}

/// A number for which a comparison with `constant` comes out as `outcome`, and whether it is the only one.
fn satisfying(cond: Condition, outcome: bool, constant: u64) -> (u64, bool) {
    use Condition::*;
    let below = constant.saturating_sub(1);
    let above = constant.wrapping_add(1);
    match (cond, outcome) {
        (Eq, true) | (Ne, false) => (constant, true),
        (Eq, false) | (Ne, true) => (if constant == 0 { 1 } else { 0 }, false),
        (Gt | Sgt, true) | (Le | Sle, false) => (above, false),
        (Gt | Sgt, false) | (Le | Sle, true) | (Ge | Sge, true) | (Lt | Slt, false) => (constant, false),
        (Ge | Sge, false) | (Lt | Slt, true) => (below, false),
        (Set, true) => (constant, false),
        (Set, false) => (0, false),
    }
}

/// The fields that the number in a register was made of, and what they must be for the number to be `value`. A number put together of
/// several (`a << 8 | b`, as compilers read what may not be aligned) asks something of each, `parts` deep.
fn want(
    story: &Story<'_>,
    entries: &mut Vec<Entry>,
    step: usize,
    number: Number,
    value: u64,
    parts: usize,
    found: &mut Vec<Want>,
) -> Option<()> {
    let mut value = value;
    for link in story.life(step, story.cell(step, number)) {
        let insn = story.insn(link.step)?;
        match link.what {
            What::Moved | What::Became => {}
            What::Changed => match insn {
                Insn::Alu { op: AluOp::Or | AluOp::Add | AluOp::Xor, src: Operand::Reg(other), .. } => {
                    let Cell::Reg(_, own) = link.cell else { return None };
                    let (own, theirs) = (bits(story, link.step, own), bits(story, link.step, other));
                    if own & theirs != 0 || parts == 0 {
                        return None;
                    }
                    want(story, entries, link.step, other, value & theirs, parts - 1, found);
                    value &= own;
                }
                _ => value = undone(insn, value)?,
            },
            What::Made => {
                if let Insn::Call(Call::Helper(helper)) = insn {
                    let same = |step: &usize| story.insn(*step) == Some(insn);
                    let before = (0..link.step).filter(same).count();
                    let source = Source::Helper { helper, before };
                    found.push(Want { source, size: 8, value, exact: false });
                    return Some(());
                }
                let Insn::Load { size, src, off, .. } = insn else { return None };
                let Cell::Reg(depth, _) = link.cell else { return None };
                let base = *story.before(link.step).frames.get(depth)?.reg(src);
                let at = i64::from(base.off) + i64::from(off) + base.value.as_constant()? as i64;
                let at = u32::try_from(at).ok()?;
                let source = match base.kind {
                    RegKind::Packet => Source::Packet(at),
                    RegKind::Ctx => Source::Context(at),
                    RegKind::MapValue(_) => {
                        let used = entries::entry(story, link.step, src)?;
                        let known = entries.iter().position(|entry| *entry == used);
                        let entry = known.unwrap_or_else(|| {
                            entries.push(used);
                            entries.len() - 1
                        });
                        Source::Value { entry, at }
                    }
                    _ => return None,
                };
                found.push(Want { source, size: size.bytes() as u32, value, exact: false });
                return Some(());
            }
        }
    }
    None
}

/// The bits that a register may have set before a step.
fn bits(story: &Story<'_>, step: usize, number: Number) -> u64 {
    let known = story.before(step).reg(number).value.bits;
    known.value() | known.mask()
}

/// The operand of an operation whose result is `value`.
fn undone(insn: Insn, value: u64) -> Option<u64> {
    Some(match insn {
        Insn::Endian { kind: Endian::Be | Endian::Swap, size, .. } => {
            let bytes = size.bytes() as u32;
            value.swap_bytes() >> (64 - 8 * bytes)
        }
        Insn::Endian { .. } | Insn::MovSx { .. } => value,
        Insn::Alu { op, src: Operand::Imm(imm), .. } => {
            let imm = i64::from(imm) as u64;
            match op {
                AluOp::And => value & imm,
                AluOp::Add => value.wrapping_sub(imm),
                AluOp::Sub => value.wrapping_add(imm),
                AluOp::Xor => value ^ imm,
                AluOp::Lsh if imm < 64 => value >> imm,
                AluOp::Rsh if imm < 64 => value << imm,
                AluOp::Mul if imm != 0 => value / imm,
                _ => return None,
            }
        }
        _ => return None,
    })
}
