//! Helpers on XDP packets.

use super::super::{Row, row};
use super::{change_xdp, done, on_xdp};

/// See [`super::ROWS`].
pub(super) const ROWS: &[Row] = &[
    row(
        "xdp_adjust_head",
        |run, call| change_xdp(run, call, |x| done(x.packet.xdp_adjust_head(call.u32(1) as i32))),
        "",
    ),
    row(
        "xdp_adjust_meta",
        |run, call| change_xdp(run, call, |x| done(x.packet.xdp_adjust_meta(call.u32(1) as i32))),
        "",
    ),
    row(
        "xdp_adjust_tail",
        |run, call| change_xdp(run, call, |x| done(x.packet.xdp_adjust_tail(call.u32(1) as i32))),
        "packets have no fragments here: one that Linux would fragment lies in one piece, with room to the next page's end",
    ),
    row("xdp_get_buff_len", |run, call| on_xdp(run, call, |x| Ok(x.packet.len() as u64)), ""),
    row(
        "xdp_load_bytes",
        |run, call| on_xdp(run, call, |x| done(x.packet.xdp_load_bytes(call.u32(1), call.bytes_mut(2)))),
        "",
    ),
    row(
        "xdp_store_bytes",
        |run, call| on_xdp(run, call, |x| done(x.packet.xdp_store_bytes(call.u32(1), call.bytes(2)))),
        "",
    ),
];
