//! Resilient locks: taking one may fail, several may be held, and they are given back in the reverse order.

use skep_isa::Reg as Number;

use super::Call;
use crate::Code;
use crate::explore::Walk;
use crate::record::FieldKind;
use crate::state::{Flags, Held, Lock, LockKind, Reg, RegKind, State};
use crate::value::Scalar;
use crate::verdict::Checked;

/// Kernel functions that may be called while a lock is held.
#[rustfmt::skip] // A table.
pub(super) static ALLOWED: &[&str] = &[
    "bpf_list_push_front_impl", "bpf_list_push_back_impl", "bpf_list_pop_front", "bpf_list_pop_back", "bpf_list_front",
    "bpf_list_back", "bpf_rbtree_add_impl", "bpf_rbtree_first", "bpf_rbtree_remove", "bpf_rbtree_root", "bpf_rbtree_left",
    "bpf_rbtree_right", "bpf_refcount_acquire_impl", "bpf_iter_num_new", "bpf_iter_num_next", "bpf_iter_num_destroy",
    "bpf_res_spin_lock", "bpf_res_spin_unlock", "bpf_res_spin_lock_irqsave", "bpf_res_spin_unlock_irqrestore",
];

/// The least error number that a lock that was not got gives.
const MAX_ERRNO: i64 = 4095;

/// Whether the function takes a lock, and whether it turns interrupts off.
pub(super) fn takes_lock(name: &str) -> bool {
    matches!(name, "bpf_res_spin_lock" | "bpf_res_spin_lock_irqsave")
}

impl Walk<'_> {
    /// The lock argument: a lock is taken, or given back.
    pub(super) fn resilient_lock(&mut self, call: &Call, number: Number, reg: &Reg) -> Checked {
        let name = call.proto.name.as_str();
        let holds = match reg.kind {
            RegKind::MapValue(_) => !reg.is_nullable(),
            RegKind::Allocated(_) => reg.flags == Flags::OWNED,
            _ => false,
        };
        if !holds {
            return self.kfunc_misfit(call, number, reg, "a lock in a map value");
        }
        let Some(field) = self.record_of(reg).first(FieldKind::ResilientSpinLock).copied() else {
            return self.fail_at(Code::BadArgument, number, "there is no resilient lock");
        };
        let offset = reg.value.as_constant().map(|var| i64::from(reg.off) + var as i64);
        if offset != Some(field.offset.into()) {
            let message = format!("the lock is at offset {}", field.offset);
            return self.fail_at(Code::BadArgument, number, message);
        }
        let kind = if name.contains("irq") { LockKind::ResilientIrq } else { LockKind::Resilient };
        let lock = Lock { kind, of: (reg.kind, reg.id) };
        if takes_lock(name) {
            if self.state.held.iter().any(|held| held.lock.is_some_and(|held| held.of == lock.of)) {
                return self
                    .fail(Code::LockHeld, "this lock is held already: the program would wait for itself");
            }
            let id = self.fresh_id();
            self.state.held.push(Held { id, at: self.at, lock: Some(lock) });
            return Ok(());
        }
        let Some(last) = self.state.lock().copied() else {
            return self.fail(Code::LockMissing, "no lock is held");
        };
        if last.lock != Some(lock) {
            let message = "the lock released is not the one taken last, in the same way";
            return self.fail(Code::LockMissing, message);
        }
        self.state.held.retain(|held| held.id != last.id);
        self.lock_left();
        Ok(())
    }

    /// What lay in lists and trees under a lock is out of reach when it goes; with the last lock goes the protection that it gave to RCU's objects.
    pub(crate) fn lock_left(&mut self) {
        self.forget_non_owning();
        if !self.in_rcu() {
            self.leave_rcu();
        }
    }

    /// Another path goes on from `before` without the lock; on this one r0 is 0.
    pub(super) fn lock_may_fail(&mut self, mut before: State, next: usize) -> Checked {
        let mut error = Scalar::UNKNOWN;
        error.s32.narrow(-MAX_ERRNO as i32, -1);
        error.settle();
        let regs = before.frame_mut().regs_mut();
        regs[..6].fill(Reg::UNINIT);
        regs[0] = Reg::scalar(error);
        self.push(before, next)
    }
}
