//! Accesses that do not happen in place, and why an access is refused.
//!
//! The inner loop has already failed to show that an access is plain. Here it is judged again from the start, this time with
//! an answer in words. What is legal after all: the context, arenas, stack slots that hold pointers, values with special fields.

use skep_maps::{FieldKind, Map};
use skep_platform::MapType;

use super::Run;
use super::machine::{OBJECT, POINTER, WRITTEN, byte_mask};
use crate::code::{Code, Op};
use crate::context::{Lent, Loaded};
use crate::fault::{Access, Fault, FaultKind};
use crate::prov::{Kind, Life, Perm, Prov, Reg};

/// Whether a program may take the address of byte `offset` of the map's value, and if not, why.
pub(crate) fn map_value_exists(map: &Map, offset: u32) -> Result<(), String> {
    let spec = map.spec();
    let name = map.name();
    match spec.map_type {
        MapType::Array if spec.max_entries != 1 => Err(format!(
            "map {name} has {} entries, only a single value has a fixed address",
            spec.max_entries
        )),
        MapType::Array if offset >= spec.value_size => {
            Err(format!("offset {offset} is outside the {}-byte value of map {name}", spec.value_size))
        }
        MapType::Array | MapType::Arena => Ok(()),
        other => Err(format!("values of map {name} ({}) have no fixed address", other.name())),
    }
}

impl Run<'_> {
    /// A load that is not plain.
    pub(super) fn load(&mut self, op: &Op) -> Result<(), Fault> {
        let reg = self.m_ref().reg(op.src.into());
        let size = u64::from(op.size);
        let result = match reg.prov.kind {
            Kind::Context => self.load_context(&reg, op)?,
            Kind::Arena => {
                let ptr = self.arena_access(&reg, op.off.into(), size, false, &Who::Reg(op.src))?;
                // SAFETY: checked by `arena_access`.
                Reg::scalar(unsafe { read(ptr, size) })
            }
            _ => {
                let ptr = self.check(&reg, op.off.into(), size, false, &Who::Reg(op.src))?;
                match reg.prov.kind {
                    Kind::Stack => self.load_stack(ptr, size)?,
                    Kind::MapValue => self.load_value(&reg, ptr, size)?,
                    // SAFETY: `check` has found the bytes alive and readable.
                    _ => Reg::scalar(unsafe { read(ptr, size) }),
                }
            }
        };
        let result = match op.code {
            Code::LdSxB => Reg::scalar(i64::from(result.val as i8) as u64),
            Code::LdSxH => Reg::scalar(i64::from(result.val as i16) as u64),
            Code::LdSxW => Reg::scalar(i64::from(result.val as i32) as u64),
            _ => result,
        };
        self.m().set_reg(op.dst.into(), result);
        Ok(())
    }

    /// A store that is not plain.
    pub(super) fn store(&mut self, op: &Op) -> Result<(), Fault> {
        let value = self.store_operand(op)?;
        let reg = self.m_ref().reg(op.dst.into());
        let size = u64::from(op.size);
        match reg.prov.kind {
            Kind::Context => return self.store_context(&reg, op, &value),
            Kind::Arena => {
                let ptr = self.arena_access(&reg, op.off.into(), size, true, &Who::Reg(op.dst))?;
                // SAFETY: checked by `arena_access`.
                unsafe { write(ptr, size, value.val) };
                return Ok(());
            }
            _ => {}
        }
        let ptr = self.check(&reg, op.off.into(), size, true, &Who::Reg(op.dst))?;
        match reg.prov.kind {
            Kind::Stack => self.store_stack(ptr, size, &value),
            Kind::MapValue => {
                self.check_fields(&reg, ptr as u64, size, true, &Who::Reg(op.dst))?;
                // SAFETY: `check` has found the bytes alive and writable.
                unsafe { write(ptr, size, value.val) };
                Ok(())
            }
            _ => {
                // SAFETY: as above.
                unsafe { write(ptr, size, value.val) };
                Ok(())
            }
        }
    }

    fn store_operand(&self, op: &Op) -> Result<Reg, Fault> {
        match op.code {
            Code::StIB | Code::StIH | Code::StIW | Code::StIDw => Ok(Reg::scalar(i64::from(op.imm) as u64)),
            _ => {
                let value = self.m_ref().reg(op.src.into());
                if value.prov.kind == Kind::Uninit { Err(self.uninit(op.src)) } else { Ok(value) }
            }
        }
    }

    /// Whether `size` bytes at `reg + off` are inside a living object that allows the access; their address if so.
    pub(crate) fn check(
        &self,
        reg: &Reg,
        off: i64,
        size: u64,
        write: bool,
        who: &Who<'_>,
    ) -> Result<*mut u8, Fault> {
        let prov = &reg.prov;
        let addr = reg.val.wrapping_add(off as u64);
        let kind = match prov.kind {
            Kind::Uninit => {
                return Err(self.fault(FaultKind::UninitRegister, format!("{who} is uninitialised")));
            }
            Kind::Scalar if reg.val == 0 => {
                let message = format!("{} through {who}, which is null", verb(size, write));
                return Err(self.fault(FaultKind::NullPointer, message));
            }
            Kind::Scalar => {
                let message =
                    format!("{} through {who}, which is the number {:#x}", verb(size, write), reg.val);
                return Err(self.fault(FaultKind::NotAPointer, message));
            }
            kind => kind,
        };
        if !self.m_ref().alive(prov.life) {
            let message = format!(
                "{} through {who}, which points to {} {}",
                verb(size, write),
                self.object(prov),
                dead(kind)
            );
            return Err(self.fault(FaultKind::Dead, message));
        }
        let allowed = if write { prov.perm.writable() } else { prov.perm.readable() };
        let within = addr.wrapping_sub(prov.base) as i64;
        let access = Access { object: kind, offset: within, size, len: prov.len.into(), write };
        if !allowed {
            let message =
                format!("{} through {who}: {} does not allow it", verb(size, write), self.object(prov));
            return Err(self.fault_at(FaultKind::Permission, message, Some(access)));
        }
        let len = i64::from(prov.len);
        if within >= 0 && within <= len && size <= (len - within) as u64 {
            return Ok(addr as *mut u8);
        }
        let object = self.object(prov);
        let message = if within < 0 {
            format!("{who} points {} before the start of {object}", bytes(within.unsigned_abs()))
        } else if within > len {
            format!("{who} points {} past the end of {object}", bytes((within - len) as u64))
        } else {
            let beyond = size.saturating_sub((len - within) as u64);
            format!("{} through {who} ends {} past the end of {object}", verb(size, write), bytes(beyond))
        };
        Err(self.fault_at(FaultKind::OutOfBounds, message, Some(access)))
    }

    /// What a fault calls the object of a provenance.
    pub(crate) fn object(&self, prov: &Prov) -> String {
        let map = || self.map_at(prov.index).map_or("?", |m| m.name());
        let len = prov.len;
        match prov.kind {
            Kind::MapValue => format!("a {len}-byte value of map `{}`", map()),
            Kind::MapKey => format!("a {len}-byte key of map `{}`", map()),
            Kind::Map => format!("map `{}` itself", map()),
            Kind::Packet => format!("the {len}-byte packet"),
            Kind::PacketMeta => format!("the {len}-byte metadata of the packet"),
            Kind::PacketEnd => "the end of the packet, which is only for comparing".to_owned(),
            Kind::Stack => format!("stack frame {} ({len} bytes)", prov.index),
            Kind::Context => format!("the context ({})", self.context.name()),
            Kind::Memory | Kind::Socket | Kind::Btf => match self.m_ref().lives.resource(prov.life) {
                Some(resource) => format!("a {len}-byte {}", resource.what),
                None => format!("{len} bytes of {}", prov.kind.name()),
            },
            Kind::App => format!("{len} bytes of the application's"),
            other => other.name().to_owned(),
        }
    }

    #[cold]
    fn uninit(&self, reg: u8) -> Fault {
        self.fault(FaultKind::UninitRegister, format!("r{reg} is uninitialised"))
    }

    /// A stack load: aligned, initialised under strictness, a pointer where a whole one lies there.
    fn load_stack(&self, ptr: *mut u8, size: u64) -> Result<Reg, Fault> {
        let addr = ptr as u64;
        self.check_aligned(addr, size)?;
        let m = self.m_ref();
        let slot = m.slot(addr);
        let tag = m.stack.tags[slot];
        if tag & OBJECT != 0 {
            let message = "load from stack bytes that hold a dynptr, an iterator or an IRQ flag";
            return Err(self.fault(FaultKind::Protocol, message));
        }
        if self.strict
            && (tag & WRITTEN) & byte_mask((addr & 7) as usize, size as usize)
                != byte_mask((addr & 7) as usize, size as usize)
        {
            return Err(self.fault(FaultKind::UninitStack, "load from stack bytes that were never written"));
        }
        // SAFETY: `check` has found the bytes alive.
        let val = unsafe { read(ptr, size) };
        let prov = if size == 8 && tag & POINTER != 0 { m.stack.provs[slot] } else { Prov::SCALAR };
        Ok(Reg { val, prov })
    }

    fn store_stack(&mut self, ptr: *mut u8, size: u64, value: &Reg) -> Result<(), Fault> {
        let addr = ptr as u64;
        self.check_aligned(addr, size)?;
        let slot = self.m_ref().slot(addr);
        if self.m_ref().stack.tags[slot] & OBJECT != 0 {
            self.overwrite_object(slot)?;
        }
        // SAFETY: `check` has found the bytes alive.
        unsafe { write(ptr, size, value.val) };
        let m = self.m();
        let tag = &mut m.stack.tags[slot];
        *tag = (*tag | byte_mask((addr & 7) as usize, size as usize)) & WRITTEN;
        if size == 8 && !value.is_scalar() {
            *tag |= POINTER;
            m.stack.provs[slot] = value.prov;
        }
        Ok(())
    }

    /// Stack bytes that a helper reads or writes.
    pub(crate) fn check_stack_bytes(
        &mut self,
        addr: u64,
        len: usize,
        write: bool,
        fresh: bool,
        who: &Who<'_>,
    ) -> Result<(), Fault> {
        if len == 0 {
            return Ok(());
        }
        let (first, last) = (self.m_ref().slot(addr), self.m_ref().slot(addr + len as u64 - 1));
        for slot in first..=last {
            if self.m_ref().stack.tags[slot] & OBJECT == 0 {
                continue;
            }
            if !write {
                let message =
                    format!("{who} points to stack bytes that hold a dynptr, an iterator or an IRQ flag");
                return Err(self.fault(FaultKind::Protocol, message));
            }
            self.overwrite_object(slot)?;
        }
        if self.strict
            && !fresh
            && let Some(at) = self.m_ref().first_unwritten(addr, len)
        {
            let message =
                format!("{who} points to {} stack bytes of which byte {} was never written", len, at - addr);
            return Err(self.fault(FaultKind::UninitStack, message));
        }
        if write {
            self.m().stack_written(addr, len);
        }
        Ok(())
    }

    fn check_aligned(&self, addr: u64, size: u64) -> Result<(), Fault> {
        if addr & (size - 1) == 0 {
            return Ok(());
        }
        let message =
            format!("{size}-byte access to the stack at an address that is not a multiple of {size}");
        Err(self.fault(FaultKind::Unaligned, message))
    }

    /// A load from a map value that has special fields.
    fn load_value(&mut self, reg: &Reg, ptr: *mut u8, size: u64) -> Result<Reg, Fault> {
        if let Some(kptr) = self.load_kptr(reg, ptr as u64, size) {
            return Ok(kptr);
        }
        self.check_fields(reg, ptr as u64, size, false, &Who::Pointer)?;
        // SAFETY: `check` has found the bytes alive and readable.
        Ok(Reg::scalar(unsafe { read(ptr, size) }))
    }

    /// Faults if the bytes overlap a field that only helpers may touch.
    pub(crate) fn check_fields(
        &self,
        reg: &Reg,
        addr: u64,
        size: u64,
        write: bool,
        who: &Who<'_>,
    ) -> Result<(), Fault> {
        if reg.prov.perm.0 & Perm::SPECIAL == 0 || reg.prov.kind != Kind::MapValue {
            return Ok(());
        }
        let Some(map) = self.map_at(reg.prov.index) else { return Ok(()) };
        let start = addr.wrapping_sub(reg.prov.base);
        let overlaps =
            |offset: u32, len: u32| start < u64::from(offset + len) && u64::from(offset) < start + size;
        match map.spec().fields.iter().find(|f| overlaps(f.offset, f.kind.size())) {
            Some(field) => {
                let message = format!(
                    "{} through {who} touches the {} at offset {} of {}",
                    verb(size, write),
                    field_name(field.kind),
                    field.offset,
                    self.object(&reg.prov)
                );
                Err(self.fault(FaultKind::SpecialField, message))
            }
            None => Ok(()),
        }
    }

    fn load_context(&mut self, reg: &Reg, op: &Op) -> Result<Reg, Fault> {
        let off = (reg.val.wrapping_sub(reg.prov.base) as i64).wrapping_add(op.off.into());
        match self.context.load(off, op.size.into()) {
            Ok(loaded) => Ok(self.loaded(loaded)),
            Err(refusal) => Err(self.fault(FaultKind::Context, refusal.0)),
        }
    }

    fn store_context(&mut self, reg: &Reg, op: &Op, value: &Reg) -> Result<(), Fault> {
        let off = (reg.val.wrapping_sub(reg.prov.base) as i64).wrapping_add(op.off.into());
        match self.context.store(off, op.size.into(), value.val) {
            Ok(()) => Ok(()),
            Err(refusal) => Err(self.fault(FaultKind::Context, refusal.0)),
        }
    }

    /// The register for what a context answered.
    fn loaded(&mut self, loaded: Loaded) -> Reg {
        let (meta, data) = match loaded {
            Loaded::Scalar(value) => return Reg::scalar(value),
            Loaded::Memory(lent) => return self.lent(Kind::App, lent),
            Loaded::Socket(lent) => return self.lent(Kind::Socket, Lent { writable: false, ..lent }),
            Loaded::PacketMeta => (true, true),
            Loaded::PacketData => (false, true),
            Loaded::PacketEnd => (false, false),
        };
        let Some(packet) = self.context.packet() else { return Reg::ZERO };
        let life = self.m_ref().lives.packet();
        let perm = if packet.writable { Perm::READ_WRITE } else { Perm::READ };
        let (meta_at, data_at) = (packet.meta as u64, packet.data as u64);
        if meta {
            let len = data_at.saturating_sub(meta_at) as usize;
            return Reg::pointer(Kind::PacketMeta, meta_at, len, Perm::READ_WRITE, life);
        }
        if data {
            return Reg::pointer(Kind::Packet, data_at, packet.len, perm, life);
        }
        let end = data_at + packet.len as u64;
        Reg::pointer(Kind::PacketEnd, end, 0, Perm::NONE, life)
    }

    /// `lddw` of a map, a map's value or a function.
    pub(super) fn load_constant(&mut self, op: &Op) -> Result<(), Fault> {
        let reg = match op.code {
            Code::LdFunc => {
                let prov = Prov {
                    kind: Kind::Func,
                    base: u64::from(op.imm as u32),
                    index: self.current as u16,
                    ..Prov::SCALAR
                };
                // Functions have no address here; the slot number shifted out of the way of null will do.
                Reg { val: (u64::from(op.imm as u32) + 1) << 32, prov }
            }
            code => {
                let map = self.program().maps[op.imm as usize].clone();
                let number = match self.current {
                    0 => op.imm as u16,
                    _ => self.map_number(&map)?,
                };
                if code == Code::LdMap {
                    map_reg(&map, number)
                } else {
                    self.value_reg(&map, number, op.off as u32)?
                }
            }
        };
        self.m().set_reg(op.dst.into(), reg);
        Ok(())
    }

    fn value_reg(&mut self, map: &Map, number: u16, offset: u32) -> Result<Reg, Fault> {
        if map.spec().map_type == MapType::Arena {
            return self.arena_reg(map, number, offset);
        }
        let Some(value) = map.lookup_ptr(&self.guard, &0u32.to_ne_bytes()) else {
            return Err(self.fault(FaultKind::Engine, format!("map `{}` has no value", map.name())));
        };
        let mut reg = value_pointer(map, number, value.as_ptr() as u64);
        reg.val += u64::from(offset);
        Ok(reg)
    }
}

/// The register that stands for a map.
pub(crate) fn map_reg(map: &Map, number: u16) -> Reg {
    // Any number but 0 will do as long as equal maps are equal.
    let val = 1 << 48 | u64::from(map.id()) << 8;
    Reg { val, prov: Prov { kind: Kind::Map, base: val, index: number, ..Prov::SCALAR } }
}

/// A pointer to a value of a map, with what programs may do to it.
pub(crate) fn value_pointer(map: &Map, number: u16, addr: u64) -> Reg {
    let spec = map.spec();
    let mut perm = 0;
    if map.programs_read() {
        perm |= Perm::READ.0;
    }
    if map.programs_write() {
        perm |= Perm::WRITE.0;
    }
    if !spec.fields.is_empty() {
        perm |= Perm::SPECIAL;
    }
    let mut reg = Reg::pointer(Kind::MapValue, addr, spec.value_size as usize, Perm(perm), Life::RUN);
    reg.prov.index = number;
    reg
}

/// Reads 1, 2, 4 or 8 bytes.
///
/// # Safety
/// They are readable. Programs may race on map values, as they do in Linux; no value is invalid.
pub(crate) unsafe fn read(ptr: *const u8, size: u64) -> u64 {
    // SAFETY: by the contract.
    unsafe {
        match size {
            1 => u64::from(ptr.read()),
            2 => u64::from(ptr.cast::<u16>().read_unaligned()),
            4 => u64::from(ptr.cast::<u32>().read_unaligned()),
            _ => ptr.cast::<u64>().read_unaligned(),
        }
    }
}

/// Writes the low 1, 2, 4 or 8 bytes of `value`.
///
/// # Safety
/// They are writable; see [`read`].
pub(crate) unsafe fn write(ptr: *mut u8, size: u64, value: u64) {
    // SAFETY: by the contract.
    unsafe {
        match size {
            1 => ptr.write(value as u8),
            2 => ptr.cast::<u16>().write_unaligned(value as u16),
            4 => ptr.cast::<u32>().write_unaligned(value as u32),
            _ => ptr.cast::<u64>().write_unaligned(value),
        }
    }
}

/// Whose pointer it was, in messages.
pub(crate) enum Who<'a> {
    /// A register of the instruction.
    Reg(u8),
    /// An argument of a call.
    Argument(u8, &'a str),
    /// Understood from the rest.
    Pointer,
}

impl std::fmt::Display for Who<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Reg(n) => write!(f, "r{n}"),
            Self::Argument(n, call) => write!(f, "r{n} (argument {n} of {call})"),
            Self::Pointer => f.write_str("the pointer"),
        }
    }
}

fn verb(size: u64, write: bool) -> String {
    format!("{size}-byte {}", if write { "store" } else { "load" })
}

fn bytes(n: u64) -> String {
    if n == 1 { "1 byte".to_owned() } else { format!("{n} bytes") }
}

fn dead(kind: Kind) -> &'static str {
    match kind {
        Kind::Stack => "of a function that has returned",
        Kind::Packet | Kind::PacketMeta | Kind::PacketEnd => "as it was before a helper changed it",
        _ => "that was released",
    }
}

/// What a fault calls a special field.
pub(crate) fn field_name(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::SpinLock => "bpf_spin_lock",
        FieldKind::ResSpinLock => "bpf_res_spin_lock",
        FieldKind::Timer => "bpf_timer",
        FieldKind::Workqueue => "bpf_wq",
        FieldKind::TaskWork => "bpf_task_work",
        FieldKind::KptrUnref | FieldKind::KptrRef | FieldKind::KptrPercpu => "kptr",
        FieldKind::Uptr => "uptr",
        FieldKind::ListHead => "bpf_list_head",
        FieldKind::ListNode => "bpf_list_node",
        FieldKind::RbRoot => "bpf_rb_root",
        FieldKind::RbNode => "bpf_rb_node",
        FieldKind::Refcount => "bpf_refcount",
    }
}
