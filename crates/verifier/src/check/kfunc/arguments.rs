//! The arguments of a kernel function: each register against what its parameter takes.

use skep_btf::TypeId;
use skep_isa::Reg as Number;
use skep_platform::kfunc::Flag;

use super::{ARGUMENTS, Call, Takes};
use crate::Code;
use crate::check::memory::{Purpose, Touch};
use crate::check::pointer::MAX_OFFSET;
use crate::explore::Walk;
use crate::record::FieldKind;
use crate::state::{Flags, Reg, RegKind};
use crate::verdict::Checked;

impl Walk<'_> {
    /// Checks every argument and collects what is found.
    pub(super) fn kfunc_arguments(&mut self, call: &mut Call) -> Checked {
        let proto = std::rc::Rc::clone(&call.proto);
        for (&number, (index, param)) in ARGUMENTS.iter().zip(proto.params.iter().enumerate()) {
            match param.takes {
                Takes::Ignored => continue,
                Takes::Number { constant } => {
                    self.kfunc_number(call, number, &param.name, constant)?;
                    continue;
                }
                // Checked with the memory before it.
                Takes::Size { .. } => continue,
                _ => {}
            }
            let reg = *self.state.reg(number);
            if reg.is_null() && param.nullable {
                continue;
            }
            self.kfunc_pointer(call, number, &reg, param.nullable, param.takes)?;
            if reg.is_pointer() && reg.reference != 0 {
                self.kfunc_reference(call, number, &reg)?;
            }
            let size = match proto.params.get(index + 1).map(|next| next.takes) {
                Some(Takes::Size { constant }) => Some(constant),
                _ => None,
            };
            self.kfunc_argument(call, number, reg, param.takes, size)?;
        }
        if proto.has(Flag::Release) && call.released.is_none() {
            return self.fail(Code::NotOwned, format!("{} is given nothing that was acquired", proto.name));
        }
        Ok(())
    }

    /// A number, known where it must be.
    fn kfunc_number(&mut self, call: &mut Call, number: Number, name: &str, constant: bool) -> Checked {
        let reg = *self.state.reg(number);
        if !reg.is_scalar() {
            let message = format!("{reg} is given where a number must be");
            return self.fail_at(Code::BadArgument, number, message);
        }
        let sizes_result = matches!(name, "rdonly_buf_size" | "rdwr_buf_size");
        if !constant && !sizes_result {
            return Ok(());
        }
        let value = self.kfunc_constant(number)?;
        if sizes_result {
            call.result_size = Some(u32::try_from(value).unwrap_or(u32::MAX));
            call.result_read_only = name == "rdonly_buf_size";
        } else {
            call.constant = Some(value);
        }
        Ok(())
    }

    fn kfunc_constant(&mut self, number: Number) -> Checked<u64> {
        let Some(value) = self.state.reg(number).as_constant() else {
            return self.fail_at(Code::BadArgument, number, "this number must be a known constant");
        };
        self.matters(number)?;
        Ok(value)
    }

    /// What holds of every pointer: it is one, and not NULL where it must not be.
    fn kfunc_pointer(&self, call: &Call, number: Number, reg: &Reg, nullable: bool, takes: Takes) -> Checked {
        let optional = matches!(takes, Takes::Sized { optional: true, .. });
        let proto = &call.proto;
        let strict = [Flag::TrustedArgs, Flag::Release, Flag::Rcu].iter().any(|&flag| proto.has(flag));
        if strict && !nullable && !optional && (reg.is_null() || reg.is_nullable()) {
            let message = format!("{} is given {reg}: compare it with NULL first", proto.name);
            return self.fail_at(Code::MaybeNull, number, message);
        }
        Ok(())
    }

    /// An argument that stands for a reference.
    fn kfunc_reference(&self, call: &mut Call, number: Number, reg: &Reg) -> Checked {
        if call.proto.has(Flag::Release) {
            if call.released.is_some() {
                return self.fail_at(Code::BadArgument, number, "two references in a call that releases one");
            }
            call.released = Some((number, reg.reference));
        }
        call.reference = reg.reference;
        Ok(())
    }

    /// One argument that is no number. `size`: whether the argument after it is its size, and must be constant.
    fn kfunc_argument(
        &mut self,
        call: &mut Call,
        number: Number,
        reg: Reg,
        takes: Takes,
        size: Option<bool>,
    ) -> Checked {
        match takes {
            Takes::Ignored | Takes::Number { .. } | Takes::Size { .. } => Ok(()),
            Takes::Context => {
                let unmoved = reg.off == 0 && reg.value.as_constant() == Some(0);
                match reg.kind {
                    RegKind::Ctx if unmoved => Ok(()),
                    _ => self.kfunc_misfit(call, number, &reg, "the context"),
                }
            }
            Takes::Object { target, plain } => self.kfunc_object(call, number, reg, target, plain),
            Takes::Memory(bytes) => self.both_ways(number, bytes),
            Takes::Sized { target, optional } => {
                if let Some(target) = target
                    && self.object_type(&reg).is_some()
                {
                    return self.kfunc_object(call, number, reg, target, None);
                }
                self.sized_memory(call, number, &reg, optional, size == Some(true))
            }
            Takes::Iterator(of) => self.iterator_argument(call, number, &reg, of),
            Takes::IrqFlag => self.irq_argument(call, number, &reg),
            Takes::ResilientLock => self.resilient_lock(call, number, &reg),
            Takes::Text => match reg.kind {
                RegKind::MapValue(_) if !reg.is_nullable() => self.constant_string(number, &reg),
                _ => self.kfunc_misfit(call, number, &reg, "a string in a read-only map"),
            },
            Takes::Map => match reg.kind {
                RegKind::Map(map) if !reg.is_nullable() => {
                    call.map = Some(map);
                    match call.work {
                        Some(work) => self.same_map(number, &work, &reg),
                        None => Ok(()),
                    }
                }
                // One that the kernel handed out.
                RegKind::Btf(found) if call.work.is_none() => match self.kernel_struct("bpf_map") {
                    Some(wanted) if found == wanted => self.kfunc_object(call, number, reg, wanted, None),
                    _ => self.kfunc_misfit(call, number, &reg, "a map"),
                },
                _ => self.kfunc_misfit(call, number, &reg, "a map"),
            },
            Takes::Function => match reg.kind {
                RegKind::Func(function) => {
                    call.function = Some(function);
                    Ok(())
                }
                _ => self.kfunc_misfit(call, number, &reg, "a function of the program"),
            },
            Takes::Impossible => {
                self.fail_at(Code::BadArgument, number, "no program can give what this parameter takes")
            }
            Takes::Dynptr { fresh } => self.kfunc_dynptr(call, number, &reg, fresh),
            Takes::Allocated => self.object_given_back(call, number, &reg),
            Takes::Refcounted => self.counted_object(call, number, &reg),
            Takes::ListHead => self.graph_root(call, number, &reg, FieldKind::ListHead),
            Takes::ListNode => self.graph_node(call, number, &reg, FieldKind::ListNode),
            Takes::RbRoot => self.graph_root(call, number, &reg, FieldKind::RbRoot),
            Takes::RbNode => self.graph_node(call, number, &reg, FieldKind::RbNode),
            Takes::Workqueue => self.work_given(call, number, reg, FieldKind::Workqueue),
            Takes::TaskWork => self.work_given(call, number, reg, FieldKind::TaskWork),
            Takes::Timer => self.unsupported(format!("the arguments of {}", call.proto.name)),
        }
    }

    /// A work queue or a task's work in a map's value.
    fn work_given(&mut self, call: &mut Call, number: Number, reg: Reg, kind: FieldKind) -> Checked {
        if reg.is_nullable() {
            return self.kfunc_misfit(call, number, &reg, "a map value that is surely there");
        }
        self.field_given(number, &reg, kind)?;
        call.work = Some(reg);
        Ok(())
    }

    /// A refusal of a register that is not what the function takes.
    pub(crate) fn kfunc_misfit<T>(&self, call: &Call, number: Number, reg: &Reg, wanted: &str) -> Checked<T> {
        let message = format!("{} is given {reg} where it takes {wanted}", call.proto.name);
        self.fail_at(Code::BadArgument, number, message)
    }

    /// The type of the kernel object that a register leads to, if it is one.
    pub(crate) fn object_type(&self, reg: &Reg) -> Option<Option<TypeId>> {
        let by_name = |name: &str| self.kernel_struct(name);
        match reg.kind {
            RegKind::Btf(id) => Some(Some(id)),
            RegKind::Allocated(_) => Some(None),
            RegKind::SockCommon => Some(by_name("sock_common")),
            RegKind::Socket => Some(by_name("sock")),
            RegKind::TcpSock => Some(by_name("tcp_sock")),
            RegKind::Map(_) => Some(by_name("bpf_map")),
            _ => None,
        }
    }

    /// A kernel object of the right type and trust, or, given plain memory, so many bytes of it.
    fn kfunc_object(
        &mut self,
        call: &mut Call,
        number: Number,
        reg: Reg,
        target: TypeId,
        plain: Option<u32>,
    ) -> Checked {
        let Some(found) = self.object_type(&reg) else {
            return match plain {
                Some(bytes) => self.both_ways(number, bytes),
                None => {
                    let wanted = format!("struct {}", self.kernel_name(target));
                    self.kfunc_misfit(call, number, &reg, &wanted)
                }
            };
        };
        self.kfunc_trust(call, number, &reg)?;
        if reg.value.as_constant() != Some(0) || reg.off < 0 || (call.released.is_some() && reg.off != 0) {
            return self.fail_at(
                Code::BadArgument,
                number,
                format!("{} must be handed on unmoved", reg.kind),
            );
        }
        let strict = call.proto.has(Flag::Release) || call.proto.has(Flag::Acquire);
        if !found.is_some_and(|found| self.type_fits(found, reg.off, target, strict)) {
            let name = found.map_or("an object of the program", |found| self.kernel_name(found));
            let message =
                format!("{} is given {name} where it takes {}", call.proto.name, self.kernel_name(target));
            return self.fail_at(Code::BadArgument, number, message);
        }
        call.object = Some(target);
        Ok(())
    }

    /// The object is sure to live as long as the function's flags demand.
    fn kfunc_trust(&self, call: &Call, number: Number, reg: &Reg) -> Checked {
        let (trusted, rcu) =
            (call.proto.has(Flag::TrustedArgs) || call.proto.has(Flag::Release), call.proto.has(Flag::Rcu));
        if !(trusted || rcu) || self.is_trusted(reg) || (rcu && reg.flags.has(Flags::RCU)) {
            return Ok(());
        }
        let message = match rcu {
            true => "the object is neither referenced, trusted nor protected by RCU",
            false => "the object is neither referenced nor trusted",
        };
        self.fail_at(Code::Untrusted, number, message)
    }

    /// Whether the object is sure to live.
    pub(crate) fn is_trusted(&self, reg: &Reg) -> bool {
        let doubtful = Flags::UNTRUSTED.with(Flags::RCU).with(Flags::PERCPU).with(Flags::USER);
        reg.reference != 0
            || match reg.kind {
                RegKind::Btf(_) => reg.flags.has(Flags::TRUSTED) && reg.flags.without(doubtful) == reg.flags,
                RegKind::Allocated(_) => reg.flags.has(Flags::TRUSTED),
                _ => reg.flags.without(doubtful) == reg.flags,
            }
    }

    /// So many bytes that the function may read and write; NULL is no error where nothing else forbids it.
    fn both_ways(&mut self, number: Number, size: u32) -> Checked {
        let mut reg = *self.state.reg(number);
        if reg.is_null() {
            return Ok(());
        }
        reg.flags = reg.flags.without(Flags::NULLABLE);
        self.readable_writable(number, &reg, u64::from(size))
    }

    /// Memory and the size behind it.
    fn sized_memory(
        &mut self,
        call: &mut Call,
        number: Number,
        reg: &Reg,
        optional: bool,
        constant: bool,
    ) -> Checked {
        let size_number = ARGUMENTS[(number.index()).min(4)];
        let size = *self.state.reg(size_number);
        if !(optional && reg.is_null()) {
            if !size.is_scalar() {
                return self.fail_at(Code::BadArgument, size_number, "the size is no number");
            }
            if size.value.s64.min < 0 {
                return self.fail_at(Code::BadSize, size_number, "the size may be negative");
            }
            if size.value.u64.max >= MAX_OFFSET as u64 {
                return self.fail_at(Code::BadSize, size_number, "the size has no upper bound");
            }
            let mut memory = *reg;
            memory.flags = memory.flags.without(Flags::NULLABLE);
            let max = size.value.u64.max;
            if !(max == 0 && reg.is_null()) {
                self.readable_writable(number, &memory, max)?;
            }
            self.matters(size_number)?;
        }
        if constant {
            call.constant = Some(self.kfunc_constant(size_number)?);
        }
        Ok(())
    }

    fn readable_writable(&mut self, number: Number, reg: &Reg, size: u64) -> Checked {
        let size = i32::try_from(size).unwrap_or(i32::MAX);
        match reg.kind {
            RegKind::Stack(_) if size == 0 => Ok(()),
            RegKind::Stack(_) => {
                let reach = self.stack_reach(number, reg, 0, size)?;
                self.check_written(number, reach, size, true)
            }
            RegKind::Ctx => self.unsupported("the context as memory"),
            _ => {
                for purpose in [Purpose::Read, Purpose::Write] {
                    self.reachable(reg, Touch { number, off: 0, size, purpose })?;
                }
                Ok(())
            }
        }
    }
}
