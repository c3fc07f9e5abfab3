//! The numbers of the encoding, each written down once: classes, modes, and the tables that pair a bit pattern with
//! the operation it means and the symbol that the text form uses for it.
//!
//! Decoder, encoder, printer and parser all read these tables, which is what keeps them in step.

use crate::{AluOp, AtomicOp, Condition, Size};

/// Low three bits of an opcode.
pub(crate) const CLASS_MASK: u8 = 0x07;
pub(crate) const CLASS_LD: u8 = 0;
pub(crate) const CLASS_LDX: u8 = 1;
pub(crate) const CLASS_ST: u8 = 2;
pub(crate) const CLASS_STX: u8 = 3;
pub(crate) const CLASS_ALU: u8 = 4;
pub(crate) const CLASS_JMP: u8 = 5;
pub(crate) const CLASS_JMP32: u8 = 6;
pub(crate) const CLASS_ALU64: u8 = 7;

/// In arithmetic and jump classes: the right operand is a register.
pub(crate) const SRC_REG: u8 = 0x08;
/// In arithmetic and jump classes: which operation.
pub(crate) const OP_MASK: u8 = 0xf0;

/// In load and store classes: the access size.
pub(crate) const SIZE_MASK: u8 = 0x18;
/// In load and store classes: how the address is formed.
pub(crate) const MODE_MASK: u8 = 0xe0;
pub(crate) const MODE_IMM: u8 = 0x00;
pub(crate) const MODE_ABS: u8 = 0x20;
pub(crate) const MODE_IND: u8 = 0x40;
pub(crate) const MODE_MEM: u8 = 0x60;
pub(crate) const MODE_MEMSX: u8 = 0x80;
pub(crate) const MODE_ATOMIC: u8 = 0xc0;

/// The whole opcode of the two-slot constant load.
pub(crate) const LDDW: u8 = CLASS_LD | MODE_IMM | 0x18;

pub(crate) const ALU_DIV: u8 = 0x30;
pub(crate) const ALU_NEG: u8 = 0x80;
pub(crate) const ALU_MOD: u8 = 0x90;
pub(crate) const ALU_MOV: u8 = 0xb0;
pub(crate) const ALU_END: u8 = 0xd0;

pub(crate) const JMP_JA: u8 = 0x00;
pub(crate) const JMP_CALL: u8 = 0x80;
pub(crate) const JMP_EXIT: u8 = 0x90;
pub(crate) const JMP_JCOND: u8 = 0xe0;

/// Immediate of `load_acquire`, beside the atomic operations.
pub(crate) const IMM_LOAD_ACQUIRE: i32 = 0x100;
/// Immediate of `store_release`.
pub(crate) const IMM_STORE_RELEASE: i32 = 0x110;
/// Offset of a register move that makes it an address space cast.
pub(crate) const OFF_ADDR_SPACE_CAST: i16 = 1;
/// Immediate of a cast from address space 1 to 0: target space in the upper half, source space in the lower.
pub(crate) const IMM_CAST_TO_KERNEL: i32 = 1;
/// Immediate of a cast from address space 0 to 1.
pub(crate) const IMM_CAST_TO_ARENA: i32 = 1 << 16;

/// One two-operand arithmetic operation.
pub(crate) struct AluRow {
    pub(crate) op: AluOp,
    /// Upper four bits of the opcode.
    pub(crate) bits: u8,
    /// The offset field, which tells signed division from unsigned.
    pub(crate) off: i16,
    /// Between the operands in text.
    pub(crate) symbol: &'static str,
    /// In messages.
    pub(crate) name: &'static str,
}

const fn alu(op: AluOp, bits: u8, off: i16, symbol: &'static str, name: &'static str) -> AluRow {
    AluRow { op, bits, off, symbol, name }
}

/// In the order of [`AluOp`], so that a row is found by `op as usize`.
pub(crate) const ALU: [AluRow; 14] = [
    alu(AluOp::Add, 0x00, 0, "+=", "add"),
    alu(AluOp::Sub, 0x10, 0, "-=", "sub"),
    alu(AluOp::Mul, 0x20, 0, "*=", "mul"),
    alu(AluOp::Div, ALU_DIV, 0, "/=", "div"),
    alu(AluOp::Sdiv, ALU_DIV, 1, "s/=", "sdiv"),
    alu(AluOp::Mod, ALU_MOD, 0, "%=", "mod"),
    alu(AluOp::Smod, ALU_MOD, 1, "s%=", "smod"),
    alu(AluOp::Or, 0x40, 0, "|=", "or"),
    alu(AluOp::And, 0x50, 0, "&=", "and"),
    alu(AluOp::Xor, 0xa0, 0, "^=", "xor"),
    alu(AluOp::Lsh, 0x60, 0, "<<=", "lsh"),
    alu(AluOp::Rsh, 0x70, 0, ">>=", "rsh"),
    alu(AluOp::Arsh, 0xc0, 0, "s>>=", "arsh"),
    alu(AluOp::Mov, ALU_MOV, 0, "=", "mov"),
];

/// One condition of a jump.
pub(crate) struct ConditionRow {
    pub(crate) cond: Condition,
    /// Upper four bits of the opcode.
    pub(crate) bits: u8,
    /// Between the operands in text.
    pub(crate) symbol: &'static str,
}

const fn cond(cond: Condition, bits: u8, symbol: &'static str) -> ConditionRow {
    ConditionRow { cond, bits, symbol }
}

/// In the order of [`Condition`].
pub(crate) const CONDITIONS: [ConditionRow; 11] = [
    cond(Condition::Eq, 0x10, "=="),
    cond(Condition::Ne, 0x50, "!="),
    cond(Condition::Gt, 0x20, ">"),
    cond(Condition::Ge, 0x30, ">="),
    cond(Condition::Lt, 0xa0, "<"),
    cond(Condition::Le, 0xb0, "<="),
    cond(Condition::Set, 0x40, "&"),
    cond(Condition::Sgt, 0x60, "s>"),
    cond(Condition::Sge, 0x70, "s>="),
    cond(Condition::Slt, 0xc0, "s<"),
    cond(Condition::Sle, 0xd0, "s<="),
];

/// One read-modify-write operation.
pub(crate) struct AtomicRow {
    pub(crate) op: AtomicOp,
    /// The immediate field.
    pub(crate) imm: i32,
    /// Assignment operator of the form that fetches nothing; empty for the others.
    pub(crate) symbol: &'static str,
    /// Ending of the function-like form: `fetch_add`, `xchg`; empty for the ones that fetch nothing.
    pub(crate) function: &'static str,
}

const fn atomic(op: AtomicOp, imm: i32, symbol: &'static str, function: &'static str) -> AtomicRow {
    AtomicRow { op, imm, symbol, function }
}

/// Every atomic operation but load-acquire and store-release, which are instructions of their own.
pub(crate) const ATOMICS: [AtomicRow; 10] = [
    atomic(AtomicOp::Add { fetch: false }, 0x00, "+=", ""),
    atomic(AtomicOp::Or { fetch: false }, 0x40, "|=", ""),
    atomic(AtomicOp::And { fetch: false }, 0x50, "&=", ""),
    atomic(AtomicOp::Xor { fetch: false }, 0xa0, "^=", ""),
    atomic(AtomicOp::Add { fetch: true }, 0x01, "", "fetch_add"),
    atomic(AtomicOp::Or { fetch: true }, 0x41, "", "fetch_or"),
    atomic(AtomicOp::And { fetch: true }, 0x51, "", "fetch_and"),
    atomic(AtomicOp::Xor { fetch: true }, 0xa1, "", "fetch_xor"),
    atomic(AtomicOp::Xchg, 0xe1, "", "xchg"),
    atomic(AtomicOp::Cmpxchg, 0xf1, "", "cmpxchg"),
];

/// The row of an atomic operation. Its fields keep it from being an index.
pub(crate) fn atomic_row(op: AtomicOp) -> &'static AtomicRow {
    ATOMICS.iter().find(|row| row.op == op).unwrap_or(&ATOMICS[0])
}

/// The size that two opcode bits mean.
pub(crate) const fn size_from_bits(code: u8) -> Size {
    match code & SIZE_MASK {
        0x00 => Size::W,
        0x08 => Size::H,
        0x10 => Size::B,
        _ => Size::Dw,
    }
}

/// The two opcode bits of a size.
pub(crate) const fn size_bits(size: Size) -> u8 {
    match size {
        Size::W => 0x00,
        Size::H => 0x08,
        Size::B => 0x10,
        Size::Dw => 0x18,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_where_their_operation_says() {
        for (at, row) in ALU.iter().enumerate() {
            assert_eq!(row.op as usize, at, "{}", row.name);
        }
        for (at, row) in CONDITIONS.iter().enumerate() {
            assert_eq!(row.cond as usize, at, "{}", row.symbol);
        }
        for row in &ATOMICS {
            assert_eq!(atomic_row(row.op).imm, row.imm);
        }
    }
}
