//! Hooks of an application: its context, the memory it lends, its helpers.
//!
//! See [`crate::host`] for the idea. What a path knows of the memory lent is one number a region, the bytes that are surely
//! there; it starts at 0, and every comparison of the region's length raises it.

use skep_isa::{Call, Reg as Number};

use skep_platform::helper::{ArgKind, Helper};

use super::memory::{Purpose, Touch};
use crate::Code;
use crate::explore::Walk;
use crate::host::{Host, HostArg, HostEntry, HostFieldKind, HostHelper};
use crate::state::{Flags, Reg, RegKind, State};
use crate::value::Scalar;
use crate::verdict::Checked;

const ARGUMENTS: [Number; 5] = [Number::R1, Number::R2, Number::R3, Number::R4, Number::R5];

/// The state at the entry of a program of an application's hook.
pub(super) fn enter(host: &Host, state: &mut State) {
    state.lengths = vec![0; host.lent()];
    if host.entry == HostEntry::Memory {
        *state.reg_mut(Number::R1) = Reg::pointer(RegKind::Lent(0));
        *state.reg_mut(Number::R2) = length(0);
    }
}

/// How many bytes region `region` has.
fn length(region: usize) -> Reg {
    // No object is larger than half the address space.
    let mut reg = Reg::scalar(Scalar::between(0, i64::MAX as u64));
    reg.id = region as u32 + 1;
    reg
}

/// A number was found to lie in a range: if it is the length of a region, so much of the region is there.
pub(super) fn learn(state: &mut State, known: &Reg) {
    let region = (known.id as usize).wrapping_sub(1);
    if known.linked && known.off != 0 {
        return;
    }
    if let Some(least) = state.lengths.get_mut(region) {
        *least = (*least).max(known.value.u64.min);
    }
}

/// Whether a helper of Linux's has a meaning for programs of an application: it asks for no context of a certain kind.
pub(super) fn makes_sense(helper: &Helper) -> bool {
    matches!(helper.name, "tail_call" | "perf_event_output")
        || helper.args.iter().all(|arg| arg.kind != ArgKind::Ctx)
}

impl<'a> Walk<'a> {
    /// The application's helper that a call means, by number or by name.
    pub(super) fn host_helper(&self, call: Call) -> Option<&'a HostHelper> {
        let input = self.input;
        let helpers = &input.host.as_deref()?.helpers;
        match call {
            Call::Helper(id) => helpers.iter().find(|helper| u32::try_from(id) == Ok(helper.id)),
            Call::Kfunc { .. } => {
                let symbol = input.symbols.iter().find(|symbol| symbol.at == self.at)?;
                helpers.iter().find(|helper| helper.name == symbol.name)
            }
            Call::Local(_) => None,
        }
    }

    pub(super) fn host_load(&mut self, host: &Host, touch: Touch) -> Checked<Reg> {
        let (size, off) = (touch.size as u32, u32::try_from(touch.off).ok());
        let field = off.filter(|off| off.is_multiple_of(size)).and_then(|off| host.field(off, size));
        let (Some((field, region)), Some(off)) = (field, off) else { return self.no_host_field(host, touch) };
        let HostFieldKind::Lent { writable } = field.kind else { return Ok(Reg::UNKNOWN) };
        if size != 8 {
            let message = format!("{} is a pointer and its length, each read whole", field.name);
            return self.fail_at(Code::CtxAccess, touch.number, message);
        }
        if off != field.offset {
            return Ok(length(region));
        }
        let Ok(region) = u8::try_from(region) else {
            return self.unsupported("more than 256 fields that lend memory");
        };
        let pointer = Reg::pointer(RegKind::Lent(region));
        Ok(if writable { pointer } else { pointer.with(Flags::RDONLY) })
    }

    pub(super) fn host_store(&mut self, host: &Host, touch: Touch) -> Checked {
        let (size, off) = (touch.size as u32, u32::try_from(touch.off).ok());
        let field = off.filter(|off| off.is_multiple_of(size)).and_then(|off| host.field(off, size));
        match field.map(|(field, _)| field) {
            None => self.no_host_field(host, touch),
            Some(field) if field.kind == (HostFieldKind::Number { writable: true }) => Ok(()),
            Some(field) => self.fail_at(Code::ReadOnly, touch.number, format!("{} is read-only", field.name)),
        }
    }

    fn no_host_field<T>(&self, host: &Host, touch: Touch) -> Checked<T> {
        let message =
            format!("the context of {} has no {}-byte field at {}", host.name, touch.size, touch.off);
        self.fail_at(Code::CtxAccess, touch.number, message)
    }

    /// An access to lent memory: within what was proved to be there.
    pub(super) fn lent_access(&self, region: u8, pointer: &Reg, touch: Touch) -> Checked {
        let least = self.state.lengths.get(usize::from(region)).copied().unwrap_or(0);
        let limit = u32::try_from(least).unwrap_or(u32::MAX);
        self.bounded(pointer, touch, limit, Code::MemoryBounds)
    }

    /// A call of a helper of the application.
    pub(super) fn call_host(&mut self, helper: &'a HostHelper) -> Checked {
        if self.state.lock().is_some() {
            return self.fail(Code::LockHeld, format!("{} is called while a lock is held", helper.name));
        }
        let mut index = 0;
        for &arg in &helper.args {
            let Some(&number) = ARGUMENTS.get(index) else { break };
            self.host_argument(helper, arg, number, index)?;
            index += if matches!(arg, HostArg::Bytes { .. }) { 2 } else { 1 };
        }
        self.forget_arguments();
        self.state.frame_mut().regs_mut()[0] = Reg::UNKNOWN;
        Ok(())
    }

    fn host_argument(&mut self, helper: &HostHelper, arg: HostArg, number: Number, index: usize) -> Checked {
        let reg = self.read(number)?;
        match arg {
            HostArg::Number if reg.is_scalar() => self.matters(number),
            HostArg::Context if reg.kind == RegKind::Ctx => Ok(()),
            HostArg::Struct { size, write } => self.host_memory(number, u64::from(size), write, write),
            HostArg::Bytes { write } => {
                let Some(&sized) = ARGUMENTS.get(index + 1) else { return Ok(()) };
                let size = self.read(sized)?;
                self.host_size(&size, sized)?;
                self.matters(sized)?;
                let unmoved = reg.off == 0 && reg.value.as_constant() == Some(0);
                let whole = match reg.kind {
                    RegKind::Lent(region) => size.id == u32::from(region) + 1 && !size.linked,
                    _ => false,
                };
                if whole && unmoved && !(write && reg.flags.has(Flags::RDONLY)) {
                    return Ok(());
                }
                self.host_memory(number, size.value.u64.max, write, false)
            }
            HostArg::Number | HostArg::Context => {
                let wanted = if arg == HostArg::Number { "a number" } else { "the context" };
                let message = format!("{} takes {wanted} here, and is given {reg}", helper.name);
                self.fail_at(Code::BadArgument, number, message)
            }
        }
    }

    fn host_size(&self, size: &Reg, number: Number) -> Checked {
        if !size.is_scalar() {
            return self.fail_at(Code::BadArgument, number, format!("a size is wanted, and given {size}"));
        }
        if size.value.s64.min < 0 {
            let message = "the size may be negative: mask it or use an unsigned number";
            return self.fail_at(Code::BadSize, number, message);
        }
        Ok(())
    }

    /// Memory that the application reads or writes. What it writes whole needs no value before.
    fn host_memory(&mut self, number: Number, size: u64, write: bool, fills: bool) -> Checked {
        let reg = self.read(number)?;
        let size = i32::try_from(size).unwrap_or(i32::MAX);
        let purpose = if write { Purpose::Write } else { Purpose::Read };
        if let RegKind::Stack(_) = reg.kind {
            if size == 0 {
                return Ok(());
            }
            let reach = self.stack_reach(number, &reg, 0, size)?;
            if fills {
                return self.stack_clobber(number, reach, size);
            }
            return self.check_written(number, reach, size, write);
        }
        if reg.kind == RegKind::Ctx {
            return self.fail_at(Code::BadArgument, number, "the context is no plain memory");
        }
        if size == 0 {
            return Ok(());
        }
        self.reachable(&reg, Touch { number, off: 0, size, purpose }).map(drop)
    }
}
