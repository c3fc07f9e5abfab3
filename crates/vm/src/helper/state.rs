//! What helpers remember during a run: locks and sections that are held, objects on the stack.

use std::sync::atomic::AtomicU32;

use super::objects::StackObjects;

/// See the module.
#[derive(Default)]
pub(crate) struct HelperState {
    /// The spin lock held.
    pub(crate) lock: Option<Lock>,
    /// Resilient spin locks held, the last taken last.
    pub(crate) res_locks: Vec<Lock>,
    /// Depth of `bpf_rcu_read_lock`.
    pub(crate) rcu: u32,
    /// Depth of `bpf_preempt_disable`.
    pub(crate) preempt: u32,
    /// How often interrupts were disabled; the flags are restored in reverse order.
    pub(crate) irq: u32,
    /// Dynptrs, iterators, IRQ flags.
    pub(crate) objects: StackObjects,
}

/// A lock that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lock {
    /// Address of its word.
    pub(crate) word: u64,
    /// Address of the object that it is part of: only that may be changed under it.
    pub(crate) object: u64,
}

impl Lock {
    /// The word.
    pub(crate) fn word(&self) -> &AtomicU32 {
        // SAFETY: whoever took the lock checked the address; the value stays memory until the run ends.
        unsafe { AtomicU32::from_ptr(self.word as *mut u32) }
    }
}

impl HelperState {
    /// Whether some spin lock is held.
    #[inline]
    pub(crate) fn lock_held(&self) -> bool {
        self.lock.is_some() || !self.res_locks.is_empty()
    }

    /// What is held that must not be held at the end.
    pub(crate) fn held(&self) -> Option<&'static str> {
        if self.lock.is_some() {
            Some("a spin lock")
        } else if !self.res_locks.is_empty() {
            Some("a resilient spin lock")
        } else if self.rcu > 0 {
            Some("the RCU read lock")
        } else if self.preempt > 0 {
            Some("the disabling of preemption")
        } else if self.irq > 0 {
            Some("the disabling of interrupts")
        } else {
            None
        }
    }

    /// Gives up everything, after a fault.
    pub(crate) fn let_go(&mut self) {
        for lock in self.lock.take().into_iter().chain(self.res_locks.drain(..)) {
            skep_maps::unlock_word(lock.word());
        }
    }
}
