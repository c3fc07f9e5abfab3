//! Helpers with rules of their own: which maps they are for, locks, callbacks.

use skep_isa::Reg as Number;
use skep_platform::MapType::{self, *};
use skep_platform::helper::Helper;

use super::arguments::Given;
use crate::Code;
use crate::explore::Walk;
use crate::program::{MapFieldKind, MapInfo};
use crate::state::{FrameKind, Held, Reg, RegKind, State};
use crate::value::Scalar;
use crate::verdict::Checked;

/// Whether a map's values hold a lock.
pub(crate) fn has_lock(map: &MapInfo) -> bool {
    map.fields
        .iter()
        .any(|field| matches!(field.kind, MapFieldKind::SpinLock | MapFieldKind::ResilientSpinLock))
}

/// Helpers that take only these types of map.
#[rustfmt::skip] // A table.
static MAPS_OF: &[(&[&str], &[MapType])] = &[
    (&["tail_call"], &[ProgArray]),
    (&["perf_event_read", "perf_event_output", "perf_event_read_value", "skb_output", "xdp_output"], &[PerfEventArray]),
    (&["ringbuf_output", "ringbuf_reserve", "ringbuf_query", "ringbuf_reserve_dynptr"], &[Ringbuf]),
    (&["user_ringbuf_drain"], &[UserRingbuf]),
    (&["get_stackid"], &[StackTrace]),
    (&["current_task_under_cgroup", "skb_under_cgroup"], &[CgroupArray]),
    (&["redirect_map"], &[Devmap, DevmapHash, Cpumap, Xskmap]),
    (&["sk_redirect_map", "msg_redirect_map", "sock_map_update"], &[Sockmap]),
    (&["sk_redirect_hash", "msg_redirect_hash", "sock_hash_update"], &[Sockhash]),
    (&["get_local_storage"], &[CgroupStorage, PercpuCgroupStorage]),
    (&["sk_select_reuseport"], &[ReuseportSockarray, Sockmap, Sockhash]),
    (&["map_pop_elem"], &[Queue, Stack]),
    (&["map_peek_elem", "map_push_elem"], &[Queue, Stack, BloomFilter]),
    (&["map_lookup_percpu_elem"], &[PercpuArray, PercpuHash, LruPercpuHash]),
    (&["sk_storage_get", "sk_storage_delete"], &[SkStorage]),
    (&["inode_storage_get", "inode_storage_delete"], &[InodeStorage]),
    (&["task_storage_get", "task_storage_delete"], &[TaskStorage]),
    (&["cgrp_storage_get", "cgrp_storage_delete"], &[CgrpStorage]),
    (&["for_each_map_elem"], &[Hash, Array, PercpuHash, PercpuArray, LruHash, LruPercpuHash]),
];

/// Types of map that take only these helpers.
#[rustfmt::skip] // A table.
static HELPERS_OF: &[(&[MapType], &[&str])] = &[
    (&[ProgArray], &["tail_call"]),
    (&[PerfEventArray], &["perf_event_read", "perf_event_output", "perf_event_read_value", "skb_output", "xdp_output"]),
    (&[Ringbuf], &["ringbuf_output", "ringbuf_reserve", "ringbuf_query", "ringbuf_reserve_dynptr"]),
    (&[UserRingbuf], &["user_ringbuf_drain"]),
    (&[StackTrace], &["get_stackid"]),
    (&[CgroupArray], &["current_task_under_cgroup", "skb_under_cgroup"]),
    (&[CgroupStorage, PercpuCgroupStorage], &["get_local_storage"]),
    (&[Devmap, DevmapHash, Xskmap], &["redirect_map", "map_lookup_elem"]),
    (&[Cpumap], &["redirect_map"]),
    (&[ArrayOfMaps, HashOfMaps], &["map_lookup_elem"]),
    (&[Sockmap], &["sk_redirect_map", "sock_map_update", "map_delete_elem", "msg_redirect_map", "sk_select_reuseport", "map_lookup_elem", "map_update_elem"]),
    (&[Sockhash], &["sk_redirect_hash", "sock_hash_update", "map_delete_elem", "msg_redirect_hash", "sk_select_reuseport", "map_lookup_elem", "map_update_elem"]),
    (&[ReuseportSockarray], &["sk_select_reuseport"]),
    (&[Queue, Stack], &["map_peek_elem", "map_pop_elem", "map_push_elem"]),
    (&[BloomFilter], &["map_peek_elem", "map_push_elem"]),
    (&[SkStorage], &["sk_storage_get", "sk_storage_delete", "kptr_xchg"]),
    (&[InodeStorage], &["inode_storage_get", "inode_storage_delete", "kptr_xchg"]),
    (&[TaskStorage], &["task_storage_get", "task_storage_delete", "kptr_xchg"]),
    (&[CgrpStorage], &["cgrp_storage_get", "cgrp_storage_delete", "kptr_xchg"]),
];

/// Helpers with rules beyond their prototype that are not modelled yet.
#[rustfmt::skip] // A table.
static NOT_MODELLED: &[&str] = &[
    "find_vma", "user_ringbuf_drain", "timer_init", "timer_set_callback", "timer_start", "timer_cancel", "kptr_xchg",
    "snprintf", "get_local_storage", "per_cpu_ptr", "this_cpu_ptr", "sys_bpf",
];

/// Of what every program type may call, the helpers that the unprivileged may not.
#[rustfmt::skip] // A table.
static PRIVILEGED: &[&str] = &[
    "spin_lock", "spin_unlock", "jiffies64", "per_cpu_ptr", "this_cpu_ptr", "timer_init", "timer_set_callback", "timer_start",
    "timer_cancel", "kptr_xchg", "for_each_map_elem", "loop", "user_ringbuf_drain", "ringbuf_reserve_dynptr",
    "ringbuf_submit_dynptr", "ringbuf_discard_dynptr", "dynptr_from_mem", "dynptr_read", "dynptr_write", "dynptr_data",
    "ktime_get_tai_ns", "snprintf", "snprintf_btf", "trace_printk", "trace_vprintk", "probe_read", "probe_read_str",
    "probe_read_user", "probe_read_kernel", "probe_read_user_str", "probe_read_kernel_str", "get_current_task",
    "get_current_task_btf", "task_storage_get", "task_storage_delete", "cgrp_storage_get", "cgrp_storage_delete",
    "get_current_cgroup_id", "get_current_ancestor_cgroup_id", "get_current_uid_gid", "get_current_comm", "strncmp",
    "get_current_pid_tgid", "get_ns_current_pid_tgid", "perf_event_read", "perf_event_read_value", "send_signal",
    "send_signal_thread", "get_task_stack", "copy_from_user", "copy_from_user_task", "get_branch_snapshot", "find_vma",
    "current_task_under_cgroup", "get_cgroup_classid",
];

/// Whether the unprivileged may not call it.
pub(crate) fn needs_privilege(helper: &Helper) -> bool {
    PRIVILEGED.contains(&helper.name)
}

/// Whether the helper is for maps of this type, and the map for this helper.
pub(crate) fn map_fits(walk: &Walk<'_>, helper: &Helper, given: &Given) -> Checked {
    let Some(map) = given.map else { return Ok(()) };
    let (info, name) = (walk.map(map), helper.name);
    let by_helper = MAPS_OF
        .iter()
        .filter(|(names, _)| names.contains(&name))
        .all(|(_, types)| types.contains(&info.map_type));
    let by_map = HELPERS_OF
        .iter()
        .filter(|(types, _)| types.contains(&info.map_type))
        .all(|(_, names)| names.contains(&name));
    if !by_helper || !by_map {
        return walk
            .fail(Code::MapMismatch, format!("{name} is not for maps of type {}", info.map_type.name()));
    }
    let sockets = matches!(info.map_type, Sockmap | Sockhash)
        && matches!(name, "map_update_elem" | "map_delete_elem" | "map_lookup_elem");
    if sockets {
        return walk.unsupported("sockets in maps");
    }
    Ok(())
}

impl Walk<'_> {
    /// What a helper does besides its result.
    pub(crate) fn special_before(&mut self, helper: &Helper, given: &Given) -> Checked {
        if NOT_MODELLED.contains(&helper.name) {
            return self.unsupported(helper.name);
        }
        match helper.name {
            "loop" => {
                self.matters(Number::R1)?;
                let limit = self.state.reg(Number::R1).value.u64.max;
                if u64::from(self.state.frame().callback_depth) < limit {
                    self.callback(given, |regs| {
                        [Some(Reg::UNKNOWN), Some(regs[Number::R3.index()]), None, None]
                    })?;
                } else {
                    self.state.frame_mut().callback_depth = 0;
                }
                Ok(())
            }
            "for_each_map_elem" => {
                let Some(map) = given.map else { return Ok(()) };
                let mut value = Reg::pointer(RegKind::MapValue(map));
                if has_lock(self.map(map)) {
                    value.id = self.fresh_id();
                }
                self.callback(given, |regs| {
                    [
                        Some(Reg::pointer(RegKind::Map(map))),
                        Some(Reg::pointer(RegKind::MapKey(map))),
                        Some(value),
                        Some(regs[Number::R3.index()]),
                    ]
                })
            }
            _ => Ok(()),
        }
    }

    /// A function that the helper calls any number of times: one call waits, and after it the helper is called again; here the walk goes on as
    /// if it had not been called any more.
    fn callback(
        &mut self,
        given: &Given,
        arguments: impl Fn(&[Reg; Number::COUNT]) -> [Option<Reg>; 4],
    ) -> Checked {
        let Some(function) = given.function else { return Ok(()) };
        let function = function as usize;
        match self.linkage(function) {
            Some(false) => {}
            Some(true) => return self.fail(Code::BadCallback, "a callback must be static"),
            None => {
                return self.fail(Code::BadCallback, "a callback needs a type: there is no func_info for it");
            }
        }
        if !self.state.held.is_empty() {
            return self.unsupported("callbacks while something is held");
        }
        let values = arguments(self.state.frame().regs());
        let saved = self.state.clone();
        self.enter(function, FrameKind::Callback { max_return: 1 })?;
        let frame = self.state.frame_mut();
        for (index, value) in values.into_iter().enumerate() {
            frame.regs_mut()[index + 1] = value.unwrap_or(Reg::UNINIT);
        }
        let caller = self.state.frames.len() - 2;
        self.state.frames[caller].callback_depth += 1;
        let entered = std::mem::replace(&mut self.state, saved);
        self.note_opaque();
        self.push(entered, self.shape.functions[function].start)?;
        self.state.frame_mut().callback_depth = 0;
        Ok(())
    }

    /// After a round of a callback or a bounded jump: numbers that changed since the last round and do not matter are given up, so that rounds
    /// become alike.
    pub(crate) fn widen(&self, state: &mut State) {
        let Some(last) = self.last_round(state) else { return };
        let node = &self.nodes[last];
        for (depth, frame) in state.frames.iter_mut().enumerate() {
            let (Some(old), marks) = (node.state.frames.get(depth), node.marks.get(depth)) else { return };
            let marks = marks.copied().unwrap_or_default();
            for index in 0..10 {
                let (was, now) = (old.regs()[index], frame.regs()[index]);
                if marks.regs & (1 << index) == 0 && differs(&was, &now) {
                    frame.regs_mut()[index] = Reg::UNKNOWN;
                }
            }
            for index in 0..frame.stack.slots().len() {
                let (was, now) = (old.stack.slot(index), frame.stack.slot(index));
                let both = was.is_scalar_spill() && now.is_scalar_spill();
                if both && marks.slots & (1 << index) == 0 && differs(&was.spilled, &now.spilled) {
                    frame.stack.slot_mut(index).spilled = Reg::UNKNOWN;
                }
            }
        }
    }

    /// The checkpoint of the round before, at the instruction where `state` goes on.
    fn last_round(&self, state: &State) -> Option<usize> {
        let at = self.round_at;
        let mut node = self.parent;
        let mut first = self.history.len() <= 1;
        while let Some(id) = node {
            let here = &self.nodes[id];
            if here.at == at && here.state.frames.len() == state.frames.len() {
                // The checkpoint just made is this round's own.
                if !(first && self.at == at) {
                    return Some(id);
                }
            }
            first = false;
            node = here.parent;
        }
        None
    }

    /// Locks and unlocks.
    pub(crate) fn spin_lock(&mut self, helper: &Helper, number: Number, reg: &Reg) -> Checked {
        let RegKind::MapValue(map) = reg.kind else { return Ok(()) };
        let field = self.map(map).field(MapFieldKind::SpinLock).copied();
        let Some(field) = field else {
            return self.fail_at(Code::BadArgument, number, "values of this map have no lock");
        };
        let offset = reg.value.as_constant().map(|var| i64::from(reg.off) + var as i64);
        if offset != Some(field.offset.into()) {
            return self.fail_at(
                Code::BadArgument,
                number,
                format!("the lock is at offset {}", field.offset),
            );
        }
        let identity = (RegKind::MapValue(map), reg.id);
        if helper.name == "spin_lock" {
            if self.state.lock().is_some() {
                return self.fail(Code::LockHeld, "a lock is held already");
            }
            let id = self.fresh_id();
            self.state.held.push(Held { id, at: self.at, lock: Some(identity) });
            return Ok(());
        }
        match self.state.lock().map(|held| held.lock) {
            None => self.fail(Code::LockMissing, "no lock is held"),
            Some(lock) if lock != Some(identity) => self.fail(Code::LockMissing, "another lock is held"),
            Some(_) => {
                self.state.held.retain(|held| held.lock.is_none());
                Ok(())
            }
        }
    }
}

fn differs(was: &Reg, now: &Reg) -> bool {
    was.is_scalar() && now.is_scalar() && was.value != now.value && now.value != Scalar::UNKNOWN
}
