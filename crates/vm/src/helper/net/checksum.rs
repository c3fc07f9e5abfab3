//! Helpers that compute with checksums.

use super::super::{Call, Row, row};
use super::{change_skb, done, on_skb};
use crate::net::csum;
use crate::prov::Reg;

/// See [`super::ROWS`].
pub(super) const ROWS: &[Row] = &[
    row("csum_diff", |_, call| Ok(Reg::scalar(diff(call).into())), ""),
    row(
        "l3_csum_replace",
        |run, call| {
            change_skb(run, call, |c| {
                done(c.skb.l3_csum_replace(call.u32(1), call.u64(2), call.u64(3), call.u64(4)))
            })
        },
        "",
    ),
    row(
        "l4_csum_replace",
        |run, call| {
            change_skb(run, call, |c| {
                done(c.skb.l4_csum_replace(call.u32(1), call.u64(2), call.u64(3), call.u64(4)))
            })
        },
        "packets are never half-summed for a device here, so the pseudo-header flag changes nothing",
    ),
    row(
        "csum_update",
        |run, call| on_skb(run, call, |c| c.skb.csum_update(call.u32(1)).map(u64::from)),
        "ENOTSUPP, as for every packet without a device's sum",
    ),
    row("csum_level", |run, call| on_skb(run, call, |c| c.skb.csum_level(call.u64(1)).map(u64::from)), ""),
];

fn diff(call: &Call) -> u16 {
    csum::diff(call.bytes(0), call.bytes(2), call.u32(4))
}
