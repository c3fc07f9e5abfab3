//! One checker for all helper arguments, driven by the prototypes.

use skep_platform::helper::{Arg, ArgFlags, ArgKind, Helper};

use super::Call;
use crate::context::Entry;
use crate::exec::{Run, Who};
use crate::fault::{Fault, FaultKind};
use crate::prov::{Kind, Reg};

/// The most bytes a size argument may name.
const MAX_SIZE: u64 = 1 << 29;

impl Run<'_> {
    /// Holds r1 to r5 against a prototype.
    pub(crate) fn check_call(&mut self, helper: &'static Helper, args: &[Arg; 5]) -> Result<Call, Fault> {
        let mut call = Call { name: helper.name, regs: [Reg::ZERO; 5], lens: [0; 5] };
        let mut map = None;
        for n in 0..5 {
            let arg = args[n];
            if arg.kind == ArgKind::Unused {
                break;
            }
            let reg = self.m_ref().reg(n + 1);
            call.regs[n] = reg;
            let who = Who::Argument(n as u8 + 1, helper.name);
            if reg.prov.kind == Kind::Uninit {
                return Err(self.fault(FaultKind::UninitRegister, format!("{who} is uninitialised")));
            }
            if reg.is_null() && arg.has(ArgFlags::OR_NULL) {
                self.check_null_size(args, n, &who)?;
                continue;
            }
            let map_size = |size: fn(&skep_maps::MapSpec) -> u32| {
                map.and_then(|m| self.map_at(m)).map_or(0, |m| size(m.spec()))
            };
            let len = match arg.kind {
                ArgKind::MapKey => map_size(|s| s.key_size).into(),
                ArgKind::MapValue => map_size(|s| s.value_size).into(),
                ArgKind::FixedMem(len) => len.into(),
                ArgKind::Mem => self.size_after(args, n, helper.name)?,
                ArgKind::ConstStr => {
                    call.lens[n] = self.check_string(&reg, &who)?;
                    continue;
                }
                _ => {
                    if arg.kind == ArgKind::ConstMap {
                        map = Some(reg.prov.index);
                    }
                    self.check_object(&reg, arg.kind, &who)?;
                    continue;
                }
            };
            call.lens[n] = self.check_memory(&reg, len, arg, helper, &who)?;
        }
        Ok(call)
    }

    /// Arguments that are not memory.
    #[inline]
    fn check_object(&mut self, reg: &Reg, kind: ArgKind, who: &Who<'_>) -> Result<(), Fault> {
        match kind {
            ArgKind::ConstMap => self.check_kind(reg, Kind::Map, "a map", who)?,
            ArgKind::Size | ArgKind::SizeOrZero => {
                return self.check_size(reg, kind == ArgKind::SizeOrZero, who);
            }
            ArgKind::AllocSize => return self.check_kind(reg, Kind::Scalar, "a number", who),
            ArgKind::Ctx if self.is_lent_context(reg) => {}
            ArgKind::Ctx => self.check_kind(reg, Kind::Context, "the context", who)?,
            ArgKind::Func => return self.function_of(reg, &who.to_string()).map(drop),
            ArgKind::Stack => return self.check_kind(reg, Kind::Stack, "a place in the stack", who),
            ArgKind::RingbufMem => {
                self.check_kind(reg, Kind::Memory, "a ring buffer record", who)?;
                self.check_alive(reg, who)?;
            }
            ArgKind::Socket | ArgKind::SockCommon | ArgKind::BtfSockCommon => {
                if !matches!(reg.prov.kind, Kind::Socket | Kind::Btf) {
                    return Err(self.not_a(reg, "a socket", who));
                }
                return self.check_alive(reg, who);
            }
            ArgKind::Btf(_) => {
                if matches!(reg.prov.kind, Kind::Scalar | Kind::Map | Kind::Func | Kind::Stack) {
                    return Err(self.not_a(reg, "an object of the engine", who));
                }
                return self.check_alive(reg, who);
            }
            ArgKind::PercpuBtf => return Err(self.not_a(reg, "a per-CPU object", who)),
            ArgKind::Arena => return self.check_kind(reg, Kind::Arena, "an arena pointer", who),
            // Their helpers look at the field or the stack object themselves.
            ArgKind::SpinLock | ArgKind::Timer | ArgKind::KptrDest | ArgKind::Dynptr(_) => {
                if reg.is_scalar() {
                    return Err(self.not_a(reg, "a pointer", who));
                }
                return self.check_alive(reg, who);
            }
            _ => return Ok(()),
        }
        self.check_unmoved(reg, who)
    }

    /// Whether it is the context of a program whose context is plain memory.
    fn is_lent_context(&mut self, reg: &Reg) -> bool {
        reg.prov.kind == Kind::App
            && matches!(self.context.entry(), Entry::Memory(lent) if lent.ptr as u64 == reg.prov.base)
    }

    /// A null pointer goes with a size of 0 only, where a size follows.
    fn check_null_size(&self, args: &[Arg; 5], n: usize, who: &Who<'_>) -> Result<(), Fault> {
        let sized = args.get(n + 1).is_some_and(|a| matches!(a.kind, ArgKind::Size | ArgKind::SizeOrZero));
        if args[n].kind == ArgKind::Mem && sized && self.m_ref().reg(n + 2).val != 0 {
            let message = format!("{who} is null, but its size is {}", self.m_ref().reg(n + 2));
            return Err(self.fault(FaultKind::NullPointer, message));
        }
        Ok(())
    }

    /// The size that the argument after the memory argument `n` gives; 0 where there is none and the helper knows.
    fn size_after(&self, args: &[Arg; 5], n: usize, helper: &'static str) -> Result<u64, Fault> {
        match args.get(n + 1).map(|a| a.kind) {
            Some(kind @ (ArgKind::Size | ArgKind::SizeOrZero)) => {
                let reg = self.m_ref().reg(n + 2);
                let who = Who::Argument(n as u8 + 2, helper);
                self.check_size(&reg, kind == ArgKind::SizeOrZero, &who)?;
                Ok(reg.val)
            }
            _ => Ok(0),
        }
    }

    pub(crate) fn check_size(&self, reg: &Reg, zero: bool, who: &Who<'_>) -> Result<(), Fault> {
        self.check_kind(reg, Kind::Scalar, "a size", who)?;
        if reg.val > MAX_SIZE || (reg.val == 0 && !zero) {
            let least = u64::from(!zero);
            let message = format!("{who}, a size, is {}: {least} to {MAX_SIZE} is allowed", reg.val as i64);
            return Err(self.fault(FaultKind::Argument, message));
        }
        Ok(())
    }

    /// Memory to read or, by the argument's flags, to write. Gives its length.
    #[inline]
    fn check_memory(
        &mut self,
        reg: &Reg,
        len: u64,
        arg: Arg,
        helper: &Helper,
        who: &Who<'_>,
    ) -> Result<u32, Fault> {
        if matches!(reg.prov.kind, Kind::Packet | Kind::PacketMeta) && !helper.traits.packet_access {
            let message = format!("{who} points to the packet, which this helper does not access");
            return Err(self.fault(FaultKind::Argument, message));
        }
        let write = arg.has(ArgFlags::WRITE);
        let fresh = arg.has(ArgFlags::UNINIT);
        self.check_bytes(reg, len, write, fresh, who)?;
        Ok(len as u32)
    }

    /// Memory a helper is going to read (unless `fresh`) or write: bounds, permission, special fields, the stack's shadow.
    pub(crate) fn check_bytes(
        &mut self,
        reg: &Reg,
        len: u64,
        write: bool,
        fresh: bool,
        who: &Who<'_>,
    ) -> Result<(), Fault> {
        if reg.prov.kind == Kind::Context
            && let Some(lent) = self.context.memory()
        {
            // The context pointer's value is where the memory is; see `context_reg`.
            let real = Reg { val: reg.val, ..self.lent(Kind::App, lent) };
            return self.check(&real, 0, len, write, who).map(drop);
        }
        if matches!(reg.prov.kind, Kind::Context | Kind::Map | Kind::Func | Kind::Arena | Kind::Dynptr) {
            return Err(self.not_a(reg, "memory", who));
        }
        let ptr = self.check(reg, 0, len, write, who)?;
        if write && !fresh {
            self.check(reg, 0, len, false, who)?;
        }
        self.check_fields(reg, ptr as u64, len, write, who)?;
        if reg.prov.kind == Kind::Stack {
            self.check_stack_bytes(ptr as u64, len as usize, write, fresh, who)?;
        }
        Ok(())
    }

    /// A string with its end inside of its object; gives its length without the NUL.
    fn check_string(&self, reg: &Reg, who: &Who<'_>) -> Result<u32, Fault> {
        let ptr = self.check(reg, 0, 1, false, who)?;
        let room = u64::from(reg.prov.len) - (ptr as u64).wrapping_sub(reg.prov.base);
        // SAFETY: the rest of the object is readable.
        let rest = unsafe { std::slice::from_raw_parts(ptr, room as usize) };
        match rest.iter().position(|&b| b == 0) {
            Some(len) => Ok(len as u32),
            None => {
                let message = format!("{who} is not a string that ends inside {}", self.object(&reg.prov));
                Err(self.fault(FaultKind::Argument, message))
            }
        }
    }

    pub(crate) fn check_kind(&self, reg: &Reg, kind: Kind, what: &str, who: &Who<'_>) -> Result<(), Fault> {
        if reg.prov.kind == kind { Ok(()) } else { Err(self.not_a(reg, what, who)) }
    }

    #[cold]
    pub(crate) fn not_a(&self, reg: &Reg, what: &str, who: &Who<'_>) -> Fault {
        let is = match reg.prov.kind {
            Kind::Scalar if reg.val == 0 => "null".to_owned(),
            Kind::Scalar => format!("the number {:#x}", reg.val),
            _ => self.object(&reg.prov),
        };
        self.fault(FaultKind::Argument, format!("{who} must be {what} and is {is}"))
    }

    pub(crate) fn check_alive(&self, reg: &Reg, who: &Who<'_>) -> Result<(), Fault> {
        if self.m_ref().alive(reg.prov.life) {
            return Ok(());
        }
        Err(self.fault(FaultKind::Dead, format!("{who} was released before")))
    }

    pub(crate) fn check_unmoved(&self, reg: &Reg, who: &Who<'_>) -> Result<(), Fault> {
        let moved = reg.val.wrapping_sub(reg.prov.base) as i64;
        if moved == 0 {
            return Ok(());
        }
        let message =
            format!("{who} must point to the start of {}, not to {moved:+}", self.object(&reg.prov));
        Err(self.fault(FaultKind::Argument, message))
    }
}
