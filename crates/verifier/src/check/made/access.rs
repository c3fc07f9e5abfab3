//! Reads and writes of objects of the program: plain members yes, managed fields no.

use skep_btf::TypeId;

use super::super::memory::{Purpose, Touch};
use crate::Code;
use crate::explore::Walk;
use crate::kernel::{Found, field_at};
use crate::state::{Flags, Reg, RegKind};
use crate::verdict::Checked;

impl Walk<'_> {
    /// An access to an object of a type of the program's own.
    pub(crate) fn made_access(&self, id: TypeId, pointer: &Reg, touch: Touch) -> Checked<Option<Reg>> {
        let Touch { number, off, size, purpose } = touch;
        let off = i64::from(pointer.off) + i64::from(off);
        if pointer.value.as_constant() != Some(0) {
            return self.fail_at(
                Code::BadPointerAccess,
                number,
                "an object is accessed at constant offsets only",
            );
        }
        if pointer.flags.has(Flags::PERCPU) {
            return self.fail_at(
                Code::BadPointerAccess,
                number,
                "a per-CPU object: take one CPU's with this_cpu_ptr first",
            );
        }
        let Ok(off) = u32::try_from(off) else {
            return self.fail_at(Code::MemoryBounds, number, format!("bytes {off} and on of an object"));
        };
        if purpose == Purpose::Write && !pointer.flags.has(Flags::OWNED) {
            return self.fail_at(
                Code::ReadOnly,
                number,
                "the object may be somebody else's by now: it is only read",
            );
        }
        let kept = pointer.reference != 0
            || pointer.flags.has(Flags::NON_OWNING)
            || pointer.flags.has(Flags::RCU)
            || !pointer.flags.has(Flags::OWNED);
        if !kept {
            return self.fail_at(Code::Untrusted, number, "nothing keeps the object any more");
        }
        let end = off.saturating_add(size as u32);
        if pointer.flags.has(Flags::OWNED) {
            let record = self.object_record(id);
            let hit =
                record.fields().iter().find(|field| off < field.offset + field.size && field.offset < end);
            if let Some(field) = hit {
                return self.fail_at(
                    Code::SpecialField,
                    number,
                    format!("direct access to a {}", field.kind.name()),
                );
            }
        }
        match field_at(self.own_types()?, id, off, size as u32) {
            Ok(Found::Number) => Ok(None),
            // Where a pointer in the program's own memory leads nobody knows: reads through it are caught.
            Ok(Found::Memory) if purpose == Purpose::Read => {
                Ok(Some(Reg::pointer(RegKind::Mem(0)).with(Flags::UNTRUSTED.with(Flags::RDONLY))))
            }
            Ok(Found::Object { target, .. }) if purpose == Purpose::Read => {
                Ok(Some(Reg::pointer(RegKind::Allocated(target)).with(Flags::UNTRUSTED)))
            }
            Ok(_) => Ok(None),
            Err(why) => self.fail_at(Code::MemoryBounds, number, why),
        }
    }
}
