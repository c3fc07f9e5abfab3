//! The user engine: it runs eBPF programs inside any process.
//!
//! Its heart is a *checking interpreter*. A program's pointers are real host addresses, but each register also knows where
//! its pointer came from (its [provenance](Prov)): the object's true bounds, what may be done with it, how long it lives. Every access and every
//! helper argument is checked against that, and a violation stops the run with a precise [`Fault`]. Nothing here trusts a verifier: this
//! engine is what verifiers and compilers are judged by.
//!
//! * [`Program::load`] takes a proof and the program it is about, [`Program::unproved`] any program; [`Program::run`] runs it
//!   on a [`Context`].
//! * A [`Hook`] says what programs get, may call and may return; applications declare their own ([`hook`]).
//! * A [`Runtime`] is what the programs of one engine share: options and the trace sink.

mod code;
pub mod context;
mod exec;
pub mod fault;
mod helper;
pub mod hook;
mod kfunc;
mod kptr;
mod load;
mod load_error;
mod memory;
pub mod net;
mod program;
mod proof;
pub mod prov;
mod runtime;
mod timers;
mod tracing;

pub use context::Context;
pub use exec::MAX_LOOPS;
pub use exec::Moment;
pub use exec::Run;
pub use fault::{Fault, FaultKind};
pub use hook::Hook;
pub use kfunc::has_kfunc;
pub use load::{MAX_FUNCTIONS, MAX_INSNS, MAX_MAPS};
pub use load_error::{LoadError, LoadProblem};
pub use memory::Memory;
pub use program::{Function, Outcome, Program, ProgramSpec};
pub use prov::{Kind, Prov, Reg};
pub use runtime::{Answers, Clock, DEFAULT_BUDGET, Options, Runtime, SPARE, Strictness, TRACE_LINES, Trace};
pub use tracing::{RawTracepoint, Syscall};
