//! From an instruction to slots.
//!
//! Encoding cannot fail, although [`Insn`] can spell a few things that no encoding has. Where another encoding means
//! the same, that one is written (a signed 8-byte load is a load; a far `goto` is a `gotol`); what has no meaning at all
//! (a 1-byte atomic add) becomes a slot that [`decode`](crate::decode()) refuses. [`Insn::is_encodable`] tells beforehand.

use crate::op::{self, ALU, CONDITIONS};
use crate::{AluOp, Call, Cast, Endian, Imm64, Insn, LegacyMode, Operand, RawInsn, Reg, Size, Width};

/// The one or two slots of an encoded instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoded {
    slots: [RawInsn; 2],
    /// Whether the second slot belongs to the instruction.
    pair: bool,
}

impl Encoded {
    /// The slots, in program order.
    pub fn as_slice(&self) -> &[RawInsn] {
        if self.pair { &self.slots } else { &self.slots[..1] }
    }

    const fn one(slot: RawInsn) -> Self {
        Self { slots: [slot, raw(0)], pair: false }
    }
}

impl Insn {
    /// How many slots the instruction takes: 2 for a 64-bit constant load, otherwise 1.
    pub const fn slots(&self) -> usize {
        match self {
            Self::LoadImm64 { .. } => 2,
            _ => 1,
        }
    }

    /// Whether decoding the encoded form gives this very value back.
    ///
    /// Every decoded instruction is; a hand-made one may hold a size or an offset that the encoding has no room for.
    pub fn is_encodable(&self) -> bool {
        crate::decode(self.encode().as_slice(), 0).as_ref() == Ok(self)
    }

    /// The slots of this instruction.
    pub fn encode(&self) -> Encoded {
        match *self {
            Self::Alu { width, op, dst, src } => Encoded::one(alu(width, op, dst, src)),
            Self::Neg { width, dst } => {
                Encoded::one(RawInsn { dst: reg(dst), ..raw(alu_class(width) | op::ALU_NEG) })
            }
            Self::MovSx { width, from, dst, src } => Encoded::one(mov_sx(width, from, dst, src)),
            Self::Endian { kind, size, dst } => Encoded::one(endian(kind, size, dst)),
            Self::AddrSpaceCast { cast, dst, src } => Encoded::one(addr_space_cast(cast, dst, src)),
            Self::LoadImm64 { dst, value } => lddw(dst, value),
            Self::Load { size, signed, dst, src, off } => {
                let mode = if signed && size != Size::Dw { op::MODE_MEMSX } else { op::MODE_MEM };
                Encoded::one(access(op::CLASS_LDX | mode, size, dst, src, off, 0))
            }
            Self::Store { size, dst, off, src: Operand::Reg(src) } => {
                Encoded::one(access(op::CLASS_STX | op::MODE_MEM, size, dst, src, off, 0))
            }
            Self::Store { size, dst, off, src: Operand::Imm(imm) } => {
                Encoded::one(access(op::CLASS_ST | op::MODE_MEM, size, dst, Reg::R0, off, imm))
            }
            Self::Atomic { op, size, dst, off, src } => {
                Encoded::one(atomic(size, dst, src, off, op::atomic_row(op).imm))
            }
            Self::LoadAcquire { size, dst, src, off } => {
                Encoded::one(atomic(size, dst, src, off, op::IMM_LOAD_ACQUIRE))
            }
            Self::StoreRelease { size, dst, off, src } => {
                Encoded::one(atomic(size, dst, src, off, op::IMM_STORE_RELEASE))
            }
            Self::LegacyLoad { size, mode, imm } => Encoded::one(legacy_load(size, mode, imm)),
            Self::Jump { off, long } => Encoded::one(jump(off, long)),
            Self::JumpIf { width, cond, dst, src, off } => {
                let class = if width == Width::W64 { op::CLASS_JMP } else { op::CLASS_JMP32 };
                let slot = with_operand(class | CONDITIONS[cond as usize].bits, dst, src);
                Encoded::one(RawInsn { off, ..slot })
            }
            Self::MayGoto { off } => Encoded::one(RawInsn { off, ..raw(op::CLASS_JMP | op::JMP_JCOND) }),
            Self::Call(call) => Encoded::one(self::call(call)),
            Self::CallReg(target) => {
                Encoded::one(RawInsn { dst: reg(target), ..raw(op::CLASS_JMP | op::JMP_CALL | op::SRC_REG) })
            }
            Self::Exit => Encoded::one(raw(op::CLASS_JMP | op::JMP_EXIT)),
        }
    }
}

/// A slot with only its opcode set.
const fn raw(code: u8) -> RawInsn {
    RawInsn { code, dst: 0, src: 0, off: 0, imm: 0 }
}

/// A register's number in a field.
fn reg(reg: Reg) -> u8 {
    reg.number()
}

const fn alu_class(width: Width) -> u8 {
    match width {
        Width::W32 => op::CLASS_ALU,
        Width::W64 => op::CLASS_ALU64,
    }
}

fn with_operand(code: u8, dst: Reg, src: Operand) -> RawInsn {
    match src {
        Operand::Reg(src) => RawInsn { dst: reg(dst), src: reg(src), ..raw(code | op::SRC_REG) },
        Operand::Imm(imm) => RawInsn { dst: reg(dst), imm, ..raw(code) },
    }
}

fn alu(width: Width, op: AluOp, dst: Reg, src: Operand) -> RawInsn {
    let row = &ALU[op as usize];
    RawInsn { off: row.off, ..with_operand(alu_class(width) | row.bits, dst, src) }
}

fn mov_sx(width: Width, from: Size, dst: Reg, src: Reg) -> RawInsn {
    let off = match (from, width) {
        (Size::B, _) => 8,
        (Size::H, _) => 16,
        (Size::W, Width::W64) => 32,
        // Extending to the width it already has is a plain move.
        (Size::W | Size::Dw, _) => 0,
    };
    RawInsn { off, ..with_operand(alu_class(width) | op::ALU_MOV, dst, Operand::Reg(src)) }
}

fn endian(kind: Endian, size: Size, dst: Reg) -> RawInsn {
    let code = match kind {
        Endian::Le => op::CLASS_ALU,
        Endian::Be => op::CLASS_ALU | op::SRC_REG,
        Endian::Swap => op::CLASS_ALU64,
    };
    let imm = match size {
        Size::B => 8,
        Size::H => 16,
        Size::W => 32,
        Size::Dw => 64,
    };
    RawInsn { dst: reg(dst), imm, ..raw(code | op::ALU_END) }
}

fn addr_space_cast(cast: Cast, dst: Reg, src: Reg) -> RawInsn {
    let imm = match cast {
        Cast::ArenaToKernel => op::IMM_CAST_TO_KERNEL,
        Cast::KernelToArena => op::IMM_CAST_TO_ARENA,
    };
    let code = op::CLASS_ALU64 | op::ALU_MOV | op::SRC_REG;
    RawInsn { dst: reg(dst), src: reg(src), off: op::OFF_ADDR_SPACE_CAST, imm, ..raw(code) }
}

fn lddw(dst: Reg, value: Imm64) -> Encoded {
    let (src, low, high) = match value {
        Imm64::Value(v) => (0, (v as u32).cast_signed(), ((v >> 32) as u32).cast_signed()),
        Imm64::MapFd(fd) => (1, fd, 0),
        Imm64::MapFdValue { fd, offset } => (2, fd, offset.cast_signed()),
        Imm64::BtfId { id, module_fd } => (3, id, module_fd),
        Imm64::Func(off) => (4, off, 0),
        Imm64::MapIndex(index) => (5, index.cast_signed(), 0),
        Imm64::MapIndexValue { index, offset } => (6, index.cast_signed(), offset.cast_signed()),
    };
    let first = RawInsn { dst: reg(dst), src, imm: low, ..raw(op::LDDW) };
    Encoded { slots: [first, RawInsn { imm: high, ..raw(0) }], pair: true }
}

fn access(code: u8, size: Size, dst: Reg, src: Reg, off: i16, imm: i32) -> RawInsn {
    RawInsn { code: code | op::size_bits(size), dst: reg(dst), src: reg(src), off, imm }
}

fn atomic(size: Size, dst: Reg, src: Reg, off: i16, imm: i32) -> RawInsn {
    access(op::CLASS_STX | op::MODE_ATOMIC, size, dst, src, off, imm)
}

fn legacy_load(size: Size, mode: LegacyMode, imm: i32) -> RawInsn {
    let (mode, src) = match mode {
        LegacyMode::Abs => (op::MODE_ABS, Reg::R0),
        LegacyMode::Ind(src) => (op::MODE_IND, src),
    };
    access(op::CLASS_LD | mode, size, Reg::R0, src, 0, imm)
}

fn jump(off: i32, long: bool) -> RawInsn {
    match i16::try_from(off) {
        Ok(off) if !long => RawInsn { off, ..raw(op::CLASS_JMP | op::JMP_JA) },
        _ => RawInsn { imm: off, ..raw(op::CLASS_JMP32 | op::JMP_JA) },
    }
}

fn call(call: Call) -> RawInsn {
    let (src, imm, off) = match call {
        Call::Helper(id) => (0, id, 0),
        Call::Local(off) => (1, off, 0),
        Call::Kfunc { id, module } => (2, id, module),
    };
    RawInsn { src, imm, off, ..raw(op::CLASS_JMP | op::JMP_CALL) }
}
