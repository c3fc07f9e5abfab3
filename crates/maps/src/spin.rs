//! A lock for a few instructions: one byte, no queue, and it gives the CPU away when its holder lost it.

use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};

/// Turns before a waiter yields its CPU: the holder may be descheduled, then spinning only delays it.
const SPINS: u32 = 64;

/// Waits one turn of a spin loop.
pub(crate) fn wait_turn(turns: &mut u32) {
    *turns = turns.wrapping_add(1);
    if turns.is_multiple_of(SPINS) { std::thread::yield_now() } else { std::hint::spin_loop() }
}

/// A value behind a spin lock. Nothing that can block or call out may run while it is held.
#[derive(Debug, Default)]
pub(crate) struct Spin<T> {
    locked: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: the lock lets one thread at a time reach the value, and values that may move between threads may be reached so.
unsafe impl<T: Send> Sync for Spin<T> {}

impl<T> Spin<T> {
    pub(crate) const fn new(value: T) -> Spin<T> {
        Spin { locked: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }

    #[inline]
    pub(crate) fn lock(&self) -> Locked<'_, T> {
        let mut turns = 0;
        loop {
            if let Some(locked) = self.try_lock() {
                return locked;
            }
            while self.locked.load(Ordering::Relaxed) {
                wait_turn(&mut turns);
            }
        }
    }

    #[inline]
    pub(crate) fn try_lock(&self) -> Option<Locked<'_, T>> {
        let free = self.locked.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok();
        // Not `then_some`: a guard that is made is a guard that unlocks.
        free.then(|| Locked { lock: self })
    }
}

/// The held lock.
pub(crate) struct Locked<'a, T> {
    lock: &'a Spin<T>,
}

impl<T> Deref for Locked<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the lock is held, so nobody else reaches the value.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for Locked<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above; `self` is borrowed exclusively.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for Locked<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.locked.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time() {
        let lock = Spin::new((0u64, 0u64));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        let mut pair = lock.lock();
                        assert_eq!(pair.0, pair.1);
                        pair.0 += 1;
                        std::hint::black_box(&mut pair.0);
                        pair.1 += 1;
                    }
                });
            }
        });
        assert_eq!(*lock.lock(), (80_000, 80_000));
        let held = lock.lock();
        assert!(lock.try_lock().is_none() && lock.try_lock().is_none());
        drop(held);
    }
}
