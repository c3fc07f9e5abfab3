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

mod analysis;
mod check;
mod claims;
mod code_text;
mod encoding;
pub mod explain;
mod explore;
mod extended;
mod facts;
pub mod host;
mod kernel;
pub mod program;
pub mod record;
pub mod rejection;
mod shape;
mod signatures;
pub mod state;
pub mod value;
mod verdict;

pub use claims::{Claim, Claims, Seen};
pub use extended::Extended;
pub use facts::{CallFact, Facts, Touched, Ways};
pub use host::Host;
pub use program::{FunctionInfo, Input, MapInfo, Symbol, SymbolKind};
pub use rejection::{Code, Note, Place, Rejection};
pub use verdict::{Report, Stats, Subject, Unsupported, Verdict, Verified};

use explore::Walk;
use shape::Shape;
use verdict::{Checked, Stop};

/// Verifies a program.
pub fn verify(input: &Input) -> Report {
    let mut stats = Stats::default();
    let verdict = match prove(input, &mut stats, None) {
        Ok(facts) => Verdict::Verified(Verified::new(facts, input)),
        Err(Stop::Reject(rejection)) => Verdict::Rejected(rejection),
        Err(Stop::Unsupported(what)) => Verdict::Unsupported(what),
    };
    Report { verdict, stats }
}

/// The proof, or why there is none; `watch` looks on. An extension is proved as a program of the type that it extends.
fn prove<'a>(
    input: &'a Input,
    stats: &mut Stats,
    watch: Option<&'a mut dyn explore::Watch>,
) -> Checked<Facts> {
    match check::extension::as_target(input)? {
        Some((own, extended)) => prove_as(&own, Some(extended), stats, watch.map(|watch| watch as _)),
        None => prove_as(input, None, stats, watch),
    }
}

fn prove_as<'a>(
    input: &'a Input,
    extended: Option<&Extended>,
    stats: &mut Stats,
    watch: Option<&'a mut dyn explore::Watch>,
) -> Checked<Facts> {
    let shape = Shape::of(input)?;
    signatures::check(input, &shape)?;
    let entry = match extended {
        Some(_) => None,
        None => Some(check::entry(input)?),
    };
    let target = kernel::Target::of(input)?;
    let maps = record::maps(input)?;
    let arena = check::maps::check(input, &shape, &maps)?;
    let mut walk = Walk::new(input, &shape, &maps);
    walk.arena = arena;
    walk.target = target;
    let mut state = match (entry, extended) {
        (None, Some(extended)) => walk.extension_entry(extended)?,
        (entry, _) => entry.unwrap_or_else(|| state::State::new(0, 0)),
    };
    walk.hold_arguments(&mut state);
    if let Some(watch) = watch {
        walk.watch = Some(watch);
    }
    let result = walk_all(&mut walk, state);
    *stats = walk.stats;
    result?;
    walk.check_unreached()?;
    analysis::check_stack_depth(&shape, &walk.stack_used, &walk.runs_later, input)?;
    analysis::check_throws(&shape, &walk.callbacks)?;
    Ok(walk.facts())
}

/// Walks the program, then each function that was set to run later and each global function that was called on the way.
fn walk_all(walk: &mut Walk<'_>, state: state::State) -> Checked {
    walk.run(state, 0)?;
    walk.expect_exceptions();
    loop {
        let (state, start) = if let Some(later) = walk.next_later() {
            later
        } else if let Some(function) = walk.next_global() {
            walk.global_entry(function)?
        } else {
            return Ok(());
        };
        walk.run(state, start)?;
    }
}
