//! Atomic operations on the real memory, with the orderings Linux documents: those that return a value are fully ordered, the
//! others are relaxed.
//!
//! Linux's verifier lets atomics touch the stack, map values, allocated memory and the arena; not the packet and not the context.

use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

use super::Run;
use super::check::Who;
use crate::code::{Op, atomic};
use crate::fault::{Fault, FaultKind};
use crate::prov::{Kind, Reg};

/// One read-modify-write with the two operand widths; gives the old value.
macro_rules! modify {
    ($ty:ty, $ptr:expr, $number:expr, $operand:expr, $expected:expr) => {{
        // SAFETY: the caller has checked the address and its alignment.
        let cell = unsafe { <$ty>::from_ptr($ptr.cast()) };
        let operand = $operand as _;
        let fetch = $number >= atomic::FETCH;
        let order = if fetch { Ordering::SeqCst } else { Ordering::Relaxed };
        let old = match $number & !atomic::FETCH {
            atomic::ADD => cell.fetch_add(operand, order),
            atomic::OR => cell.fetch_or(operand, order),
            atomic::AND => cell.fetch_and(operand, order),
            atomic::XOR => cell.fetch_xor(operand, order),
            atomic::XCHG => cell.swap(operand, Ordering::SeqCst),
            _ => match cell.compare_exchange($expected as _, operand, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(old) | Err(old) => old,
            },
        };
        u64::from(old)
    }};
}

impl Run<'_> {
    /// A read-modify-write instruction.
    pub(super) fn atomic(&mut self, op: &Op) -> Result<(), Fault> {
        let operand = self.initialised(op.src)?;
        let expected = if op.imm == atomic::CMPXCHG { self.initialised(0)?.val } else { 0 };
        let ptr = self.atomic_place(op, op.dst, true)?;
        let old = match op.size {
            4 => modify!(AtomicU32, ptr, op.imm, operand.val as u32, expected as u32),
            _ => modify!(AtomicU64, ptr, op.imm, operand.val, expected),
        };
        match op.imm {
            atomic::CMPXCHG => self.m().set_reg(0, Reg::scalar(old)),
            n if n >= atomic::FETCH || n == atomic::XCHG => self.m().set_reg(op.src.into(), Reg::scalar(old)),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn load_acquire(&mut self, op: &Op) -> Result<(), Fault> {
        let ptr = self.atomic_place(op, op.src, false)?;
        // SAFETY: `atomic_place` has checked address and alignment.
        let val = unsafe {
            match op.size {
                1 => u64::from(AtomicU8::from_ptr(ptr).load(Ordering::Acquire)),
                2 => u64::from(AtomicU16::from_ptr(ptr.cast()).load(Ordering::Acquire)),
                4 => u64::from(AtomicU32::from_ptr(ptr.cast()).load(Ordering::Acquire)),
                _ => AtomicU64::from_ptr(ptr.cast()).load(Ordering::Acquire),
            }
        };
        self.m().set_reg(op.dst.into(), Reg::scalar(val));
        Ok(())
    }

    pub(super) fn store_release(&mut self, op: &Op) -> Result<(), Fault> {
        let val = self.initialised(op.src)?.val;
        let ptr = self.atomic_place(op, op.dst, true)?;
        // SAFETY: `atomic_place` has checked address and alignment.
        unsafe {
            match op.size {
                1 => AtomicU8::from_ptr(ptr).store(val as u8, Ordering::Release),
                2 => AtomicU16::from_ptr(ptr.cast()).store(val as u16, Ordering::Release),
                4 => AtomicU32::from_ptr(ptr.cast()).store(val as u32, Ordering::Release),
                _ => AtomicU64::from_ptr(ptr.cast()).store(val, Ordering::Release),
            }
        }
        Ok(())
    }

    fn initialised(&self, n: u8) -> Result<Reg, Fault> {
        let reg = self.m_ref().reg(n.into());
        if reg.prov.kind == Kind::Uninit {
            return Err(self.fault(FaultKind::UninitRegister, format!("r{n} is uninitialised")));
        }
        Ok(reg)
    }

    /// The checked address of an atomic access; the stack's shadow is brought up to date for a write.
    fn atomic_place(&mut self, op: &Op, base: u8, write: bool) -> Result<*mut u8, Fault> {
        let reg = self.m_ref().reg(base.into());
        let size = u64::from(op.size);
        let who = Who::Reg(base);
        let kind = reg.prov.kind;
        if matches!(kind, Kind::Packet | Kind::PacketMeta | Kind::PacketEnd | Kind::Context | Kind::Socket) {
            let message = format!("atomic access through {who}, which points to {}", self.object(&reg.prov));
            return Err(self.fault(FaultKind::Unsupported, message));
        }
        let ptr = match kind {
            Kind::Arena => self.arena_access(&reg, op.off.into(), size, write, &who)?,
            _ => self.check(&reg, op.off.into(), size, write, &who)?,
        };
        if write {
            // A read-modify-write reads as well, but nothing of ours is write-only except by a map's flags.
            self.check_readable(&reg, op, &who)?;
        }
        self.check_fields(&reg, ptr as u64, size, write, &who)?;
        if !(ptr as u64).is_multiple_of(size) {
            let message = format!("{size}-byte atomic access at an address that is not a multiple of {size}");
            return Err(self.fault(FaultKind::Unaligned, message));
        }
        if kind == Kind::Stack {
            self.atomic_on_stack(ptr as u64, size as usize, write)?;
        }
        Ok(ptr)
    }

    fn check_readable(&self, reg: &Reg, op: &Op, who: &Who<'_>) -> Result<(), Fault> {
        if reg.prov.kind == Kind::Arena || op.code == crate::code::Code::StoreRelease {
            return Ok(());
        }
        self.check(reg, op.off.into(), op.size.into(), false, who).map(drop)
    }

    fn atomic_on_stack(&mut self, addr: u64, size: usize, write: bool) -> Result<(), Fault> {
        let slot = self.m_ref().slot(addr);
        if self.m_ref().stack.tags[slot] & super::machine::OBJECT != 0 {
            let message = "atomic access to stack bytes that hold a dynptr, an iterator or an IRQ flag";
            return Err(self.fault(FaultKind::Protocol, message));
        }
        if self.strict && self.m_ref().first_unwritten(addr, size).is_some() {
            return Err(
                self.fault(FaultKind::UninitStack, "atomic access to stack bytes that were never written")
            );
        }
        if write {
            self.m().stack_written(addr, size);
        }
        Ok(())
    }
}
