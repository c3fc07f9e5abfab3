//! Dynptrs: `bpf_dynptr_*` and ring buffer records of a size known at run time.

use skep_platform::errno::{E2BIG, EINVAL};

use super::objects::{Dynptr, StackObject};
use super::{Call, Row, row};
use crate::exec::{Run, Who};
use crate::fault::{Fault, FaultKind};
use crate::prov::{Kind, Life, Perm, Reg};

/// Rows of [`super::rows`].
pub(crate) static ROWS: &[Row] = &[
    row("dynptr_from_mem", from_mem, ""),
    row("dynptr_read", read, ""),
    row("dynptr_write", write, ""),
    row("dynptr_data", data, ""),
    row("ringbuf_reserve_dynptr", reserve, "the record is cleared, so that runs repeat"),
    row("ringbuf_submit_dynptr", |run, call| finish(run, call, false), ""),
    row("ringbuf_discard_dynptr", |run, call| finish(run, call, true), ""),
];

/// The largest dynptr.
pub(crate) const MAX_LEN: u64 = (1 << 24) - 1;

impl Dynptr {
    /// What failing to make one leaves: every use of it fails.
    pub(crate) const NULL: Self = Self { data: Reg::ZERO, len: 0, life: Life::RUN, ringbuf: false };

    pub(crate) fn is_null(&self) -> bool {
        self.data.is_scalar()
    }

    /// A pointer to `len` bytes from `off`, if they are inside.
    pub(crate) fn slice(&self, off: u64, len: u64) -> Option<Reg> {
        if self.is_null() || off.checked_add(len)? > self.len.into() {
            return None;
        }
        let mut slice = self.data;
        slice.val += off;
        slice.prov.base = slice.val;
        slice.prov.len = len as u32;
        // A slice of the packet is good until the packet changes; the dynptr is not bothered.
        if slice.prov.kind != Kind::Packet {
            slice.prov.life = self.life;
        }
        // Special fields of a map value were kept out when the dynptr was made.
        slice.prov.kind = Kind::Memory;
        slice.prov.perm = Perm(slice.prov.perm.0 & Perm::READ_WRITE.0);
        Some(slice)
    }
}

impl Run<'_> {
    /// The dynptr that argument `n` names; the memory behind it is alive.
    pub(crate) fn dynptr(&mut self, reg: &Reg, who: &Who<'_>) -> Result<Dynptr, Fault> {
        let number = self.object_at(reg, "a dynptr", who)?;
        match self.state.objects.get(number) {
            Some(&StackObject::Dynptr(dynptr)) => {
                let dynptr = self.follow_packet(dynptr);
                if dynptr.is_null() || self.m_ref().alive(dynptr.data.prov.life) {
                    return Ok(dynptr);
                }
                Err(self.fault(FaultKind::Dead, format!("the memory behind {who} is gone")))
            }
            Some(other) => {
                let message = format!("{who} must be a dynptr and is {}", other.name());
                Err(self.fault(FaultKind::Protocol, message))
            }
            None => Err(self.fault(FaultKind::Protocol, format!("{who} is not a dynptr"))),
        }
    }

    /// Makes a dynptr in the slots at `reg`.
    pub(crate) fn new_dynptr(&mut self, reg: &Reg, data: Reg, len: u64, who: &Who<'_>) -> Result<(), Fault> {
        let life = self.acquire("dynptr", false, data.prov.life, None);
        let dynptr = Dynptr { data, len: len as u32, life, ringbuf: false };
        self.put_object(reg, StackObject::Dynptr(dynptr), who).map(drop)
    }

    pub(crate) fn null_dynptr(&mut self, reg: &Reg, who: &Who<'_>) -> Result<(), Fault> {
        self.put_object(reg, StackObject::Dynptr(Dynptr::NULL), who).map(drop)
    }
}

fn from_mem(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let who = Who::Argument(4, call.name);
    let data = *call.reg(0);
    if data.prov.kind != Kind::MapValue {
        return Err(run.not_a(&data, "memory of a map value", &Who::Argument(1, call.name)));
    }
    let errno = match (call.u64(1), call.u64(2)) {
        (len, _) if len > MAX_LEN => E2BIG,
        (_, flags) if flags != 0 => EINVAL,
        (len, _) => {
            run.new_dynptr(call.reg(3), data, len, &who)?;
            return Ok(Reg::ZERO);
        }
    };
    run.null_dynptr(call.reg(3), &who)?;
    Ok(Reg::errno(errno.0))
}

fn read(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let dynptr = run.dynptr(call.reg(2), &Who::Argument(3, call.name))?;
    let out = call.bytes_mut(0);
    if dynptr.is_null() || call.u64(4) != 0 {
        return Ok(Reg::errno(EINVAL.0));
    }
    let Some(slice) = dynptr.slice(call.u64(3), out.len() as u64) else { return Ok(Reg::errno(E2BIG.0)) };
    // SAFETY: the slice is inside living memory; they may overlap, so no slices are made.
    unsafe { std::ptr::copy(slice.val as *const u8, out.as_mut_ptr(), out.len()) };
    Ok(Reg::ZERO)
}

fn write(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let dynptr = run.dynptr(call.reg(0), &Who::Argument(1, call.name))?;
    let bytes = call.bytes(2);
    if dynptr.is_null() || !dynptr.data.prov.perm.writable() || call.u64(4) != 0 {
        return Ok(Reg::errno(EINVAL.0));
    }
    let Some(slice) = dynptr.slice(call.u64(1), bytes.len() as u64) else { return Ok(Reg::errno(E2BIG.0)) };
    run.check_fields(&dynptr.data, slice.val, bytes.len() as u64, true, &Who::Argument(1, call.name))?;
    // SAFETY: as in `read`; the memory is writable.
    unsafe { std::ptr::copy(bytes.as_ptr(), slice.val as *mut u8, bytes.len()) };
    Ok(Reg::ZERO)
}

/// Null for what is read-only or outside, and for packets, which have `bpf_dynptr_slice`.
fn data(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let dynptr = run.dynptr(call.reg(0), &Who::Argument(1, call.name))?;
    if dynptr.is_null() || dynptr.data.prov.kind == Kind::Packet || !dynptr.data.prov.perm.writable() {
        return Ok(Reg::ZERO);
    }
    Ok(dynptr.slice(call.u64(1), call.u64(2)).unwrap_or(Reg::ZERO))
}

fn reserve(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let map = run.held_map(call, 0)?;
    if map.ringbuf().is_none() {
        return Err(run.wrong_map(call, 0));
    }
    let who = Who::Argument(4, call.name);
    let len = call.u64(1);
    let number = call.reg(0).prov.index;
    let record = match len {
        0..=MAX_LEN => run.reserve_record(map, number, len, call.u64(2)),
        _ => None,
    };
    // Even a failed one must be given back: Linux wants a submit or discard on every path.
    let data = record.unwrap_or(Reg::ZERO);
    let life = match record {
        Some(record) => record.prov.life,
        None => run.acquire(super::output::RECORD, true, Life::RUN, None),
    };
    let dynptr = Dynptr { data, len: if record.is_some() { len as u32 } else { 0 }, life, ringbuf: true };
    run.put_object(call.reg(3), StackObject::Dynptr(dynptr), &who)?;
    Ok(if record.is_some() { Reg::ZERO } else { Reg::errno(EINVAL.0) })
}

fn finish(run: &mut Run<'_>, call: &Call, discard: bool) -> Result<Reg, Fault> {
    let who = Who::Argument(1, call.name);
    let dynptr = run.dynptr(call.reg(0), &who)?;
    if !dynptr.ringbuf {
        return Err(
            run.fault(FaultKind::Argument, format!("{who} is a dynptr, but not of a ring buffer record"))
        );
    }
    run.take_object(call.reg(0), "a dynptr", &who)?;
    if dynptr.is_null() {
        run.m().lives.release(dynptr.life);
    } else {
        let mut record = dynptr.data;
        record.prov.life = dynptr.life;
        run.finish_record(&record, call.u64(1), discard, &who)?;
    }
    Ok(Reg::UNINIT)
}

/// What `Perm` a slice for reading has.
pub(crate) fn read_only(mut slice: Reg) -> Reg {
    slice.prov.perm = Perm(slice.prov.perm.0 & !Perm::WRITE.0);
    slice
}
