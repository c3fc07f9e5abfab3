//! `BPF_MAP_TYPE_USER_RINGBUF`: the application produces, programs drain.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use skep_platform::Errno;
use skep_platform::errno::{EBUSY, EINVAL};

use crate::bytes;
use crate::map::Map;
use crate::pin::Guard;
use crate::ring::{Bell, Head, Ring};
use crate::ring_table::RingMap;
use crate::ringbuf::{BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP};
use crate::spec::MapSpec;

/// The most samples that one drain gives to the callback.
const MAX_DRAIN: u32 = 128 * 1024;

/// A user ring buffer; see [`Map::user_ring`].
#[derive(Debug)]
pub struct UserRing {
    ring: Ring,
    draining: AtomicBool,
    /// Rings when a drain has made room.
    room: Bell,
}

/// What a drain's callback wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drain {
    /// The next sample.
    Continue,
    /// No more; this one counts.
    Stop,
}

impl UserRing {
    pub(crate) fn new(spec: &MapSpec) -> Result<UserRing, Errno> {
        Ok(UserRing {
            ring: Ring::new(spec.max_entries as usize)?,
            draining: AtomicBool::new(false),
            room: Bell::default(),
        })
    }

    /// Adds a sample; false if there is no room for it. The application's side, from any thread.
    pub fn produce(&self, sample: &[u8]) -> bool {
        let Some(record) = self.ring.reserve(sample.len()) else { return false };
        // SAFETY: a reserved record of that length, 8-aligned.
        unsafe { bytes::write(record.at, sample) };
        self.ring.finish(record.at, false).is_some()
    }

    /// Adds a sample, waiting for room up to `timeout` (`None`: for ever); false if there was none in time.
    pub fn produce_blocking(&self, sample: &[u8], timeout: Option<Duration>) -> bool {
        let fits = || {
            let used = self.ring.produced() - self.ring.consumed();
            used + (bytes::round8(sample.len() + crate::ring::HEADER) as u64) < self.ring.size() as u64
        };
        if sample.len() + crate::ring::HEADER >= self.ring.size() {
            return false;
        }
        loop {
            if self.produce(sample) {
                return true;
            }
            self.room.wait(timeout, fits);
            if !fits() {
                return self.produce(sample);
            }
        }
    }

    /// Bytes that wait to be drained.
    pub fn available(&self) -> u64 {
        self.ring.produced().saturating_sub(self.ring.consumed())
    }

    /// `bpf_user_ringbuf_drain`: gives samples to `visit` (address and length, memory that only this drain sees) and returns
    /// how many it gave.
    ///
    /// # Errors
    /// `EBUSY` while another drain runs, `EINVAL` for unknown flags.
    pub fn drain(
        &self,
        _guard: &Guard,
        flags: u64,
        mut visit: impl FnMut(NonNull<u8>, usize) -> Drain,
    ) -> Result<u32, Errno> {
        if flags & !(BPF_RB_NO_WAKEUP | BPF_RB_FORCE_WAKEUP) != 0 {
            return Err(EINVAL);
        }
        if self.draining.swap(true, Ordering::Acquire) {
            return Err(EBUSY);
        }
        let _turn = Turn(&self.draining);
        let (mut count, mut seen) = (0, 0);
        while seen < MAX_DRAIN {
            seen += 1;
            match self.ring.head() {
                Head::Nothing => break,
                Head::Discarded(len) => self.ring.consume(len),
                Head::Record(at, len) => {
                    count += 1;
                    let more = visit(at, len);
                    self.ring.consume(len);
                    if more == Drain::Stop {
                        break;
                    }
                }
            }
        }
        let force = flags & BPF_RB_FORCE_WAKEUP != 0;
        if force || (count > 0 && flags & BPF_RB_NO_WAKEUP == 0) {
            self.room.ring(force);
        }
        Ok(count)
    }
}

/// The right to drain, given back even if the callback panics.
struct Turn<'a>(&'a AtomicBool);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Map {
    /// The user ring buffer's operations; `None` for other types.
    pub fn user_ring(&self) -> Option<&UserRing> {
        self.part()
    }
}

impl RingMap for UserRing {
    fn ring(&self) -> &Ring {
        &self.ring
    }
}
