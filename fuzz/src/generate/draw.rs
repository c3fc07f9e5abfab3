//! Drawing operands and operators.

use skep_isa::{AluOp, AtomicOp, Condition, Operand, Reg, Size, Width};

use super::{Function, STACK};

/// All sizes of a memory access.
pub(super) const SIZES: &[Size] = &[Size::B, Size::H, Size::W, Size::Dw];

pub(super) const OPS: &[AluOp] = &[
    AluOp::Add,
    AluOp::Sub,
    AluOp::Mul,
    AluOp::Div,
    AluOp::Mod,
    AluOp::Or,
    AluOp::And,
    AluOp::Xor,
    AluOp::Lsh,
    AluOp::Rsh,
    AluOp::Arsh,
    AluOp::Mov,
];

pub(super) const V4_OPS: &[AluOp] = &[AluOp::Sdiv, AluOp::Smod];

pub(super) const CONDITIONS: &[Condition] = &[
    Condition::Eq,
    Condition::Ne,
    Condition::Gt,
    Condition::Ge,
    Condition::Lt,
    Condition::Le,
    Condition::Set,
    Condition::Sgt,
    Condition::Sge,
    Condition::Slt,
    Condition::Sle,
];

impl Function<'_> {
    pub(super) fn width(&mut self) -> Width {
        if self.rng.one_in(2) { Width::W32 } else { Width::W64 }
    }

    pub(super) fn imm(&mut self) -> i32 {
        self.rng.interesting() as i32
    }

    pub(super) fn condition(&mut self) -> Condition {
        *self.rng.pick(CONDITIONS)
    }

    /// A number in a register or in the instruction.
    pub(super) fn operand(&mut self) -> Operand {
        if self.rng.one_in(2) { Operand::Reg(self.number()) } else { Operand::Imm(self.imm()) }
    }

    pub(super) fn operator(&mut self) -> AluOp {
        if self.features.v4 && self.rng.one_in(8) { *self.rng.pick(V4_OPS) } else { *self.rng.pick(OPS) }
    }

    /// The right-hand side for an operator: constants must not divide by zero nor shift by a width or more.
    pub(super) fn operand_for(&mut self, op: AluOp, width: Width) -> Operand {
        match (op, self.operand()) {
            (AluOp::Lsh | AluOp::Rsh | AluOp::Arsh, Operand::Imm(imm)) => {
                Operand::Imm(imm & if width == Width::W32 { 31 } else { 63 })
            }
            (AluOp::Div | AluOp::Mod | AluOp::Sdiv | AluOp::Smod, Operand::Imm(0)) => Operand::Imm(3),
            (_, any) => any,
        }
    }

    /// A place of that size in the used part of the stack, aligned.
    pub(super) fn stack_place(&mut self, size: Size) -> i16 {
        let bytes = size.bytes() as i16;
        let places = (STACK / bytes) as usize;
        -STACK + bytes * self.rng.below(places) as i16
    }

    /// A place of that size in an area of `len` bytes, aligned or not.
    pub(super) fn place(&mut self, size: Size, len: i16) -> i16 {
        let last = len as usize - size.bytes();
        let at = self.rng.below(last + 1) as i16;
        if self.rng.one_in(4) { at } else { at - at % size.bytes() as i16 }
    }

    pub(super) fn size(&mut self) -> Size {
        *self.rng.pick(SIZES)
    }

    /// An atomic operation and its size.
    pub(super) fn atomic(&mut self) -> (AtomicOp, Size) {
        let fetch = self.rng.one_in(2);
        let op = match self.rng.below(6) {
            0 => AtomicOp::Add { fetch },
            1 => AtomicOp::Or { fetch },
            2 => AtomicOp::And { fetch },
            3 => AtomicOp::Xor { fetch },
            4 => AtomicOp::Xchg,
            _ => AtomicOp::Cmpxchg,
        };
        (op, if self.rng.one_in(2) { Size::W } else { Size::Dw })
    }

    /// A register with a number that is not `other`.
    pub(super) fn number_but(&mut self, other: Reg) -> Reg {
        loop {
            let reg = self.number();
            if reg != other {
                return reg;
            }
        }
    }
}
