//! Loads, stores and atomic instructions.

use skep_isa::{AtomicOp, Insn, Operand, Reg as Number, Size, Width};

use super::alu::immediate;
use super::memory::{Purpose, Touch};
use super::stack::Stored;
use crate::Code;
use crate::explore::Walk;
use crate::state::{Reg, RegKind};
use crate::verdict::Checked;

impl Walk<'_> {
    pub(crate) fn load(&mut self, size: Size, signed: bool, dst: Number, src: Number, off: i16) -> Checked {
        if dst == Number::R10 {
            return self.write(dst, Reg::UNKNOWN);
        }
        let bytes = size.bytes() as i32;
        let mut value = self.read_memory(src, off.into(), bytes)?;
        if signed && value.is_pointer() {
            return self.fail_at(Code::BadPointerAccess, src, "a pointer is loaded with sign extension");
        }
        if value.is_scalar() && size != Size::Dw {
            value.value = match signed {
                true => value.value.sign_extended(size, Width::W64),
                false => value.value.truncated(size),
            };
            if signed {
                super::alu::unname(&mut value);
            }
        }
        self.same_sort(src, true)?;
        self.write(dst, value)
    }

    /// A fact for who compiles the program: what the running instruction touches.
    fn note_touch(&mut self, base: Number) {
        let off = match self.shape.insns[self.at] {
            Some(
                Insn::Load { off, .. }
                | Insn::LoadAcquire { off, .. }
                | Insn::Store { off, .. }
                | Insn::StoreRelease { off, .. }
                | Insn::Atomic { off, .. },
            ) => off,
            _ => 0,
        };
        self.facts.touch(self.at, self.state.frame().reg(base), off);
    }

    /// An instruction that Linux rewrites for one kind of pointer must not meet another kind on another path.
    fn same_sort(&mut self, base: Number, load: bool) -> Checked {
        self.note_touch(base);
        // Memory that nobody rewrites accesses to; beside it memory that may need its reads caught, as objects' do.
        const PLAIN: u8 = 0;
        const CAUGHT: u8 = 8;
        const OBJECT: u8 = 6;
        let sort = match self.state.reg(base).kind {
            RegKind::Ctx => 1,
            RegKind::Socket => 2,
            RegKind::SockCommon => 3,
            RegKind::TcpSock => 4,
            RegKind::XdpSock => 5,
            RegKind::Btf(_) => OBJECT,
            RegKind::Arena => 7,
            RegKind::Mem(_) => CAUGHT,
            _ => PLAIN,
        };
        let at = self.at;
        let before = *self.access_sort.entry(at).or_insert(sort);
        let either = |a: u8, b: u8| [before, sort].iter().all(|sort| [a, b].contains(sort));
        if before != sort && !either(PLAIN, CAUGHT) && !(load && either(OBJECT, CAUGHT)) {
            return self.fail_at(
                Code::BadPointerAccess,
                base,
                "one instruction reads different kinds of memory on different paths",
            );
        }
        Ok(())
    }

    pub(crate) fn load_acquire(&mut self, size: Size, dst: Number, src: Number, off: i16) -> Checked {
        self.atomic_base(src)?;
        self.aligned_atomic(src, off.into(), size.bytes() as i32)?;
        self.no_kptr(src, off, size)?;
        self.load(size, false, dst, src, off)
    }

    /// Kernel pointers in fields are loaded and stored by plain instructions only.
    fn no_kptr(&self, number: Number, off: i16, size: Size) -> Checked {
        let pointer = self.read(number)?;
        let RegKind::MapValue(map) = pointer.kind else { return Ok(()) };
        let touch = Touch { number, off: off.into(), size: size.bytes() as i32, purpose: Purpose::Read };
        match self.kptr_access(map, &pointer, touch)? {
            Some(_) => self.fail_at(Code::SpecialField, number, "an atomic access to a kernel pointer"),
            None => Ok(()),
        }
    }

    pub(crate) fn store(&mut self, size: Size, dst: Number, off: i16, src: Operand) -> Checked {
        let stored = match src {
            Operand::Reg(number) => Stored { number: Some(number), value: Some(self.read(number)?) },
            Operand::Imm(imm) => {
                Stored { number: None, value: Some(Reg::scalar(immediate(imm, Width::W64))) }
            }
        };
        self.killed = None;
        self.write_memory(dst, off.into(), size.bytes() as i32, stored)?;
        let killed = self.killed.take();
        self.note_stored(killed);
        self.same_sort(dst, false)
    }

    pub(crate) fn store_release(&mut self, size: Size, dst: Number, off: i16, src: Number) -> Checked {
        self.atomic_base(dst)?;
        self.aligned_atomic(dst, off.into(), size.bytes() as i32)?;
        self.no_kptr(dst, off, size)?;
        self.store(size, dst, off, Operand::Reg(src))
    }

    /// Which memory atomic instructions may touch.
    fn atomic_base(&self, number: Number) -> Checked {
        let pointer = self.read(number)?;
        let refused = matches!(
            pointer.kind,
            RegKind::Ctx
                | RegKind::Packet
                | RegKind::PacketMeta
                | RegKind::FlowKeys
                | RegKind::Socket
                | RegKind::SockCommon
                | RegKind::TcpSock
                | RegKind::XdpSock
        );
        if refused {
            let message = format!("an atomic access to {}", pointer.kind);
            return self.fail_at(Code::BadPointerAccess, number, message);
        }
        Ok(())
    }

    pub(crate) fn atomic(&mut self, op: AtomicOp, size: Size, dst: Number, off: i16, src: Number) -> Checked {
        let bytes = size.bytes() as i32;
        let operand = self.read(src)?;
        self.read(dst)?;
        if op == AtomicOp::Cmpxchg && self.read(Number::R0)?.is_pointer() && self.input.unprivileged {
            return self.fail_at(Code::Leak, Number::R0, "a pointer is given to an atomic instruction");
        }
        if operand.is_pointer() && self.input.unprivileged {
            return self.fail_at(Code::Leak, src, "a pointer is given to an atomic instruction");
        }
        self.atomic_base(dst)?;
        self.aligned_atomic(dst, off.into(), bytes)?;
        let base = self.read(dst)?;
        if matches!(base.kind, RegKind::Stack(_)) && base.value.as_constant().is_none() {
            let message = "an atomic access to the stack at an offset that is not constant";
            return self.fail_at(Code::StackBounds, dst, message);
        }
        // The old value is read first, and what is there must be readable also when nobody keeps it.
        self.note_touch(dst);
        let before = self.read_memory(dst, off.into(), bytes)?;
        if before.is_pointer() && self.input.unprivileged {
            return self.fail_at(Code::Leak, dst, "a spilled pointer is changed by an atomic instruction");
        }
        let into = match op {
            AtomicOp::Cmpxchg => Some(Number::R0),
            AtomicOp::Xchg
            | AtomicOp::Add { fetch: true }
            | AtomicOp::Or { fetch: true }
            | AtomicOp::And { fetch: true }
            | AtomicOp::Xor { fetch: true } => Some(src),
            _ => None,
        };
        // Linux puts the old value in its register before it looks at the store: a base that is overwritten by it is no base any more.
        if let Some(into) = into {
            let mut old = before;
            if old.is_scalar() && size != Size::Dw {
                old.value = old.value.truncated(size);
            }
            self.write(into, old)?;
        }
        self.write_memory(dst, off.into(), bytes, Stored { number: None, value: None })
    }
}
