//! The arguments of a helper: what each register must be, and how far memory behind it must reach.

use skep_isa::Reg as Number;
use skep_platform::helper::{Arg, ArgFlags, ArgKind, BtfTarget, DynptrKinds, Helper};

use super::call::is_output;
use super::made::Kptr;
use super::memory::{Purpose, Touch};
use super::pointer::MAX_OFFSET;
use crate::Code;
use crate::explore::Walk;
use crate::record::FieldKind;
use crate::state::{ByteKind, DynptrSort, Flags, MapId, Reg, RegKind, locate};
use crate::verdict::Checked;

/// Memory that the helper fills.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    pub(crate) number: Number,
    pub(crate) size: i32,
}

/// What was found of the arguments.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given {
    /// The map argument.
    pub(crate) map: Option<MapId>,
    /// The look-up that found the map, where that matters ([`Reg::range`]).
    pub(crate) lookup: i32,
    /// The kernel pointer's field.
    pub(crate) kptr: Option<Kptr>,
    /// The timer.
    pub(crate) timer: Option<Reg>,
    /// The key, if the map is an array and the key a known number.
    pub(crate) key: Option<u64>,
    /// The size of memory to be given out.
    pub(crate) alloc: Option<u64>,
    /// Memory to be filled.
    pub(crate) outputs: Vec<Output>,
    /// The reference that is given back; 0 for NULL.
    pub(crate) released: Option<u32>,
    /// The reference that some argument stands for.
    pub(crate) reference: u32,
    /// The greatest size of a memory argument.
    pub(crate) max_size: Option<u64>,
    /// The function argument.
    pub(crate) function: Option<u32>,
    /// What is known of the dynptr argument.
    pub(crate) dynptr: Option<Reg>,
}

const ARGUMENTS: [Number; 5] = [Number::R1, Number::R2, Number::R3, Number::R4, Number::R5];

impl Walk<'_> {
    pub(crate) fn arguments(&mut self, helper: &Helper) -> Checked<Given> {
        let mut given = Given::default();
        for (index, &arg) in helper.args.iter().enumerate() {
            if arg.kind == ArgKind::Unused {
                break;
            }
            self.argument(helper, index, arg, &mut given)?;
        }
        Ok(given)
    }

    fn argument(&mut self, helper: &Helper, index: usize, arg: Arg, given: &mut Given) -> Checked {
        let number = ARGUMENTS[index];
        let reg = self.read(number)?;
        if arg.kind == ArgKind::Anything {
            if reg.is_pointer() && self.input.unprivileged {
                return self.fail_at(Code::Leak, number, format!("a pointer is given to {}", helper.name));
            }
            return Ok(());
        }
        if reg.is_packet() && !helper.traits.packet_access {
            return self.fail_at(
                Code::BadArgument,
                number,
                format!("{} takes no packet pointer", helper.name),
            );
        }
        let null = reg.is_null() && arg.has(ArgFlags::OR_NULL);
        if !null {
            self.fitting_kind(helper, number, arg, &reg, given)?;
            self.fitting_offset(number, arg, &reg)?;
        }
        if arg.has(ArgFlags::RELEASE) && matches!(arg.kind, ArgKind::Dynptr(_)) {
            given.released = Some(self.dynptr_released(number)?);
        } else if arg.has(ArgFlags::RELEASE) {
            if reg.reference == 0 && !reg.is_null() {
                return self.fail_at(Code::NotOwned, number, "what is released here was not acquired");
            }
            given.released = Some(reg.reference);
        }
        if reg.is_pointer() && reg.reference != 0 && arg.kind != ArgKind::KptrDest {
            if given.reference != 0 {
                return self.fail_at(
                    Code::BadArgument,
                    number,
                    "two arguments of one call stand for references",
                );
            }
            given.reference = reg.reference;
        }
        self.contents(helper, index, arg, &reg, given)
    }

    /// The register holds what the prototype asks for.
    fn fitting_kind(&self, helper: &Helper, number: Number, arg: Arg, reg: &Reg, given: &Given) -> Checked {
        use RegKind as K;
        let memory =
            |kind: K| matches!(kind, K::Stack(_) | K::Packet | K::PacketMeta | K::MapKey(_) | K::MapValue(_));
        let socket = |kind: K| matches!(kind, K::SockCommon | K::Socket | K::TcpSock | K::XdpSock);
        let fits = match arg.kind {
            ArgKind::Unused | ArgKind::Anything => true,
            ArgKind::MapValue if given.map.is_some_and(|map| self.holds_sockets(map)) => {
                matches!(reg.kind, K::Btf(_)) && self.object_fits(helper, number, arg, reg, "sock_common")?
                    || socket(reg.kind)
            }
            ArgKind::MapKey | ArgKind::MapValue => {
                memory(reg.kind)
                    || matches!(reg.kind, K::Mem(_) | K::Buffer(_)) && !reg.flags.has(Flags::RDONLY)
                    || self.object_as_memory(helper, number, arg.read_only(), reg)?
            }
            ArgKind::Mem | ArgKind::FixedMem(_) => {
                self.object_as_memory(helper, number, arg, reg)?
                    || memory(reg.kind)
                    || matches!(reg.kind, K::Mem(_) | K::Buffer(_)) && !reg.flags.has(Flags::UNTRUSTED)
            }
            ArgKind::Size | ArgKind::SizeOrZero | ArgKind::AllocSize => reg.is_scalar(),
            ArgKind::ConstMap => matches!(reg.kind, K::Map(_)),
            ArgKind::Ctx => reg.kind == K::Ctx,
            ArgKind::SockCommon => socket(reg.kind),
            ArgKind::BtfSockCommon => match reg.kind {
                K::Btf(_) => self.object_fits(helper, number, arg, reg, "sock_common")?,
                kind => socket(kind),
            },
            ArgKind::Socket => reg.kind == K::Socket,
            ArgKind::RingbufMem => matches!(reg.kind, K::Mem(_)) && reg.flags.has(Flags::RINGBUF),
            ArgKind::Stack => matches!(reg.kind, K::Stack(_)),
            ArgKind::Func => matches!(reg.kind, K::Func(_)),
            ArgKind::ConstStr => matches!(reg.kind, K::MapValue(_)),
            ArgKind::SpinLock => match reg.kind {
                K::MapValue(_) => true,
                K::Allocated(_) => reg.flags.has(Flags::OWNED),
                _ => false,
            },
            ArgKind::Timer => matches!(reg.kind, K::MapValue(_)),
            ArgKind::Dynptr(_) => matches!(reg.kind, K::Stack(_) | K::Dynptr(_)),
            ArgKind::Btf(BtfTarget::Struct(name)) => self.object_fits(helper, number, arg, reg, name)?,
            ArgKind::PercpuBtf => {
                let made = reg.flags.without(Flags::NULLABLE) == Flags::RCU.with(Flags::PERCPU);
                match reg.kind {
                    K::Btf(_) => reg.flags.has(Flags::PERCPU),
                    K::Allocated(_) => made,
                    _ => false,
                }
            }
            ArgKind::KptrDest => matches!(reg.kind, K::MapValue(_) | K::Allocated(_)),
            ArgKind::Btf(BtfTarget::FieldOf) => matches!(reg.kind, K::Btf(_) | K::Allocated(_)),
            ArgKind::Arena => {
                return self.unsupported(format!("the argument {arg} of {}", helper.name));
            }
        };
        let nullable = reg.is_nullable() && !arg.has(ArgFlags::OR_NULL);
        let read_only = reg.flags.has(Flags::RDONLY)
            && !arg.has(ArgFlags::RDONLY)
            && !matches!(arg.kind, ArgKind::MapKey | ArgKind::ConstStr);
        if fits && !nullable && !read_only {
            return Ok(());
        }
        if fits && nullable {
            let message = format!("{} is given {reg}: compare it with NULL first", helper.name);
            return self.fail_at(Code::MaybeNull, number, message);
        }
        self.fail_at(
            Code::BadArgument,
            number,
            format!("{} is given {reg} where it takes {arg}", helper.name),
        )
    }

    /// Objects are handed on whole.
    fn fitting_offset(&self, number: Number, arg: Arg, reg: &Reg) -> Checked {
        let free = matches!(
            reg.kind,
            RegKind::Stack(_)
                | RegKind::Packet
                | RegKind::PacketMeta
                | RegKind::MapKey(_)
                | RegKind::MapValue(_)
                | RegKind::Mem(_)
                | RegKind::Lent(_)
                | RegKind::Buffer(_)
                | RegKind::Scalar
        ) || matches!(arg.kind, ArgKind::KptrDest | ArgKind::SpinLock);
        let moved = reg.off != 0 || reg.value.as_constant() != Some(0);
        if matches!((arg.kind, reg.kind), (ArgKind::Dynptr(_), RegKind::Stack(_))) {
            return Ok(());
        }
        // A part of an object may be handed on, but not from a place that is not known.
        let part = matches!(reg.kind, RegKind::Btf(_)) && reg.off >= 0 && reg.value.as_constant() == Some(0);
        let free = free || part;
        if arg.has(ArgFlags::RELEASE) && reg.off != 0 && !reg.is_scalar() || (!free && moved) {
            return self.fail_at(
                Code::BadArgument,
                number,
                format!("{} must be handed on unmoved", reg.kind),
            );
        }
        if arg.has(ArgFlags::RELEASE) && !reg.is_scalar() && moved {
            return self.fail_at(Code::BadArgument, number, "what is released must be unmoved");
        }
        Ok(())
    }

    /// Whether values of the map are sockets to the program.
    fn holds_sockets(&self, map: MapId) -> bool {
        use skep_platform::MapType::{Sockhash, Sockmap};
        matches!(self.map(map).map_type, Sockmap | Sockhash)
    }

    /// Memory reaches far enough, sizes are bounded, constants are known.
    fn contents(&mut self, helper: &Helper, index: usize, arg: Arg, reg: &Reg, given: &mut Given) -> Checked {
        let number = ARGUMENTS[index];
        let purpose = if arg.has(ArgFlags::WRITE) { Purpose::Write } else { Purpose::Read };
        let fill = is_output(arg.flags, arg.kind);
        match arg.kind {
            ArgKind::ConstMap => {
                if let RegKind::Map(map) = reg.kind {
                    (given.map, given.lookup) = (Some(map), reg.range);
                }
                if let Some(timer) = given.timer {
                    self.same_map(number, &timer, reg)?;
                }
            }
            ArgKind::MapKey => {
                let map = self.map_of(given)?;
                let size = self.map(map).key_size;
                self.helper_memory(number, size.into(), Purpose::Read, false, None, given)?;
                self.constant_key(map, reg, size, given)?;
            }
            ArgKind::MapValue => {
                if reg.is_null() && arg.has(ArgFlags::OR_NULL) {
                    return Ok(());
                }
                let map = self.map_of(given)?;
                if self.holds_sockets(map) {
                    return Ok(());
                }
                let size = self.map(map).value_size;
                self.helper_memory(number, size.into(), purpose, false, fill.then_some(true), given)?;
            }
            ArgKind::FixedMem(size) => {
                self.helper_memory(number, size.into(), purpose, false, fill.then_some(true), given)?;
                if arg.has(ArgFlags::ALIGNED) && !self.is_aligned(reg, size) {
                    return self.fail_at(
                        Code::Misaligned,
                        number,
                        format!("{size} bytes that are not aligned"),
                    );
                }
            }
            ArgKind::Size | ArgKind::SizeOrZero => self.size(helper, index, reg, given)?,
            ArgKind::AllocSize => {
                let Some(size) = reg.as_constant() else {
                    return self.fail_at(Code::BadSize, number, "the size must be a constant");
                };
                self.matters(number)?;
                given.alloc = Some(size);
            }
            ArgKind::ConstStr => self.constant_string(number, reg)?,
            ArgKind::Func => {
                if let RegKind::Func(function) = reg.kind {
                    given.function = Some(function);
                }
            }
            ArgKind::SpinLock => self.spin_lock(helper, number, reg)?,
            ArgKind::Dynptr(kinds) if arg.has(ArgFlags::UNINIT) => {
                let sort = match kinds {
                    DynptrKinds::Ringbuf => DynptrSort::Ringbuf,
                    DynptrKinds::Local | DynptrKinds::Any => DynptrSort::Local,
                };
                self.dynptr_make(number, sort, None)?;
            }
            ArgKind::Dynptr(kinds) => given.dynptr = Some(self.dynptr_given(number, kinds)?),
            ArgKind::KptrDest => given.kptr = Some(self.kptr_given(number, reg)?),
            ArgKind::Btf(BtfTarget::FieldOf) => {
                if let (Some(kptr), false) = (given.kptr, reg.is_null()) {
                    self.kptr_fits(kptr, number, reg)?;
                }
            }
            ArgKind::Timer => {
                self.field_given(number, reg, FieldKind::Timer)?;
                given.timer = Some(*reg);
            }
            _ => {}
        }
        Ok(())
    }

    fn map_of(&self, given: &Given) -> Checked<MapId> {
        match given.map {
            Some(map) => Ok(map),
            None => self.unsupported("a key without its map"),
        }
    }

    fn is_aligned(&self, reg: &Reg, size: u32) -> bool {
        let shift = if reg.is_packet() { 2 } else { 0 };
        let sum = reg.value.bits.add(crate::value::Tnum::constant((i64::from(reg.off) + shift) as u64));
        sum.is_aligned(u64::from(size))
    }

    /// A size: bounded, and the memory before it reaches as far as it may say.
    fn size(&mut self, helper: &Helper, index: usize, reg: &Reg, given: &mut Given) -> Checked {
        let number = ARGUMENTS[index];
        let memory = helper.args[index - 1];
        let zero = helper.args[index].kind == ArgKind::SizeOrZero;
        given.max_size = Some(reg.value.u64.max);
        if reg.value.s64.min < 0 {
            return self.fail_at(
                Code::BadSize,
                number,
                "the size may be negative: mask it or use an unsigned number",
            );
        }
        if reg.value.u64.min == 0 && !zero {
            return self.fail_at(Code::BadSize, number, "the size may be 0");
        }
        if reg.value.u64.max >= MAX_OFFSET as u64 {
            return self.fail_at(Code::BadSize, number, "the size has no upper bound");
        }
        let fill = is_output(memory.flags, memory.kind) && reg.as_constant().is_some();
        let purpose = if memory.has(ArgFlags::WRITE) { Purpose::Write } else { Purpose::Read };
        let max = reg.value.u64.max;
        self.helper_memory(ARGUMENTS[index - 1], max, purpose, zero, fill.then_some(true), given)?;
        self.matters(number)
    }

    /// A helper reads or writes `size` bytes behind a register. With `fill`, stack bytes need not be written before.
    fn helper_memory(
        &mut self,
        number: Number,
        size: u64,
        purpose: Purpose,
        zero_allowed: bool,
        fill: Option<bool>,
        given: &mut Given,
    ) -> Checked {
        let mut reg = self.read(number)?;
        if reg.is_null() && zero_allowed && size == 0 {
            return Ok(());
        }
        // What may be NULL got here because the helper takes NULL: it looks before it touches.
        reg.flags = reg.flags.without(Flags::NULLABLE);
        let size = i32::try_from(size).unwrap_or(i32::MAX);
        let touch = Touch { number, off: 0, size, purpose };
        if let RegKind::Stack(_) = reg.kind {
            if size == 0 && zero_allowed {
                return self.on_stack(number, &reg);
            }
            let reach = self.stack_reach(number, &reg, 0, size)?;
            if fill == Some(true) && reach.low == reach.high {
                self.spares_dynptrs(number, reach, size)?;
                given.outputs.push(Output { number, size });
                return Ok(());
            }
            return self.check_written(number, reach, size, purpose == Purpose::Write);
        }
        if reg.kind == RegKind::Ctx {
            return self.unsupported("the context as memory");
        }
        if size == 0 && !zero_allowed {
            return self.fail_at(Code::BadSize, number, "memory of no bytes");
        }
        self.reachable(&reg, touch).map(drop)
    }

    /// A pointer to no bytes must still be one into the stack.
    pub(crate) fn on_stack(&self, number: Number, reg: &Reg) -> Checked {
        let off = i64::from(reg.off) + reg.value.s64.min;
        if (-512..0).contains(&off) {
            return Ok(());
        }
        self.fail_at(Code::StackBounds, number, "a pointer outside of the stack")
    }

    /// Whether the key of an array is a known number, so that the look-up surely finds a value.
    fn constant_key(&mut self, map: MapId, reg: &Reg, size: u32, given: &mut Given) -> Checked {
        use skep_platform::MapType::{Array, PercpuArray};
        let RegKind::Stack(frame) = reg.kind else { return Ok(()) };
        let (Some(var), false) = (reg.value.as_constant(), self.input.unprivileged) else { return Ok(()) };
        if !matches!(self.map(map).map_type, Array | PercpuArray) {
            return Ok(());
        }
        let (index, byte) = locate(reg.off + var as i32);
        let slot = self.state.frames[usize::from(frame)].stack.slot(index);
        let run = |kind: ByteKind| slot.bytes[byte..].iter().take_while(|&&b| b == kind).count() as u32;
        if run(ByteKind::Zero) >= size {
            given.key = Some(0);
        } else if slot.is_scalar_spill()
            && run(ByteKind::Spill) == size
            && let Some(value) = slot.spilled.as_constant()
        {
            self.slot_matters(usize::from(frame), index)?;
            given.key = Some(value);
        }
        Ok(())
    }

    /// A string that ends within a read-only map.
    pub(crate) fn constant_string(&self, number: Number, reg: &Reg) -> Checked {
        match self.known_string(reg) {
            Some(_) => Ok(()),
            None => self.fail_at(
                Code::BadArgument,
                number,
                "a string must lie in a frozen read-only map, and end there",
            ),
        }
    }

    /// The bytes of the constant string behind a pointer, without its end.
    pub(crate) fn known_string(&self, reg: &Reg) -> Option<&[u8]> {
        use skep_platform::{MapFlags, MapType};
        let RegKind::MapValue(map) = reg.kind else { return None };
        let info = self.map(map);
        let known = info.frozen
            && info.flags.contains(MapFlags::RDONLY_PROG)
            && info.map_type == MapType::Array
            && info.max_entries == 1;
        let var = reg.value.as_constant().filter(|_| known)?;
        let at = usize::try_from(i64::from(reg.off) + var as i64).ok()?;
        let size = info.value_size as usize;
        if at >= size {
            return None;
        }
        // Bytes that the input does not give are zero.
        let text = info.value.get(at..size.min(info.value.len())).unwrap_or_default();
        let end = text.iter().position(|&byte| byte == 0);
        match end {
            Some(end) => Some(&text[..end]),
            None => (at + text.len() < size).then_some(text),
        }
    }
}
