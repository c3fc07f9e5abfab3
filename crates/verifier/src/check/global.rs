//! Global functions: checked once, by their signatures, and trusted by them at every call.
//!
//! A parameter is a number, the context, or memory of a known size that may be NULL. The caller must bring what the signature says,
//! and gets back a number of which nothing is known.

use skep_btf::{Btf, Kind, Linkage, Type, TypeId};
use skep_isa::Reg as Number;
use skep_platform::rule;

use super::memory::{Purpose, Touch};
use crate::Code;
use crate::explore::{Next, Walk};
use crate::state::{Flags, Reg, RegKind, State};
use crate::verdict::Checked;

/// What a parameter of a global function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parameter {
    Number,
    Context,
    /// Memory of so many bytes; whether it may be NULL.
    Memory(u32, bool),
    /// An address in an arena, as a pointer or a number.
    Arena,
}

const ARGUMENTS: [Number; 5] = [Number::R1, Number::R2, Number::R3, Number::R4, Number::R5];

impl Walk<'_> {
    /// Whether a function of the program is global by its type.
    pub(crate) fn is_global(&self, function: usize) -> bool {
        self.linkage(function) == Some(true) && rule::GLOBAL_FUNCTIONS.holds(self.input.release)
    }

    fn type_of(&self, function: usize) -> Option<(&Btf, TypeId)> {
        let start = self.shape.functions[function].start;
        let info = self.input.functions.iter().find(|info| info.start == start)?;
        Some((self.input.btf.as_deref()?, info.type_id))
    }

    /// Whether the function's type says that it is global; `None` without a type.
    pub(crate) fn linkage(&self, function: usize) -> Option<bool> {
        let (btf, id) = self.type_of(function)?;
        match btf.get(id)? {
            Type::Func(func) => Some(func.linkage == Linkage::GLOBAL),
            _ => None,
        }
    }

    /// The parameters of a global function.
    fn signature(&self, function: usize) -> Checked<Vec<Parameter>> {
        let found = self.type_of(function).and_then(|(btf, id)| {
            let Type::Func(func) = btf.get(id)? else { return None };
            let Type::FuncProto(proto) = btf.get(func.proto)? else { return None };
            Some((btf, id, proto))
        });
        let Some((btf, id, proto)) = found else {
            return self.fail(Code::BadFunction, "a global function without a type");
        };
        if !is_number(btf, proto.result) {
            return self.fail(Code::BadFunction, "a global function must return a number");
        }
        if proto.params.iter().count() > ARGUMENTS.len() {
            return self.fail(Code::BadFunction, "a function takes at most 5 arguments");
        }
        let tags = tags(btf, id);
        let mut parameters = Vec::new();
        for (index, param) in proto.params.iter().enumerate() {
            let mine = tags
                .iter()
                .filter(|(component, _)| *component == index as u32)
                .map(|(_, text)| text.as_str());
            parameters.push(self.parameter(btf, param.type_id, &mine.collect::<Vec<_>>())?);
        }
        Ok(parameters)
    }

    fn parameter(&self, btf: &Btf, id: TypeId, tags: &[&str]) -> Checked<Parameter> {
        if tags == ["arg:arena"] && matches!(btf.get(btf.resolve(id)), Some(Type::Ptr(_))) {
            return Ok(Parameter::Arena);
        }
        if let Some(tag) = tags.iter().find(|tag| !matches!(**tag, "arg:ctx" | "arg:nonnull")) {
            return self.unsupported(format!("the parameter tag {tag}"));
        }
        if tags.contains(&"arg:ctx") {
            return Ok(Parameter::Context);
        }
        let id = btf.resolve(id);
        let target = match btf.get(id) {
            Some(Type::Ptr(target)) => target,
            _ if is_number(btf, id) => return Ok(Parameter::Number),
            _ => return self.fail(Code::BadFunction, "a parameter is neither a number nor a pointer"),
        };
        let pointee = btf.resolve(target);
        let name = btf.name_of(pointee);
        let context = self.input.program_type.context_name();
        let is_struct = btf.kind_of(pointee) == Some(Kind::Struct);
        if is_struct && !context.is_empty() && name == context {
            return Ok(Parameter::Context);
        }
        // Names that the kernel takes for contexts, dynptrs or arenas in ways not modelled.
        if is_struct && matches!(name, "bpf_dynptr" | "pt_regs" | "user_pt_regs" | "user_regs_struct") {
            return self.unsupported(format!("parameters of type struct {name} *"));
        }
        match btf.size_of(pointee).filter(|&size| size > 0) {
            Some(size) => Ok(Parameter::Memory(size, !tags.contains(&"arg:nonnull"))),
            None => self.fail(Code::BadFunction, "a pointer parameter to something without a size"),
        }
    }

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
        match parameter {
            Parameter::Number if reg.is_scalar() => Ok(()),
            Parameter::Arena if reg.is_scalar() || reg.kind == RegKind::Arena => Ok(()),
            Parameter::Arena => {
                let message = format!("{reg} is given where an address in an arena must be");
                self.fail_at(Code::BadArgument, number, message)
            }
            Parameter::Context => {
                let unmoved = reg.off == 0 && reg.value.as_constant() == Some(0);
                if reg.kind == RegKind::Ctx && unmoved {
                    return Ok(());
                }
                self.fail_at(Code::BadArgument, number, format!("{reg} is given where the context must be"))
            }
            Parameter::Memory(size, nullable) => {
                if reg.is_null() && nullable {
                    return Ok(());
                }
                if reg.is_null() || (reg.is_nullable() && !nullable) {
                    return self.fail_at(Code::MaybeNull, number, "this argument must not be NULL");
                }
                self.memory_for_function(number, reg, size)
            }
            Parameter::Number => {
                self.fail_at(Code::BadArgument, number, format!("{reg} is given where a number must be"))
            }
        }
    }

    /// The function may read and write so many bytes behind the pointer.
    fn memory_for_function(&mut self, number: Number, mut reg: Reg, size: u32) -> Checked {
        reg.flags = reg.flags.without(Flags::NULLABLE);
        let size = i32::try_from(size).unwrap_or(i32::MAX);
        match reg.kind {
            RegKind::Stack(_) => {
                let reach = self.stack_reach(number, &reg, 0, size)?;
                self.check_written(number, reach, size, true)
            }
            RegKind::Ctx => self.fail_at(Code::BadArgument, number, "the context is no plain memory"),
            _ => {
                for purpose in [Purpose::Read, Purpose::Write] {
                    let touch = Touch { number, off: 0, size, purpose };
                    self.reachable(&reg, touch)?;
                }
                if reg.is_packet() {
                    return self.unsupported("packet memory given to global functions");
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
                Parameter::Number | Parameter::Arena => Reg::UNKNOWN,
                Parameter::Context => Reg::pointer(RegKind::Ctx),
                Parameter::Memory(size, true) => self.nullable(RegKind::Mem(size)),
                Parameter::Memory(size, false) => Reg::pointer(RegKind::Mem(size)),
            };
        }
        self.checking_global = true;
        Ok((state, start))
    }
}

/// Whether the type is an integer or an enumeration.
fn is_number(btf: &Btf, id: TypeId) -> bool {
    matches!(btf.get(btf.resolve(id)), Some(Type::Int(_) | Type::Enum(_) | Type::Enum64(_)))
}

/// The `arg:` tags of a function's parameters.
fn tags(btf: &Btf, function: TypeId) -> Vec<(u32, String)> {
    let tag = |(_, item): (TypeId, Type<'_>)| match item {
        Type::DeclTag(tag) if tag.target == function && tag.name.starts_with("arg:") => {
            Some((tag.component?, tag.name.to_string()))
        }
        _ => None,
    };
    btf.types().filter_map(tag).collect()
}
