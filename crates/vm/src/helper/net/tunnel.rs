//! Helpers on tunnel metadata.

use super::super::{Row, row};
use super::{done, on_skb};

/// What differs from Linux for all of them.
const NOTE: &str = "metadata is kept beside the packet; there is no tunnel device to act on it";

/// See [`super::ROWS`].
pub(super) const ROWS: &[Row] = &[
    row(
        "skb_get_tunnel_key",
        |run, call| on_skb(run, call, |c| done(c.skb.tunnel_key(call.bytes_mut(1), call.u64(3)))),
        NOTE,
    ),
    row(
        "skb_set_tunnel_key",
        |run, call| on_skb(run, call, |c| done(c.skb.set_tunnel_key(call.bytes(1), call.u64(3)))),
        NOTE,
    ),
    row(
        "skb_get_tunnel_opt",
        |run, call| on_skb(run, call, |c| c.skb.tunnel_options(call.bytes_mut(1)).map(|len| len as u64)),
        NOTE,
    ),
    row(
        "skb_set_tunnel_opt",
        |run, call| on_skb(run, call, |c| done(c.skb.set_tunnel_options(call.bytes(1)))),
        NOTE,
    ),
];
