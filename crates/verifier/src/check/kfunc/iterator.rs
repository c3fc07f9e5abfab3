//! Open-coded iterators: the protocol of new, next and destroy on the stack.
//!
//! An iterator is a struct of the kernel's on the program's stack. `new` makes it, and with it a reference that only `destroy` ends; in between the
//! program must not touch its bytes. `next` gives an element or NULL: both are walked, the first in another round of the loop that the call is
//! part of. A loop ends when a round begins within what an earlier round began with; so that this happens, numbers
//! that change from round to round and do not matter are given up.
//!
//! The slot with the lowest address holds what is known: the type and the reference, in `off` whether it is drained, in `range` how many
//! rounds were begun.

use skep_btf::TypeId;
use skep_isa::Reg as Number;
use skep_platform::kfunc::Flag;

use super::Call;
use crate::Code;
use crate::check::stack::Stored;
use crate::explore::{Next, Walk};
use crate::state::{ByteKind, Flags, Held, Reg, RegKind, SLOT, Slot, locate};
use crate::verdict::Checked;

/// [`Reg::off`] of an iterator that gave its last element.
const DRAINED: i32 = 1;

impl Walk<'_> {
    /// What is known of the iterator that a call is about.
    pub(super) fn iterator_of(&self, call: &Call) -> Option<Reg> {
        let (frame, slot) = call.iterator?;
        Some(self.state.frames[frame].stack.slot(slot).spilled)
    }

    /// The iterator argument: not there yet for `new`, there for the others.
    pub(super) fn iterator_argument(
        &mut self,
        call: &mut Call,
        number: Number,
        reg: &Reg,
        of: TypeId,
    ) -> Checked {
        let RegKind::Stack(frame) = reg.kind else {
            return self.kfunc_misfit(call, number, reg, "an iterator on the stack");
        };
        let frame = usize::from(frame);
        let btf = self.input.kernel_btf.as_deref();
        let size = btf.and_then(|btf| btf.size_of(of)).unwrap_or(8) as i32;
        let Some(var) = reg.value.as_constant() else {
            return self.fail_at(Code::BadIterator, number, "an iterator at a variable offset");
        };
        let off = i64::from(reg.off) + var as i64;
        if off % i64::from(SLOT) != 0 || !(-512..0).contains(&off) || off + i64::from(size) > 0 {
            return self.fail_at(
                Code::BadIterator,
                number,
                "an iterator must lie in whole slots of the stack",
            );
        }
        let (lowest, _) = locate(off as i32);
        let slots = (size / SLOT) as usize;
        let place = (frame, lowest, slots);
        if call.proto.has(Flag::IterNew) {
            self.begin_iterator(call, number, reg, of, place)?;
        } else {
            self.known_iterator(number, of, place)?;
            if call.proto.has(Flag::IterDestroy) {
                self.end_iterator(number, place)?;
                return Ok(());
            }
        }
        call.iterator = Some((frame, lowest));
        Ok(())
    }

    fn begin_iterator(
        &mut self,
        call: &Call,
        number: Number,
        reg: &Reg,
        of: TypeId,
        (frame, lowest, slots): (usize, usize, usize),
    ) -> Checked {
        for index in lowest + 1 - slots..=lowest {
            let slot = self.state.frames[frame].stack.slot(index);
            if slot.bytes.contains(&ByteKind::Iterator) {
                return self.fail_at(Code::BadIterator, number, "there is an iterator already");
            }
        }
        for part in 0..slots as i32 {
            let reach = self.stack_reach(number, reg, part * SLOT, SLOT)?;
            self.stack_store(number, reach, SLOT, Stored { number: None, value: None })?;
        }
        let id = self.fresh_id();
        self.state.held.push(Held::reference(id, self.at));
        let mut known = Reg::pointer(RegKind::Iterator(of));
        known.reference = id;
        if call.proto.has(Flag::RcuProtected) {
            known.flags = if self.in_rcu() { Flags::RCU } else { Flags::UNTRUSTED };
        }
        for index in lowest + 1 - slots..=lowest {
            let spilled = if index == lowest { known } else { Reg::UNINIT };
            *self.state.frames[frame].stack.slot_mut(index) =
                Slot { bytes: [ByteKind::Iterator; 8], spilled };
        }
        Ok(())
    }

    fn known_iterator(
        &self,
        number: Number,
        of: TypeId,
        (frame, lowest, slots): (usize, usize, usize),
    ) -> Checked {
        let stack = &self.state.frames[frame].stack;
        let whole =
            (lowest + 1 - slots..=lowest).all(|index| stack.slot(index).bytes == [ByteKind::Iterator; 8]);
        let known = stack.slot(lowest).spilled;
        if !whole || known.kind != RegKind::Iterator(of) {
            let name = self.kernel_name(of).trim_start_matches("bpf_");
            return self.fail_at(Code::BadIterator, number, format!("there is no {name} here"));
        }
        if known.flags.has(Flags::UNTRUSTED) {
            return self.fail_at(
                Code::BadIterator,
                number,
                "the RCU section that the iterator began in has been left",
            );
        }
        Ok(())
    }

    fn end_iterator(&mut self, number: Number, (frame, lowest, slots): (usize, usize, usize)) -> Checked {
        let reference = self.state.frames[frame].stack.slot(lowest).spilled.reference;
        self.end_reference(number, reference)?;
        for index in lowest + 1 - slots..=lowest {
            *self.state.frames[frame].stack.slot_mut(index) = Slot::EMPTY;
        }
        Ok(())
    }

    /// After `next`: one path goes on with an element, one with NULL and nothing more to come.
    pub(super) fn iterator_next(&mut self, call: &Call, next: usize) -> Checked<Next> {
        let Some((frame, slot)) = call.iterator else { return Ok(Next::At(next)) };
        let known = self.state.frames[frame].stack.slot(slot).spilled;
        if known.off != DRAINED {
            let mut with = self.state.clone();
            let before = self.parent.map(|parent| self.nodes[parent].rank);
            self.widen(self.at, before, &mut with);
            with.frames[frame].stack.slot_mut(slot).spilled.range += 1;
            let result = with.reg_mut(Number::R0);
            result.flags = result.flags.without(Flags::NULLABLE);
            if !matches!(result.kind, RegKind::Btf(_)) || result.reference == 0 {
                result.id = 0;
            }
            self.push(with, next)?;
        }
        self.state.frames[frame].stack.slot_mut(slot).spilled.off = DRAINED;
        *self.state.reg_mut(Number::R0) = Reg::constant(0);
        Ok(Next::At(next))
    }

    /// Whether the iterator that the call at hand would advance had an element, so that a round begins.
    pub(crate) fn iterator_is_active(&self) -> bool {
        let reg = self.state.reg(Number::R1);
        let (RegKind::Stack(frame), Some(var)) = (reg.kind, reg.value.as_constant()) else { return false };
        let off = i64::from(reg.off) + var as i64;
        if !(-512..0).contains(&off) {
            return false;
        }
        let (slot, _) = locate(off as i32);
        let known = self.state.frames[usize::from(frame)].stack.slot(slot).spilled;
        matches!(known.kind, RegKind::Iterator(_)) && known.off != DRAINED
    }
}

/// How many rounds of all iterators were begun, as one number that grows with each.
pub(crate) fn rounds(state: &crate::state::State) -> i64 {
    let slots = state.frames.iter().flat_map(|frame| frame.stack.slots());
    slots
        .filter(|slot| matches!(slot.spilled.kind, RegKind::Iterator(_)))
        .filter(|slot| slot.bytes[0] == ByteKind::Iterator)
        .map(|slot| i64::from(slot.spilled.range))
        .sum()
}
