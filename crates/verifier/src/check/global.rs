//! Global functions: checked once, by their signatures, and trusted by them at every call.
//!
//! The caller must bring what the signature says ([`Parameter`]), and gets back a number of which nothing is known.

use skep_isa::Reg as Number;
use skep_platform::helper::DynptrKinds;
use skep_platform::program::ContextShape;

use super::memory::{Purpose, Touch};
use super::signature::Parameter;
use super::stack::Stored;
use crate::Code;
use crate::explore::{Next, Walk};
use crate::state::{DynptrSort, Flags, Reg, RegKind, State};
use crate::verdict::Checked;

const ARGUMENTS: [Number; 5] = [Number::R1, Number::R2, Number::R3, Number::R4, Number::R5];

impl Walk<'_> {
    /// A call of a global function: the caller brings what the signature says.
    pub(crate) fn call_global(&mut self, function: usize, next: usize) -> Checked<Next> {
        if self.state.lock().is_some() {
            return self.fail(Code::LockHeld, "a global function is called while a lock is held");
        }
        for (&number, parameter) in ARGUMENTS.iter().zip(self.signature(function)?) {
            self.brings(number, parameter)?;
        }
        let summary = self.shape.summaries[function];
        if summary.sleeps {
            self.may_sleep("the global function")?;
        }
        self.called_globals[function] = true;
        self.forget_arguments();
        self.state.frame_mut().regs_mut()[0] = Reg::UNKNOWN;
        if summary.changes_packet {
            self.forget_packets();
        }
        Ok(Next::At(next))
    }

    fn brings(&mut self, number: Number, parameter: Parameter) -> Checked {
        let reg = self.read(number)?;
        let unmoved = reg.off == 0 && reg.value.as_constant() == Some(0);
        let fits = match parameter {
            Parameter::UntrustedObject(_) | Parameter::UntrustedMemory => true,
            Parameter::Number => reg.is_scalar(),
            Parameter::Context => reg.kind == RegKind::Ctx && unmoved,
            Parameter::Arena => reg.is_scalar() || reg.kind == RegKind::Arena,
            Parameter::Object { nullable: true, .. } if reg.is_null() => true,
            Parameter::Object { id, nullable } => {
                if reg.is_nullable() && !nullable {
                    return self.fail_at(Code::MaybeNull, number, "this argument must not be NULL");
                }
                let life = reg.flags.without(Flags::NULLABLE);
                [Flags::NONE, Flags::TRUSTED, Flags::RCU].contains(&life) && self.is_of_type(&reg, id, false)
            }
            Parameter::Dynptr => {
                if matches!(reg.kind, RegKind::Dynptr(_)) && !unmoved {
                    return self.fail_at(Code::BadArgument, number, "a dynptr must be handed on unmoved");
                }
                return self.dynptr_given(number, DynptrKinds::Any).map(drop);
            }
            Parameter::Memory { .. } if reg.is_null() => true,
            Parameter::Memory { size, nullable } => {
                if reg.is_nullable() && !nullable {
                    return self.fail_at(Code::MaybeNull, number, "this argument must not be NULL");
                }
                return self.memory_for_function(number, reg, size);
            }
        };
        if fits {
            return Ok(());
        }
        let what = match parameter {
            Parameter::Number => "a number",
            Parameter::Context => "the context",
            Parameter::Arena => "a pointer into an arena",
            _ => "a trusted kernel object of the parameter's type",
        };
        self.fail_at(Code::BadArgument, number, format!("{reg} is given where {what} must be"))
    }

    /// The function may read and write so many bytes behind the pointer.
    fn memory_for_function(&mut self, number: Number, mut reg: Reg, size: u32) -> Checked {
        reg.flags = reg.flags.without(Flags::NULLABLE);
        let free = matches!(
            reg.kind,
            RegKind::Stack(_)
                | RegKind::Packet
                | RegKind::PacketMeta
                | RegKind::MapKey(_)
                | RegKind::MapValue(_)
                | RegKind::Mem(_)
                | RegKind::Buffer(_)
        );
        if !free && (reg.off != 0 || reg.value.as_constant() != Some(0)) {
            return self.fail_at(
                Code::BadArgument,
                number,
                format!("{} must be handed on unmoved", reg.kind),
            );
        }
        let size = i32::try_from(size).unwrap_or(i32::MAX);
        match reg.kind {
            RegKind::Stack(_) if size > 0 => {
                let reach = self.stack_reach(number, &reg, 0, size)?;
                self.check_written(number, reach, size, true)
            }
            RegKind::Stack(_) => self.on_stack(number, &reg),
            RegKind::Ctx if self.input.program_type.context_shape() == ContextShape::Table => {
                self.fail_at(Code::BadArgument, number, "the context is no plain memory")
            }
            RegKind::Ctx => {
                // Contexts that are plain memory are as long as the last byte that may be touched.
                let touch = Touch { number, off: size - 1, size: 1, purpose: Purpose::Read };
                self.context_load(&reg, touch)?;
                let (touch, stored) =
                    (Touch { purpose: Purpose::Write, ..touch }, Stored { number: None, value: None });
                self.context_store(&reg, touch, stored)
            }
            RegKind::Scalar => self.fail_at(
                Code::BadArgument,
                number,
                format!("{reg} is given where a pointer to memory must be"),
            ),
            _ => {
                for purpose in [Purpose::Read, Purpose::Write] {
                    let touch = Touch { number, off: 0, size, purpose };
                    self.reachable(&reg, touch)?;
                }
                Ok(())
            }
        }
    }

    /// The function that catches exceptions is checked though nothing calls it.
    pub(crate) fn expect_exceptions(&mut self) {
        if let Some(function) = self.shape.catcher.and_then(|start| self.shape.function_from(start)) {
            self.called_globals[function] = true;
        }
    }

    /// A global function that was called and not yet checked, marked as checked.
    pub(crate) fn next_global(&mut self) -> Option<usize> {
        let index =
            (0..self.called_globals.len()).find(|&i| self.called_globals[i] && !self.checked_globals[i])?;
        self.checked_globals[index] = true;
        Some(index)
    }

    /// The state at the entry of a global function, as its signature says.
    pub(crate) fn global_entry(&mut self, function: usize) -> Checked<(State, usize)> {
        let start = self.shape.functions[function].start;
        self.at = start;
        if self.shape.catcher == Some(start) && self.signature(function)? != [Parameter::Number] {
            return self.fail(Code::BadCallback, "what catches exceptions takes one number");
        }
        let mut state = State::new(function, start);
        for (&number, parameter) in ARGUMENTS.iter().zip(self.signature(function)?) {
            *state.reg_mut(number) = match parameter {
                Parameter::Number => Reg::UNKNOWN,
                Parameter::Context => Reg::pointer(RegKind::Ctx),
                Parameter::Memory { size, nullable: true } => self.nullable(RegKind::Mem(size)),
                Parameter::Memory { size, nullable: false } => Reg::pointer(RegKind::Mem(size)),
                Parameter::Dynptr => {
                    let mut reg = Reg::pointer(RegKind::Dynptr(DynptrSort::Local));
                    reg.id = self.fresh_id();
                    reg
                }
                Parameter::Object { id, nullable } => {
                    let flags = if nullable { Flags::TRUSTED.with(Flags::NULLABLE) } else { Flags::TRUSTED };
                    self.object(id, flags)
                }
                Parameter::UntrustedObject(id) => self.object(id, Flags::UNTRUSTED),
                Parameter::UntrustedMemory => super::object::untrusted_memory(),
                // The caller may give any number for one.
                Parameter::Arena => Reg::UNKNOWN,
            };
        }
        self.checking_global = true;
        Ok((state, start))
    }
}
