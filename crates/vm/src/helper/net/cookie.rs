//! SYN cookies.

use super::super::{Call, Row, row};
use super::socket::socket_of;
use super::{Work, answer, need_environment};
use crate::exec::Run;
use crate::fault::Fault;
use crate::net::TcpSegment;
use crate::prov::Reg;

const NOTE: &str = "cookies are Linux's in form, under the run's own secret: not good for a kernel";

/// See [`super::ROWS`].
pub(super) const ROWS: &[Row] = &[
    row("tcp_gen_syncookie", |run, call| with_listener(run, call, true), NOTE),
    row("tcp_check_syncookie", |run, call| with_listener(run, call, false), NOTE),
    row("tcp_raw_gen_syncookie_ipv4", raw_generate, NOTE),
    row("tcp_raw_gen_syncookie_ipv6", raw_generate, NOTE),
    row("tcp_raw_check_syncookie_ipv4", raw_check, NOTE),
    row("tcp_raw_check_syncookie_ipv6", raw_check, NOTE),
];

fn with_listener(run: &mut Run<'_>, call: &Call, generate: bool) -> Result<Reg, Fault> {
    let env = need_environment(run, call)?;
    let number = socket_of(run, &env, call, 0)?;
    let work = || -> Work {
        let listener = env.sockets.get(number).ok_or(skep_platform::errno::EINVAL)?;
        let segment = TcpSegment::new(call.bytes(1), call.bytes(3))?;
        if generate {
            segment.generate(listener, env.secret)
        } else {
            segment.check(listener, env.secret).map(|()| 0)
        }
    };
    Ok(answer(work()))
}

fn raw_generate(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let env = need_environment(run, call)?;
    let work = TcpSegment::new(call.bytes(0), call.bytes(1)).and_then(|s| s.raw_generate(env.secret));
    Ok(answer(work))
}

fn raw_check(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let env = need_environment(run, call)?;
    let work = TcpSegment::new(call.bytes(0), call.bytes(1)).and_then(|s| s.raw_check(env.secret));
    Ok(answer(work.map(|()| 0)))
}
