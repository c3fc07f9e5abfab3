//! Helpers that say where the packet is to go.

use std::net::{IpAddr, Ipv6Addr};

use skep_maps::Map;
use skep_platform::MapType;
use skep_platform::errno::{EINVAL, ENETDOWN};

use super::super::{Call, Row, row};
use super::{change_skb, on_skb, on_xdp, wrong_context};
use crate::exec::Run;
use crate::fault::Fault;
use crate::net::{MapTarget, Redirect, XdpContext};
use crate::prov::Reg;

/// Into the receive path (`BPF_F_INGRESS`).
const INGRESS: u64 = 1;
/// To all interfaces of the map (`BPF_F_BROADCAST`).
const BROADCAST: u64 = 1 << 3;
/// But not to the one it came from (`BPF_F_EXCLUDE_INGRESS`).
const EXCLUDE_INGRESS: u64 = 1 << 4;
/// The low bits of a map redirect's flags: what to return when there is no target.
const DEFAULT_ACTION: u64 = 3;
/// Size of `struct bpf_redir_neigh`.
const NEIGHBOUR_LEN: usize = 20;

const XDP_ABORTED: u64 = 0;
const XDP_REDIRECT: u64 = 4;
const TC_ACT_SHOT: u64 = 2;
const TC_ACT_REDIRECT: u64 = 7;
const SK_DROP: u64 = 0;
const SK_PASS: u64 = 1;

const NOTE: &str = "the caller of the run gets the target and does the sending";
const SOCKMAP: &str = "a socket map's values are numbers of the sockets given to the run, plus one";

/// See [`super::ROWS`].
pub(super) const ROWS: &[Row] = &[
    row("redirect", redirect, NOTE),
    row("redirect_map", redirect_map, NOTE),
    row("redirect_peer", peer, NOTE),
    row("redirect_neigh", neighbour, NOTE),
    row("clone_redirect", clone, NOTE),
    row("sk_redirect_map", |run, call| to_socket(run, call, &call.u32(2).to_ne_bytes()), SOCKMAP),
    row("sk_redirect_hash", |run, call| to_socket(run, call, call.bytes(2)), SOCKMAP),
];

fn redirect(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let (ifindex, flags) = (call.u32(0), call.u64(1));
    let to = Redirect::Interface { ifindex, ingress: flags & INGRESS != 0 };
    if run.context_as::<XdpContext>().is_some() {
        return on_xdp(run, call, |x| {
            if flags != 0 {
                return Ok(XDP_ABORTED);
            }
            x.redirect = Some(to);
            Ok(XDP_REDIRECT)
        });
    }
    redirect_skb(run, call, (flags & !INGRESS == 0).then_some(to))
}

/// Notes the target of an skb; without one, because of bad arguments, the packet is to be dropped.
fn redirect_skb(run: &mut Run<'_>, call: &Call, to: Option<Redirect>) -> Result<Reg, Fault> {
    on_skb(run, call, |c| {
        if to.is_none() {
            return Ok(TC_ACT_SHOT);
        }
        c.redirect = to;
        Ok(TC_ACT_REDIRECT)
    })
}

fn peer(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let to = Redirect::Peer { ifindex: call.u32(0) };
    redirect_skb(run, call, (call.u64(1) == 0).then_some(to))
}

fn neighbour(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let params = call.bytes(1);
    let good = call.u64(3) == 0 && (params.is_empty() || params.len() >= NEIGHBOUR_LEN);
    let to = Redirect::Neighbour { ifindex: call.u32(0), next_hop: next_hop(params) };
    redirect_skb(run, call, good.then_some(to))
}

/// Reads a `struct bpf_redir_neigh`: family, then address.
fn next_hop(params: &[u8]) -> Option<IpAddr> {
    let family = u32::from_ne_bytes(*params.first_chunk()?);
    let octets = *params.get(4..)?.first_chunk::<16>()?;
    match family {
        2 => Some([octets[0], octets[1], octets[2], octets[3]].into()),
        10 => Some(Ipv6Addr::from(octets).into()),
        _ => None,
    }
}

/// Sends a copy at once; the packet itself goes on.
fn clone(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let (ifindex, flags) = (call.u32(1), call.u64(2));
    change_skb(run, call, |c| {
        if flags & !INGRESS != 0 {
            return Err(EINVAL);
        }
        if !c.environment().devices.get(ifindex).ok_or(EINVAL)?.up {
            return Err(ENETDOWN);
        }
        let to = Redirect::Interface { ifindex, ingress: flags & INGRESS != 0 };
        if !c.emit(to) {
            return Err(skep_platform::errno::ENOBUFS);
        }
        Ok(0)
    })
}

fn redirect_map(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let map = run.call_map(call, 0)?.clone();
    let flags = call.u64(2);
    let to_devices = matches!(map.spec().map_type, MapType::Devmap | MapType::DevmapHash);
    let allowed = DEFAULT_ACTION | if to_devices { BROADCAST | EXCLUDE_INGRESS } else { 0 };
    if run.context_as::<XdpContext>().is_none() {
        return Err(wrong_context(run, call));
    }
    if flags & !allowed != 0 {
        return Ok(Reg::scalar(XDP_ABORTED));
    }
    let target = if flags & BROADCAST != 0 {
        Some(broadcast(run, &map, flags & EXCLUDE_INGRESS != 0))
    } else {
        entry(run, &map, call.u32(1))
    };
    on_xdp(run, call, |x| {
        x.redirect = target;
        Ok(if x.redirect.is_some() { XDP_REDIRECT } else { flags & DEFAULT_ACTION })
    })
}

/// What a key of a redirect map leads to.
fn entry(run: &Run<'_>, map: &Map, key: u32) -> Option<Redirect> {
    // The value's first word: a devmap's interface, a cpumap's queue size, an xskmap's socket.
    let word = map.target(run.guard(), &key.to_ne_bytes())? as u32;
    let target = match map.spec().map_type {
        MapType::Devmap | MapType::DevmapHash => MapTarget::Interface(word),
        MapType::Cpumap => MapTarget::Cpu(key),
        MapType::Xskmap => MapTarget::Xsk(key),
        _ => return None,
    };
    Some(Redirect::Map { map: map.name().to_owned(), key: key.into(), target })
}

/// All interfaces of a devmap, by rising key.
fn broadcast(run: &Run<'_>, map: &Map, exclude_ingress: bool) -> Redirect {
    let mut keys = Vec::new();
    let mut last = None;
    while let Ok(key) = map.next_key(last.as_deref()) {
        // A hash may be changed meanwhile and start over; there are never more keys than entries.
        if keys.len() > map.spec().max_entries as usize {
            break;
        }
        keys.push(key.clone());
        last = Some(key);
    }
    keys.sort_by_key(|key| key.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes)));
    keys.dedup();
    let ifindexes =
        keys.iter().filter_map(|key| map.target(run.guard(), key)).map(|word| word as u32).collect();
    Redirect::Broadcast { map: map.name().to_owned(), ifindexes, exclude_ingress }
}

/// `bpf_sk_redirect_map`, `_hash`: to the socket under a key of a socket map.
fn to_socket(run: &mut Run<'_>, call: &Call, key: &[u8]) -> Result<Reg, Fault> {
    let flags = call.u64(3);
    let value = run.call_map(call, 1)?.target(run.guard(), key);
    let number = value.and_then(|value| (value as u32 as usize).checked_sub(1));
    on_skb(run, call, |c| {
        let known = number.filter(|n| flags & !INGRESS == 0 && c.environment().sockets.get(*n).is_some());
        let Some(number) = known else { return Ok(SK_DROP) };
        c.redirect = Some(Redirect::Socket { number, ingress: flags & INGRESS != 0 });
        Ok(SK_PASS)
    })
}
