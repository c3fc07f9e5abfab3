//! Helpers that find sockets and ask about them.
//!
//! A socket is a pointer to its image in the environment's table; which socket it is follows from the address. Looking
//! one up acquires it, and the run ends with a fault when it is not released, as Linux's verifier demands.

use skep_platform::errno::{EINVAL, EOPNOTSUPP};

use super::super::{Call, Row, row};
use super::{answer, need_environment};
use crate::context::Lent;
use crate::exec::{Run, value_pointer};
use crate::fault::{Fault, FaultKind};
use crate::net::{Environment, SkLookupContext, SkbContext, SocketState, Transport, Tuple, XdpContext};
use crate::prov::{Kind, Reg};

const TABLE: &str = "against the sockets given to the run; all are in one network namespace";

/// See [`super::ROWS`].
pub(super) const ROWS: &[Row] = &[
    row("sk_lookup_tcp", |run, call| look_up(run, call, Transport::Tcp, true), TABLE),
    row("sk_lookup_udp", |run, call| look_up(run, call, Transport::Udp, true), TABLE),
    row("skc_lookup_tcp", |run, call| look_up(run, call, Transport::Tcp, false), TABLE),
    row("sk_release", release, ""),
    row("sk_fullsock", full, ""),
    row("tcp_sock", tcp, "the fields of struct bpf_tcp_sock are those given with the socket"),
    row("get_listener_sock", listener, ""),
    row("sk_assign", assign, "tc: on arrival only, as in Linux; a NULL socket is not taken"),
    row("sk_storage_get", storage_get, "owned by the socket's cookie"),
    row("sk_storage_delete", storage_delete, "owned by the socket's cookie"),
];

/// The number of the socket that argument `n` points to.
pub(super) fn socket_of(run: &Run<'_>, env: &Environment, call: &Call, n: usize) -> Result<usize, Fault> {
    match env.sockets.by_address(call.reg(n).prov.base()) {
        Some(number) => Ok(number),
        None => {
            let message = format!("argument {} of {} is no socket of this run", n + 1, call.name);
            Err(run.fault(FaultKind::Argument, message))
        }
    }
}

/// `bpf_sk_lookup_*`; only a `full` socket is wanted, or any.
fn look_up(run: &mut Run<'_>, call: &Call, transport: Transport, full: bool) -> Result<Reg, Fault> {
    let env = need_environment(run, call)?;
    let ifindex = if let Some(x) = run.context_as::<XdpContext>() {
        x.ingress_ifindex
    } else {
        run.context_as::<SkbContext>().map_or(0, |c| c.skb.ifindex)
    };
    // Namespaces have ids from 0, negative means the own one; there is no other here.
    let own = (call.u32(3) as i32) < 0 || call.u64(3) == 0;
    let found = Tuple::from_bytes(transport, call.bytes(1), ifindex)
        .filter(|_| call.u64(4) == 0 && own)
        .and_then(|tuple| env.sockets.find(&tuple))
        .filter(|n| !full || env.sockets.get(*n).is_some_and(|s| s.is_full()));
    let Some(image) = found.and_then(|n| env.sockets.image(n)) else { return Ok(Reg::ZERO) };
    // SAFETY: images are never written and stay in place while the environment lives, which the context holds.
    Ok(unsafe { run.acquire_socket(Lent::read(image.as_ptr(), image.len())) })
}

fn release(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    if run.release(call.reg(0)) {
        return Ok(Reg::ZERO);
    }
    Err(run.fault(FaultKind::Argument, "the socket given to sk_release was not acquired by a look-up"))
}

/// The same pointer, with the same life, when there is all of a socket behind it.
fn full(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let env = need_environment(run, call)?;
    let number = socket_of(run, &env, call, 0)?;
    let full = env.sockets.get(number).is_some_and(|s| s.is_full());
    Ok(if full { *call.reg(0) } else { Reg::ZERO })
}

/// The TCP side of a socket: other memory, the same life.
fn tcp(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let env = need_environment(run, call)?;
    let number = socket_of(run, &env, call, 0)?;
    let full = env.sockets.get(number).is_some_and(|s| s.is_full());
    let Some(image) = env.sockets.tcp_image(number).filter(|_| full) else { return Ok(Reg::ZERO) };
    // SAFETY: as for look-ups.
    let mut reg = unsafe { run.memory(Kind::Socket, Lent::read(image.as_ptr(), image.len())) };
    reg.prov.life = call.reg(0).prov.life;
    Ok(reg)
}

/// The listener behind a socket: freed late enough in Linux to need no reference.
fn listener(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let env = need_environment(run, call)?;
    let number = socket_of(run, &env, call, 0)?;
    let listener = env.sockets.listener_of(number);
    let Some(image) = listener.and_then(|n| env.sockets.image(n)) else { return Ok(Reg::ZERO) };
    // SAFETY: as for look-ups.
    Ok(unsafe { run.memory(Kind::Socket, Lent::read(image.as_ptr(), image.len())) })
}

fn assign(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let env = need_environment(run, call)?;
    let number = if call.reg(1).is_null() { None } else { Some(socket_of(run, &env, call, 1)?) };
    if let Some(look_up) = run.context_as::<SkLookupContext>() {
        return Ok(answer(look_up.assign(number, call.u64(2)).map(|()| 0)));
    }
    super::on_skb(run, call, |c| {
        if number.is_none() || call.u64(2) != 0 {
            return Err(EINVAL);
        }
        let closed = number.and_then(|n| env.sockets.get(n)).is_some_and(is_unhashed);
        if !c.skb.at_ingress || closed {
            return Err(EOPNOTSUPP);
        }
        c.skb.socket = number;
        Ok(0)
    })
}

/// The socket's storage in a map: its cookie is the owner.
fn storage_get(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let Some(owner) = owner(run, call)? else { return Ok(Reg::ZERO) };
    let init = (!call.reg(2).is_null()).then(|| call.bytes(2));
    let map = run.call_map(call, 0)?;
    let value = map.storage().and_then(|s| s.get(run.guard(), owner, init, call.u64(3)).ok().flatten());
    Ok(match value {
        Some(value) => value_pointer(map, call.reg(0).prov.index, value.as_ptr() as u64),
        None => Reg::ZERO,
    })
}

fn storage_delete(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let Some(owner) = owner(run, call)? else { return Ok(Reg::errno(EINVAL.0)) };
    let map = run.call_map(call, 0)?;
    let result = map.storage().map_or(Err(EINVAL), |s| s.delete(run.guard(), owner));
    Ok(answer(result.map(|()| 0)))
}

/// Who owns the storage of the socket in argument 1; only a full socket has one.
fn owner(run: &mut Run<'_>, call: &Call) -> Result<Option<u64>, Fault> {
    if call.reg(1).is_null() {
        return Ok(None);
    }
    let env = need_environment(run, call)?;
    let number = socket_of(run, &env, call, 1)?;
    Ok(env.sockets.get(number).filter(|s| s.is_full()).map(|s| s.cookie))
}

/// A closed TCP socket is in no table any more.
fn is_unhashed(socket: &crate::net::Socket) -> bool {
    socket.transport == Transport::Tcp && socket.state == SocketState::Close
}
