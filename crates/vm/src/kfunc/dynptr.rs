//! Dynptrs, the newer half: `bpf_dynptr_slice` and its kin.

use skep_platform::errno::{E2BIG, EINVAL, ERANGE};

use super::{Args, Resolved, kfunc};
use crate::exec::Run;
use crate::fault::{Fault, FaultKind};
use crate::helper::dynptr::read_only;
use crate::helper::objects::{Dynptr, StackObject};
use crate::prov::Reg;

/// Rows of [`super::all`].
pub(crate) static ROWS: &[Resolved] = &[
    kfunc("bpf_dynptr_adjust", 3, adjust),
    kfunc("bpf_dynptr_is_null", 1, |run, args| {
        let dynptr = run.dynptr(args.reg(0), &args.who(0))?;
        Ok(Reg::scalar(dynptr.is_null().into()))
    }),
    kfunc("bpf_dynptr_is_rdonly", 1, |run, args| {
        let dynptr = run.dynptr(args.reg(0), &args.who(0))?;
        Ok(Reg::scalar((!dynptr.is_null() && !dynptr.data.prov.perm.writable()).into()))
    }),
    kfunc("bpf_dynptr_size", 1, |run, args| {
        let dynptr = run.dynptr(args.reg(0), &args.who(0))?;
        Ok(if dynptr.is_null() { Reg::errno(EINVAL.0) } else { Reg::scalar(dynptr.len.into()) })
    }),
    kfunc("bpf_dynptr_clone", 2, clone),
    kfunc("bpf_dynptr_slice", 4, |run, args| slice(run, args, false)),
    kfunc("bpf_dynptr_slice_rdwr", 4, |run, args| slice(run, args, true)),
    kfunc("bpf_dynptr_copy", 5, copy),
    kfunc("bpf_dynptr_memset", 4, memset),
];

/// Narrows the view to `start..end`.
fn adjust(run: &mut Run<'_>, args: &Args) -> Result<Reg, Fault> {
    let dynptr = run.dynptr(args.reg(0), &args.who(0))?;
    let (start, end) = (args.number(run, 1)? as u32, args.number(run, 2)? as u32);
    if dynptr.is_null() || start > end {
        return Ok(Reg::errno(EINVAL.0));
    }
    if end > dynptr.len {
        return Ok(Reg::errno(ERANGE.0));
    }
    let number = run.object_at(args.reg(0), "a dynptr", &args.who(0))?;
    if let Some(StackObject::Dynptr(d)) = run.state.objects.get_mut(number) {
        d.data.val += u64::from(start);
        d.len = end - start;
    }
    Ok(Reg::ZERO)
}

/// A second view of the same memory; it does not own a ring buffer record.
fn clone(run: &mut Run<'_>, args: &Args) -> Result<Reg, Fault> {
    let dynptr = run.dynptr(args.reg(0), &args.who(0))?;
    if dynptr.is_null() {
        run.null_dynptr(args.reg(1), &args.who(1))?;
        return Ok(Reg::errno(EINVAL.0));
    }
    let life = run.acquire("dynptr", false, dynptr.life, None);
    let copy = Dynptr { life, ringbuf: false, ..dynptr };
    run.put_object(args.reg(1), StackObject::Dynptr(copy), &args.who(1))?;
    Ok(Reg::ZERO)
}

/// A pointer to `r4` bytes from `r2`; memory here is always in one piece, so the buffer in `r3` is not used.
fn slice(run: &mut Run<'_>, args: &Args, write: bool) -> Result<Reg, Fault> {
    let dynptr = run.dynptr(args.reg(0), &args.who(0))?;
    let (off, len) = (args.number(run, 1)?, args.number(run, 3)?);
    if !args.reg(2).is_null() {
        run.check_bytes(args.reg(2), len, true, true, &args.who(2))?;
    }
    if dynptr.is_null() || (write && !dynptr.data.prov.perm.writable()) {
        return Ok(Reg::ZERO);
    }
    let slice = dynptr.slice(u64::from(off as u32), u64::from(len as u32)).unwrap_or(Reg::ZERO);
    Ok(if write || slice.is_null() { slice } else { read_only(slice) })
}

fn copy(run: &mut Run<'_>, args: &Args) -> Result<Reg, Fault> {
    let to = run.dynptr(args.reg(0), &args.who(0))?;
    let from = run.dynptr(args.reg(2), &args.who(2))?;
    let (to_off, from_off, len) = (args.number(run, 1)?, args.number(run, 3)?, args.number(run, 4)?);
    if to.is_null() || from.is_null() || !to.data.prov.perm.writable() {
        return Ok(Reg::errno(EINVAL.0));
    }
    let (Some(to), Some(from)) = (to.slice(to_off, len), from.slice(from_off, len)) else {
        return Ok(Reg::errno(E2BIG.0));
    };
    run.check_fields(&to, to.val, len, true, &args.who(0))?;
    // SAFETY: both are inside living memory; they may overlap.
    unsafe { std::ptr::copy(from.val as *const u8, to.val as *mut u8, len as usize) };
    Ok(Reg::ZERO)
}

fn memset(run: &mut Run<'_>, args: &Args) -> Result<Reg, Fault> {
    let dynptr = run.dynptr(args.reg(0), &args.who(0))?;
    let (off, len, byte) = (args.number(run, 1)?, args.number(run, 2)?, args.number(run, 3)? as u8);
    if dynptr.is_null() || !dynptr.data.prov.perm.writable() {
        return Ok(Reg::errno(EINVAL.0));
    }
    let Some(slice) = dynptr.slice(off, len) else { return Ok(Reg::errno(E2BIG.0)) };
    if slice.prov.len as u64 != len {
        return Err(run.fault(FaultKind::Engine, "a slice has another length than asked for"));
    }
    run.check_fields(&slice, slice.val, len, true, &args.who(0))?;
    // SAFETY: inside living, writable memory.
    unsafe { (slice.val as *mut u8).write_bytes(byte, len as usize) };
    Ok(Reg::ZERO)
}
