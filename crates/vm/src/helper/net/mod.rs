//! Helpers of the packet hooks.
//!
//! What they do is in [`crate::net`]; here arguments are fetched, results handed back, and pointers into a packet that
//! changed are declared void. Most helpers are one line over one of the functions below.

mod checksum;
mod cookie;
mod dynptr;
mod identity;
mod redirect;
mod route;
mod skb;
mod socket;
mod tunnel;
mod xdp;

use std::sync::Arc;

use skep_platform::Errno;

use super::{Call, Row};
use crate::exec::Run;
use crate::fault::{Fault, FaultKind};
use crate::net::{Environment, SkLookupContext, SkbContext, XdpContext};
use crate::prov::Reg;

/// The tables of the files here.
const TABLES: [&[Row]; 9] = [
    checksum::ROWS,
    cookie::ROWS,
    identity::ROWS,
    redirect::ROWS,
    route::ROWS,
    skb::ROWS,
    socket::ROWS,
    tunnel::ROWS,
    xdp::ROWS,
];

/// Rows in all of them.
const COUNT: usize = {
    let (mut count, mut table) = (0, 0);
    while table < TABLES.len() {
        count += TABLES[table].len();
        table += 1;
    }
    count
};

/// Rows of [`super::rows`].
pub(crate) static ROWS: &[Row] = &{
    let mut rows = [TABLES[0][0]; COUNT];
    let (mut at, mut table) = (0, 0);
    while table < TABLES.len() {
        let mut row = 0;
        while row < TABLES[table].len() {
            rows[at] = TABLES[table][row];
            at += 1;
            row += 1;
        }
        table += 1;
    }
    rows
};

/// What a helper's work comes to: a value for `r0`, or an error for it.
pub(super) type Work = Result<u64, Errno>;

/// For the work that only succeeds or fails.
pub(super) fn done(result: Result<(), Errno>) -> Work {
    result.map(|()| 0)
}

/// The result as `r0` has it.
fn answer(work: Work) -> Reg {
    work.map_or_else(|errno| Reg::errno(errno.0), Reg::scalar)
}

/// The call needs a context that this program was not run on.
#[cold]
fn wrong_context(run: &mut Run<'_>, call: &Call) -> Fault {
    let name = run.context().name().to_owned();
    run.fault(FaultKind::Unsupported, format!("{} does not work on the context {name}", call.name))
}

/// Work on an skb that moves none of its bytes.
fn on_skb(run: &mut Run<'_>, call: &Call, work: impl FnOnce(&mut SkbContext) -> Work) -> Result<Reg, Fault> {
    match run.context_as::<SkbContext>() {
        Some(context) => Ok(answer(work(context))),
        None => Err(wrong_context(run, call)),
    }
}

/// Work on an skb after which, whether it succeeded or not, no pointer into the packet is good.
fn change_skb(
    run: &mut Run<'_>,
    call: &Call,
    work: impl FnOnce(&mut SkbContext) -> Work,
) -> Result<Reg, Fault> {
    let result = on_skb(run, call, work)?;
    run.packet_changed();
    Ok(result)
}

/// Work on an XDP packet that moves none of its bytes.
fn on_xdp(run: &mut Run<'_>, call: &Call, work: impl FnOnce(&mut XdpContext) -> Work) -> Result<Reg, Fault> {
    match run.context_as::<XdpContext>() {
        Some(context) => Ok(answer(work(context))),
        None => Err(wrong_context(run, call)),
    }
}

/// As [`change_skb`], for XDP.
fn change_xdp(
    run: &mut Run<'_>,
    call: &Call,
    work: impl FnOnce(&mut XdpContext) -> Work,
) -> Result<Reg, Fault> {
    let result = on_xdp(run, call, work)?;
    run.packet_changed();
    Ok(result)
}

/// The environment of whichever network context the program runs on.
fn environment(run: &mut Run<'_>) -> Option<Arc<Environment>> {
    if let Some(context) = run.context_as::<XdpContext>() {
        return Some(context.environment().clone());
    }
    if let Some(context) = run.context_as::<SkbContext>() {
        return Some(context.environment().clone());
    }
    run.context_as::<SkLookupContext>().map(|context| context.environment().clone())
}

/// As [`environment`], or a fault.
fn need_environment(run: &mut Run<'_>, call: &Call) -> Result<Arc<Environment>, Fault> {
    match environment(run) {
        Some(env) => Ok(env),
        None => Err(wrong_context(run, call)),
    }
}
