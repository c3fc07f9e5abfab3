//! Epochs: when memory that was taken out of a map may be used again.
//!
//! Every holder of a slot shows the epoch that was current when it pinned ([`mod@crate::pin`]). Something unlinked from a map is
//! stamped with the epoch read *after* the unlinking. A holder that could have seen it pinned before, so its word is at
//! most the stamp. Whatever is stamped lower than every word in use is out of reach.
//!
//! Invariants:
//! * The epoch never goes back, and starts at 1: 0 marks a free slot.
//! * Deferred work runs on a thread that has just unpinned, outside of every lock of this file.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use std::sync::{Mutex, PoisonError};

use crate::pin;

static EPOCH: AtomicU64 = AtomicU64::new(1);
/// Everything stamped lower is out of reach: the result of the last look at all words.
static SAFE: AtomicU64 = AtomicU64::new(1);
/// How much deferred work there is: what a thread that unpins looks at.
static PENDING: AtomicU32 = AtomicU32::new(0);
static GARBAGE: Mutex<VecDeque<Deferred>> = Mutex::new(VecDeque::new());

/// Work that waits until its stamp is out of reach.
struct Deferred {
    stamp: u64,
    work: Box<dyn FnOnce() + Send>,
}

/// The epoch that a slot's new holder shows.
#[inline]
pub(crate) fn current() -> u64 {
    EPOCH.load(Ordering::Acquire)
}

/// The stamp of something that was unlinked just now.
#[inline]
pub(crate) fn stamp() -> u64 {
    // Orders the unlinking before the read of the epoch and before any later scan; see the module's argument.
    fence(Ordering::SeqCst);
    EPOCH.load(Ordering::Relaxed)
}

/// Whether what bears this stamp was out of reach when [`advance`] last looked.
#[inline]
pub(crate) fn is_safe(stamp: u64) -> bool {
    stamp < SAFE.load(Ordering::Acquire)
}

/// Starts a new epoch and finds out what is out of reach now.
pub(crate) fn advance() -> u64 {
    let next = EPOCH.fetch_add(1, Ordering::SeqCst) + 1;
    fence(Ordering::SeqCst);
    let safe = pin::epochs_in_use().fold(next, u64::min);
    SAFE.fetch_max(safe, Ordering::AcqRel).max(safe)
}

/// Keeps work until nothing that is pinned now is pinned any more.
pub(crate) fn defer(work: Box<dyn FnOnce() + Send>) {
    let deferred = Deferred { stamp: stamp(), work };
    GARBAGE.lock().unwrap_or_else(PoisonError::into_inner).push_back(deferred);
    PENDING.fetch_add(1, Ordering::Release);
}

/// Does deferred work if there is any. For a thread that has just unpinned.
#[inline]
pub(crate) fn collect_if_due() {
    if PENDING.load(Ordering::Relaxed) != 0 {
        collect();
    }
}

/// Runs the deferred work whose time has come, unless another thread is at it.
#[cold]
fn collect() {
    let mut due = Vec::new();
    {
        let Ok(mut garbage) = GARBAGE.try_lock() else { return };
        let safe = advance();
        while garbage.front().is_some_and(|deferred| deferred.stamp < safe) {
            due.extend(garbage.pop_front());
        }
        PENDING.fetch_sub(due.len() as u32, Ordering::Relaxed);
    }
    // Outside of the lock: the work may drop a map, whose parts defer work of their own.
    for deferred in due {
        (deferred.work)();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pin::{pin, pin_reader};
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn deferred_work_waits_for_the_pins_of_its_time() {
        let done = Arc::new(AtomicBool::new(false));
        let guard = pin_reader();
        let flag = done.clone();
        guard.defer(move || flag.store(true, Ordering::SeqCst));
        collect();
        assert!(!done.load(Ordering::SeqCst), "ran while the guard of its time was held");
        drop(guard);
        while !done.load(Ordering::SeqCst) {
            // Other tests' pins come and go; each is younger than the work and cannot hold it back for ever.
            drop(pin());
            std::thread::yield_now();
        }
    }
}
