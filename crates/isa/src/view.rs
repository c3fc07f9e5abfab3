//! What an analysis asks of an instruction: which registers it reads and writes, and where control goes.

use crate::{AluOp, AtomicOp, Call, Imm64, Insn, LegacyMode, Operand, Reg};

/// A set of registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RegSet(
    /// Bit n is register n; bits above 10 are clear.
    u16,
);

impl RegSet {
    /// No register.
    pub const EMPTY: Self = Self(0);
    /// `r1` to `r5`: what a call takes, and what it leaves without a value.
    pub const ARGUMENTS: Self = Self(0b11_1110);
    /// `r0` to `r5`: what a call writes or leaves without a value.
    pub const CALLER_SAVED: Self = Self(0b11_1111);

    /// The set of one register.
    pub const fn of(reg: Reg) -> Self {
        Self(1 << reg.number())
    }

    /// This set and one register more.
    #[must_use]
    pub const fn with(self, reg: Reg) -> Self {
        Self(self.0 | 1 << reg.number())
    }

    /// What is in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in this set and not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether the register is in the set.
    pub const fn contains(self, reg: Reg) -> bool {
        self.0 & (1 << reg.number()) != 0
    }

    /// Whether the set has no register.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Bit n for register n.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// The registers in the set, lowest first.
    pub fn iter(self) -> impl Iterator<Item = Reg> {
        Reg::all().filter(move |&reg| self.contains(reg))
    }
}

impl FromIterator<Reg> for RegSet {
    fn from_iter<I: IntoIterator<Item = Reg>>(regs: I) -> Self {
        regs.into_iter().fold(Self::EMPTY, Self::with)
    }
}

/// The register of an operand, if it is one.
const fn operand(src: Operand) -> RegSet {
    match src {
        Operand::Reg(reg) => RegSet::of(reg),
        Operand::Imm(_) => RegSet::EMPTY,
    }
}

impl Insn {
    /// The registers whose values go when this instruction runs, because it writes them or, for calls and legacy
    /// packet loads, because they are left without a value (`r1` to `r5`).
    pub const fn defs(&self) -> RegSet {
        match *self {
            Self::Alu { dst, .. }
            | Self::Neg { dst, .. }
            | Self::MovSx { dst, .. }
            | Self::Endian { dst, .. }
            | Self::AddrSpaceCast { dst, .. }
            | Self::LoadImm64 { dst, .. }
            | Self::Load { dst, .. }
            | Self::LoadAcquire { dst, .. } => RegSet::of(dst),
            Self::Atomic { op, src, .. } => match op {
                AtomicOp::Cmpxchg => RegSet::of(Reg::R0),
                AtomicOp::Xchg
                | AtomicOp::Add { fetch: true }
                | AtomicOp::Or { fetch: true }
                | AtomicOp::And { fetch: true }
                | AtomicOp::Xor { fetch: true } => RegSet::of(src),
                _ => RegSet::EMPTY,
            },
            Self::LegacyLoad { .. } | Self::Call(_) | Self::CallReg(_) => RegSet::CALLER_SAVED,
            Self::Store { .. }
            | Self::StoreRelease { .. }
            | Self::Jump { .. }
            | Self::JumpIf { .. }
            | Self::MayGoto { .. }
            | Self::Exit => RegSet::EMPTY,
        }
    }

    /// The registers that this instruction may read.
    ///
    /// Calls are taken to read all five argument registers, since how many a function takes is not in the
    /// instruction. A legacy packet load reads the context from `r6`.
    pub const fn uses(&self) -> RegSet {
        match *self {
            Self::Alu { op: AluOp::Mov, src, .. } => operand(src),
            Self::Alu { dst, src, .. } | Self::Store { dst, src, .. } | Self::JumpIf { dst, src, .. } => {
                operand(src).with(dst)
            }
            Self::Neg { dst, .. } | Self::Endian { dst, .. } => RegSet::of(dst),
            Self::MovSx { src, .. }
            | Self::AddrSpaceCast { src, .. }
            | Self::Load { src, .. }
            | Self::LoadAcquire { src, .. } => RegSet::of(src),
            Self::Atomic { op: AtomicOp::Cmpxchg, dst, src, .. } => RegSet::of(dst).with(src).with(Reg::R0),
            Self::Atomic { dst, src, .. } | Self::StoreRelease { dst, src, .. } => RegSet::of(dst).with(src),
            Self::LegacyLoad { mode: LegacyMode::Abs, .. } => RegSet::of(Reg::R6),
            Self::LegacyLoad { mode: LegacyMode::Ind(src), .. } => RegSet::of(Reg::R6).with(src),
            Self::Call(_) => RegSet::ARGUMENTS,
            Self::CallReg(target) => RegSet::ARGUMENTS.with(target),
            Self::Exit => RegSet::of(Reg::R0),
            Self::LoadImm64 { .. } | Self::Jump { .. } | Self::MayGoto { .. } => RegSet::EMPTY,
        }
    }

    /// The offset of the jump that this instruction makes or may make, in slots from the slot after it.
    ///
    /// Calls are not jumps: see [`Insn::call_offset`].
    pub const fn jump_offset(&self) -> Option<i32> {
        match *self {
            Self::Jump { off, .. } => Some(off),
            Self::JumpIf { off, .. } | Self::MayGoto { off } => Some(off as i32),
            _ => None,
        }
    }

    /// The slot that a jump standing at slot `at` goes to; `None` if it is no jump or lands before slot 0.
    ///
    /// Whether the target lies inside the program, at the first slot of an instruction, is the caller's to check.
    pub fn jump_target(&self, at: usize) -> Option<usize> {
        target(at, self.jump_offset()?)
    }

    /// The offset of the function of this program that is called or whose address is taken, in slots from the slot
    /// after the first of this instruction.
    pub const fn call_offset(&self) -> Option<i32> {
        match *self {
            Self::Call(Call::Local(off)) | Self::LoadImm64 { value: Imm64::Func(off), .. } => Some(off),
            _ => None,
        }
    }

    /// The first slot of the function that an instruction standing at slot `at` calls or takes the address of.
    pub fn call_target(&self, at: usize) -> Option<usize> {
        target(at, self.call_offset()?)
    }

    /// Whether control never goes on to the instruction after: `goto`, `gotol`, `exit`.
    pub const fn is_terminator(&self) -> bool {
        matches!(self, Self::Jump { .. } | Self::Exit)
    }
}

/// The slot `off` slots after the one that follows `at`.
fn target(at: usize, off: i32) -> Option<usize> {
    at.checked_add(1)?.checked_add_signed(isize::try_from(off).ok()?)
}
