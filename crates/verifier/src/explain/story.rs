//! One path with its states, and questions about it, asked backwards.
//!
//! A value is followed from where it is used to where it was made: through copies, spills and fills, arguments and results of
//! functions. On the way, every step at which something became known of it, or was forgotten, is noted, because it is there that an
//! explanation points. Nothing is guessed: the states before and after each step are those of the walk.

use skep_isa::{AluOp, Call, Insn, Operand, Reg as Number, decode};

use crate::program::Input;
use crate::state::{Reg, RegKind, State, locate};

/// A step: the instruction, and what was known before it ran.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    pub(crate) at: usize,
    pub(crate) state: State,
}

/// A path that ends at a failing instruction.
pub(crate) struct Story<'a> {
    pub(crate) input: &'a Input,
    pub(crate) moments: Vec<Moment>,
    insns: Vec<Option<Insn>>,
}

/// Where a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// In a register of the frame of this depth.
    Reg(usize, Number),
    /// In a slot of the frame of this depth.
    Slot(usize, usize),
}

/// What a step did to a value that is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Moved it from register to register or to or from the stack.
    Moved,
    /// Computed it from what it was.
    Changed,
    /// Learnt or forgot something about it without touching it.
    Became,
    /// Made it.
    Made,
}

/// A step in the life of a value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    /// Index of the step.
    pub(crate) step: usize,
    pub(crate) what: What,
    /// Where the value was after the step.
    pub(crate) cell: Cell,
}

impl<'a> Story<'a> {
    pub(crate) fn new(input: &'a Input, moments: Vec<Moment>) -> Story<'a> {
        let mut insns = vec![None; input.insns.len()];
        for moment in &moments {
            if let Some(slot) = insns.get_mut(moment.at)
                && slot.is_none()
            {
                *slot = decode(&input.insns, moment.at).ok();
            }
        }
        Story { input, moments, insns }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.moments.is_empty()
    }

    /// Index of the failing step.
    pub(crate) fn last(&self) -> usize {
        self.moments.len().saturating_sub(1)
    }

    /// The slot of a step.
    pub(crate) fn at(&self, step: usize) -> usize {
        self.moments[step].at
    }

    pub(crate) fn insn(&self, step: usize) -> Option<Insn> {
        self.insns.get(self.moments.get(step)?.at).copied().flatten()
    }

    /// What the call at a step calls.
    pub(crate) fn callee(&self, step: usize) -> String {
        match self.insn(step) {
            Some(Insn::Call(call)) => super::words::callee(self.input, self.at(step), call),
            _ => "this".to_owned(),
        }
    }

    pub(crate) fn before(&self, step: usize) -> &State {
        &self.moments[step].state
    }

    pub(crate) fn after(&self, step: usize) -> Option<&State> {
        Some(&self.moments.get(step + 1)?.state)
    }

    /// A register of the running frame before a step.
    pub(crate) fn reg(&self, step: usize, number: Number) -> &Reg {
        self.moments[step].state.reg(number)
    }

    /// The cell of a register of the running frame before a step.
    pub(crate) fn cell(&self, step: usize, number: Number) -> Cell {
        Cell::Reg(self.moments[step].state.depth(), number)
    }

    /// What a cell holds in a state; nothing where the frame is gone.
    pub(crate) fn value(state: &State, cell: Cell) -> Reg {
        match cell {
            Cell::Reg(depth, number) => {
                state.frames.get(depth).map_or(Reg::UNINIT, |frame| *frame.reg(number))
            }
            Cell::Slot(depth, slot) => {
                let slot = state.frames.get(depth).map(|frame| frame.stack.slot(slot));
                slot.filter(|slot| slot.is_spill()).map_or(Reg::UNINIT, |slot| slot.spilled)
            }
        }
    }

    /// The life of the value that a cell holds before step `from`, the latest step first.
    pub(crate) fn life(&self, from: usize, cell: Cell) -> Vec<Link> {
        let mut links = Vec::new();
        let mut cell = cell;
        for step in (0..from.min(self.moments.len())).rev() {
            let (what, earlier) = self.back(step, cell);
            if let Some(what) = what {
                links.push(Link { step, what, cell });
                if what == What::Made {
                    break;
                }
            }
            cell = earlier;
        }
        links
    }

    /// What a step did to the value that `cell` holds after it, and where it was before.
    fn back(&self, step: usize, cell: Cell) -> (Option<What>, Cell) {
        let (Some(insn), Some(after)) = (self.insn(step), self.after(step)) else { return (None, cell) };
        let before = self.before(step);
        let depth = before.depth();
        match cell {
            Cell::Reg(owner, number) if owner > depth => {
                // The step made the frame: arguments are the caller's.
                let argument =
                    matches!(insn, Insn::Call(Call::Local(_))) && (1..=5).contains(&number.number());
                if argument {
                    (Some(What::Moved), Cell::Reg(depth, number))
                } else {
                    (Some(What::Made), cell)
                }
            }
            Cell::Reg(owner, number) if owner == depth => match self.written(insn, number, before, after) {
                Some((what, earlier)) => (Some(what), earlier),
                None => (changed(before, after, cell), cell),
            },
            Cell::Reg(owner, number) => {
                let returned = owner + 1 == depth && after.depth() == owner && number == Number::R0;
                if returned && matches!(insn, Insn::Exit) {
                    return (Some(What::Moved), Cell::Reg(depth, Number::R0));
                }
                (changed(before, after, cell), cell)
            }
            Cell::Slot(owner, slot) => match self.stored(insn, before, owner, slot) {
                Some(Some(source)) => (Some(What::Moved), Cell::Reg(depth, source)),
                Some(None) => (Some(What::Made), cell),
                None => (changed(before, after, cell), cell),
            },
        }
    }

    /// What an instruction of the register's own frame did to the register, if it wrote it.
    fn written(&self, insn: Insn, number: Number, before: &State, after: &State) -> Option<(What, Cell)> {
        let depth = before.depth();
        let here = |number| Cell::Reg(depth, number);
        if let Insn::Call(call) = insn {
            // The frame that it made is followed by its own steps; what is left of the caller's r0 to r5 is nothing.
            let enters = matches!(call, Call::Local(_)) && after.depth() > depth;
            let clobbered = number.number() <= 5 && !(enters && number == Number::R0);
            return clobbered.then_some((What::Made, here(number)));
        }
        if !insn.defs().contains(number) {
            return None;
        }
        Some(match insn {
            Insn::Alu { op: AluOp::Mov, src: Operand::Reg(source), .. } => (What::Moved, here(source)),
            Insn::Alu { op: AluOp::Mov, .. } => (What::Made, here(number)),
            // A number to which a pointer is added: the pointer's life goes on in it.
            Insn::Alu { src: Operand::Reg(source), .. }
                if before.reg(number).is_scalar() && before.reg(source).is_pointer() =>
            {
                (What::Changed, here(source))
            }
            Insn::Alu { .. } | Insn::Neg { .. } | Insn::Endian { .. } => (What::Changed, here(number)),
            Insn::MovSx { src, .. } | Insn::AddrSpaceCast { src, .. } => (What::Changed, here(src)),
            Insn::Load { src, off, .. } => match stack_slot(before, src, off.into()) {
                Some((frame, slot)) if before.frames[frame].stack.slot(slot).is_spill() => {
                    (What::Moved, Cell::Slot(frame, slot))
                }
                _ => (What::Made, here(number)),
            },
            _ => (What::Made, here(number)),
        })
    }

    /// The register that an instruction stored to a slot, `Some(None)` when it stored something else.
    fn stored(&self, insn: Insn, before: &State, owner: usize, slot: usize) -> Option<Option<Number>> {
        let (base, off, source) = match insn {
            Insn::Store { dst, off, src, .. } => {
                (dst, off, if let Operand::Reg(src) = src { Some(src) } else { None })
            }
            Insn::StoreRelease { dst, off, src, .. } => (dst, off, Some(src)),
            Insn::Atomic { dst, off, .. } => (dst, off, None),
            _ => return None,
        };
        (stack_slot(before, base, off.into()) == Some((owner, slot))).then_some(source)
    }

    /// The steps before `from` that compare something, the latest first, with their parts.
    pub(crate) fn comparisons(&self, from: usize) -> impl Iterator<Item = Comparison> + '_ {
        (0..from).rev().filter_map(|step| match self.insn(step)? {
            Insn::JumpIf { dst, src, .. } => Some(Comparison { step, dst, src }),
            _ => None,
        })
    }

    /// Whether the conditional jump at a step was taken.
    pub(crate) fn taken(&self, step: usize) -> bool {
        let at = self.at(step);
        let target = self.insn(step).and_then(|insn| insn.jump_target(at));
        self.moments.get(step + 1).is_some_and(|next| Some(next.at) == target)
    }
}

/// A comparison on the path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Comparison {
    pub(crate) step: usize,
    pub(crate) dst: Number,
    pub(crate) src: Operand,
}

/// Whether a step changed what is known of a value that stayed where it was.
fn changed(before: &State, after: &State, cell: Cell) -> Option<What> {
    let (was, is) = (Story::value(before, cell), Story::value(after, cell));
    if same(&was, &is) {
        return None;
    }
    Some(if was.kind == RegKind::Uninit { What::Made } else { What::Became })
}

/// Whether the same is known, names aside.
fn same(a: &Reg, b: &Reg) -> bool {
    a.kind == b.kind && a.flags == b.flags && a.value == b.value && a.range == b.range && a.off == b.off
}

/// The slot that a fixed stack address lies in.
fn stack_slot(state: &State, base: Number, off: i32) -> Option<(usize, usize)> {
    let pointer = state.reg(base);
    let RegKind::Stack(frame) = pointer.kind else { return None };
    let fixed = pointer.value.as_constant()? as i64;
    let at = i64::from(pointer.off) + i64::from(off) + fixed;
    (-512..0).contains(&at).then(|| (usize::from(frame), locate(at as i32).0))
}
