//! Accesses that do not happen in place.
//!
//! The inner loop has already failed to show that an access is plain. Here it is judged again from the start. What is legal
//! after all: the context, arenas, stack slots that hold pointers, values with special fields.

use super::Run;
use super::check::Who;
use super::machine::{OBJECT, POINTER, WRITTEN, byte_mask};
use crate::code::{Code, Op};
use crate::context::{Lent, Loaded};
use crate::fault::{Fault, FaultKind};
use crate::prov::{Kind, Perm, Prov, Reg};

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

    #[cold]
    fn uninit(&self, reg: u8) -> Fault {
        self.fault(FaultKind::UninitRegister, format!("r{reg} is uninitialised"))
    }

    /// A stack load: aligned, initialised under strictness, a pointer where a whole one lies there.
    fn load_stack(&self, ptr: *mut u8, size: u64) -> Result<Reg, Fault> {
        let addr = ptr as u64;
        let whole = self.check_aligned(addr, size)?;
        let m = self.m_ref();
        let slot = m.slot(addr);
        // An access across two slots meets what either holds, and never a whole pointer.
        let tag = if whole {
            m.stack.tags[slot]
        } else {
            m.stack.tags[slot] | m.stack.tags[m.slot(addr + size - 1)]
        };
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
        let prov = if whole && size == 8 && tag & POINTER != 0 { m.stack.provs[slot] } else { Prov::SCALAR };
        Ok(Reg { val, prov })
    }

    fn store_stack(&mut self, ptr: *mut u8, size: u64, value: &Reg) -> Result<(), Fault> {
        let addr = ptr as u64;
        if !self.check_aligned(addr, size)? {
            self.check_stack_bytes(addr, size as usize, true, true, &Who::Pointer)?;
            // SAFETY: `check` has found the bytes alive.
            unsafe { write(ptr, size, value.val) };
            return Ok(());
        }
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

    /// Whether a stack access is aligned; a fault if it is not and has to be.
    fn check_aligned(&self, addr: u64, size: u64) -> Result<bool, Fault> {
        if addr & (size - 1) == 0 || self.m_ref().spare != 0 {
            return Ok(addr & (size - 1) == 0);
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
