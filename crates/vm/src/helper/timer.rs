//! `bpf_timer_*`: see [`crate::timers`].

use std::time::Duration;

use skep_maps::{FieldKind, Map};
use skep_platform::MapType;
use skep_platform::errno::EINVAL;

use super::map::errno;
use super::{Call, Row, row};
use crate::exec::{Run, Who};
use crate::fault::{Fault, FaultKind};
use crate::prov::Reg;
use crate::timers::{self, Name, Place};

/// Rows of [`super::rows`].
pub(crate) static ROWS: &[Row] = &[
    row("timer_init", init, ""),
    row("timer_set_callback", set_callback, "the timer does not keep the program loaded"),
    row(
        "timer_start",
        start,
        "the callback runs on the engine's timer thread; its faults go to the trace sink",
    ),
    row("timer_cancel", cancel, ""),
];

/// `CLOCK_REALTIME`, `CLOCK_MONOTONIC` and `CLOCK_BOOTTIME`.
const CLOCKS: [u64; 3] = [0, 1, 7];
/// The time is absolute.
const ABSOLUTE: u64 = 1;
/// Fire on this CPU; there is only one timer thread.
const PINNED: u64 = 2;

impl Run<'_> {
    /// The name of the timer or work queue at `reg`.
    pub(crate) fn timer_name(&self, reg: &Reg, kind: FieldKind, who: &Who<'_>) -> Result<Name, Fault> {
        self.field_at(reg, &[kind], who)?;
        Ok((self.map_at(reg.prov.index).map_or(0, Map::id), reg.val))
    }

    /// Makes a timer or work queue of the field at `reg` known.
    pub(crate) fn timer_init(
        &mut self,
        reg: &Reg,
        map: &Reg,
        kind: FieldKind,
        who: &Who<'_>,
    ) -> Result<Reg, Fault> {
        let name = self.timer_name(reg, kind, who)?;
        let Some(map) = self.map(map).cloned().filter(|m| m.id() == name.0) else {
            let message = format!("{who} is not in a value of the map that is given with it");
            return Err(self.fault(FaultKind::Argument, message));
        };
        let value = reg.prov.base;
        Ok(errno(timers::init(&map, name, || Some(Place { value, key: key_of(self, &map, value)? }))))
    }
}

/// The key of the value at an address.
fn key_of(run: &Run<'_>, map: &Map, value: u64) -> Option<Vec<u8>> {
    if map.spec().map_type == MapType::Array {
        let first = map.lookup_ptr(run.guard(), &0u32.to_ne_bytes())?.as_ptr() as u64;
        let stride = u64::from(map.spec().value_size.next_multiple_of(8));
        return Some((((value - first) / stride) as u32).to_ne_bytes().to_vec());
    }
    let mut found = None;
    let _ = map.for_each_in(run.guard(), |key, at| {
        if at.as_ptr() as u64 == value {
            found = Some(key.to_vec());
        }
        found.is_none()
    });
    found
}

fn name(run: &Run<'_>, call: &Call) -> Result<Name, Fault> {
    run.timer_name(call.reg(0), FieldKind::Timer, &Who::Argument(1, call.name))
}

fn init(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    if !CLOCKS.contains(&call.u64(2)) {
        return Ok(Reg::errno(EINVAL.0));
    }
    run.timer_init(call.reg(0), call.reg(1), FieldKind::Timer, &Who::Argument(1, call.name))
}

fn set_callback(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let entry = run.function_of(call.reg(1), "r2")?;
    Ok(errno(timers::set_callback(name(run, call)?, run.program_handle(), entry)))
}

fn start(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let (nanoseconds, flags) = (call.u64(1), call.u64(2));
    let name = name(run, call)?;
    if flags & !(ABSOLUTE | PINNED) != 0 {
        return Ok(Reg::errno(EINVAL.0));
    }
    let delay = match flags & ABSOLUTE {
        0 => nanoseconds,
        _ => nanoseconds.saturating_sub(super::time::monotonic()),
    };
    Ok(errno(timers::start(name, Duration::from_nanos(delay))))
}

fn cancel(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    Ok(match timers::cancel(name(run, call)?) {
        Ok(armed) => Reg::scalar(armed.into()),
        Err(errno) => Reg::errno(errno.0),
    })
}
