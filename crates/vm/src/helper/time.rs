//! Clocks, random numbers and where a program runs.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::Ordering;

use super::{Call, Row, row};
use crate::exec::Run;
use crate::fault::Fault;
use crate::prov::Reg;
use crate::runtime::Clock;

/// Rows of [`super::rows`].
pub(crate) static ROWS: &[Row] = &[
    row("ktime_get_ns", |run, _| Ok(clock(run, libc::CLOCK_MONOTONIC)), ""),
    row("ktime_get_boot_ns", |run, _| Ok(clock(run, libc::CLOCK_BOOTTIME)), ""),
    row("ktime_get_coarse_ns", |run, _| Ok(clock(run, libc::CLOCK_MONOTONIC_COARSE)), ""),
    row("ktime_get_tai_ns", |run, _| Ok(clock(run, libc::CLOCK_TAI)), ""),
    row("jiffies64", jiffies, "counts 250 a second, whatever the kernel's HZ"),
    row("get_prandom_u32", |_, _| Ok(Reg::scalar(u64::from(random()))), ""),
    row(
        "get_smp_processor_id",
        |run, _| Ok(Reg::scalar(run.guard().slot().into())),
        "the per-CPU slot of the run, below the number of slots",
    ),
    row("get_numa_node_id", |_, _| Ok(Reg::ZERO), "always node 0"),
];

/// Jiffies per second here.
const HZ: u64 = 250;
const NANOSECONDS: u64 = 1_000_000_000;

/// A clock in nanoseconds, or what the application has set instead; 0 if the system does not have it.
fn clock(run: &Run<'_>, id: libc::clockid_t) -> Reg {
    if let Clock::Set(now) = &run.runtime().options().clock {
        return Reg::scalar(now.load(Ordering::Relaxed));
    }
    Reg::scalar(system(id))
}

/// The system's monotonic clock in nanoseconds, whatever the application has set.
pub(crate) fn monotonic() -> u64 {
    system(libc::CLOCK_MONOTONIC)
}

fn system(id: libc::clockid_t) -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a timespec to write to.
    unsafe { libc::clock_gettime(id, &mut now) };
    (now.tv_sec as u64).wrapping_mul(NANOSECONDS).wrapping_add(now.tv_nsec as u64)
}

fn jiffies(run: &mut Run<'_>, _: &Call) -> Result<Reg, Fault> {
    Ok(Reg::scalar(clock(run, libc::CLOCK_MONOTONIC).val / (NANOSECONDS / HZ)))
}

thread_local! {
    /// State of the thread's generator; never 0.
    static RANDOM: Cell<u64> = Cell::new(RandomState::new().hash_one(0u8) | 1);
}

/// Not for secrets, as in Linux: a xorshift generator per thread.
pub(crate) fn random() -> u32 {
    RANDOM.with(|state| {
        let mut x = state.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        state.set(x);
        (x.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) as u32
    })
}
