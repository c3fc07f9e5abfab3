//! One instruction backwards: from the numbers that matter behind it to those that matter before it.

use skep_isa::{AluOp, AtomicOp, Call, Insn, Operand, Reg as Number};

use super::node::{MAX_FRAMES, Marks, Step};
use crate::analysis;
use crate::shape::Shape;

const ARGUMENTS: u16 = 0b11_1110;

/// What is sought, by frame; `frame` is the one that runs.
#[derive(Clone, Debug)]
pub(crate) struct Tracked {
    pub(crate) marks: [Marks; MAX_FRAMES],
    pub(crate) frame: usize,
}

impl Tracked {
    /// Nothing, in a frame of this depth.
    pub(crate) fn new(frame: usize) -> Tracked {
        Tracked { marks: [Marks::default(); MAX_FRAMES], frame }
    }

    /// Whether nothing is sought.
    pub(crate) fn is_empty(&self) -> bool {
        self.marks.iter().all(|marks| marks.is_empty())
    }

    fn here(&mut self) -> &mut Marks {
        &mut self.marks[self.frame]
    }

    fn has(&self, reg: Number) -> bool {
        self.marks[self.frame].regs & bit(reg) != 0
    }

    fn add(&mut self, reg: Number) {
        if reg != Number::R10 {
            self.here().regs |= bit(reg);
        }
    }

    fn drop(&mut self, reg: Number) {
        self.here().regs &= !bit(reg);
    }

    fn add_slot(&mut self, step: Option<&Step>) {
        if let Some(access) = step.and_then(|step| step.access) {
            self.marks[usize::from(access.frame)].slots |= 1 << access.slot;
        }
    }

    /// If one of the numbers that were tied to each other matters, all do.
    fn together(&mut self, step: Option<&Step>) {
        let Some(step) = step.filter(|step| step.linked.len() > 0) else { return };
        let touched = step.linked.iter().any(|(frame, register, index)| {
            let marks = self.marks[frame];
            if register { marks.regs & (1 << index) != 0 } else { marks.slots & (1 << index) != 0 }
        });
        if !touched {
            return;
        }
        for (frame, register, index) in step.linked.iter() {
            let marks = &mut self.marks[frame];
            if register { marks.regs |= 1 << index } else { marks.slots |= 1 << index }
        }
    }
}

fn bit(reg: Number) -> u16 {
    1 << reg.index()
}

/// The instruction at `at`, after which the one at `next` ran. False when it cannot be followed.
pub(crate) fn back(
    shape: &Shape,
    insn: &Insn,
    at: usize,
    next: usize,
    step: Option<&Step>,
    sought: &mut Tracked,
) -> bool {
    match *insn {
        Insn::Alu { op, dst, src, .. } if sought.has(dst) => {
            if op == AluOp::Mov {
                sought.drop(dst);
            }
            if let Operand::Reg(src) = src {
                sought.add(src);
            }
        }
        Insn::MovSx { dst, src, .. } | Insn::AddrSpaceCast { dst, src, .. } if sought.has(dst) => {
            sought.drop(dst);
            sought.add(src);
        }
        Insn::LoadImm64 { dst, .. } => sought.drop(dst),
        Insn::Load { dst, .. } | Insn::LoadAcquire { dst, .. } if sought.has(dst) => {
            sought.drop(dst);
            sought.add_slot(step);
        }
        Insn::Store { dst, src, .. } => {
            let src = if let Operand::Reg(src) = src { Some(src) } else { None };
            return stored(sought, step, dst, src);
        }
        Insn::StoreRelease { dst, src, .. } => return stored(sought, step, dst, Some(src)),
        Insn::Atomic { op, src, .. } => {
            let written = insn.defs().bits();
            if sought.here().regs & written != 0 {
                sought.here().regs &= !written;
                sought.add_slot(step);
                // What was exchanged may have come from either.
                if matches!(op, AtomicOp::Cmpxchg) {
                    sought.add(src);
                    sought.add(Number::R0);
                }
            }
        }
        // One beyond the packet returns 0 for its function.
        Insn::LegacyLoad { .. } if next != at + 1 => {
            sought.drop(Number::R0);
            return into_callee(shape, next, sought);
        }
        // What it reads of the packet is not followed.
        Insn::LegacyLoad { .. } => return !sought.has(Number::R0),
        Insn::JumpIf { dst, src, .. } => {
            sought.together(step);
            if let Operand::Reg(src) = src
                && (sought.has(dst) || sought.has(src))
            {
                sought.add(dst);
                sought.add(src);
            }
            sought.together(step);
        }
        // A tail call that succeeded returns for its function.
        Insn::Call(Call::Helper(analysis::TAIL_CALL)) if next != at + 1 => {
            sought.drop(Number::R0);
            return into_callee(shape, next, sought);
        }
        Insn::Call(call) => return called(shape, call, at, next, sought),
        Insn::Exit => return into_callee(shape, next, sought),
        _ => {}
    }
    true
}

/// A store: what matters of the slot comes from the register stored.
fn stored(sought: &mut Tracked, step: Option<&Step>, base: Number, src: Option<Number>) -> bool {
    // The address is a number only where pointers were subtracted.
    if sought.has(base) {
        return false;
    }
    let Some(access) = step.and_then(|step| step.access) else { return true };
    let marks = &mut sought.marks[usize::from(access.frame)];
    let slot = 1u64 << access.slot;
    if marks.slots & slot != 0 {
        marks.slots &= !slot;
        if let Some(src) = src {
            sought.add(src);
        }
    }
    true
}

/// A call. When what ran after it is not what stands behind it, a function was entered; what mattered at its entry is in its
/// arguments, which a caller of a function has in the same registers, and of which a callback's caller knows nothing.
fn called(shape: &Shape, call: Call, at: usize, next: usize, sought: &mut Tracked) -> bool {
    if next == at + 1 {
        sought.drop(Number::R0);
        return sought.here().regs & ARGUMENTS == 0;
    }
    let callback = calls_back(shape, at);
    let Some(caller) = sought.frame.checked_sub(1) else { return false };
    let arguments = sought.here().regs & ARGUMENTS;
    *sought.here() = Marks::default();
    sought.frame = caller;
    if matches!(call, Call::Local(_)) && !callback {
        sought.here().regs |= arguments;
    }
    true
}

/// The end of a function, backwards: what the caller has in r0 comes from the function's r0, unless a helper called it.
fn into_callee(shape: &Shape, next: usize, sought: &mut Tracked) -> bool {
    if calls_back(shape, next) {
        sought.here().regs &= !ARGUMENTS;
    }
    if sought.here().regs & ARGUMENTS != 0 || sought.frame + 1 >= MAX_FRAMES {
        return false;
    }
    let call = next.checked_sub(1).and_then(|at| shape.insns.get(at).copied().flatten());
    let result = sought.here().regs & 1;
    sought.drop(Number::R0);
    sought.frame += 1;
    *sought.here() = Marks::default();
    if matches!(call, Some(Insn::Call(Call::Local(_)))) {
        sought.here().regs = result;
    }
    true
}

/// Whether the instruction calls functions of the program before it is done.
fn calls_back(shape: &Shape, at: usize) -> bool {
    match shape.insns.get(at) {
        Some(Some(Insn::Call(Call::Helper(id)))) => analysis::calls_back(*id),
        // Kernel functions that call back are checkpoints of their own.
        Some(Some(Insn::Call(Call::Kfunc { .. }))) => shape.checkpoint[at],
        _ => false,
    }
}
