//! What a program is for: the tracepoint, function, hook, iterator or struct member whose prototype its context follows.
//!
//! The context of such a program is an array of 8-byte arguments. [`Target::of`] finds the prototype in the kernel's BTF and checks that a program
//! may be put there; [`Target::argument`] says what a load at an offset gives.

use skep_btf::{Btf, FuncProto, Kind, Type, TypeId};
use skep_platform::typed::{self, IterArg, StructOpsRules};
use skep_platform::{AttachType, ProgramType};

use super::fields::{Tag, tag_of};
use super::member::member;
use super::proto::{by_value, is_composite, prototype, slot, suffixed};
use crate::Code;
use crate::program::{Input, flags};
use crate::state::Flags;
use crate::verdict::{Checked, reject, unsupported};

/// Most arguments of a function that a program is attached to.
const MAX_ARGS: usize = 12;
/// Greatest argument that is handed over by value.
const MAX_ARG_SIZE: u32 = 16;
/// The most negative error number that a hook returns.
const MAX_ERRNO: i32 = 4095;

/// Sorts of targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TargetKind {
    Tracepoint,
    Iterator,
    /// Before a function.
    Entry,
    /// Behind a function.
    Exit,
    /// Instead of a function's result.
    ModifyReturn,
    /// A security module's hook.
    Hook,
    /// The same, for a cgroup.
    CgroupHook,
    /// A member of a struct of functions.
    Member,
}

/// What a program is for.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) kind: TargetKind,
    /// Of the function, tracepoint, hook (without `bpf_lsm_`), or iterator; of a member, its own.
    pub(crate) name: String,
    pub(super) proto: TypeId,
    /// The struct of functions and what is known of it.
    pub(crate) ops: Option<(String, Option<&'static StructOpsRules>)>,
    /// Arguments that carry a reference, by number.
    pub(crate) references: Vec<usize>,
    pub(super) nullable: Vec<usize>,
}

/// What a load from the context gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Argument {
    Number,
    /// A number from a range.
    Range(i32, i32),
    /// An object of this type; the argument's number if it carries a reference.
    Object {
        target: TypeId,
        flags: Flags,
        reference: Option<usize>,
    },
    /// Memory of the attachment's size, or NULL.
    Buffer {
        writable: bool,
    },
}

/// Whether programs of this type have a target in the kernel's BTF.
pub(crate) fn has_target(program: ProgramType) -> bool {
    matches!(program, ProgramType::Tracing | ProgramType::Lsm | ProgramType::StructOps)
}

impl Target {
    /// The target of a program; `None` for programs that need none.
    pub(crate) fn of(input: &Input) -> Checked<Option<Target>> {
        if !has_target(input.program_type) {
            return Ok(None);
        }
        let Some(given) = input.attach_target.as_deref() else {
            return refuse(format!("{} programs must name what they are for", input.program_type.name()));
        };
        let Some(btf) = input.kernel_btf.as_deref() else {
            return unsupported(0, "the kernel's types are not given");
        };
        if input.program_type == ProgramType::StructOps {
            return member(input, btf, given).map(Some);
        }
        let kind = match (input.program_type, input.attach_type) {
            (ProgramType::Tracing, Some(AttachType::TraceRawTp)) => TargetKind::Tracepoint,
            (ProgramType::Tracing, Some(AttachType::TraceIter)) => TargetKind::Iterator,
            (ProgramType::Tracing, Some(AttachType::TraceFentry)) => TargetKind::Entry,
            (ProgramType::Tracing, Some(AttachType::TraceFexit)) => TargetKind::Exit,
            (ProgramType::Tracing, Some(AttachType::ModifyReturn)) => TargetKind::ModifyReturn,
            (ProgramType::Lsm, Some(AttachType::LsmMac)) => TargetKind::Hook,
            (ProgramType::Lsm, Some(AttachType::LsmCgroup)) => TargetKind::CgroupHook,
            _ => return refuse(format!("{} programs have no such attach type", input.program_type.name())),
        };
        let prefix = match kind {
            TargetKind::Tracepoint => "btf_trace_",
            TargetKind::Iterator => "bpf_iter_",
            TargetKind::Hook | TargetKind::CgroupHook => "bpf_lsm_",
            _ => "",
        };
        let name = given.strip_prefix(prefix).unwrap_or(given);
        let Some(proto) = prototype(btf, kind, &format!("{prefix}{name}")) else {
            return refuse(format!("the kernel's types have no {prefix}{name}"));
        };
        let mut target = Target {
            kind,
            name: name.into(),
            proto,
            ops: None,
            references: Vec::new(),
            nullable: Vec::new(),
        };
        target.nullable = suffixed(btf, &format!("__bpf_trace_{name}"), "__nullable", 1);
        target.may_be_attached(input, btf)?;
        Ok(Some(target))
    }

    /// The rules of the place.
    fn may_be_attached(&self, input: &Input, btf: &Btf) -> Checked {
        let (sleeps, name) = (input.has(flags::SLEEPABLE), &self.name);
        match self.kind {
            TargetKind::Tracepoint | TargetKind::Member => return Ok(()),
            TargetKind::Iterator => {
                if typed::iterator_args(name).is_none() {
                    return refuse(format!("there is no iterator over {name}"));
                }
                return Ok(());
            }
            TargetKind::Hook | TargetKind::CgroupHook => {
                let hook = typed::lsm_hook(name);
                if !input.gpl_compatible() {
                    return refuse("programs of security hooks need a GPL-compatible license");
                }
                if !hook.open {
                    return refuse(format!("no program may be attached to {name}"));
                }
                if sleeps && !hook.sleepable {
                    return refuse(format!("a program at {name} may not sleep"));
                }
            }
            TargetKind::Entry | TargetKind::Exit | TargetKind::ModifyReturn => {
                if typed::may_not_be_traced(name) {
                    return refuse(format!("{name} may not be traced"));
                }
                if self.kind != TargetKind::Entry && typed::never_returns(name) {
                    return refuse(format!("{name} never returns"));
                }
                if self.kind == TargetKind::ModifyReturn && !typed::may_modify_return(name) {
                    return refuse(format!("what {name} returns may not be modified"));
                }
                if sleeps && !typed::may_sleep_at(name) {
                    return refuse(format!("a program at {name} may not sleep"));
                }
            }
        }
        self.carried_over(btf)
    }

    /// The trampoline can hand over every argument and the result.
    fn carried_over(&self, btf: &Btf) -> Checked {
        let name = &self.name;
        let Some(proto) = self.proto(btf) else { return refuse(format!("{name} is no function")) };
        let count = proto.params.len();
        if count > MAX_ARGS {
            return refuse(format!("{name} has {count} arguments; {MAX_ARGS} are supported"));
        }
        let result = btf.resolve(proto.result);
        if result != TypeId::VOID && (by_value(btf, result).is_none() || is_composite(btf, result)) {
            return refuse(format!("{name} returns what no register holds"));
        }
        for (index, param) in proto.params.iter().enumerate() {
            if param.type_id == TypeId::VOID {
                return refuse(format!("{name} takes a variable number of arguments"));
            }
            if !by_value(btf, param.type_id).is_some_and(|size| (1..=MAX_ARG_SIZE).contains(&size)) {
                return refuse(format!("argument {index} of {name} is not supported"));
            }
        }
        Ok(())
    }

    fn proto<'a>(&self, btf: &'a Btf) -> Option<FuncProto<'a>> {
        match btf.get(self.proto)? {
            Type::FuncProto(proto) => Some(proto),
            _ => None,
        }
    }

    /// What the target returns; `None` if nothing.
    pub(crate) fn result(&self, btf: &Btf) -> Option<TypeId> {
        let result = btf.resolve(self.proto(btf)?.result);
        (result != TypeId::VOID).then_some(result)
    }

    /// The struct that the target returns a pointer to.
    pub(crate) fn result_object(&self, btf: &Btf) -> Option<TypeId> {
        match btf.get(self.result(btf)?)? {
            Type::Ptr(to) => Some(btf.resolve(to)).filter(|&id| is_composite(btf, id)),
            _ => None,
        }
    }

    /// Whether the context's pointers are to objects that surely live.
    fn trusts_arguments(&self) -> bool {
        match self.kind {
            TargetKind::Tracepoint | TargetKind::Iterator | TargetKind::Member => true,
            TargetKind::Hook | TargetKind::CgroupHook => typed::lsm_hook(&self.name).trusted,
            TargetKind::Entry | TargetKind::Exit | TargetKind::ModifyReturn => false,
        }
    }

    /// Arguments in front of those that the program sees.
    fn hidden(&self) -> usize {
        usize::from(self.kind == TargetKind::Tracepoint)
    }

    /// What a load of `size` bytes at `off` gives; the error says why there is nothing.
    pub(crate) fn argument(&self, btf: &Btf, off: u32, size: u32) -> Result<Argument, String> {
        let name = &self.name;
        if !off.is_multiple_of(8) || !off.is_multiple_of(size) {
            return Err(format!("offset {off} of {name}'s arguments: each begins at a multiple of 8"));
        }
        let proto = self.proto(btf).ok_or_else(|| format!("{name} is no function"))?;
        let hidden = self.hidden();
        let count = proto.params.len().saturating_sub(hidden);
        let number = slot(btf, &proto, off);
        let result = number == count;
        if number > count || (result && !self.sees_result()) {
            return Err(format!("{name} has {count} arguments, none at offset {off}"));
        }
        let id = if result {
            proto.result
        } else {
            proto.params.get(number + hidden).map_or(TypeId::VOID, |param| param.type_id)
        };
        let resolved = btf.resolve(id);
        let to = match btf.get(resolved) {
            Some(Type::Int(_) | Type::Enum(_) | Type::Enum64(_) | Type::Struct(_) | Type::Union(_)) => {
                return Ok(if result { self.result_range() } else { Argument::Number });
            }
            Some(Type::Ptr(to)) => to,
            _ => return Err(format!("{name} returns nothing at offset {off}")),
        };
        if size != 8 {
            return Err(format!("argument {number} of {name} is a pointer: read all 8 bytes"));
        }
        self.pointed(btf, number, to)
    }

    fn pointed(&self, btf: &Btf, number: usize, to: TypeId) -> Result<Argument, String> {
        let special = self.special(number);
        match special {
            Some(IterArg::ReadOnlyBufferOrNull) => return Ok(Argument::Buffer { writable: false }),
            Some(IterArg::BufferOrNull) => return Ok(Argument::Buffer { writable: true }),
            _ => {}
        }
        let mut target = btf.resolve(to);
        match btf.get(target) {
            // Nothing is known behind these; they are as good as numbers.
            None | Some(Type::Void | Type::Int(_)) => return Ok(Argument::Number),
            Some(Type::Struct(_) | Type::Union(_)) => {}
            _ => return Err(format!("argument {number} of {} does not point to a struct", self.name)),
        }
        let mut flags = if self.trusts_arguments() { Flags::TRUSTED } else { Flags::NONE };
        if special == Some(IterArg::ObjectOrNull) {
            flags = Flags::NONE;
        }
        let nullable = special.is_some()
            || self.nullable.contains(&number)
            || (self.kind == TargetKind::Tracepoint && typed::tracepoint_arg_nullable(&self.name, number));
        if nullable {
            flags = flags.with(Flags::NULLABLE);
        }
        match tag_of(btf, to) {
            Tag::User => flags = flags.with(Flags::USER),
            Tag::Percpu => flags = flags.with(Flags::PERCPU),
            Tag::Plain | Tag::Rcu => {}
        }
        if let Some((from, into)) = self.ops.as_ref().and_then(|ops| ops.1).and_then(|rules| rules.seen_as)
            && btf.name_of(target) == from
            && let Some(wider) = btf.find(into, Kind::Struct)
        {
            target = wider;
        }
        let reference = self.references.contains(&number).then_some(number);
        Ok(Argument::Object { target, flags, reference })
    }

    fn special(&self, number: usize) -> Option<IterArg> {
        if self.kind != TargetKind::Iterator {
            return None;
        }
        typed::iterator_args(&self.name)?.iter().find(|row| row.0 == number).map(|row| row.1)
    }

    /// Whether the result of the function is the argument behind the last.
    fn sees_result(&self) -> bool {
        use TargetKind::*;
        matches!(self.kind, Exit | ModifyReturn | Hook | CgroupHook)
    }

    /// What is known of the result that the program sees.
    fn result_range(&self) -> Argument {
        match self.kind {
            TargetKind::Hook if typed::lsm_hook(&self.name).boolean => Argument::Range(0, 1),
            TargetKind::Hook => Argument::Range(-MAX_ERRNO, 0),
            _ => Argument::Number,
        }
    }

    /// What the program may return: `None` for anything.
    pub(crate) fn may_return(&self, btf: &Btf) -> Option<(i64, i64)> {
        match self.kind {
            TargetKind::Entry | TargetKind::Exit => Some((0, 0)),
            TargetKind::Iterator => Some((0, 1)),
            TargetKind::Tracepoint | TargetKind::ModifyReturn => None,
            TargetKind::Hook => {
                self.result(btf)?;
                match self.result_range() {
                    Argument::Range(min, max) => Some((min.into(), max.into())),
                    _ => None,
                }
            }
            TargetKind::CgroupHook => Some(if self.result(btf).is_some() { (0, 1) } else { (1, 1) }),
            TargetKind::Member => self.result_object(btf).map(|_| (0, 0)),
        }
    }

    /// Whether the program need not return anything.
    pub(crate) fn returns_nothing(&self, btf: &Btf) -> bool {
        matches!(self.kind, TargetKind::Member | TargetKind::Hook) && self.result(btf).is_none()
    }
}

pub(super) fn refuse<T>(message: impl Into<String>) -> Checked<T> {
    reject(Code::BadProgram, 0, None, message)
}
