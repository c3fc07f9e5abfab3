//! Pinning: who runs, and on which CPU slot.
//!
//! Linux runs a program under RCU and on one CPU. [`pin`] gives both to a thread: a [`Guard`] is a *slot*, the number that
//! `bpf_get_smp_processor_id` returns and that chooses the value of a per-CPU map, and it is a reader's mark. One word
//! says both. Each slot has a word: 0 when it is free, else the *epoch* that was current when its holder pinned. One compare
//! and swap therefore claims the slot, publishes the mark and is the barrier between the mark and the first read.
//!
//! When memory that was taken out of a map may be used again follows from the words: [`crate::epoch`].
//!
//! Invariants:
//! * A slot has one holder at a time. Nested pins of a thread share it.
//! * There are as many CPU slots as CPUs; a thread that finds all taken sleeps until one is free. Plain reads and writes by
//!   the application need the mark and no CPU, and use slots of their own ([`pin_reader`]), so they wait for no program.
//! * A thread must not wait for another thread's pin while it holds a guard itself.

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_utils::CachePadded;

use crate::epoch;

/// The most CPU slots there can be.
pub const MAX_SLOTS: u32 = 1024;

/// Slots for application calls. More threads than this inside a map call at once wait a moment.
pub(crate) const READERS: u32 = 64;

/// How long a thread sleeps before it looks again. Releasing a slot does not pay for a barrier, so a wake-up can be missed;
/// this bounds what that costs.
const NAP: Duration = Duration::from_micros(500);

const FREE: u64 = 0;
const NONE: u32 = u32::MAX;

static WORDS: [CachePadded<AtomicU64>; (MAX_SLOTS + READERS) as usize] =
    [const { CachePadded::new(AtomicU64::new(FREE)) }; (MAX_SLOTS + READERS) as usize];
/// One more than the highest word ever in use. Most processes use few of the application's.
static TOP: AtomicU32 = AtomicU32::new(0);
static SLOTS: AtomicU32 = AtomicU32::new(0);
static ARRIVALS: AtomicU32 = AtomicU32::new(0);
static SLEEPERS: AtomicU32 = AtomicU32::new(0);
static BED: Mutex<()> = Mutex::new(());
static BELL: Condvar = Condvar::new();
/// What a thread holds of one range of slots.
struct Held {
    /// The slot held, or the one held last and tried first; `NONE` before the first pin.
    slot: Cell<u32>,
    depth: Cell<u32>,
}

impl Held {
    const fn new() -> Held {
        Held { slot: Cell::new(NONE), depth: Cell::new(0) }
    }
}

thread_local! {
    static CPU: Held = const { Held::new() };
    static READER: Held = const { Held::new() };
}

/// A pinned thread: its slot and its protection of everything it finds in maps. Dropping it ends both.
///
/// Not `Send`: the slot belongs to the thread.
#[derive(Debug)]
pub struct Guard {
    word: u32,
    not_send: PhantomData<*const ()>,
}

/// Pins the calling thread for the run of a program. Waits while every CPU slot is held by other threads.
pub fn pin() -> Guard {
    CPU.with(|held| enter(held, 0, slots()))
}

/// Pins for a map call by the application: protected like a run, but on no CPU.
pub(crate) fn pin_reader() -> Guard {
    // A thread inside a run is protected already.
    let nested = CPU.with(|held| (held.depth.get() > 0).then(|| enter(held, 0, 0)));
    nested.unwrap_or_else(|| READER.with(|held| enter(held, MAX_SLOTS, READERS)))
}

/// The number of CPU slots: the values a per-CPU map holds per key.
///
/// It is the number of CPUs this process may use, or what the environment variable `SKEP_SLOTS` or [`set_slots`] said
/// before the first use.
pub fn slots() -> u32 {
    match SLOTS.load(Ordering::Relaxed) {
        0 => choose_slots(None),
        n => n,
    }
}

/// Sets the number of CPU slots, once, before anything used it.
///
/// Returns whether `count` is the number now in force.
pub fn set_slots(count: u32) -> bool {
    choose_slots(Some(count)) == count
}

#[cold]
fn choose_slots(wish: Option<u32>) -> u32 {
    let wish = wish
        .or_else(|| std::env::var("SKEP_SLOTS").ok()?.parse().ok())
        .or_else(|| std::thread::available_parallelism().ok()?.get().try_into().ok());
    let count = wish.unwrap_or(1).clamp(1, MAX_SLOTS);
    match SLOTS.compare_exchange(0, count, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => count,
        Err(set) => set,
    }
}

/// Enters a range of slots: deeper where the thread is inside already, else by claiming one.
#[inline]
fn enter(held: &Held, first: u32, count: u32) -> Guard {
    let depth = held.depth.get();
    if depth == 0 {
        let last = held.slot.get();
        if last == NONE || !claim(last) {
            held.slot.set(find(last, first, count));
        }
    }
    held.depth.set(depth + 1);
    Guard { word: held.slot.get(), not_send: PhantomData }
}

/// Tries to take one slot.
#[inline]
fn claim(word: u32) -> bool {
    let claimed = WORDS[word as usize]
        .compare_exchange(FREE, epoch::current(), Ordering::SeqCst, Ordering::Relaxed)
        .is_ok();
    // On x86 the locked instruction above is the barrier already.
    if cfg!(any(miri, not(any(target_arch = "x86", target_arch = "x86_64")))) {
        fence(Ordering::SeqCst);
    }
    claimed
}

/// Takes any slot of the range, sleeping while there is none.
#[cold]
fn find(last: u32, first: u32, count: u32) -> u32 {
    // A new thread starts at the next slot in turn, so that threads spread.
    let start = if last == NONE { ARRIVALS.fetch_add(1, Ordering::Relaxed) % count } else { last - first };
    let claim = |word| {
        // Before the claim: a scan that misses the new bound must not miss a word in use.
        TOP.fetch_max(word + 1, Ordering::SeqCst);
        claim(word)
    };
    let sweep = || (0..count).map(|i| first + (start + i) % count).find(|&word| claim(word));
    loop {
        if let Some(word) = sweep() {
            return word;
        }
        SLEEPERS.fetch_add(1, Ordering::SeqCst);
        let bed = BED.lock().unwrap_or_else(PoisonError::into_inner);
        drop(BELL.wait_timeout(bed, NAP));
        SLEEPERS.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Guard {
    /// The CPU slot of this run, below [`slots`].
    #[inline]
    pub fn slot(&self) -> u32 {
        // An application call has no CPU; it never asks for the value of "its" CPU either, so any answer in range does.
        if self.word < MAX_SLOTS { self.word } else { 0 }
    }

    /// A number below `count` that spreads concurrent holders.
    #[inline]
    pub(crate) fn shard(&self, count: usize) -> usize {
        self.word as usize % count
    }

    /// Runs `work` once nothing that is pinned now is pinned any more.
    pub fn defer(&self, work: impl FnOnce() + Send + 'static) {
        // The last of the guards that hold it back does the work when it drops.
        epoch::defer(Box::new(work));
    }
}

impl Drop for Guard {
    #[inline]
    fn drop(&mut self) {
        let leave = |held: &Held| {
            let depth = held.depth.get() - 1;
            held.depth.set(depth);
            if depth == 0 {
                release(self.word);
            }
        };
        if self.word < MAX_SLOTS { CPU.with(leave) } else { READER.with(leave) }
    }
}

#[inline]
fn release(word: u32) {
    WORDS[word as usize].store(FREE, Ordering::Release);
    if SLEEPERS.load(Ordering::Relaxed) != 0 {
        wake();
    }
    epoch::collect_if_due();
}

#[cold]
fn wake() {
    drop(BED.lock().unwrap_or_else(PoisonError::into_inner));
    BELL.notify_all();
}

/// The epochs of all who are pinned.
pub(crate) fn epochs_in_use() -> impl Iterator<Item = u64> {
    let cpus = 0..slots() as usize;
    let readers = MAX_SLOTS as usize..TOP.load(Ordering::SeqCst).max(MAX_SLOTS) as usize;
    // The acquire pairs with the release of a slot: what its holder read is read before the memory is used again.
    let words = cpus.chain(readers).map(|word| WORDS[word].load(Ordering::Acquire));
    words.filter(|&word| word != FREE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn nested_pins_share_the_slot() {
        let outer = pin();
        let inner = pin();
        assert_eq!(outer.slot(), inner.slot());
        drop(outer);
        assert_ne!(WORDS[inner.word as usize].load(Ordering::Relaxed), FREE);
        assert!(pin_reader().word < MAX_SLOTS, "a reader inside of a run shares its slot");
    }

    #[test]
    fn a_slot_has_one_holder() {
        let holders: Arc<Vec<AtomicU32>> = Arc::new((0..slots()).map(|_| AtomicU32::new(0)).collect());
        let threads: Vec<_> = (0..2 * slots() + 2)
            .map(|_| {
                let holders = holders.clone();
                std::thread::spawn(move || {
                    for _ in 0..300 {
                        let guard = pin();
                        let holder = &holders[guard.slot() as usize];
                        assert_eq!(holder.fetch_add(1, Ordering::SeqCst), 0);
                        std::thread::yield_now();
                        holder.fetch_sub(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
    }
}
