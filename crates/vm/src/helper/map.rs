//! Maps: `bpf_map_*`.

use skep_maps::Map;
use skep_platform::errno::EINVAL;
use skep_platform::{Errno, MapType};

use super::{Call, Row, row};
use crate::exec::{MAX_LOOPS, Run, map_reg, value_pointer};
use crate::fault::{Fault, FaultKind};
use crate::prov::{Kind, Life, Perm, Reg};

/// Rows of [`super::rows`].
pub(crate) static ROWS: &[Row] = &[
    row("map_lookup_elem", lookup, ""),
    row("map_lookup_percpu_elem", lookup_percpu, ""),
    row("map_update_elem", update, ""),
    row("map_delete_elem", delete, ""),
    row("map_push_elem", push, ""),
    row("map_pop_elem", pop, ""),
    row("map_peek_elem", peek, ""),
    row("for_each_map_elem", for_each, ""),
    row("loop", repeat, ""),
];

/// The result of an operation as helpers return it.
pub(crate) fn errno(result: Result<(), Errno>) -> Reg {
    match result {
        Ok(()) => Reg::ZERO,
        Err(errno) => Reg::errno(errno.0),
    }
}

impl Run<'_> {
    /// The map of a checked map argument.
    #[inline]
    pub(crate) fn call_map(&self, call: &Call, n: usize) -> Result<&Map, Fault> {
        match self.map_at(call.reg(n).prov.index) {
            Some(map) => Ok(map),
            None => Err(self.fault(FaultKind::Engine, "the map argument has no map")),
        }
    }
}

fn lookup(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let map = run.call_map(call, 0)?;
    let map_type = map.spec().map_type;
    if matches!(map_type, MapType::ArrayOfMaps | MapType::HashOfMaps) {
        return inner(run, call);
    }
    if matches!(map_type, MapType::Xskmap | MapType::Sockmap | MapType::Sockhash) {
        return Ok(Reg::ZERO);
    }
    let number = call.reg(0).prov.index;
    Ok(match map.lookup_ptr(run.guard(), call.bytes(1)) {
        Some(value) => value_pointer(map, number, value.as_ptr() as u64),
        None => Reg::ZERO,
    })
}

/// A look-up in a map of maps gives a map.
fn inner(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let found = run.call_map(call, 0)?.inner_map(run.guard(), call.bytes(1)).cloned();
    let Some(map) = found else { return Ok(Reg::ZERO) };
    let number = run.map_number(&map)?;
    Ok(map_reg(&map, number))
}

fn lookup_percpu(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let map = run.call_map(call, 0)?;
    let number = call.reg(0).prov.index;
    Ok(match map.lookup_percpu_ptr(run.guard(), call.bytes(1), call.u32(2)) {
        Some(value) => value_pointer(map, number, value.as_ptr() as u64),
        None => Reg::ZERO,
    })
}

/// Bytes for the map to copy: private memory as it is, memory that others may write to as a copy.
fn stable<'a>(call: &'a Call, n: usize, copy: &'a mut Vec<u8>) -> &'a [u8] {
    match call.reg(n).prov.kind {
        Kind::MapValue | Kind::App => {
            copy.extend_from_slice(call.bytes(n));
            copy
        }
        _ => call.bytes(n),
    }
}

fn update(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let map = run.call_map(call, 0)?;
    let (mut key, mut value) = (Vec::new(), Vec::new());
    let result =
        map.update_in(run.guard(), stable(call, 1, &mut key), stable(call, 2, &mut value), call.u64(3));
    Ok(errno(result))
}

fn delete(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let mut key = Vec::new();
    Ok(errno(run.call_map(call, 0)?.delete_in(run.guard(), stable(call, 1, &mut key))))
}

fn push(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let mut value = Vec::new();
    let map = run.call_map(call, 0)?;
    Ok(errno(map.push_in(run.guard(), stable(call, 1, &mut value), call.u64(2))))
}

fn pop(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    Ok(errno(run.call_map(call, 0)?.pop_in(run.guard(), call.bytes_mut(1))))
}

fn peek(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    Ok(errno(run.call_map(call, 0)?.peek_in(run.guard(), call.bytes_mut(1))))
}

/// Calls the program's function with map, key, value and its own context until it returns 1.
fn for_each(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    if call.u64(3) != 0 {
        return Ok(Reg::errno(EINVAL.0));
    }
    let map = run.call_map(call, 0)?.clone();
    let entry = run.function_of(call.reg(1), "r2")?;
    let number = call.reg(0).prov.index;
    let mut failed = None;
    // The closure borrows the run, the call its guard: a guard of the same thread protects as well.
    let guard = skep_maps::pin();
    let result = map.for_each_in(&guard, |key, value| {
        let life = run.acquire("map key", false, Life::RUN, None);
        let mut key = Reg::pointer(Kind::MapKey, key.as_ptr() as u64, key.len(), Perm::READ, life);
        key.prov.index = number;
        let value = value_pointer(&map, number, value.as_ptr() as u64);
        let result = run.call_back_in(entry, &[*call.reg(0), key, value, *call.reg(2)], 1);
        run.release(&key);
        match result {
            Ok(go_on) => go_on == 0,
            Err(fault) => {
                failed = Some(fault);
                false
            }
        }
    });
    match (failed, result) {
        (Some(fault), _) => Err(fault),
        (None, Ok(count)) => Ok(Reg::scalar(count)),
        (None, Err(errno)) => Ok(Reg::errno(errno.0)),
    }
}

/// `bpf_loop`: calls the program's function with the index and its context until it returns 1.
fn repeat(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let entry = run.function_of(call.reg(1), "r2")?;
    if call.u64(3) != 0 {
        return Ok(Reg::errno(EINVAL.0));
    }
    let count = call.u32(0);
    if count > MAX_LOOPS {
        return Ok(Reg::errno(skep_platform::errno::E2BIG.0));
    }
    for index in 0..count {
        if run.call_back_in(entry, &[Reg::scalar(index.into()), *call.reg(2)], 1)? == 1 {
            return Ok(Reg::scalar(u64::from(index) + 1));
        }
    }
    Ok(Reg::scalar(count.into()))
}
