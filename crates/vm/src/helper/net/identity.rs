//! Helpers that ask who a packet belongs to: its socket, owner, cgroup, namespace.

use skep_platform::errno::{E2BIG, EAGAIN, ENOENT};

use super::super::{Call, Row, row};
use super::socket::socket_of;
use super::{answer, environment, need_environment, on_skb};
use crate::exec::Run;
use crate::fault::Fault;
use crate::net::{SkbContext, Socket};
use crate::prov::Reg;

/// The owner of packets without one (`overflowuid`, nobody).
const NOBODY: u64 = 65_534;
const SOCKET: &str = "of the packet's socket in the table given to the run";
const GIVEN: &str = "as given to the run";

/// See [`super::ROWS`].
pub(super) const ROWS: &[Row] = &[
    row("get_socket_cookie", |run, call| of_socket(run, call, 0, |s| s.cookie), SOCKET),
    row("get_socket_uid", |run, call| of_socket(run, call, NOBODY, |s| s.uid.into()), SOCKET),
    row("skb_cgroup_id", |run, call| of_socket(run, call, 0, own_cgroup), SOCKET),
    row("skb_ancestor_cgroup_id", |run, call| of_socket(run, call, 0, |s| ancestor(s, call.u32(1))), SOCKET),
    row("sk_cgroup_id", |run, call| of_argument(run, call, own_cgroup), SOCKET),
    row("sk_ancestor_cgroup_id", |run, call| of_argument(run, call, |s| ancestor(s, call.u32(1))), SOCKET),
    row("skb_under_cgroup", under_cgroup, "the map's values are cgroup ids"),
    row("get_netns_cookie", netns_cookie, GIVEN),
    row(
        "get_cgroup_classid",
        |run, call| on_skb(run, call, |c| Ok(c.environment().cgroup_classid.into())),
        GIVEN,
    ),
    row("skb_cgroup_classid", skb_classid, GIVEN),
    row("get_route_realm", |run, call| on_skb(run, call, |c| Ok(c.environment().route_realm.into())), GIVEN),
];

fn own_cgroup(socket: &Socket) -> u64 {
    socket.cgroup_path.last().copied().unwrap_or_default()
}

fn ancestor(socket: &Socket, level: u32) -> u64 {
    socket.cgroup_path.get(level as usize).copied().unwrap_or_default()
}

/// The packet's socket.
fn socket(context: &SkbContext) -> Option<&Socket> {
    context.environment().sockets.get(context.skb.socket?)
}

/// A question about the packet's socket; `none` is the answer when it has none.
fn of_socket(run: &mut Run<'_>, call: &Call, none: u64, ask: impl Fn(&Socket) -> u64) -> Result<Reg, Fault> {
    on_skb(run, call, |c| Ok(socket(c).map_or(none, ask)))
}

/// A question about a socket argument.
fn of_argument(run: &mut Run<'_>, call: &Call, ask: impl Fn(&Socket) -> u64) -> Result<Reg, Fault> {
    let env = need_environment(run, call)?;
    let number = socket_of(run, &env, call, 0)?;
    Ok(Reg::scalar(env.sockets.get(number).map_or(0, ask)))
}

fn under_cgroup(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let map = run.call_map(call, 1)?;
    let wanted = if call.u32(2) < map.spec().max_entries {
        map.target(run.guard(), &call.u32(2).to_ne_bytes()).map(|id| u64::from(id as u32)).ok_or(EAGAIN)
    } else {
        Err(E2BIG)
    };
    on_skb(run, call, |c| {
        let path = &socket(c).ok_or(ENOENT)?.cgroup_path;
        wanted.map(|id| path.contains(&id).into())
    })
}

fn netns_cookie(run: &mut Run<'_>, _: &Call) -> Result<Reg, Fault> {
    // Without a context the question is about the first namespace; so it is where there is no network at all.
    Ok(Reg::scalar(environment(run).map_or(1, |env| env.netns_cookie)))
}

fn skb_classid(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    match run.context_as::<SkbContext>() {
        Some(c) => {
            let class = if socket(c).is_some() { c.environment().cgroup_classid } else { 0 };
            Ok(answer(Ok(class.into())))
        }
        None => Err(super::wrong_context(run, call)),
    }
}
