//! The state that the inner loop works on: registers, the stack with its shadow, lives.
//!
//! A machine is large (some 30 KiB) and expensive to make, so each thread keeps one and clears only what a run could see: the
//! frame that is entered. Registers are kept as two arrays, values and provenances, with a bit for each register that
//! holds something else than a number: as long as a program computes with numbers, provenances are neither read nor
//! written.
//!
//! Invariants:
//! * A register's bit in `tagged` is set exactly when it is not a number; only then `provs` says anything about it, and
//!   only then its bit in `uninit` does: set when nothing was written to it since the last call.
//! * A stack slot has a valid `provs` entry exactly when its tag has [`POINTER`] or [`OBJECT`].

use std::cell::Cell;
use std::ptr::NonNull;

use super::life::Lives;
use crate::prov::{Kind, Life, Perm, Prov, Reg};
use crate::runtime::SPARE;

/// Bytes of a stack frame.
pub(crate) const FRAME: usize = 512;
/// The most frames.
pub(crate) const FRAMES: usize = 8;
/// 8-byte slots of a frame.
pub(crate) const SLOTS: usize = FRAME / 8;

/// Tag of a slot: the eight low bits say which bytes were written.
pub(crate) const WRITTEN: u16 = 0xff;
/// Tag of a slot that holds a whole pointer.
pub(crate) const POINTER: u16 = 0x100;
/// Tag of a slot that is part of a dynptr, an iterator or an IRQ flag.
pub(crate) const OBJECT: u16 = 0x200;

/// Stack memory, aligned as Linux has it.
#[repr(C, align(16))]
pub(crate) struct Stack {
    /// The frames one after the other, and the spare bytes of the last.
    pub(crate) bytes: [u8; FRAME * FRAMES + 2 * SPARE],
    pub(crate) tags: [u16; SLOTS * FRAMES],
    pub(crate) provs: [Prov; SLOTS * FRAMES],
}

/// What a call saves.
#[derive(Clone, Copy)]
pub(crate) struct Saved {
    pub(crate) regs: [Reg; 4],
    /// Slot to return to.
    pub(crate) pc: usize,
    /// `may_goto`s left in the caller.
    pub(crate) may_goto: u32,
    /// Index of the caller's program among the run's programs.
    pub(crate) program: u32,
}

impl Saved {
    const EMPTY: Self = Self { regs: [Reg::ZERO; 4], pc: 0, may_goto: 0, program: 0 };
}

/// See the module.
pub(crate) struct Machine {
    pub(crate) vals: [u64; 11],
    pub(crate) provs: [Prov; 11],
    pub(crate) tagged: u32,
    pub(crate) uninit: u32,
    /// Slot after the instruction being executed; exact whenever something slow runs.
    pub(crate) pc: usize,
    /// What is left of the budget.
    pub(crate) budget: i64,
    pub(crate) may_goto: u32,
    /// Index of the frame in use.
    pub(crate) depth: usize,
    pub(crate) saved: [Saved; FRAMES],
    /// Bytes past its top that belong to a frame.
    pub(crate) spare: u32,
    pub(crate) lives: Lives,
    pub(crate) stack: Stack,
}

/// Bits of r1 to r5.
pub(crate) const CALLER_SAVED: u32 = 0b11_1110;

thread_local! {
    /// The thread's machine while no run uses it.
    static IDLE: Cell<Option<Box<Machine>>> = const { Cell::new(None) };
}

impl Machine {
    fn new() -> Box<Self> {
        Box::new(Self {
            vals: [0; 11],
            provs: [Prov::UNINIT; 11],
            tagged: 0,
            uninit: 0,
            pc: 0,
            budget: 0,
            may_goto: 0,
            depth: 0,
            saved: [Saved::EMPTY; FRAMES],
            spare: 0,
            lives: Lives::new(),
            stack: Stack {
                bytes: [0; FRAME * FRAMES + 2 * SPARE],
                tags: [0; SLOTS * FRAMES],
                provs: [Prov::SCALAR; SLOTS * FRAMES],
            },
        })
    }

    /// The thread's machine, or a new one inside a nested run.
    pub(crate) fn take() -> NonNull<Self> {
        let machine = IDLE.with(Cell::take).unwrap_or_else(Self::new);
        // SAFETY: a box is never null.
        unsafe { NonNull::new_unchecked(Box::into_raw(machine)) }
    }

    /// Gives a machine back.
    ///
    /// # Safety
    /// It came from `take` and is not used afterwards.
    pub(crate) unsafe fn give_back(machine: NonNull<Self>) {
        // SAFETY: by the contract.
        let machine = unsafe { Box::from_raw(machine.as_ptr()) };
        // A thread that is ending has no spare any more: the machine is dropped.
        let _ = IDLE.try_with(|idle| idle.set(Some(machine)));
    }

    /// Makes the frame `depth` current and empty: zero bytes, nothing written, a new life.
    #[inline]
    pub(crate) fn enter_frame(&mut self, depth: usize) {
        self.depth = depth;
        self.may_goto = super::MAX_LOOPS;
        self.stack.bytes[depth * FRAME..(depth + 1) * FRAME].fill(0);
        self.stack.tags[depth * SLOTS..(depth + 1) * SLOTS].fill(0);
        self.set_frame_pointer(depth);
    }

    /// Points r10 to the end of the frame.
    #[inline]
    pub(crate) fn set_frame_pointer(&mut self, depth: usize) {
        let base = self.stack.bytes.as_ptr() as u64 + (depth * FRAME) as u64;
        self.vals[10] = base + FRAME as u64;
        self.provs[10] = Prov {
            base,
            len: FRAME as u32 + self.spare,
            kind: Kind::Stack,
            perm: Perm(Perm::READ_WRITE.0 | Perm::STACK),
            index: depth as u16,
            life: self.lives.frame(depth),
        };
        self.tagged |= 1 << 10;
        self.uninit &= !(1 << 10);
    }

    /// The register with its provenance.
    #[inline]
    pub(crate) fn reg(&self, n: usize) -> Reg {
        let bit = 1u32 << n;
        let prov = if self.tagged & bit == 0 {
            Prov::SCALAR
        } else if self.uninit & bit != 0 {
            Prov::UNINIT
        } else {
            self.provs[n]
        };
        Reg { val: self.vals[n], prov }
    }

    /// Writes a register with its provenance.
    #[inline]
    pub(crate) fn set_reg(&mut self, n: usize, reg: Reg) {
        let bit = 1u32 << n;
        self.vals[n] = reg.val;
        match reg.prov.kind {
            Kind::Scalar => self.tagged &= !bit,
            Kind::Uninit => {
                self.tagged |= bit;
                self.uninit |= bit;
            }
            _ => {
                self.tagged |= bit;
                self.uninit &= !bit;
                self.provs[n] = reg.prov;
            }
        }
    }

    /// Whether the object is alive.
    #[inline]
    pub(crate) fn alive(&self, life: Life) -> bool {
        self.lives.alive(life)
    }

    /// Index of the stack slot that holds `addr`, which must be a stack address.
    #[inline]
    pub(crate) fn slot(&self, addr: u64) -> usize {
        (addr.wrapping_sub(self.stack.bytes.as_ptr() as u64) >> 3) as usize & (SLOTS * FRAMES - 1)
    }

    /// Records that bytes of the stack were overwritten from outside the program: by a helper.
    pub(crate) fn stack_written(&mut self, addr: u64, len: usize) {
        let start = addr.wrapping_sub(self.stack.bytes.as_ptr() as u64) as usize;
        let end = (start + len).min(FRAME * FRAMES);
        let mut at = start;
        while at < end {
            let upto = (at / 8 * 8 + 8).min(end);
            let mask = byte_mask(at % 8, upto - at);
            let tag = &mut self.stack.tags[at / 8];
            *tag = (*tag | mask) & WRITTEN;
            at = upto;
        }
    }

    /// First of `len` stack bytes at `addr` that nobody wrote.
    pub(crate) fn first_unwritten(&self, addr: u64, len: usize) -> Option<u64> {
        let start = addr.wrapping_sub(self.stack.bytes.as_ptr() as u64) as usize;
        let end = (start + len).min(FRAME * FRAMES);
        let unwritten = |at: &usize| self.stack.tags[at / 8] & (1 << (at % 8)) == 0;
        (start..end).find(unwritten).map(|at| self.stack.bytes.as_ptr() as u64 + at as u64)
    }
}

/// The tag bits of `len` bytes from byte `from` of a slot.
#[inline]
pub(crate) const fn byte_mask(from: usize, len: usize) -> u16 {
    (((1u32 << len) - 1) << from) as u16 & WRITTEN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helper_writes_are_recorded_byte_by_byte() {
        let mut m = Machine::new();
        m.enter_frame(0);
        let base = m.stack.bytes.as_ptr() as u64;
        m.stack.tags[1] = POINTER | WRITTEN;
        m.stack_written(base + 6, 5);
        assert_eq!(m.stack.tags[0], 0b1100_0000);
        assert_eq!(m.stack.tags[1], WRITTEN, "the pointer is gone, its bytes stay written");
        assert_eq!(m.first_unwritten(base + 6, 10), None);
        assert_eq!(m.first_unwritten(base + 4, 4), Some(base + 4));
    }

    #[test]
    fn registers_keep_their_kind() {
        let mut m = Machine::new();
        m.set_reg(3, Reg::UNINIT);
        assert_eq!(m.reg(3).prov.kind, Kind::Uninit);
        m.set_reg(3, Reg::pointer(Kind::Memory, 8, 4, Perm::READ, Life::RUN));
        assert_eq!(m.reg(3).prov.len, 4);
        m.set_reg(3, Reg::scalar(7));
        assert_eq!(m.reg(3), Reg::scalar(7));
    }
}
