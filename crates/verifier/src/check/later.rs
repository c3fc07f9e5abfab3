//! Functions that run later: what a timer, a work queue or a task's work calls.
//!
//! The call that sets one returns at once. The function starts on a stack of its own, with nothing of what its setter knew but the map:
//! it gets the map, a key and the value that holds the timer. So it is walked apart, once for each way it can start.

use skep_isa::Reg as Number;

use crate::Code;
use crate::explore::Walk;
use crate::record::FieldKind;
use crate::state::{FrameKind, MapId, Reg, RegKind, State};
use crate::verdict::Checked;

/// A function that was set to run later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Later {
    /// The function, by its number.
    pub(crate) function: usize,
    /// Whose value holds what calls it.
    pub(crate) map: MapId,
    /// Whether it may sleep.
    pub(crate) sleepable: bool,
    /// Whether it may return anything, not 0 only.
    pub(crate) any_return: bool,
}

impl Walk<'_> {
    /// Lets a function be walked after the rest of the program.
    pub(crate) fn run_later(&mut self, later: Later) -> Checked {
        self.is_callback(later.function)?;
        self.runs_later[later.function] = true;
        if !self.later.contains(&later) {
            self.later.push(later);
        }
        Ok(())
    }

    /// The next function that was set to run later, with the state that it starts in.
    pub(crate) fn next_later(&mut self) -> Option<(State, usize)> {
        let later = *self.later.get(self.later_done)?;
        self.later_done += 1;
        let start = self.shape.functions[later.function].start;
        let mut state = State::new(later.function, start);
        let frame = state.frame_mut();
        frame.kind = FrameKind::Async { any_return: later.any_return, sleepable: later.sleepable };
        *frame.reg_mut(Number::R1) = Reg::pointer(RegKind::Map(later.map));
        *frame.reg_mut(Number::R2) = Reg::pointer(RegKind::MapKey(later.map));
        *frame.reg_mut(Number::R3) = Reg::pointer(RegKind::MapValue(later.map));
        self.checking_global = false;
        Some((state, start))
    }

    /// A field of a map's value is handed on: it is there, and the pointer leads to just it. Gives the map.
    pub(crate) fn field_given(&mut self, number: Number, reg: &Reg, kind: FieldKind) -> Checked<MapId> {
        let RegKind::MapValue(map) = reg.kind else {
            let message = format!("{reg} is given where a {} in a map's value must be", kind.name());
            return self.fail_at(Code::BadArgument, number, message);
        };
        let Some(var) = reg.value.as_constant() else {
            let message = format!("a {} is at a constant offset", kind.name());
            return self.fail_at(Code::BadArgument, number, message);
        };
        let Some(field) = self.map(map).record.first(kind) else {
            return self.fail_at(
                Code::BadArgument,
                number,
                format!("values of this map have no {}", kind.name()),
            );
        };
        let offset = i64::from(reg.off) + var as i64;
        if offset != i64::from(field.offset) {
            let message = format!("offset {offset} is given; the {} is at {}", kind.name(), field.offset);
            return self.fail_at(Code::BadArgument, number, message);
        }
        Ok(map)
    }

    /// A timer or the like is bound to the map that it lies in: `field` and `map` must come from the same look-up where
    /// there are several inner maps.
    pub(crate) fn same_map(&self, number: Number, field: &Reg, map: &Reg) -> Checked {
        let same = match (field.kind, map.kind) {
            (RegKind::MapValue(a), RegKind::Map(b)) => a == b && field.range == map.range,
            _ => false,
        };
        if same {
            return Ok(());
        }
        self.fail_at(
            Code::MapMismatch,
            number,
            "this is not the map whose value holds the field given before",
        )
    }
}
