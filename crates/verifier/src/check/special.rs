//! Helpers with rules of their own: which maps they are for, locks, callbacks.

use skep_isa::Reg as Number;
use skep_platform::MapFlags;
use skep_platform::MapType::{Sockhash, Sockmap};
use skep_platform::helper::Helper;

use super::arguments::Given;
use super::later::Later;
use crate::Code;
use crate::explore::Walk;
use crate::record::FieldKind;
use crate::state::{DynptrSort, FrameKind, Held, Lock, LockKind, Reg, RegKind, State};
use crate::value::Scalar;
use crate::verdict::Checked;

/// Helpers that change a map's contents.
const CHANGES_MAP: [&str; 4] = ["map_update_elem", "map_delete_elem", "map_push_elem", "map_pop_elem"];

/// Whether the helper is for maps of this type, and the map for this helper.
pub(crate) fn map_fits(walk: &Walk<'_>, helper: &Helper, given: &Given) -> Checked {
    let Some(map) = given.map else { return Ok(()) };
    let (info, name) = (walk.map(map), helper.name);
    if !info.map_type.takes(helper) {
        return walk
            .fail(Code::MapMismatch, format!("{name} is not for maps of type {}", info.map_type.name()));
    }
    if info.flags.contains(MapFlags::RDONLY_PROG) && CHANGES_MAP.contains(&name) {
        return walk.fail(Code::ReadOnly, "programs may only read this map");
    }
    let sockets = matches!(info.map_type, Sockmap | Sockhash)
        && matches!(name, "map_update_elem" | "map_delete_elem" | "map_lookup_elem");
    if sockets && name != "map_lookup_elem" && !super::object::may_change_socket_maps(walk.input, name) {
        return walk.fail(Code::MapMismatch, format!("{name} of a socket map is not for this program"));
    }
    Ok(())
}

impl Walk<'_> {
    /// What a helper does besides its result.
    pub(crate) fn special_before(&mut self, helper: &Helper, given: &Given) -> Checked {
        match helper.name {
            "loop" => {
                if !self.state.reg(Number::R1).is_scalar() {
                    return self.fail_at(
                        Code::BadArgument,
                        Number::R1,
                        "the number of rounds must be a number",
                    );
                }
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
            "user_ringbuf_drain" => {
                let mut sample = Reg::pointer(RegKind::Dynptr(DynptrSort::Local));
                sample.id = self.fresh_id();
                self.callback(given, |regs| [Some(sample), Some(regs[Number::R3.index()]), None, None])
            }
            "dynptr_from_mem" if !matches!(self.state.reg(Number::R1).kind, RegKind::MapValue(_)) => {
                self.fail_at(Code::BadArgument, Number::R1, "a dynptr is made over a map value only")
            }
            "timer_set_callback" => {
                let (Some(timer), Some(function)) = (given.timer, given.function) else { return Ok(()) };
                let RegKind::MapValue(map) = timer.kind else { return Ok(()) };
                self.run_later(Later {
                    function: function as usize,
                    map,
                    sleepable: false,
                    any_return: false,
                })
            }
            "get_local_storage" if !self.state.reg(Number::R2).is_null() => {
                self.fail_at(Code::BadArgument, Number::R2, "get_local_storage takes no flags")
            }
            "snprintf" => self.format_string(),
            "find_vma" => {
                let area = Reg::pointer(RegKind::Btf(self.known_struct("vm_area_struct")?));
                self.callback(given, |regs| {
                    [Some(regs[Number::R1.index()]), Some(area), Some(regs[Number::R4.index()]), None]
                })
            }
            "for_each_map_elem" => {
                let Some(map) = given.map else { return Ok(()) };
                let mut value = Reg::pointer(RegKind::MapValue(map));
                if self.map(map).record.has_lock() {
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

    /// Whether a function may be a callback.
    pub(crate) fn is_callback(&mut self, function: usize) -> Checked {
        self.callbacks[function] = true;
        match self.linkage(function) {
            Some(false) => Ok(()),
            Some(true) => self.fail(Code::BadCallback, "a callback must be static"),
            None => self.fail(Code::BadCallback, "a callback needs a type: there is no func_info for it"),
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
        let values = arguments(self.state.frame().regs());
        self.call_back(function, values)
    }

    /// One call of the function waits, with these arguments.
    pub(crate) fn call_back(&mut self, function: u32, values: [Option<Reg>; 4]) -> Checked {
        let function = function as usize;
        self.is_callback(function)?;
        let saved = self.state.clone();
        self.enter(function, FrameKind::Callback { max_return: 1 })?;
        let frame = self.state.frame_mut();
        for (index, value) in values.into_iter().enumerate() {
            frame.regs_mut()[index + 1] = value.unwrap_or(Reg::UNINIT);
        }
        let caller = self.state.frames.len() - 2;
        self.state.frames[caller].callback_depth += 1;
        let entered = std::mem::replace(&mut self.state, saved);
        self.push(entered, self.shape.functions[function].start)?;
        self.state.frame_mut().callback_depth = 0;
        Ok(())
    }

    /// After a round of a callback or a bounded jump at `at`: numbers that changed since the last round and do not matter are given
    /// up, so that rounds become alike. The last round is the latest checkpoint there on this path of a rank below `before`.
    pub(crate) fn widen(&self, at: usize, before: Option<u32>, state: &mut State) {
        let Some(last) = self.last_round(at, before, state) else { return };
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
            for index in 0..frame.stack.len() {
                let (was, now) = (old.stack.peek(index), frame.stack.peek(index));
                let both = was.is_scalar_spill() && now.is_scalar_spill();
                if both && marks.slots & (1 << index) == 0 && differs(&was.spilled, &now.spilled) {
                    frame.stack.slot_mut(index).spilled = Reg::UNKNOWN;
                }
            }
        }
    }

    /// The checkpoint of the round before, at the instruction where `state` goes on.
    fn last_round(&self, at: usize, before: Option<u32>, state: &State) -> Option<usize> {
        let before = before?;
        let same_chain = |old: &State| {
            let sites = |state: &State| {
                state.frames.iter().map(|frame| (frame.call_site, frame.function)).collect::<Vec<_>>()
            };
            old.frames.len() == state.frames.len() && sites(old) == sites(state)
        };
        let nodes = self.by_insn[at].iter().rev();
        nodes.copied().find(|&id| {
            let node = &self.nodes[id];
            node.branches > 0 && node.rank < before && same_chain(&node.state)
        })
    }

    /// Locks and unlocks.
    pub(crate) fn spin_lock(&mut self, helper: &Helper, number: Number, reg: &Reg) -> Checked {
        let field = self.record_of(reg).first(FieldKind::SpinLock).copied();
        let Some(field) = field else {
            return self.fail_at(Code::BadArgument, number, format!("there is no lock in {}", reg.kind));
        };
        let offset = reg.value.as_constant().map(|var| i64::from(reg.off) + var as i64);
        if offset != Some(field.offset.into()) {
            return self.fail_at(
                Code::BadArgument,
                number,
                format!("the lock is at offset {}", field.offset),
            );
        }
        let identity = Lock { kind: LockKind::Spin, of: (reg.kind, reg.id) };
        if self.in_comparison() {
            return self.fail(Code::LockHeld, "the function that compares neither locks nor unlocks");
        }
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
                self.lock_left();
                Ok(())
            }
        }
    }
}

fn differs(was: &Reg, now: &Reg) -> bool {
    was.is_scalar() && now.is_scalar() && was.value != now.value && now.value != Scalar::UNKNOWN
}
