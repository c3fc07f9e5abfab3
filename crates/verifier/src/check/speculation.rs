//! What a processor that mispredicts could do, for programs of those who may not read the kernel's memory.
//!
//! A processor runs ahead of the facts. It may take the outcome of a comparison that never comes true, and see a register's old value after a store
//! that it has not finished. Whoever may read kernel memory anyway gains nothing by it; for all others Linux takes three measures, which
//! decide verdicts:
//!
//! * Behind a comparison whose outcome is certain, the other side is walked too, as a *speculative* path. What would be refused there
//!   is not: a barrier in front of that instruction ends the processor's guess, and the path.
//! * A number added to a pointer is masked to a limit that follows from what is known of the pointer. The mask is part of the program, so every path that comes to the
//!   instruction must agree on it; and as a masked number becomes 0 when it is out of range, the unmoved pointer is walked on with speculatively.
//! * Behind a store to the stack that could uncover an older pointer a barrier is set, which ends speculative paths as well.
//!
//! Privileged programs have none of this, and pay nothing for it.

use skep_isa::{AluOp, Insn, Operand, Reg as Number};

use super::stack::Reach;
use crate::Code;
use crate::explore::{Next, Walk};
use crate::state::{ByteKind, Reg, RegKind, STACK_MAX, locate};
use crate::verdict::{Checked, Stop};

/// What is found of each instruction on the way; empty for the privileged.
#[derive(Debug, Default)]
pub(crate) struct Speculation {
    /// Slots with a barrier before the instruction.
    before: Vec<bool>,
    /// Slots with a barrier behind it.
    behind: Vec<bool>,
    /// How additions and subtractions are masked.
    masks: Vec<Mask>,
    /// Whether some mask depends on a number that varies: paths are then compared number by number, so that none with another mask is missed.
    pub(crate) varying: bool,
}

/// What the mask of one instruction was on the paths so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mask {
    /// No path came by.
    #[default]
    Unseen,
    /// Numbers only: nothing to mask.
    Numbers,
    /// A pointer is moved by a number.
    Pointer { moves: Moves, limit: u64 },
}

/// How a pointer is moved, as far as the mask depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moves {
    /// The number is negative on every path.
    negative: bool,
    /// The number is known.
    known: bool,
    /// The pointer is the destination.
    in_place: bool,
    /// Whether the pointer goes towards lower addresses.
    left: bool,
}

/// The first half of a mask, found before the pointer is moved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    moves: Moves,
    limit: i64,
}

impl Speculation {
    /// The slots with a barrier before them, and those with one behind.
    pub(crate) fn barriers(&self) -> (Vec<usize>, Vec<usize>) {
        let slots = |flags: &[bool]| (0..flags.len()).filter(|&at| flags[at]).collect();
        (slots(&self.before), slots(&self.behind))
    }
}

impl Walk<'_> {
    /// Runs an instruction. On a speculative path a refusal is a barrier in front of it.
    pub(crate) fn check_or_bar(&mut self, insn: &Insn) -> Checked<Next> {
        let at = self.at;
        if !self.state.speculative {
            self.well_formed()?;
            return self.check(insn);
        }
        if flag(&self.speculation.before, at) {
            return Ok(Next::End);
        }
        match self.well_formed().and_then(|()| self.check(insn)) {
            Err(Stop::Reject(why)) if !matches!(why.code, Code::TooComplex | Code::TooManyBranches) => {
                let count = self.shape.insns.len();
                set(&mut self.speculation.before, at, count);
                if let Some(mask) = self.speculation.masks.get_mut(at) {
                    *mask = Mask::Unseen;
                }
                Ok(Next::End)
            }
            Ok(Next::At(_)) if flag(&self.speculation.behind, at) => Ok(Next::End),
            other => other,
        }
    }

    /// Fields that Linux looks at only when a path comes to the instruction are as they must be.
    fn well_formed(&self) -> Checked {
        match self.shape.wrong.get(&self.at) {
            Some(what) => self.fail(Code::BadInstruction, what.clone()),
            None => Ok(()),
        }
    }

    /// The outcome that a comparison surely does not have, walked as a processor might: knowing nothing of what was compared.
    pub(crate) fn mispredict(&mut self, dst: Number, src: Operand, to: usize) -> Checked {
        if !self.input.unprivileged {
            return Ok(());
        }
        let mut state = self.state.clone();
        state.speculative = true;
        *state.reg_mut(dst) = Reg::UNKNOWN;
        if let Operand::Reg(number) = src {
            *state.reg_mut(number) = Reg::UNKNOWN;
        }
        self.push(state, to)
    }

    /// A store that changes what kind of thing lies in a stack slot has a barrier behind it.
    pub(crate) fn bar_behind_store(&mut self, reach: Reach, size: i32, pointer: bool) {
        if !self.input.unprivileged {
            return;
        }
        let plain = |off: i32| {
            let (index, byte) = locate(off);
            let kind = self.state.frames[reach.frame].stack.slot(index).bytes[byte];
            matches!(kind, ByteKind::Misc | ByteKind::Zero)
        };
        if pointer || !(reach.low..reach.low + size).all(plain) {
            let count = self.shape.insns.len();
            set(&mut self.speculation.behind, self.at, count);
        }
    }

    /// An addition or subtraction of two numbers at an instruction that must not move a pointer on another path.
    pub(crate) fn plan_numbers(&mut self, op: AluOp, dst: Number) -> Checked {
        if !matches!(op, AluOp::Add | AluOp::Sub) || !self.masked() {
            return Ok(());
        }
        self.keep_mask(dst, Mask::Numbers)
    }

    /// Before a pointer is moved: how the number must be masked. Also walks on as if the mask had made it 0.
    pub(crate) fn plan_mask(
        &mut self,
        op: AluOp,
        dst: Number,
        pointer: &Reg,
        number: &Reg,
        swapped: bool,
    ) -> Checked<Option<Plan>> {
        if !matches!(op, AluOp::Add | AluOp::Sub) || !self.masked() {
            return Ok(None);
        }
        let known = number.value.as_constant().is_some();
        if self.state.speculative {
            self.walk_unmoved(dst, pointer, known, swapped)?;
            return Ok(None);
        }
        let negative = number.value.s64.min < 0;
        if !known && negative != (number.value.s64.max < 0) {
            return self.fail_at(
                Code::Speculation,
                dst,
                "the number may be negative and may be not: unprivileged programs must know its sign before it moves a pointer",
            );
        }
        let left = (op == AluOp::Add) == negative;
        let limit = self.limit(dst, pointer, left)?;
        self.speculation.varying |= !known;
        self.walk_unmoved(dst, pointer, known, swapped)?;
        Ok(Some(Plan { moves: Moves { negative, known, in_place: !swapped, left }, limit }))
    }

    /// After it was moved: the mask is what all paths have in common.
    pub(crate) fn commit_mask(&mut self, dst: Number, plan: Option<Plan>, moved: &Reg) -> Checked {
        let Some(Plan { moves, limit }) = plan else { return Ok(()) };
        let limit = limit.abs_diff(self.limit(dst, moved, moves.left)?);
        self.keep_mask(dst, Mask::Pointer { moves, limit })
    }

    /// Whether the running instruction takes its number from a register, and no barrier stands before it.
    fn masked(&self) -> bool {
        let register = matches!(self.shape.insns[self.at], Some(Insn::Alu { src: Operand::Reg(_), .. }));
        self.input.unprivileged && register && !flag(&self.speculation.before, self.at)
    }

    fn keep_mask(&mut self, dst: Number, mask: Mask) -> Checked {
        let masks = &mut self.speculation.masks;
        if masks.is_empty() {
            masks.resize(self.shape.insns.len(), Mask::Unseen);
        }
        let known = masks[self.at];
        if known != Mask::Unseen && known != mask {
            return self.fail_at(
                Code::Speculation,
                dst,
                "paths come here that move other pointers, other ways or by other limits: one instruction can have but one mask",
            );
        }
        masks[self.at] = mask;
        Ok(())
    }

    /// How far the pointer may be moved.
    fn limit(&self, dst: Number, pointer: &Reg, left: bool) -> Checked<i64> {
        let variable = |reg: &Reg| if left { reg.value.s64.min } else { reg.value.u64.max as i64 };
        let (limit, max) = match pointer.kind {
            RegKind::Stack(_) => {
                let off = i64::from(pointer.off).wrapping_add(pointer.value.bits.value() as i64);
                (off.wrapping_neg(), i64::from(STACK_MAX) + i64::from(left))
            }
            RegKind::MapValue(map) => {
                (variable(pointer).wrapping_add(pointer.off.into()), i64::from(self.map(map).value_size))
            }
            kind => {
                let message = format!(
                    "{kind} is moved by a register: unprivileged programs may move only stack and map value pointers so"
                );
                return self.fail_at(Code::Speculation, dst, message);
            }
        };
        // Linux compares 32 bits without sign.
        if u64::from(limit as u32) >= max as u64 {
            return self.fail_at(
                Code::Speculation,
                dst,
                "the pointer stands where it could not be moved within its memory",
            );
        }
        Ok(limit)
    }

    /// The pointer where a mask left it: unmoved.
    fn walk_unmoved(&mut self, dst: Number, pointer: &Reg, known: bool, swapped: bool) -> Checked {
        if known {
            return Ok(());
        }
        let mut state = self.state.clone();
        state.speculative = true;
        if swapped {
            *state.reg_mut(dst) = *pointer;
        }
        let next = self.shape.next(self.at);
        self.push(state, next)
    }

    /// A pointer must not even be formed out of bounds, for a processor would follow it.
    pub(crate) fn check_formed(&self, dst: Number, pointer: &Reg) -> Checked {
        if !self.input.unprivileged {
            return Ok(());
        }
        match pointer.kind {
            RegKind::Stack(_) => {
                let Some(var) = pointer.value.as_constant() else {
                    let message =
                        "a stack pointer at an offset that varies: unprivileged programs must know it";
                    return self.fail_at(Code::PointerArithmetic, dst, message);
                };
                let off = i64::from(pointer.off) + var as i64;
                if (-i64::from(STACK_MAX)..0).contains(&off) {
                    return Ok(());
                }
                self.fail_at(Code::PointerArithmetic, dst, format!("a stack pointer moved to {off}"))
            }
            RegKind::MapValue(map) => {
                let size = self.map(map).value_size;
                let touch = super::memory::Touch {
                    number: dst,
                    off: 0,
                    size: 1,
                    purpose: super::memory::Purpose::Read,
                };
                self.bounded(pointer, touch, size, Code::MapValueBounds)
            }
            _ => Ok(()),
        }
    }
}

fn flag(flags: &[bool], at: usize) -> bool {
    flags.get(at).copied().unwrap_or(false)
}

fn set(flags: &mut Vec<bool>, at: usize, count: usize) {
    if flags.is_empty() {
        flags.resize(count, false);
    }
    if let Some(flag) = flags.get_mut(at) {
        *flag = true;
    }
}
