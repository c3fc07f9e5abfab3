//! Which managed field a pointer leads to, and whether the lock beside it is held.

use skep_isa::Reg as Number;

use crate::Code;
use crate::explore::Walk;
use crate::record::{Field, FieldKind};
use crate::state::{Flags, Reg, RegKind};
use crate::verdict::Checked;

impl Walk<'_> {
    /// The field of one of these kinds that a pointer leads to, exactly.
    pub(crate) fn field_at(&self, number: Number, reg: &Reg, kinds: &[FieldKind]) -> Checked<Field> {
        let name = kinds.first().map_or("field", |kind| kind.name());
        let Some(var) = reg.value.as_constant() else {
            return self.fail_at(Code::BadArgument, number, format!("a {name} is at a constant offset"));
        };
        let offset = i64::from(reg.off) + var as i64;
        let record = self.record_of(reg);
        let found = u32::try_from(offset).ok().and_then(|offset| record.at(offset).copied());
        match found {
            Some(field) if kinds.contains(&field.kind) => Ok(field),
            _ => {
                let message = format!("there is no {name} at offset {offset} of {}", reg.kind);
                self.fail_at(Code::BadArgument, number, message)
            }
        }
    }

    /// The pointer leads to a map's value, or to an object that the program owns or holds the lock of.
    pub(crate) fn is_container(&self, number: Number, reg: &Reg) -> Checked {
        let fits = match reg.kind {
            RegKind::MapValue(_) => !reg.is_nullable(),
            RegKind::Allocated(_) => reg.flags == Flags::OWNED && reg.reference != 0,
            _ => false,
        };
        if fits {
            return Ok(());
        }
        let message = format!("{reg} is given where a map value or an object that the program owns must be");
        self.fail_at(Code::BadArgument, number, message)
    }

    /// The lock in the same map value or object is held.
    pub(crate) fn lock_beside(&self, number: Number, reg: &Reg) -> Checked {
        let locked = |held: &crate::state::Held| held.lock.is_some_and(|lock| lock.of == (reg.kind, reg.id));
        if self.state.held.iter().any(locked) {
            return Ok(());
        }
        let message = match self.state.lock() {
            None => "the lock beside it must be held",
            Some(_) => "the lock that is held lies in another object",
        };
        self.fail_at(Code::LockMissing, number, message)
    }
}
