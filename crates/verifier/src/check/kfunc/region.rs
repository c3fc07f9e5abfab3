//! Protected regions: RCU read sections, preemption off, interrupts off.
//!
//! Each is entered and left by kernel functions. What may sleep is not called in one, and none is held at the program's end.

use skep_isa::Reg as Number;

use super::Call;
use crate::Code;
use crate::check::stack::Stored;
use crate::explore::Walk;
use crate::program::flags;
use crate::state::{ByteKind, Flags, FrameKind, Reg, RegKind, SLOT, Slot, locate};
use crate::verdict::Checked;

/// [`Reg::off`] of a saved interrupt state that a lock keeps, not the program.
pub(super) const KEPT_BY_LOCK: i32 = 1;

impl Walk<'_> {
    /// Whether objects protected by RCU stay: in a section, under a lock, and in every program that cannot sleep.
    pub(crate) fn in_rcu(&self) -> bool {
        self.state.rcu > 0 || self.state.lock().is_some() || !self.sleepable()
    }

    /// Whether the program, or the function that runs later, may sleep.
    pub(crate) fn sleepable(&self) -> bool {
        match self.state.frames.first().map(|frame| frame.kind) {
            Some(FrameKind::Async { sleepable, .. }) => sleepable,
            _ => self.input.has(flags::SLEEPABLE),
        }
    }

    /// The region that forbids sleeping, in words.
    pub(crate) fn region(&self) -> Option<&'static str> {
        let state = &self.state;
        if state.rcu > 0 {
            Some("an RCU read section")
        } else if state.preempt > 0 {
            Some("a region without preemption")
        } else if !state.irq.is_empty() {
            Some("a region without interrupts")
        } else if state.lock().is_some() {
            Some("a region that holds a lock")
        } else {
            None
        }
    }

    pub(super) fn rcu_lock(&mut self) -> Checked {
        if self.state.rcu > 0 {
            return self.fail(Code::RegionHeld, "an RCU read section within another");
        }
        self.state.rcu += 1;
        Ok(())
    }

    pub(super) fn rcu_unlock(&mut self) -> Checked {
        if self.state.rcu == 0 {
            return self.fail(Code::RegionMissing, "no RCU read section to leave");
        }
        self.state.rcu -= 1;
        if self.state.rcu == 0 {
            self.leave_rcu();
        }
        Ok(())
    }

    /// What RCU protected may be gone.
    pub(crate) fn leave_rcu(&mut self) {
        let doubt = |reg: &mut Reg| {
            if reg.flags.has(Flags::RCU) {
                reg.flags = reg.flags.without(Flags::RCU.with(Flags::NULLABLE)).with(Flags::UNTRUSTED);
            }
        };
        self.state.each_reg(doubt);
        for frame in &mut self.state.frames {
            let iterates =
                |slot: &Slot| slot.bytes[0] == ByteKind::Iterator && slot.spilled.flags.has(Flags::RCU);
            frame.stack.change(iterates, |slot| doubt(&mut slot.spilled));
        }
    }

    pub(super) fn preempt_enable(&mut self) -> Checked {
        if self.state.preempt == 0 {
            return self.fail(Code::RegionMissing, "preemption is not off");
        }
        self.state.preempt -= 1;
        Ok(())
    }

    /// Where the state of interrupts is saved: free for saving, a saved state for restoring.
    pub(super) fn irq_argument(&mut self, call: &Call, number: Number, reg: &Reg) -> Checked {
        let name = call.proto.name.as_str();
        let saves = matches!(name, "bpf_local_irq_save" | "bpf_res_spin_lock_irqsave");
        let by_lock = if name.contains("res_spin") { KEPT_BY_LOCK } else { 0 };
        let RegKind::Stack(frame) = reg.kind else {
            return self.kfunc_misfit(call, number, reg, "a slot of the stack");
        };
        let var = reg.value.as_constant();
        let off = var.map(|var| i64::from(reg.off) + var as i64);
        let Some(off) = off.filter(|off| off % i64::from(SLOT) == 0 && (-512..0).contains(off)) else {
            return self.fail_at(Code::BadIrqState, number, "saved interrupt state takes one whole slot");
        };
        let (frame, (index, _)) = (usize::from(frame), locate(off as i32));
        let slot = self.state.frames[frame].stack.slot(index);
        if saves {
            if slot.bytes.contains(&ByteKind::IrqFlag) {
                return self.fail_at(Code::BadIrqState, number, "there is a saved interrupt state already");
            }
            let reach = self.stack_reach(number, reg, 0, SLOT)?;
            self.stack_store(number, reach, SLOT, Stored { number: None, value: None })?;
            let id = self.fresh_id();
            self.state.irq.push(id);
            let mut spilled = Reg::pointer(RegKind::IrqFlag);
            (spilled.reference, spilled.off) = (id, by_lock);
            *self.state.frames[frame].stack.slot_mut(index) = Slot { bytes: [ByteKind::IrqFlag; 8], spilled };
            return Ok(());
        }
        if slot.bytes != [ByteKind::IrqFlag; 8] || slot.spilled.kind != RegKind::IrqFlag {
            return self.fail_at(Code::BadIrqState, number, "no interrupt state is saved here");
        }
        if slot.spilled.off != by_lock {
            return self.fail_at(
                Code::BadIrqState,
                number,
                "a state saved by a lock is restored by its unlock, any other by bpf_local_irq_restore",
            );
        }
        if self.state.irq.last() != Some(&slot.spilled.reference) {
            return self.fail_at(
                Code::BadIrqState,
                number,
                "interrupt states are restored in the reverse order",
            );
        }
        self.state.irq.pop();
        *self.state.frames[frame].stack.slot_mut(index) = Slot::EMPTY;
        Ok(())
    }
}
