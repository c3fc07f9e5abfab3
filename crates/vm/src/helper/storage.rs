//! Local storage: values that belong to a task, a cgroup, a socket or an inode.

use skep_platform::errno::{EINVAL, ENOENT};

use super::{Call, Row, row};
use crate::exec::{Run, value_pointer};
use crate::fault::Fault;
use crate::prov::{Kind, Reg};

/// Rows of [`super::rows`].
pub(crate) static ROWS: &[Row] = &[
    row("task_storage_get", get, "for the task that get_current_task_btf gave"),
    row("task_storage_delete", delete, "for the task that get_current_task_btf gave"),
    row("cgrp_storage_get", get, "for a cgroup object of the engine"),
    row("cgrp_storage_delete", delete, "for a cgroup object of the engine"),
    row("inode_storage_get", get, "for an inode object of the engine"),
    row("inode_storage_delete", delete, "for an inode object of the engine"),
    row("get_local_storage", for_cgroup, "of the process's cgroup"),
];

/// What tells owners apart: sockets by where their description lies, other objects by their address.
fn owner(call: &Call) -> Option<u64> {
    let reg = call.reg(1);
    match reg.prov.kind {
        Kind::Scalar => None,
        _ => Some(reg.prov.base),
    }
}

fn get(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let map = run.held_map(call, 0)?;
    let Some(storage) = map.storage() else { return Err(run.wrong_map(call, 0)) };
    let Some(owner) = owner(call) else { return Ok(Reg::ZERO) };
    let init = if call.lens[2] > 0 { Some(call.bytes(2).to_vec()) } else { None };
    let found = storage.get(run.guard(), owner, init.as_deref(), call.u64(3));
    Ok(match found {
        Ok(Some(value)) => value_pointer(&map, call.reg(0).prov.index, value.as_ptr() as u64),
        _ => Reg::ZERO,
    })
}

fn delete(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let map = run.held_map(call, 0)?;
    let Some(storage) = map.storage() else { return Err(run.wrong_map(call, 0)) };
    let Some(owner) = owner(call) else { return Ok(Reg::errno(EINVAL.0)) };
    Ok(match storage.delete(run.guard(), owner) {
        Ok(()) => Reg::ZERO,
        Err(errno) if errno == ENOENT => Reg::errno(ENOENT.0),
        Err(errno) => Reg::errno(errno.0),
    })
}

fn for_cgroup(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let map = run.held_map(call, 0)?;
    let Some(storage) = map.storage() else { return Err(run.wrong_map(call, 0)) };
    let cgroup = super::current::own_cgroup();
    Ok(match storage.get_for_cgroup(run.guard(), cgroup, 0) {
        Ok(value) => value_pointer(&map, call.reg(0).prov.index, value.as_ptr() as u64),
        Err(errno) => {
            return Err(run.fault(crate::FaultKind::Engine, format!("local storage: {errno}")));
        }
    })
}
