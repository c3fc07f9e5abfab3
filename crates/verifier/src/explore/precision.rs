//! Which numbers matter: found backwards.
//!
//! When a check used the number in a register, every number that it was made of matters, at every checkpoint on the way. So the way is
//! walked backwards from the use, instruction by instruction, with a set of registers and stack slots of every frame; at each
//! checkpoint the set is added to its marks, and the walk ends when it adds nothing.
//!
//! Where an instruction cannot be followed backwards, every number on the way is marked: that costs later comparisons, never soundness.

use skep_isa::{AluOp, AtomicOp, Call, Insn, Operand, Reg as Number};

use super::node::{Marks, NodeId, Step};
use super::walk::Walk;
use crate::verdict::Checked;

const CALLER_SAVED: u16 = 0b11_1111;
const ARGUMENTS: u16 = 0b11_1110;
/// r0 to r10.
const ALL_REGS: u16 = 0x7ff;

/// What became of the walk backwards at one step.
enum Back {
    Going,
    Lost,
}

impl Walk<'_> {
    /// The number in `number` decides at the running instruction.
    pub(crate) fn matters(&mut self, number: Number) -> Checked {
        if self.input.unprivileged || !self.state.reg(number).is_scalar() {
            return Ok(());
        }
        let mut marks = vec![Marks::default(); self.state.frames.len()];
        marks[self.state.depth()].regs = 1 << number.index();
        self.mark_from_here(marks);
        Ok(())
    }

    /// The number spilled to a slot decides at the running instruction.
    pub(crate) fn slot_matters(&mut self, frame: usize, slot: usize) -> Checked {
        if self.input.unprivileged {
            return Ok(());
        }
        let mut marks = vec![Marks::default(); self.state.frames.len()];
        if let Some(marks) = marks.get_mut(frame) {
            marks.slots = 1 << slot;
        }
        self.mark_from_here(marks);
        Ok(())
    }

    fn mark_from_here(&mut self, marks: Vec<Marks>) {
        let history = std::mem::take(&mut self.history);
        let before = history.len().saturating_sub(1);
        self.mark_back(&history, before, self.parent, marks);
        self.history = history;
    }

    /// Marks backwards from after the first `count` steps of `history`, which began at checkpoint `parent`. Whether any mark is new.
    pub(crate) fn mark_back(
        &mut self,
        history: &[Step],
        count: usize,
        parent: Option<NodeId>,
        mut marks: Vec<Marks>,
    ) -> bool {
        let mut changed = false;
        let mut node = parent;
        let mut lost = !self.back_over(&history[..count], &mut marks);
        while let Some(id) = node {
            if lost {
                return self.mark_all(node) || changed;
            }
            changed |= self.add_marks(id, &mut marks);
            if marks.iter().all(|marks| marks.is_empty()) {
                return changed;
            }
            let steps = std::mem::take(&mut self.nodes[id].history);
            lost = !self.back_over(&steps, &mut marks);
            self.nodes[id].history = steps;
            node = self.nodes[id].parent;
        }
        changed
    }

    /// False when the steps cannot be followed.
    fn back_over(&self, steps: &[Step], marks: &mut Vec<Marks>) -> bool {
        for step in steps.iter().rev() {
            if marks.iter().all(|marks| marks.is_empty()) {
                return true;
            }
            let Some(insn) = self.shape.insns[step.at as usize] else { return false };
            if let Back::Lost = back(&insn, step, marks) {
                return false;
            }
        }
        true
    }

    /// Adds the marks to a checkpoint; what is marked already, or is no number there, is dropped.
    fn add_marks(&mut self, id: NodeId, marks: &mut Vec<Marks>) -> bool {
        let node = &mut self.nodes[id];
        marks.truncate(node.state.frames.len());
        let mut changed = false;
        for (depth, marks) in marks.iter_mut().enumerate() {
            let frame = &node.state.frames[depth];
            let old = &mut node.marks[depth];
            for index in 0..11 {
                let bit = 1u16 << index;
                if marks.regs & bit != 0 && (!frame.regs()[index].is_scalar() || old.regs & bit != 0) {
                    marks.regs &= !bit;
                }
            }
            for index in 0..64 {
                let bit = 1u64 << index;
                if marks.slots & bit != 0
                    && (!frame.stack.slot(index).is_scalar_spill() || old.slots & bit != 0)
                {
                    marks.slots &= !bit;
                }
            }
            changed |= !marks.is_empty();
            old.regs |= marks.regs;
            old.slots |= marks.slots;
        }
        changed
    }

    /// Marks every number of a checkpoint and all before it.
    fn mark_all(&mut self, mut node: Option<NodeId>) -> bool {
        let mut changed = false;
        while let Some(id) = node.filter(|&id| !self.nodes[id].all_marked) {
            self.nodes[id].all_marked = true;
            let mut all = vec![Marks { regs: ALL_REGS, slots: u64::MAX }; self.nodes[id].state.frames.len()];
            changed |= self.add_marks(id, &mut all);
            node = self.nodes[id].parent;
        }
        changed
    }
}

fn bit(reg: Number) -> u16 {
    1 << reg.index()
}

/// One instruction backwards.
fn back(insn: &Insn, step: &Step, all: &mut Vec<Marks>) -> Back {
    let depth = usize::from(step.depth);
    if all.len() <= depth {
        all.resize(depth + 1, Marks::default());
    }
    if step.opaque {
        return Back::Lost;
    }
    let regs = all[depth].regs;
    match *insn {
        Insn::Alu { op: AluOp::Mov, dst, src, .. } if regs & bit(dst) != 0 => {
            all[depth].regs &= !bit(dst);
            if let Operand::Reg(src) = src {
                all[depth].regs |= bit(src);
            }
        }
        Insn::Alu { dst, src: Operand::Reg(src), .. } if regs & bit(dst) != 0 => all[depth].regs |= bit(src),
        Insn::MovSx { dst, src, .. } | Insn::AddrSpaceCast { dst, src, .. } if regs & bit(dst) != 0 => {
            all[depth].regs = regs & !bit(dst) | bit(src);
        }
        Insn::LoadImm64 { dst, .. } => all[depth].regs &= !bit(dst),
        Insn::Load { dst, .. } | Insn::LoadAcquire { dst, .. } if regs & bit(dst) != 0 => {
            all[depth].regs &= !bit(dst);
            from_slot(step, all);
        }
        Insn::Store { src, .. } => to_slot(
            step,
            all,
            depth,
            match src {
                Operand::Reg(src) => Some(src),
                Operand::Imm(_) => None,
            },
        ),
        Insn::StoreRelease { src, .. } => to_slot(step, all, depth, Some(src)),
        Insn::Atomic { op, src, .. } => {
            let written = insn.defs().bits();
            if regs & written != 0 {
                all[depth].regs &= !written;
                from_slot(step, all);
                // What was exchanged may have come from either.
                if matches!(op, AtomicOp::Cmpxchg) {
                    all[depth].regs |= bit(src) | bit(Number::R0);
                }
            }
        }
        Insn::LegacyLoad { .. } => {
            all[depth].regs &= !1;
            if all[depth].regs & ARGUMENTS != 0 {
                return Back::Lost;
            }
        }
        Insn::JumpIf { dst, src, .. } => compared(step, all, depth, dst, src),
        Insn::Call(Call::Local(_)) => return back_over_call(step, all, depth),
        Insn::Call(_) => {
            all[depth].regs &= !1;
            if all[depth].regs & ARGUMENTS != 0 {
                return Back::Lost;
            }
        }
        Insn::Exit => return back_into_callee(all, depth),
        _ => {}
    }
    Back::Going
}

/// A comparison: numbers that it linked matter together.
fn compared(step: &Step, all: &mut Vec<Marks>, depth: usize, dst: Number, src: Operand) {
    together(step, all);
    if let Operand::Reg(src) = src
        && all[depth].regs & (bit(dst) | bit(src)) != 0
    {
        all[depth].regs |= bit(dst) | bit(src);
    }
    together(step, all);
}

/// If one of the linked numbers matters, all do.
fn together(step: &Step, all: &mut Vec<Marks>) {
    let Some(linked) = &step.linked else { return };
    let touched = linked.iter().zip(all.iter()).any(|(a, b)| a.regs & b.regs != 0 || a.slots & b.slots != 0);
    if !touched {
        return;
    }
    if all.len() < linked.len() {
        all.resize(linked.len(), Marks::default());
    }
    for (marks, more) in all.iter_mut().zip(linked.iter()) {
        marks.regs |= more.regs;
        marks.slots |= more.slots;
    }
}

fn from_slot(step: &Step, all: &mut Vec<Marks>) {
    if let Some(access) = step.access {
        let frame = usize::from(access.frame);
        if all.len() <= frame {
            all.resize(frame + 1, Marks::default());
        }
        all[frame].slots |= 1 << access.slot;
    }
}

fn to_slot(step: &Step, all: &mut [Marks], depth: usize, src: Option<Number>) {
    let Some(access) = step.access else { return };
    let Some(marks) = all.get_mut(usize::from(access.frame)) else { return };
    let slot = 1u64 << access.slot;
    if marks.slots & slot != 0 {
        marks.slots &= !slot;
        if let Some(src) = src {
            all[depth].regs |= bit(src);
        }
    }
}

/// A call of a function of the program. When the function was entered, its marks are in the frame above; when it was checked on its own,
/// it is as any other call.
fn back_over_call(_step: &Step, all: &mut [Marks], depth: usize) -> Back {
    let entered = all.get(depth + 1).copied().unwrap_or_default();
    if let Some(callee) = all.get_mut(depth + 1) {
        *callee = Marks::default();
    }
    all[depth].regs &= !1;
    if all[depth].regs & ARGUMENTS != 0 || entered.regs & !ARGUMENTS & !CALLER_SAVED != 0 {
        return Back::Lost;
    }
    all[depth].regs |= entered.regs & ARGUMENTS;
    Back::Going
}

/// The end of a function, backwards: what the caller has in r0 comes from the function's r0.
fn back_into_callee(all: &mut [Marks], depth: usize) -> Back {
    let Some(caller) = depth.checked_sub(1) else { return Back::Going };
    if all[caller].regs & ARGUMENTS != 0 {
        return Back::Lost;
    }
    all[depth] = Marks { regs: all[caller].regs & 1, slots: 0 };
    all[caller].regs &= !1;
    Back::Going
}
