//! Dynptrs: handles of sixteen bytes on the stack, over memory whose size only the run knows.
//!
//! A dynptr takes two whole slots, which nothing but the functions made for dynptrs may read. Both slots hold the same description
//! ([`Reg`] of kind [`RegKind::Dynptr`]): `off` is the half's distance from the dynptr's start, `id` names this dynptr, `reference` is the ring buffer
//! record behind it. Memory taken from a dynptr carries its id ([`Reg::dynptr`]), and is void when the
//! dynptr goes: overwritten, made anew, or released with all its copies.

use skep_isa::Reg as Number;
use skep_platform::helper::DynptrKinds;

use super::stack::{Reach, Stored};
use crate::Code;
use crate::explore::Walk;
use crate::state::{ByteKind, DynptrSort, Held, Reg, RegKind, SLOT, Slot, locate};
use crate::verdict::Checked;

/// Bytes of a dynptr on the stack.
pub(crate) const DYNPTR_SIZE: i32 = 2 * SLOT;

/// Where a dynptr lies: the frame, and the slot of its first half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DynptrPlace {
    pub(crate) frame: usize,
    pub(crate) slot: usize,
}

impl Walk<'_> {
    /// The place that a stack pointer names, if a whole dynptr fits there.
    fn dynptr_place(&self, number: Number, reg: &Reg) -> Checked<Option<DynptrPlace>> {
        let RegKind::Stack(frame) = reg.kind else {
            let message = format!("{reg} is given where a dynptr must be");
            return self.fail_at(Code::BadDynptr, number, message);
        };
        let Some(var) = reg.value.as_constant() else {
            return self.fail_at(Code::BadDynptr, number, "a dynptr must be at a constant offset");
        };
        let off = i64::from(reg.off).saturating_add(var as i64);
        let inside = off % i64::from(SLOT) == 0 && (-512..=-i64::from(DYNPTR_SIZE)).contains(&off);
        if !inside {
            let message = format!("there is no place for a dynptr at {off} from the frame pointer");
            return self.fail_at(Code::BadDynptr, number, message);
        }
        let (slot, _) = locate(off as i32);
        Ok(Some(DynptrPlace { frame: frame.into(), slot }))
    }

    /// An argument where a dynptr is made: what lay there is gone. With `reference` the dynptr is one more for a record held already.
    pub(crate) fn dynptr_make(
        &mut self,
        number: Number,
        sort: DynptrSort,
        reference: Option<u32>,
    ) -> Checked<Reg> {
        let reg = self.read(number)?;
        if let RegKind::Dynptr(_) = reg.kind {
            return self.fail_at(Code::BadDynptr, number, "a dynptr that was handed in cannot be made anew");
        }
        let Some(place) = self.dynptr_place(number, &reg)? else { return Ok(Reg::UNINIT) };
        for half in [0, SLOT] {
            let reach = self.stack_reach(number, &reg, half, SLOT)?;
            self.stack_store(number, reach, SLOT, Stored { number: None, value: None })?;
        }
        let mut half = Reg::pointer(RegKind::Dynptr(sort));
        half.id = self.fresh_id();
        half.reference = match reference {
            _ if !sort.is_counted() => 0,
            Some(reference) => reference,
            None => {
                let id = self.fresh_id();
                self.state.held.push(Held::reference(id, self.at));
                id
            }
        };
        for (slot, off) in [(place.slot, 0), (place.slot - 1, SLOT)] {
            let bytes = [ByteKind::Dynptr; 8];
            *self.state.frames[place.frame].stack.slot_mut(slot) =
                Slot { bytes, spilled: Reg { off, ..half } };
        }
        Ok(half)
    }

    /// An argument that must be a dynptr already; what is known of it.
    pub(crate) fn dynptr_given(&mut self, number: Number, wanted: DynptrKinds) -> Checked<Reg> {
        let reg = self.read(number)?;
        let found = match reg.kind {
            RegKind::Dynptr(_) => reg,
            _ => match self.dynptr_place(number, &reg)? {
                Some(place) => self.dynptr_at(number, place)?,
                None => return Ok(Reg::UNINIT),
            },
        };
        let RegKind::Dynptr(sort) = found.kind else { return Ok(found) };
        let fits = match wanted {
            DynptrKinds::Any => true,
            DynptrKinds::Local => sort == DynptrSort::Local,
            DynptrKinds::Ringbuf => sort == DynptrSort::Ringbuf,
        };
        if !fits {
            let message = format!("a {sort} dynptr is not what this function takes");
            return self.fail_at(Code::BadDynptr, number, message);
        }
        Ok(found)
    }

    fn dynptr_at(&self, number: Number, place: DynptrPlace) -> Checked<Reg> {
        let stack = &self.state.frames[place.frame].stack;
        let (first, second) = (stack.slot(place.slot), stack.slot(place.slot - 1));
        let whole =
            |slot: &Slot, off| slot.bytes.iter().all(|&b| b == ByteKind::Dynptr) && slot.spilled.off == off;
        if whole(&first, 0) && whole(&second, SLOT) && first.spilled.id == second.spilled.id {
            return Ok(first.spilled);
        }
        self.fail_at(Code::BadDynptr, number, "there is no initialised dynptr")
    }

    /// An argument whose record is given back; the reference that ends.
    pub(crate) fn dynptr_released(&mut self, number: Number) -> Checked<u32> {
        let reg = self.read(number)?;
        if let RegKind::Dynptr(_) = reg.kind {
            return self.fail_at(Code::NotOwned, number, "a dynptr that was handed in is not to be released");
        }
        let found = match self.dynptr_place(number, &reg)? {
            Some(place) => self.dynptr_at(number, place)?,
            None => return Ok(0),
        };
        if found.reference == 0 {
            return self.fail_at(Code::NotOwned, number, "this dynptr holds nothing to be released");
        }
        Ok(found.reference)
    }

    /// The dynptrs of a record that is gone, and memory taken from them.
    pub(crate) fn forget_dynptrs_of(&mut self, reference: u32) {
        for frame in 0..self.state.frames.len() {
            for slot in 0..self.state.frames[frame].stack.len() {
                let here = self.state.frames[frame].stack.slot(slot);
                if here.bytes[0] == ByteKind::Dynptr && here.spilled.reference == reference {
                    *self.state.frames[frame].stack.slot_mut(slot) = Slot::EMPTY;
                    self.forget_slices(here.spilled.id);
                }
            }
        }
    }

    /// Memory taken from the dynptr is void.
    fn forget_slices(&mut self, dynptr: u32) {
        let gone = if self.input.unprivileged { Reg::UNINIT } else { Reg::UNKNOWN };
        self.state.each_reg(|reg| {
            if matches!(reg.kind, RegKind::Mem(_)) && reg.dynptr == dynptr {
                *reg = gone;
            }
        });
    }

    /// A slot is about to be overwritten. The dynptr that has a half there is gone; one that holds a record may not be lost so.
    pub(crate) fn destroy_dynptr(&mut self, frame: usize, slot: usize) -> Checked {
        let here = self.state.frames[frame].stack.slot(slot);
        let RegKind::Dynptr(sort) = here.spilled.kind else { return Ok(()) };
        if here.bytes[0] != ByteKind::Dynptr {
            return Ok(());
        }
        let first = if here.spilled.off == 0 { slot } else { slot + 1 };
        if sort.is_counted() {
            let off = -(first as i32 + 1) * SLOT;
            return self.blame_stack(
                Code::BadDynptr,
                off,
                "a dynptr that holds a record is overwritten: submit or discard it first",
            );
        }
        for slot in [first, first - 1] {
            *self.state.frames[frame].stack.slot_mut(slot) = Slot::EMPTY;
        }
        self.forget_slices(here.spilled.id);
        Ok(())
    }

    /// What a helper fills must not be a dynptr: it might be the one that the helper works on.
    pub(crate) fn spares_dynptrs(&self, number: Number, reach: Reach, size: i32) -> Checked {
        let stack = &self.state.frames[reach.frame].stack;
        if (reach.low..reach.low + size).any(|off| stack.byte(off) == ByteKind::Dynptr) {
            return self.fail_at(Code::BadDynptr, number, "the call would write over a dynptr");
        }
        Ok(())
    }

    /// Every dynptr that an access may overwrite.
    pub(crate) fn destroy_dynptrs_in(&mut self, reach: Reach, size: i32) -> Checked {
        let (top, bottom) = (locate(reach.high + size.max(1) - 1).0, locate(reach.low).0);
        for slot in top..=bottom {
            self.destroy_dynptr(reach.frame, slot)?;
        }
        Ok(())
    }
}
