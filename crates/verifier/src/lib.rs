//! The verifier: proves a program safe, or says why it is not.
//!
//! The walk follows every path through the program and keeps, for every register and every stack byte, what is known of it
//! ([`state`], over the numbers of [`value`]). Paths that meet what is already proved end there. Linux 6.18 is the reference: what it accepts is
//! accepted, what it rejects is rejected, and what is not modelled here is said to be [`Verdict::Unsupported`], never accepted.
//!
//! [`verify`] takes an [`Input`] and gives a [`Report`].
#![forbid(unsafe_code)]
// Abstract operations are not those of `std::ops`: `a.add(b)` may know less than either operand, and should read so.
#![allow(clippy::should_implement_trait)]

pub mod program;
pub mod rejection;
pub mod state;
pub mod value;
mod verdict;

pub use program::{FunctionInfo, Input, MapField, MapFieldKind, MapInfo, Symbol, SymbolKind};
pub use rejection::{Code, Note, Place, Rejection};
pub use verdict::{Facts, Report, Stats, Unsupported, Verdict, Verified};

/// Verifies a program.
pub fn verify(input: &Input) -> Report {
    let reason = format!("verification of {} programs", input.program_type.name());
    let verdict = match verdict::unsupported::<Facts>(0, reason) {
        Ok(facts) => Verdict::Verified(Verified::new(facts)),
        Err(verdict::Stop::Reject(rejection)) => Verdict::Rejected(rejection),
        Err(verdict::Stop::Unsupported(what)) => Verdict::Unsupported(what),
    };
    Report { verdict, stats: Stats::default() }
}
