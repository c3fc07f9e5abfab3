//! What all programs of one engine share: options, the trace sink, the timers' thread.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

/// How many trace lines [`Trace::Collect`] keeps before it drops the oldest.
pub const TRACE_LINES: usize = 10_000;

/// The default [`Options::budget`]: a few seconds of a loop.
pub const DEFAULT_BUDGET: u64 = 1 << 30;

/// Bytes past the top of a frame that belong to it under [`Strictness::Runtime`]. A call clears them.
pub const SPARE: usize = 8;

/// How much is forgiven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strictness {
    /// As Linux for privileged programs: stack bytes nobody wrote may be read. They are zero, so that runs repeat.
    #[default]
    Linux,
    /// Reading stack bytes that nobody wrote is a fault.
    Strict,
    /// As runtimes outside Linux, for programs written for them: as `Linux`, and the stack may be accessed at any
    /// alignment and up to [`SPARE`] bytes past its top.
    Runtime,
}

/// Where the lines of `bpf_trace_printk` go.
#[derive(Clone, Default)]
pub enum Trace {
    /// Kept until [`Runtime::take_trace`] asks, the newest [`TRACE_LINES`].
    #[default]
    Collect,
    /// Given to a closure, without a newline at the end.
    Call(Arc<dyn Fn(&str) + Send + Sync>),
    /// Dropped.
    Drop,
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Collect => "Collect",
            Self::Call(_) => "Call",
            Self::Drop => "Drop",
        })
    }
}

/// What the clock helpers (`bpf_ktime_get_ns` and its kin) answer.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// This machine's clocks.
    #[default]
    System,
    /// Nanoseconds that the application sets: the time of the packet when a capture is replayed, or of a test.
    Set(Arc<AtomicU64>),
}

/// Numbers that helpers return instead of their own, by the helper's name without `bpf_`: asked at each call of a helper of
/// clocks, of chance or of the current task's numbers. For a search that must know what a run saw.
#[derive(Clone)]
pub struct Answers(pub Arc<dyn Fn(&'static str) -> Option<u64> + Send + Sync>);

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answers")
    }
}

/// Options of a runtime.
#[derive(Clone, Debug)]
pub struct Options {
    /// What time it is.
    pub clock: Clock,
    /// How much is forgiven.
    pub strictness: Strictness,
    /// Instructions that one run may spend, counted at backward jumps (by their span) and calls; a run that has
    /// spent them [faults](crate::FaultKind::Budget).
    pub budget: u64,
    /// Where trace lines go.
    pub trace: Trace,
    /// What helpers return instead of their own numbers.
    pub answers: Option<Answers>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            clock: Clock::System,
            strictness: Strictness::Linux,
            budget: DEFAULT_BUDGET,
            trace: Trace::Collect,
            answers: None,
        }
    }
}

/// The shared part of an engine. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Runtime(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: Options,
    /// Collected lines, oldest first.
    lines: Mutex<VecDeque<String>>,
}

impl Runtime {
    /// A runtime with these options.
    pub fn new(options: Options) -> Self {
        Self(Arc::new(Inner { options, lines: Mutex::default() }))
    }

    /// The options it was made with.
    pub fn options(&self) -> &Options {
        &self.0.options
    }

    /// Takes the trace lines collected since the last call, oldest first.
    pub fn take_trace(&self) -> Vec<String> {
        let mut lines = self.0.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.drain(..).collect()
    }

    /// Hands a line of trace output to the sink.
    pub(crate) fn trace(&self, line: &str) {
        match &self.0.options.trace {
            Trace::Drop => {}
            Trace::Call(sink) => sink(line),
            Trace::Collect => {
                let mut lines = self.0.lines.lock().unwrap_or_else(PoisonError::into_inner);
                if lines.len() == TRACE_LINES {
                    lines.pop_front();
                }
                lines.push_back(line.to_owned());
            }
        }
    }
}

impl Default for Runtime {
    fn default() -> Self {
        Self::new(Options::default())
    }
}
