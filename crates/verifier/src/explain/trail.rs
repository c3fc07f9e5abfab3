//! A failing path for other programs: what ran, and how it branched.

use skep_isa::{Call, Insn};

use super::story::Story;

/// The way to an error. Long paths are cut at their beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    /// The slots of the instructions that ran, in order; the last is the one at fault.
    pub steps: Vec<usize>,
    /// The conditional jumps among them, in order.
    pub branches: Vec<Branch>,
    /// The calls of helpers among them: slot and helper, in order.
    pub helpers: Vec<(usize, i32)>,
    /// Fields of the input and the values that lead along this path.
    pub wants: Vec<super::Want>,
    /// The map values that the path uses.
    pub entries: Vec<super::Entry>,
    /// The bytes of packet that the path proves, where the error is about a packet pointer.
    pub packet: Option<u32>,
}

/// A conditional jump that came out one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Branch {
    /// Index into [`Trail::steps`].
    pub step: usize,
    /// Its slot.
    pub insn: usize,
    /// Whether it was taken.
    pub taken: bool,
    /// The constant that a number was compared with, if it was one.
    pub constant: Option<u64>,
}

impl Trail {
    pub(crate) fn of(story: &Story<'_>) -> Trail {
        let mut trail = Trail::default();
        for (step, moment) in story.moments.iter().enumerate() {
            trail.steps.push(moment.at);
            match story.insn(step) {
                Some(Insn::JumpIf { dst, src, .. }) if step < story.last() => {
                    let constant = match src {
                        skep_isa::Operand::Imm(imm) => Some(i64::from(imm) as u64),
                        skep_isa::Operand::Reg(reg) => story.reg(step, reg).as_constant(),
                    };
                    let constant = constant.or_else(|| story.reg(step, dst).as_constant());
                    trail.branches.push(Branch { step, insn: moment.at, taken: story.taken(step), constant });
                }
                Some(Insn::Call(Call::Helper(id))) => trail.helpers.push((moment.at, id)),
                _ => {}
            }
        }
        trail
    }
}
