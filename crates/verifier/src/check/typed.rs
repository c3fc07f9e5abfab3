//! Contexts that are the arguments of what a program is for, and buffers that come with them.

use skep_isa::Reg as Number;
use skep_platform::Helper;
use skep_platform::typed;

use super::memory::Touch;
use crate::Code;
use crate::explore::Walk;
use crate::kernel::{Argument, TargetKind};
use crate::state::{Flags, Held, Reg, RegKind};
use crate::value::Scalar;
use crate::verdict::Checked;

/// Bytes of arguments that a program may see.
const ARGUMENTS: i32 = 12 * 8;

/// What [`RegKind::Buffer`] tells apart.
pub(crate) mod buffer {
    /// The record of a tracepoint that takes writes.
    pub(crate) const RECORD: u8 = 0;
    /// An iterator's, for reading.
    pub(crate) const READ: u8 = 1;
    /// An iterator's, for both.
    pub(crate) const WRITE: u8 = 2;
}

impl Walk<'_> {
    /// Takes the references that arguments carry.
    pub(crate) fn hold_arguments(&mut self, state: &mut crate::state::State) {
        let carried = self.target.as_ref().map_or_else(Vec::new, |target| target.references.clone());
        for argument in carried {
            let id = self.fresh_id();
            self.carried.push((argument, id));
            state.held.push(Held { id, at: 0, lock: None });
        }
    }

    /// A load from a context of arguments.
    pub(crate) fn argument_load(&mut self, touch: Touch) -> Checked<Reg> {
        let btf = self.kernel_types()?;
        let Some(target) = &self.target else { return self.unsupported("contexts of typed arguments") };
        let off = match u32::try_from(touch.off) {
            Ok(off) if touch.off + touch.size <= ARGUMENTS => off,
            _ => return self.fail_at(Code::CtxAccess, touch.number, "there is no argument at this offset"),
        };
        match target.argument(btf, off, touch.size as u32) {
            Ok(Argument::Number) => Ok(Reg::UNKNOWN),
            Ok(Argument::Range(min, max)) => {
                let mut value = Scalar::UNKNOWN;
                value.s64.narrow(min.into(), max.into());
                value.s32.narrow(min, max);
                value.settle();
                Ok(Reg::scalar(value))
            }
            Ok(Argument::Buffer { writable }) => {
                let sort = if writable { buffer::WRITE } else { buffer::READ };
                let mut reg = self.nullable(RegKind::Buffer(sort));
                if !writable {
                    reg.flags = reg.flags.with(Flags::RDONLY);
                }
                Ok(reg)
            }
            Ok(Argument::Object { target, flags, reference }) => {
                let mut reg = self.object(target, flags);
                if let Some(argument) = reference {
                    reg.reference = self.argument_reference(argument, touch)?;
                }
                Ok(reg)
            }
            Err(why) => self.fail_at(Code::CtxAccess, touch.number, why),
        }
    }

    /// The reference that an argument carries, if it was not given back.
    fn argument_reference(&self, argument: usize, touch: Touch) -> Checked<u32> {
        let id = self.carried.iter().find(|row| row.0 == argument).map_or(0, |row| row.1);
        if self.state.held.iter().any(|held| held.id == id) {
            return Ok(id);
        }
        self.fail_at(Code::CtxAccess, touch.number, "this argument was given back before")
    }

    /// Whether what the program is for lets it call a helper that its type alone does not.
    pub(crate) fn opened_by_target(&self, helper: &Helper) -> bool {
        self.target.as_ref().is_some_and(|target| {
            target.kind == TargetKind::Iterator && typed::iterator_helper(&target.name, helper.name)
        })
    }

    /// Whether what the program is for keeps it from a helper that its type alone lets it call.
    pub(crate) fn closed_by_target(&self, helper: &Helper) -> bool {
        let Some(target) = &self.target else { return false };
        let name = target.name.as_str();
        let open = match target.kind {
            TargetKind::Tracepoint | TargetKind::Iterator => true,
            TargetKind::Entry | TargetKind::Exit | TargetKind::ModifyReturn => {
                typed::function_helper(name, helper.name)
            }
            TargetKind::Hook | TargetKind::CgroupHook => typed::hook_helper(name, helper.name),
            TargetKind::Member => {
                let structure = target.ops.as_ref().map_or("", |ops| ops.0.as_str());
                typed::member_helper(structure, name, helper.name)
            }
        };
        !open
    }

    /// The reference that a member of a struct of functions hands back with its result.
    pub(crate) fn returned_reference(&self) -> Option<u32> {
        let member = self.target.as_ref().is_some_and(|target| target.kind == TargetKind::Member);
        let value = self.state.reg(Number::R0);
        let handed = member && !self.checking_global && value.is_pointer() && value.reference != 0;
        handed.then_some(value.reference)
    }

    /// Whether the program is for something that returns nothing, so that r0 is of no consequence.
    pub(crate) fn need_not_return(&self) -> Checked<bool> {
        match &self.target {
            Some(target) if !self.checking_global => Ok(target.returns_nothing(self.kernel_types()?)),
            _ => Ok(false),
        }
    }

    /// What the program returns is what its place allows.
    pub(crate) fn returned_to_target(&mut self, number: Number, value: &Reg) -> Checked {
        let btf = self.kernel_types()?;
        let Some(target) = &self.target else { return Ok(()) };
        let Some((min, max)) = target.may_return(btf) else { return Ok(()) };
        let (kind, object) = (target.kind, target.result_object(btf));
        if let (TargetKind::Member, Some(object), RegKind::Btf(have)) = (kind, object, value.kind)
            && value.reference != 0
            && have == object
        {
            if value.off != 0 || value.value.as_constant() != Some(0) {
                return self.fail_at(Code::BadReturn, number, "what is returned must be unmoved");
            }
            return Ok(());
        }
        if kind != TargetKind::Hook || !value.is_scalar() {
            return self.returned_within(number, value, min, max);
        }
        // Hooks return an int: the upper half does not count.
        self.matters(number)?;
        let range = value.value.s32;
        if i64::from(range.min) < min || i64::from(range.max) > max {
            let (n, low, high) = (number.number(), range.min, range.max);
            let message = format!("r{n} may be {low} to {high} at exit; {min} to {max} may be returned");
            return self.fail_at(Code::BadReturn, number, message);
        }
        Ok(())
    }

    /// An access to a buffer, whose size the attachment checks.
    pub(crate) fn buffer_access(&self, pointer: &Reg, touch: Touch) -> Checked {
        if pointer.value.as_constant() != Some(0) {
            return self.fail_at(
                Code::MemoryBounds,
                touch.number,
                "a buffer is accessed at a variable offset",
            );
        }
        if i64::from(pointer.off) + i64::from(touch.off) < 0 {
            return self.fail_at(Code::MemoryBounds, touch.number, "an access in front of a buffer");
        }
        Ok(())
    }
}
