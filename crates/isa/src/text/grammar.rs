//! One statement into one instruction.
//!
//! A statement's first token decides its kind; an assignment is decided by what follows its `=`.

use alloc::format;

use super::cursor::{Cursor, I32};
use super::lex::Kind;
use super::{AsmError, control, memory};
use crate::op::ALU;
use crate::{AluOp, Cast, Endian, Imm64, Insn, Operand, Reg, Size, Width};

/// A parsed statement.
pub(super) struct Statement<'s> {
    /// With offset 0 where a label is to be filled in.
    pub(super) insn: Insn,
    /// The label that the instruction refers to.
    pub(super) label: Option<Label<'s>>,
}

/// A use of a label.
#[derive(Clone, Copy)]
pub(super) struct Label<'s> {
    pub(super) name: &'s str,
    pub(super) column: u32,
}

const STATEMENT: &str =
    "an instruction (a register, `*(`, if, goto, gotol, may_goto, call, callx, lock, store_release, exit)";

/// The only statement of the line.
pub(super) fn statement<'s>(cur: &mut Cursor<'s, '_>) -> Result<Statement<'s>, AsmError> {
    if let Some((width, dst)) = cur.peek_reg() {
        cur.skip();
        return assignment(cur, width, dst);
    }
    if cur.accept("*") {
        return memory::store(cur).map(plain);
    }
    let Some(Kind::Word(word)) = cur.peek() else { return Err(cur.expected(STATEMENT)) };
    let unknown = cur.expected(STATEMENT);
    cur.skip();
    match word {
        "exit" => Ok(plain(Insn::Exit)),
        "goto" => control::jump(cur, false),
        "gotol" => control::jump(cur, true),
        "may_goto" => control::may_goto(cur),
        "if" => control::jump_if(cur),
        "call" => control::call(cur),
        "callx" => cur.reg(Width::W64).map(|reg| plain(Insn::CallReg(reg))),
        "lock" => memory::lock(cur).map(plain),
        "store_release" => memory::store_release(cur).map(plain),
        _ => Err(unknown),
    }
}

pub(super) fn plain<'s>(insn: Insn) -> Statement<'s> {
    Statement { insn, label: None }
}

/// What follows the register that a statement begins with.
fn assignment<'s>(cur: &mut Cursor<'s, '_>, width: Width, dst: Reg) -> Result<Statement<'s>, AsmError> {
    let row = match cur.peek() {
        Some(Kind::Op(op)) => ALU.iter().find(|row| row.symbol == op),
        _ => None,
    };
    let row = row.ok_or_else(|| cur.expected("`=` or an operator like `+=` or `s/=`"))?;
    cur.skip();
    if row.op == AluOp::Mov {
        return value(cur, width, dst);
    }
    let src = operand(cur, width, width == Width::W32)?;
    Ok(plain(Insn::Alu { width, op: row.op, dst, src }))
}

/// The right operand. `pattern`: see [`Cursor::imm`].
pub(super) fn operand(cur: &mut Cursor<'_, '_>, width: Width, pattern: bool) -> Result<Operand, AsmError> {
    if cur.is_number() {
        return cur.imm(pattern).map(Operand::Imm);
    }
    if cur.peek_reg().is_none() {
        return Err(cur.expected("a register or a number"));
    }
    cur.reg(width).map(Operand::Reg)
}

/// What may stand to the right of `=`.
fn value<'s>(cur: &mut Cursor<'s, '_>, width: Width, dst: Reg) -> Result<Statement<'s>, AsmError> {
    if cur.peek_reg().is_some() {
        let src = cur.reg(width)?;
        return Ok(plain(Insn::Alu { width, op: AluOp::Mov, dst, src: Operand::Reg(src) }));
    }
    if cur.looks_like(&["-", ""]) {
        cur.skip();
        same_reg(cur, width, dst)?;
        return Ok(plain(Insn::Neg { width, dst }));
    }
    if cur.is_number() {
        return constant(cur, width, dst).map(plain);
    }
    if cur.accept("*") {
        return memory::load(cur, width, dst).map(plain);
    }
    if cur.accept("(") {
        return mov_sx(cur, width, dst).map(plain);
    }
    let Some(Kind::Word(word)) = cur.peek() else { return Err(cur.expected("a value")) };
    let column = cur.column();
    let unknown = cur.expected(
        "a value (a register, number, `*(`, `(s8)`, be16, bswap32, addr_space_cast, load_acquire, atomic_fetch_add, map_fd, func, …)",
    );
    cur.skip();
    if let Some((kind, size)) = byte_order(word) {
        need_wide(cur, width, column)?;
        same_reg(cur, Width::W64, dst)?;
        return Ok(plain(Insn::Endian { kind, size, dst }));
    }
    match word {
        "addr_space_cast" => {
            need_wide(cur, width, column).and_then(|()| addr_space_cast(cur, dst)).map(plain)
        }
        "load_acquire" => memory::load_acquire(cur, width, dst).map(plain),
        "map_fd" | "map_fd_value" | "btf_id" | "func" | "map_idx" | "map_idx_value" => {
            need_wide(cur, width, column)?;
            pseudo(cur, dst, word)
        }
        _ => match memory::fetch_function(word) {
            Some(function) => memory::fetch(cur, width, dst, function).map(plain),
            None => Err(unknown),
        },
    }
}

/// Only 64-bit registers can take the value at `column`.
fn need_wide(cur: &Cursor<'_, '_>, width: Width, column: u32) -> Result<(), AsmError> {
    match width {
        Width::W64 => Ok(()),
        Width::W32 => {
            Err(cur.expected_at(column, "a value for a 32-bit register", "one for a 64-bit register"))
        }
    }
}

/// The register on the left once more: the encoding has room for one.
pub(super) fn same_reg(cur: &mut Cursor<'_, '_>, width: Width, dst: Reg) -> Result<(), AsmError> {
    if cur.peek_reg() != Some((width, dst)) {
        let letter = if width == Width::W64 { 'r' } else { 'w' };
        return Err(cur.expected(&format!("{letter}{}, the register on the left", dst.number())));
    }
    cur.skip();
    Ok(())
}

fn constant(cur: &mut Cursor<'_, '_>, width: Width, dst: Reg) -> Result<Insn, AsmError> {
    let mut ahead = *cur;
    let column = cur.column();
    let number = ahead.integer("a number")?;
    if !ahead.accept_word("ll") {
        let src = Operand::Imm(cur.imm(width == Width::W32)?);
        return Ok(Insn::Alu { width, op: AluOp::Mov, dst, src });
    }
    *cur = ahead;
    need_wide(cur, width, column)?;
    let bits = u64::try_from(number.value).or_else(|_| i64::try_from(number.value).map(i64::cast_unsigned));
    match bits {
        Ok(value) => Ok(Insn::LoadImm64 { dst, value: Imm64::Value(value) }),
        Err(_) => Err(cur.expected_at(column, "a number of 64 bits", &format!("{}", number.value))),
    }
}

/// After `=` and `(`.
fn mov_sx(cur: &mut Cursor<'_, '_>, width: Width, dst: Reg) -> Result<Insn, AsmError> {
    let from = match (cur.peek(), width) {
        (Some(Kind::Word("s8")), _) => Size::B,
        (Some(Kind::Word("s16")), _) => Size::H,
        (Some(Kind::Word("s32")), Width::W64) => Size::W,
        (_, Width::W64) => return Err(cur.expected("s8, s16 or s32")),
        (_, Width::W32) => return Err(cur.expected("s8 or s16")),
    };
    cur.skip();
    cur.need(")")?;
    Ok(Insn::MovSx { width, from, dst, src: cur.reg(width)? })
}

fn byte_order(word: &str) -> Option<(Endian, Size)> {
    let (kind, bits) = [("le", Endian::Le), ("be", Endian::Be), ("bswap", Endian::Swap)]
        .into_iter()
        .find_map(|(name, kind)| Some((kind, word.strip_prefix(name)?)))?;
    let size = match bits {
        "16" => Size::H,
        "32" => Size::W,
        "64" => Size::Dw,
        _ => return None,
    };
    Some((kind, size))
}

fn addr_space_cast(cur: &mut Cursor<'_, '_>, dst: Reg) -> Result<Insn, AsmError> {
    cur.need("(")?;
    let src = cur.reg(Width::W64)?;
    cur.need(",")?;
    let column = cur.column();
    let to: u32 = cur.number(0..=0xffff, "an address space")?;
    cur.need(",")?;
    let from: u32 = cur.number(0..=0xffff, "an address space")?;
    cur.need(")")?;
    let cast = match (to, from) {
        (0, 1) => Cast::ArenaToKernel,
        (1, 0) => Cast::KernelToArena,
        _ => return Err(cur.expected_at(column, "address spaces 0, 1 or 1, 0", &format!("{to}, {from}"))),
    };
    Ok(Insn::AddrSpaceCast { cast, dst, src })
}

/// After the name of a two-slot load that is no plain constant.
fn pseudo<'s>(cur: &mut Cursor<'s, '_>, dst: Reg, name: &str) -> Result<Statement<'s>, AsmError> {
    const U32: core::ops::RangeInclusive<i128> = 0..=u32::MAX as i128;
    cur.need("[")?;
    let mut label = None;
    let mut value = match name {
        "func" => {
            let (off, name) = control::target(cur)?;
            label = name;
            Imm64::Func(off)
        }
        "map_fd" => Imm64::MapFd(cur.number(I32, "a file descriptor")?),
        "map_fd_value" => Imm64::MapFdValue { fd: cur.number(I32, "a file descriptor")?, offset: 0 },
        "map_idx" => Imm64::MapIndex(cur.number(U32, "an index")?),
        "map_idx_value" => Imm64::MapIndexValue { index: cur.number(U32, "an index")?, offset: 0 },
        _ => {
            let id = cur.number(I32, "a BTF type id")?;
            let module_fd = if cur.accept(",") { cur.number(I32, "a file descriptor")? } else { 0 };
            Imm64::BtfId { id, module_fd }
        }
    };
    cur.need("]")?;
    if let Imm64::MapFdValue { offset, .. } | Imm64::MapIndexValue { offset, .. } = &mut value
        && cur.accept("+")
    {
        *offset = cur.number(U32, "an offset")?;
    }
    Ok(Statement { insn: Insn::LoadImm64 { dst, value }, label })
}
