//! From slots to an instruction.
//!
//! RFC 9669 reserves every field that an instruction does not use: it must be zero. Linux refuses most such programs
//! (not all: it overlooks the offset of `exit`); here none passes, since what one runtime ignores
//! another may give a meaning. A checker wraps the slot, so that each instruction's rules read as a list of fields.

use crate::error::{DecodeError, DecodeProblem, Field};
use crate::op::{self, ALU, ATOMICS, CONDITIONS};
use crate::{AluOp, Call, Cast, Endian, Imm64, Insn, LegacyMode, Operand, RawInsn, Reg, Size, Width};

/// Decodes the instruction whose first slot is `slots[at]`.
///
/// The whole program is given because a 64-bit constant load takes two slots; [`Insn::slots`] says where the next
/// instruction begins. Jump targets are not looked at.
///
/// # Errors
/// An unknown opcode, a field out of its range, a reserved field in use, half a pair, or `at` beyond the end.
pub fn decode(slots: &[RawInsn], at: usize) -> Result<Insn, DecodeError> {
    let Some(&raw) = slots.get(at) else {
        return Err(DecodeError { at, problem: DecodeProblem::OutOfProgram { len: slots.len() } });
    };
    let slot = Slot { raw, at };
    match raw.code & op::CLASS_MASK {
        op::CLASS_LD if raw.code == op::LDDW => lddw(slot, slots.get(at + 1).copied()),
        op::CLASS_LD => legacy_load(slot),
        op::CLASS_LDX => load(slot),
        op::CLASS_ST => store_imm(slot),
        op::CLASS_STX => store_reg(slot),
        op::CLASS_ALU => alu(slot, Width::W32),
        op::CLASS_ALU64 => alu(slot, Width::W64),
        op::CLASS_JMP => jump(slot),
        _ => jump32(slot),
    }
}

/// One slot and its place, with the checks that name what they refuse.
#[derive(Clone, Copy)]
struct Slot {
    raw: RawInsn,
    at: usize,
}

impl Slot {
    fn unknown(self) -> DecodeError {
        DecodeError { at: self.at, problem: DecodeProblem::UnknownOpcode { code: self.raw.code } }
    }

    fn value(self, field: Field) -> i32 {
        match field {
            Field::Dst => i32::from(self.raw.dst),
            Field::Src => i32::from(self.raw.src),
            Field::Off => i32::from(self.raw.off),
            Field::Imm => self.raw.imm,
            Field::Opcode => i32::from(self.raw.code),
        }
    }

    fn refuse(self, field: Field, insn: &'static str, expected: &'static str) -> DecodeError {
        let found = self.value(field);
        DecodeError { at: self.at, problem: DecodeProblem::Field { field, insn, expected, found } }
    }

    /// All of `fields` are reserved.
    fn zero(self, insn: &'static str, fields: &[Field]) -> Result<(), DecodeError> {
        match fields.iter().find(|&&field| self.value(field) != 0) {
            Some(&field) => Err(self.refuse(field, insn, "0")),
            None => Ok(()),
        }
    }

    fn dst(self, insn: &'static str) -> Result<Reg, DecodeError> {
        Reg::new(self.raw.dst).ok_or_else(|| self.refuse(Field::Dst, insn, "at most 10"))
    }

    fn src(self, insn: &'static str) -> Result<Reg, DecodeError> {
        Reg::new(self.raw.src).ok_or_else(|| self.refuse(Field::Src, insn, "at most 10"))
    }

    /// The right operand of an arithmetic or comparing instruction; the field of the other kind is reserved.
    fn operand(self, insn: &'static str) -> Result<Operand, DecodeError> {
        if self.raw.code & op::SRC_REG != 0 {
            self.zero(insn, &[Field::Imm])?;
            self.src(insn).map(Operand::Reg)
        } else {
            self.zero(insn, &[Field::Src])?;
            Ok(Operand::Imm(self.raw.imm))
        }
    }

    fn size(self) -> Size {
        op::size_from_bits(self.raw.code)
    }

    fn mode(self) -> u8 {
        self.raw.code & op::MODE_MASK
    }
}

fn lddw(slot: Slot, second: Option<RawInsn>) -> Result<Insn, DecodeError> {
    const NAME: &str = "lddw";
    let Some(second) = second else {
        return Err(DecodeError { at: slot.at, problem: DecodeProblem::IncompletePair });
    };
    let dst = slot.dst(NAME)?;
    slot.zero(NAME, &[Field::Off])?;
    let high = Slot { raw: second, at: slot.at + 1 };
    high.zero("second slot of lddw", &[Field::Opcode, Field::Dst, Field::Src, Field::Off])?;
    let only_low = |insn| high.zero(insn, &[Field::Imm]);
    let (low, top) = (slot.raw.imm, second.imm);
    let value = match slot.raw.src {
        0 => Imm64::Value(u64::from(low.cast_unsigned()) | u64::from(top.cast_unsigned()) << 32),
        1 => only_low("second slot of lddw map_fd").map(|()| Imm64::MapFd(low))?,
        2 => Imm64::MapFdValue { fd: low, offset: top.cast_unsigned() },
        3 => Imm64::BtfId { id: low, module_fd: top },
        4 => only_low("second slot of lddw func").map(|()| Imm64::Func(low))?,
        5 => only_low("second slot of lddw map_idx").map(|()| Imm64::MapIndex(low.cast_unsigned()))?,
        6 => Imm64::MapIndexValue { index: low.cast_unsigned(), offset: top.cast_unsigned() },
        _ => return Err(slot.refuse(Field::Src, NAME, "a pseudo source from 0 to 6")),
    };
    Ok(Insn::LoadImm64 { dst, value })
}

fn legacy_load(slot: Slot) -> Result<Insn, DecodeError> {
    const NAME: &str = "packet load";
    let size = slot.size();
    let mode = match slot.mode() {
        op::MODE_ABS if size != Size::Dw => {
            slot.zero(NAME, &[Field::Src])?;
            LegacyMode::Abs
        }
        op::MODE_IND if size != Size::Dw => LegacyMode::Ind(slot.src(NAME)?),
        _ => return Err(slot.unknown()),
    };
    slot.zero(NAME, &[Field::Dst, Field::Off])?;
    Ok(Insn::LegacyLoad { size, mode, imm: slot.raw.imm })
}

fn load(slot: Slot) -> Result<Insn, DecodeError> {
    const NAME: &str = "load";
    let size = slot.size();
    let signed = match slot.mode() {
        op::MODE_MEM => false,
        op::MODE_MEMSX if size != Size::Dw => true,
        _ => return Err(slot.unknown()),
    };
    slot.zero(NAME, &[Field::Imm])?;
    Ok(Insn::Load { size, signed, dst: slot.dst(NAME)?, src: slot.src(NAME)?, off: slot.raw.off })
}

fn store_imm(slot: Slot) -> Result<Insn, DecodeError> {
    const NAME: &str = "store";
    if slot.mode() != op::MODE_MEM {
        return Err(slot.unknown());
    }
    slot.zero(NAME, &[Field::Src])?;
    let src = Operand::Imm(slot.raw.imm);
    Ok(Insn::Store { size: slot.size(), dst: slot.dst(NAME)?, off: slot.raw.off, src })
}

fn store_reg(slot: Slot) -> Result<Insn, DecodeError> {
    const NAME: &str = "store";
    match slot.mode() {
        op::MODE_MEM => {
            slot.zero(NAME, &[Field::Imm])?;
            let src = Operand::Reg(slot.src(NAME)?);
            Ok(Insn::Store { size: slot.size(), dst: slot.dst(NAME)?, off: slot.raw.off, src })
        }
        op::MODE_ATOMIC => atomic(slot),
        _ => Err(slot.unknown()),
    }
}

fn atomic(slot: Slot) -> Result<Insn, DecodeError> {
    const NAME: &str = "atomic";
    let (dst, src) = (slot.dst(NAME)?, slot.src(NAME)?);
    let (size, off) = (slot.size(), slot.raw.off);
    match slot.raw.imm {
        // The ordered plain accesses are the only ones that narrow sizes allow. Their roles differ: a load keeps the
        // address in the source field, as ordinary loads do.
        op::IMM_LOAD_ACQUIRE => Ok(Insn::LoadAcquire { size, dst, src, off }),
        op::IMM_STORE_RELEASE => Ok(Insn::StoreRelease { size, dst, src, off }),
        imm => {
            let row = ATOMICS.iter().find(|row| row.imm == imm);
            match (row, size) {
                (Some(row), Size::W | Size::Dw) => Ok(Insn::Atomic { op: row.op, size, dst, off, src }),
                (None, Size::W | Size::Dw) => Err(slot.refuse(Field::Imm, NAME, "an atomic operation")),
                _ => Err(slot.refuse(
                    Field::Imm,
                    "8- or 16-bit atomic",
                    "0x100 (load_acquire) or 0x110 (store_release)",
                )),
            }
        }
    }
}

fn alu(slot: Slot, width: Width) -> Result<Insn, DecodeError> {
    match slot.raw.code & op::OP_MASK {
        op::ALU_NEG => {
            if slot.raw.code & op::SRC_REG != 0 {
                return Err(slot.unknown());
            }
            slot.zero("neg", &[Field::Src, Field::Off, Field::Imm])?;
            Ok(Insn::Neg { width, dst: slot.dst("neg")? })
        }
        op::ALU_END => endian(slot, width),
        op::ALU_MOV if slot.raw.code & op::SRC_REG != 0 => mov_reg(slot, width),
        bits => {
            // Rows that share their bits differ by the offset; the first names the instruction when none fits.
            let mut rows = ALU.iter().filter(|row| row.bits == bits).peekable();
            let first = *rows.peek().ok_or_else(|| slot.unknown())?;
            let signed_too = matches!(bits, op::ALU_DIV | op::ALU_MOD);
            let row = rows.find(|row| row.off == slot.raw.off).ok_or_else(|| {
                slot.refuse(Field::Off, first.name, if signed_too { "0 or 1" } else { "0" })
            })?;
            let (dst, src) = (slot.dst(row.name)?, slot.operand(row.name)?);
            Ok(Insn::Alu { width, op: row.op, dst, src })
        }
    }
}

fn endian(slot: Slot, width: Width) -> Result<Insn, DecodeError> {
    let from_register = slot.raw.code & op::SRC_REG != 0;
    let (kind, name) = match (width, from_register) {
        (Width::W32, false) => (Endian::Le, "le"),
        (Width::W32, true) => (Endian::Be, "be"),
        (Width::W64, false) => (Endian::Swap, "bswap"),
        (Width::W64, true) => return Err(slot.unknown()),
    };
    let size = match slot.raw.imm {
        16 => Size::H,
        32 => Size::W,
        64 => Size::Dw,
        _ => return Err(slot.refuse(Field::Imm, name, "16, 32 or 64")),
    };
    slot.zero(name, &[Field::Src, Field::Off])?;
    Ok(Insn::Endian { kind, size, dst: slot.dst(name)? })
}

/// A register move is three instructions, told apart by the offset.
fn mov_reg(slot: Slot, width: Width) -> Result<Insn, DecodeError> {
    let from = match (slot.raw.off, width) {
        (0, _) => {
            let (dst, src) = (slot.dst("mov")?, slot.operand("mov")?);
            return Ok(Insn::Alu { width, op: AluOp::Mov, dst, src });
        }
        (op::OFF_ADDR_SPACE_CAST, Width::W64) => {
            const NAME: &str = "addr_space_cast";
            let cast = match slot.raw.imm {
                op::IMM_CAST_TO_KERNEL => Cast::ArenaToKernel,
                op::IMM_CAST_TO_ARENA => Cast::KernelToArena,
                _ => return Err(slot.refuse(Field::Imm, NAME, "1 or 0x10000")),
            };
            return Ok(Insn::AddrSpaceCast { cast, dst: slot.dst(NAME)?, src: slot.src(NAME)? });
        }
        (8, _) => Size::B,
        (16, _) => Size::H,
        (32, Width::W64) => Size::W,
        (_, Width::W64) => return Err(slot.refuse(Field::Off, "mov", "0, 1, 8, 16 or 32")),
        (_, Width::W32) => return Err(slot.refuse(Field::Off, "mov32", "0, 8 or 16")),
    };
    const NAME: &str = "movsx";
    slot.zero(NAME, &[Field::Imm])?;
    Ok(Insn::MovSx { width, from, dst: slot.dst(NAME)?, src: slot.src(NAME)? })
}

fn jump(slot: Slot) -> Result<Insn, DecodeError> {
    let from_register = slot.raw.code & op::SRC_REG != 0;
    match (slot.raw.code & op::OP_MASK, from_register) {
        (op::JMP_JA, false) => {
            slot.zero("goto", &[Field::Dst, Field::Src, Field::Imm])?;
            Ok(Insn::Jump { off: i32::from(slot.raw.off), long: false })
        }
        (op::JMP_CALL, false) => call(slot),
        (op::JMP_CALL, true) => {
            slot.zero("callx", &[Field::Src, Field::Off, Field::Imm])?;
            Ok(Insn::CallReg(slot.dst("callx")?))
        }
        (op::JMP_EXIT, false) => {
            slot.zero("exit", &[Field::Dst, Field::Src, Field::Off, Field::Imm])?;
            Ok(Insn::Exit)
        }
        (op::JMP_JCOND, false) => {
            slot.zero("may_goto", &[Field::Dst, Field::Src, Field::Imm])?;
            Ok(Insn::MayGoto { off: slot.raw.off })
        }
        _ => jump_if(slot, Width::W64),
    }
}

fn jump32(slot: Slot) -> Result<Insn, DecodeError> {
    if slot.raw.code == op::CLASS_JMP32 | op::JMP_JA {
        slot.zero("gotol", &[Field::Dst, Field::Src, Field::Off])?;
        return Ok(Insn::Jump { off: slot.raw.imm, long: true });
    }
    jump_if(slot, Width::W32)
}

fn jump_if(slot: Slot, width: Width) -> Result<Insn, DecodeError> {
    const NAME: &str = "if";
    let bits = slot.raw.code & op::OP_MASK;
    let row = CONDITIONS.iter().find(|row| row.bits == bits).ok_or_else(|| slot.unknown())?;
    let (dst, src) = (slot.dst(NAME)?, slot.operand(NAME)?);
    Ok(Insn::JumpIf { width, cond: row.cond, dst, src, off: slot.raw.off })
}

fn call(slot: Slot) -> Result<Insn, DecodeError> {
    const NAME: &str = "call";
    slot.zero(NAME, &[Field::Dst])?;
    let (id, module) = (slot.raw.imm, slot.raw.off);
    let call = match slot.raw.src {
        0 => slot.zero(NAME, &[Field::Off]).map(|()| Call::Helper(id))?,
        1 => slot.zero(NAME, &[Field::Off]).map(|()| Call::Local(id))?,
        2 => Call::Kfunc { id, module },
        _ => return Err(slot.refuse(Field::Src, NAME, "0 (helper), 1 (local) or 2 (kfunc)")),
    };
    Ok(Insn::Call(call))
}
