//! Calls, returns, callbacks, tail calls.
//!
//! Frames lie one after another in the machine's stack. A call saves r6 to r9 and the place to return to; r10 follows from the
//! frame's number. Leaving a frame ends its life, so a pointer into it that was kept is dead.
//!
//! Callbacks run in a nested [`Run::execute`] whose floor is the callback's own frame. A tail call replaces the
//! current frame's program; the frame below goes on in its own when it returns, as Linux has it.

use super::machine::{FRAMES, SLOTS, Saved};
use super::{Run, Step};
use crate::code::Op;
use crate::fault::{Fault, FaultKind};
use crate::program::Program;
use crate::prov::{Kind, Reg};

/// The most tail calls of a run.
pub(crate) const MAX_TAIL_CALLS: u32 = 33;

impl Run<'_> {
    /// `call` of a function of the program.
    pub(super) fn call_local(&mut self, op: Op) -> Result<Step, Fault> {
        self.enter(op.imm as usize)?;
        Ok(Step::Next)
    }

    /// `callx`: only to what `lddw` gave as a function.
    pub(super) fn call_reg(&mut self, op: Op) -> Result<Step, Fault> {
        let reg = self.m_ref().reg(op.dst.into());
        let entry = self.function_of(&reg, &format!("r{}", op.dst))?;
        self.enter(entry)?;
        Ok(Step::Next)
    }

    /// Pushes a frame and goes to `entry`; r1 to r5 stay as they are.
    fn enter(&mut self, entry: usize) -> Result<(), Fault> {
        let function = self.program().function(entry);
        let span = function.end - function.start;
        self.pay(span)?;
        let depth = self.m_ref().depth;
        if depth + 1 == FRAMES {
            return Err(self.fault(
                FaultKind::CallDepth,
                format!("call from frame {depth}: {FRAMES} frames are the most"),
            ));
        }
        let program = self.current;
        let m = self.m();
        m.saved[depth] =
            Saved { regs: [m.reg(6), m.reg(7), m.reg(8), m.reg(9)], pc: m.pc, may_goto: m.may_goto, program };
        m.enter_frame(depth + 1);
        m.pc = entry;
        // The callee sees its arguments and nothing else.
        m.tagged |= 0b11_1100_0001;
        m.uninit |= 0b11_1100_0001;
        Ok(())
    }

    /// `exit`.
    pub(super) fn leave(&mut self, floor: usize) -> Result<Step, Fault> {
        let current = self.current;
        self.end_frame();
        let m = self.m();
        let depth = m.depth;
        if depth == 0 {
            return Ok(Step::Done);
        }
        let saved = m.saved[depth - 1];
        for (n, reg) in saved.regs.into_iter().enumerate() {
            m.set_reg(6 + n, reg);
        }
        m.depth = depth - 1;
        m.set_frame_pointer(depth - 1);
        m.pc = saved.pc;
        m.may_goto = saved.may_goto;
        self.clobber();
        if depth == floor {
            self.switch(saved.program);
            return Ok(Step::Done);
        }
        if saved.program != current {
            self.switch(saved.program);
            return Ok(Step::Program);
        }
        Ok(Step::Next)
    }

    /// Pointers into the current frame die, and so do the objects in it that hold nothing.
    #[inline]
    fn end_frame(&mut self) {
        let depth = self.m_ref().depth;
        self.m().lives.leave_frame(depth);
        if !self.state.objects.is_empty() {
            self.end_objects_of_frame(depth * SLOTS, SLOTS);
        }
    }

    fn switch(&mut self, program: u32) {
        self.current = program;
        self.ops = self.program().ops.as_ptr();
    }

    /// Calls a function of the running program from within a helper; gives its `r0`.
    pub fn call_back(&mut self, entry: usize, arguments: &[Reg]) -> Result<Reg, Fault> {
        let pc = self.m_ref().pc;
        self.enter(entry)?;
        let m = self.m();
        m.tagged |= super::machine::CALLER_SAVED;
        m.uninit |= super::machine::CALLER_SAVED;
        for (n, &reg) in arguments.iter().take(5).enumerate() {
            m.set_reg(n + 1, reg);
        }
        let floor = m.depth;
        self.nested += 1;
        let result = self.execute(floor);
        self.nested -= 1;
        result?;
        let m = self.m();
        m.pc = pc;
        Ok(m.reg(0))
    }

    /// As [`Run::call_back`] for callbacks that return a number from 0 to `most`.
    pub(crate) fn call_back_in(&mut self, entry: usize, arguments: &[Reg], most: u64) -> Result<u64, Fault> {
        let result = self.call_back(entry, arguments)?;
        if !result.is_scalar() || result.val > most {
            let message = format!("the callback returned {result}, 0 to {most} is allowed");
            return Err(self.fault(FaultKind::ReturnValue, message));
        }
        Ok(result.val)
    }

    /// Where each frame is, innermost first: slots of the instructions being executed.
    pub(crate) fn frames(&self) -> Vec<u64> {
        let m = self.m_ref();
        let callers = m.saved[..m.depth].iter().rev().map(|saved| saved.pc.saturating_sub(1));
        std::iter::once(self.at()).chain(callers).map(|slot| slot as u64).collect()
    }

    /// Replaces the running program in the current frame. The caller has found it in a program array.
    /// `false` when there were 33 already.
    pub(crate) fn tail_call(&mut self, program: Program) -> Result<bool, Fault> {
        if self.nested > 0 {
            return Err(self.fault(FaultKind::Unsupported, "tail call from a callback"));
        }
        self.check_nothing_held("at a tail call")?;
        if self.tail_calls >= MAX_TAIL_CALLS {
            return Ok(false);
        }
        self.tail_calls += 1;
        self.more.push(program);
        self.switch(self.more.len() as u32);
        let context = self.context_reg();
        self.end_frame();
        let m = self.m();
        let depth = m.depth;
        m.enter_frame(depth);
        m.tagged |= 0x3ff;
        m.uninit |= 0x3ff;
        m.set_reg(1, context);
        m.pc = 0;
        Ok(true)
    }

    /// Legacy packet loads: `r0 = skb[…]`, or the function returns 0 when that is outside the packet.
    pub(super) fn legacy_load(&mut self, op: &Op, floor: usize) -> Result<Step, Fault> {
        if self.m_ref().reg(6).prov.kind != Kind::Context {
            return Err(self.fault(FaultKind::Argument, "legacy packet load without the context in r6"));
        }
        self.uninit_operand(*op)?;
        let index = if op.mask == 0 { 0 } else { self.m_ref().vals[usize::from(op.src)] as u32 };
        let off = index.wrapping_add(op.imm as u32) as i32;
        let loaded = self.context.legacy_load(off, op.size.into());
        self.clobber();
        self.m().set_reg(0, Reg::scalar(loaded.unwrap_or(0)));
        if loaded.is_none() { self.leave(floor) } else { Ok(Step::Next) }
    }
}
