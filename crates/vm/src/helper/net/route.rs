//! Helpers that ask the environment where a packet could go.

use skep_platform::errno::EINVAL;

use super::super::{Call, Row, row};
use super::{Work, need_environment};
use crate::exec::Run;
use crate::fault::Fault;
use crate::net::fib_lookup::PARAMS_LEN;
use crate::net::{Environment, MtuChecked, SkbContext, XdpContext};
use crate::prov::Reg;

/// See [`super::ROWS`].
pub(super) const ROWS: &[Row] = &[
    row(
        "fib_lookup",
        fib_lookup,
        "against the routes and neighbours given to the run; no policy rules, no multipath, no VLAN devices",
    ),
    row("check_mtu", check_mtu, "against the interfaces given to the run"),
];

fn fib_lookup(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let env = need_environment(run, call)?;
    let packet_len = run.context_as::<SkbContext>().map(|c| c.skb.len());
    Ok(super::answer(look_up(&env, call, packet_len)))
}

fn look_up(env: &Environment, call: &Call, packet_len: Option<usize>) -> Work {
    let params = call.bytes_mut(1).first_chunk_mut::<PARAMS_LEN>().ok_or(EINVAL)?;
    env.fib_lookup(params, call.u32(3), packet_len).map(|result| result as u64)
}

fn check_mtu(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let env = need_environment(run, call)?;
    let packet = if let Some(x) = run.context_as::<XdpContext>() {
        MtuChecked { len: x.packet.len(), ifindex: x.ingress_ifindex, gso_size: None }
    } else if let Some(c) = run.context_as::<SkbContext>() {
        MtuChecked { len: c.skb.len(), ifindex: c.skb.ifindex, gso_size: Some(c.skb.gso_size) }
    } else {
        return Err(super::wrong_context(run, call));
    };
    Ok(super::answer(measure(&env, call, packet)))
}

fn measure(env: &Environment, call: &Call, packet: MtuChecked) -> Work {
    let bytes = call.bytes_mut(2).first_chunk_mut::<4>().ok_or(EINVAL)?;
    let mut mtu = u32::from_ne_bytes(*bytes);
    let result = env.check_mtu(packet, call.u32(1), &mut mtu, call.u32(3) as i32, call.u64(4));
    *bytes = mtu.to_ne_bytes();
    result.map(|result| result as u64)
}
