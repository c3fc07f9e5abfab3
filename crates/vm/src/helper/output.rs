//! Giving data to the application: ring buffers, perf event arrays; and taking it, from user ring buffers.

use std::ptr::NonNull;

use skep_maps::{Drain, Map};
use skep_platform::errno::EINVAL;

use super::map::errno;
use super::{Call, Row, row};
use crate::exec::{Run, Undo, Who};
use crate::fault::{Fault, FaultKind};
use crate::prov::{Kind, Life, Perm, Reg};

/// Rows of [`super::rows`].
pub(crate) static ROWS: &[Row] = &[
    row("ringbuf_output", output, ""),
    row("ringbuf_reserve", reserve, "the record is cleared, so that runs repeat"),
    row("ringbuf_submit", submit, ""),
    row("ringbuf_discard", discard, ""),
    row("ringbuf_query", query, ""),
    row("perf_event_output", perf_output, "context bytes cannot be appended, except by packet hooks"),
    row("user_ringbuf_drain", drain, ""),
];

/// What a fault calls a record.
pub(crate) const RECORD: &str = "ring buffer record";

impl Run<'_> {
    /// The map of argument `n`, held so that the run can be used meanwhile.
    pub(crate) fn held_map(&self, call: &Call, n: usize) -> Result<Map, Fault> {
        self.call_map(call, n).cloned()
    }

    #[cold]
    pub(crate) fn wrong_map(&self, call: &Call, n: usize) -> Fault {
        let who = Who::Argument(n as u8 + 1, call.name);
        let map = self.call_map(call, n).map_or("?", |m| m.spec().map_type.name());
        self.fault(FaultKind::Argument, format!("{who} is a map of type {map}"))
    }

    /// Reserves a record and registers it: what is not submitted is discarded when the run ends.
    pub(crate) fn reserve_record(&mut self, map: Map, number: u16, len: u64, flags: u64) -> Option<Reg> {
        let record = map.ringbuf()?.reserve(&self.guard, len, flags)?;
        // SAFETY: a reserved record of `len` bytes.
        unsafe { record.as_ptr().write_bytes(0, len as usize) };
        let at = record.as_ptr() as u64;
        let undo: Undo = Box::new(move || {
            if let (Some(ring), Some(record)) = (map.ringbuf(), NonNull::new(at as *mut u8)) {
                let _ = ring.discard(record, 0);
            }
        });
        let life = self.acquire(RECORD, true, Life::RUN, Some(undo));
        let mut record = Reg::pointer(Kind::Memory, at, len as usize, Perm::READ_WRITE, life);
        record.prov.index = number;
        Some(record)
    }

    /// Ends a record's life and gives it to the reader, or up. The register knows the map.
    pub(crate) fn finish_record(
        &mut self,
        record: &Reg,
        flags: u64,
        discard: bool,
        who: &Who<'_>,
    ) -> Result<(), Fault> {
        let life = record.prov.life;
        let is_record = self.m_ref().lives.resource(life).is_some_and(|r| r.what == RECORD && r.owned);
        if !is_record {
            return Err(self.not_a(record, "a ring buffer record that is held", who));
        }
        let map = self.map_at(record.prov.index);
        if let (Some(ring), Some(at)) =
            (map.and_then(Map::ringbuf), NonNull::new(record.prov.base as *mut u8))
        {
            // Cannot fail: it is a reserved record of this ring.
            let _ = if discard { ring.discard(at, flags) } else { ring.submit(at, flags) };
        }
        self.m().lives.release(life);
        Ok(())
    }
}

fn output(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let map = run.held_map(call, 0)?;
    let Some(ring) = map.ringbuf() else { return Err(run.wrong_map(call, 0)) };
    Ok(errno(ring.output(run.guard(), call.bytes(1), call.u64(3))))
}

fn reserve(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let map = run.held_map(call, 0)?;
    if map.ringbuf().is_none() {
        return Err(run.wrong_map(call, 0));
    }
    let number = call.reg(0).prov.index;
    Ok(run.reserve_record(map, number, call.u64(1), call.u64(2)).unwrap_or(Reg::ZERO))
}

fn submit(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    run.finish_record(call.reg(0), call.u64(1), false, &Who::Argument(1, call.name))?;
    Ok(Reg::UNINIT)
}

fn discard(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    run.finish_record(call.reg(0), call.u64(1), true, &Who::Argument(1, call.name))?;
    Ok(Reg::UNINIT)
}

fn query(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let map = run.held_map(call, 0)?;
    match map.ringbuf() {
        Some(ring) => Ok(Reg::scalar(ring.query(call.u64(1)))),
        None => Err(run.wrong_map(call, 0)),
    }
}

fn perf_output(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let map = run.held_map(call, 1)?;
    let Some(perf) = map.perf() else { return Err(run.wrong_map(call, 1)) };
    // Bits 32 to 51 ask for that many bytes of the context after the data.
    let context = (call.u64(2) >> 32 & 0xf_ffff) as usize;
    if context > 0 {
        let Some(packet) = run.context.packet() else { return Ok(Reg::errno(EINVAL.0)) };
        if context > packet.len {
            return Ok(Reg::errno(skep_platform::errno::EFAULT.0));
        }
        // SAFETY: the packet is at least that long.
        let bytes = unsafe { std::slice::from_raw_parts(packet.data, context) };
        return Ok(errno(perf.output(run.guard(), call.u64(2), &[call.bytes(3), bytes])));
    }
    Ok(errno(perf.output(run.guard(), call.u64(2), &[call.bytes(3)])))
}

/// Calls the program's function with a dynptr on each sample and its own context until it returns 1.
fn drain(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let map = run.held_map(call, 0)?;
    let Some(ring) = map.user_ring() else { return Err(run.wrong_map(call, 0)) };
    let entry = run.function_of(call.reg(1), "r2")?;
    let mut failed = None;
    let guard = skep_maps::pin();
    let result = ring.drain(&guard, call.u64(3), |at, len| {
        let sample = run.lend_dynptr(at.as_ptr() as u64, len);
        let result = run.call_back_in(entry, &[sample, *call.reg(2)], 1);
        run.end_lent(&sample);
        match result {
            Ok(0) => Drain::Continue,
            Ok(_) => Drain::Stop,
            Err(fault) => {
                failed = Some(fault);
                Drain::Stop
            }
        }
    });
    match (failed, result) {
        (Some(fault), _) => Err(fault),
        (None, Ok(count)) => Ok(Reg::scalar(count.into())),
        (None, Err(errno)) => Ok(Reg::errno(errno.0)),
    }
}
