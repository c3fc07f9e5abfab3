//! Helpers that read and change an skb's bytes and what is known beside them.

use skep_platform::errno::EINVAL;

use super::super::{Row, row};
use super::{change_skb, done, on_skb};

/// See [`super::ROWS`].
pub(super) const ROWS: &[Row] = &[
    row(
        "skb_load_bytes",
        |run, call| on_skb(run, call, |c| done(c.skb.load_bytes(call.u32(1), call.bytes_mut(2)))),
        "",
    ),
    row(
        "skb_load_bytes_relative",
        |run, call| {
            on_skb(run, call, |c| {
                done(c.skb.load_bytes_relative(call.u32(1), call.bytes_mut(2), call.u32(4)))
            })
        },
        "",
    ),
    row(
        "skb_store_bytes",
        |run, call| {
            change_skb(run, call, |c| done(c.skb.store_bytes(call.u32(1), call.bytes(2), call.u64(4))))
        },
        "no device computes checksums here, so there is none to recompute",
    ),
    row("skb_pull_data", |run, call| change_skb(run, call, |c| done(c.skb.pull_data(call.u32(1)))), ""),
    row(
        "skb_change_tail",
        |run, call| change_skb(run, call, |c| done(c.skb.change_tail(call.u32(1), call.u64(2)))),
        "never cuts into the headers; Linux may, after the packet has moved to a larger buffer",
    ),
    row(
        "skb_change_head",
        |run, call| change_skb(run, call, |c| done(c.skb.change_head(call.u32(1), call.u64(2)))),
        "",
    ),
    row(
        "skb_change_proto",
        |run, call| {
            change_skb(run, call, |c| done(c.skb.change_proto(network_order(call.u32(1)), call.u64(2))))
        },
        "",
    ),
    row("skb_change_type", |run, call| on_skb(run, call, |c| done(c.skb.change_type(call.u32(1)))), ""),
    row(
        "skb_adjust_room",
        |run, call| {
            change_skb(run, call, |c| done(c.skb.adjust_room(call.u32(1) as i32, call.u32(2), call.u64(3))))
        },
        "room behind headers that were cut off is zeroed; Linux fills it with what the buffer held",
    ),
    row(
        "skb_vlan_push",
        |run, call| {
            let (proto, tci) = (network_order(call.u32(1)), call.u32(2) as u16);
            change_skb(run, call, |c| done(c.skb.vlan_push(proto, tci)))
        },
        "",
    ),
    row("skb_vlan_pop", |run, call| change_skb(run, call, |c| done(c.skb.vlan_pop())), ""),
    row("skb_ecn_set_ce", |run, call| on_skb(run, call, |c| Ok(c.skb.ecn_set_ce().into())), ""),
    row(
        "skb_set_tstamp",
        |run, call| on_skb(run, call, |c| done(c.skb.set_tstamp(call.u64(1), call.u32(2)))),
        "",
    ),
    row(
        "get_hash_recalc",
        |run, call| {
            on_skb(run, call, |c| {
                let secret = c.environment().secret;
                Ok(c.skb.hash_recalc(secret).into())
            })
        },
        "the same flow has the same hash in every run; Linux draws a secret at boot",
    ),
    row(
        "set_hash",
        |run, call| {
            on_skb(run, call, |c| {
                c.skb.set_hash(call.u32(1));
                Ok(0)
            })
        },
        "",
    ),
    row(
        "set_hash_invalid",
        |run, call| {
            on_skb(run, call, |c| {
                c.skb.clear_hash();
                Ok(0)
            })
        },
        "",
    ),
    row(
        "skb_get_xfrm_state",
        |run, call| {
            on_skb(run, call, |_| {
                call.bytes_mut(2).fill(0);
                Err(EINVAL)
            })
        },
        "there is no IPsec here: as for a packet that went through none",
    ),
];

/// An EtherType as programs pass it, in network order.
fn network_order(argument: u32) -> u16 {
    u16::from_be(argument as u16)
}
