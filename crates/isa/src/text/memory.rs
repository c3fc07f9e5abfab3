//! Statements that touch memory: loads, stores, atomics.

use alloc::format;

use super::AsmError;
use super::cursor::Cursor;
use super::grammar::same_reg;
use super::lex::Kind;
use crate::op::ATOMICS;
use crate::{AtomicOp, Insn, LegacyMode, Operand, Reg, Size, Width};

/// After `=` and `*`.
pub(super) fn load(cur: &mut Cursor<'_, '_>, width: Width, dst: Reg) -> Result<Insn, AsmError> {
    let column = cur.column();
    let (size, signed) = cur.access_type()?;
    if width == Width::W32 && (signed || size == Size::Dw) {
        return Err(cur.expected_at(
            column,
            "u8, u16 or u32 for a 32-bit register",
            "a wider or signed type",
        ));
    }
    if cur.accept_word("skb") {
        if signed || size == Size::Dw || dst != Reg::R0 {
            let what = "`r0 = *(u8 *)skb[…]`, u16 or u32";
            return Err(cur.expected_at(column, what, "another register or type"));
        }
        return legacy_load(cur, size);
    }
    let (src, off) = cur.address()?;
    Ok(Insn::Load { size, signed, dst, src, off })
}

fn legacy_load(cur: &mut Cursor<'_, '_>, size: Size) -> Result<Insn, AsmError> {
    cur.need("[")?;
    let (mode, imm) = if cur.peek_reg().is_some() {
        let mode = LegacyMode::Ind(cur.reg(Width::W64)?);
        (mode, if cur.is_number() { cur.imm(false)? } else { 0 })
    } else {
        (LegacyMode::Abs, cur.imm(false)?)
    };
    cur.need("]")?;
    Ok(Insn::LegacyLoad { size, mode, imm })
}

/// After `*`.
pub(super) fn store(cur: &mut Cursor<'_, '_>) -> Result<Insn, AsmError> {
    let size = cur.unsigned_type()?;
    let (dst, off) = cur.address()?;
    cur.need("=")?;
    let src = if cur.is_number() {
        Operand::Imm(cur.imm(size != Size::Dw)?)
    } else {
        Operand::Reg(cur.value_reg(size)?)
    };
    Ok(Insn::Store { size, dst, off, src })
}

pub(super) fn load_acquire(cur: &mut Cursor<'_, '_>, width: Width, dst: Reg) -> Result<Insn, AsmError> {
    cur.need("(")?;
    let column = cur.column();
    let size = cur.unsigned_type()?;
    if width == Width::W32 && size == Size::Dw {
        return Err(cur.expected_at(column, "u8, u16 or u32 for a 32-bit register", "u64"));
    }
    let (src, off) = cur.address()?;
    cur.need(")")?;
    Ok(Insn::LoadAcquire { size, dst, src, off })
}

/// After `lock`.
pub(super) fn lock(cur: &mut Cursor<'_, '_>) -> Result<Insn, AsmError> {
    cur.need("*")?;
    let size = atomic_type(cur)?;
    let (dst, off) = cur.address()?;
    let row = match cur.peek() {
        Some(Kind::Op(op)) => ATOMICS.iter().find(|row| row.symbol == op),
        _ => None,
    };
    let row = row.ok_or_else(|| cur.expected("`+=`, `|=`, `&=` or `^=`"))?;
    cur.skip();
    Ok(Insn::Atomic { op: row.op, size, dst, off, src: cur.value_reg(size)? })
}

pub(super) fn store_release(cur: &mut Cursor<'_, '_>) -> Result<Insn, AsmError> {
    cur.need("(")?;
    let size = cur.unsigned_type()?;
    let (dst, off) = cur.address()?;
    cur.need(",")?;
    let src = cur.value_reg(size)?;
    cur.need(")")?;
    Ok(Insn::StoreRelease { size, dst, off, src })
}

/// A name of an atomic function: what it does, and the size if the name tells (`xchg32_32`).
#[derive(Clone, Copy)]
pub(super) struct FetchFunction {
    op: AtomicOp,
    /// clang's exchange functions have the size in their names and a bare address in their parentheses.
    bare: Option<Size>,
    /// The kernel's `atomic64_…`: the type within must agree.
    wide: bool,
}

pub(super) fn fetch_function(word: &str) -> Option<FetchFunction> {
    let clang = [("_64", Size::Dw), ("32_32", Size::W)]
        .into_iter()
        .find_map(|(ending, size)| Some((word.strip_suffix(ending)?, size)));
    if let Some((name, size)) = clang {
        let row = ATOMICS.iter().find(|row| row.function == name && name.ends_with("xchg"))?;
        return Some(FetchFunction { op: row.op, bare: Some(size), wide: false });
    }
    let (name, wide) = match word.strip_prefix("atomic64_") {
        Some(name) => (name, true),
        None => (word.strip_prefix("atomic_")?, false),
    };
    let row = ATOMICS.iter().find(|row| row.function == name && !name.is_empty())?;
    Some(FetchFunction { op: row.op, bare: None, wide })
}

pub(super) fn fetch(
    cur: &mut Cursor<'_, '_>,
    width: Width,
    result: Reg,
    function: FetchFunction,
) -> Result<Insn, AsmError> {
    cur.need("(")?;
    let column = cur.column();
    let (size, (dst, off)) = match function.bare {
        Some(size) => (size, cur.bare_address()?),
        None => (atomic_type(cur)?, cur.address()?),
    };
    if function.wide && size != Size::Dw {
        return Err(cur.expected_at(column, "u64 in an atomic64 function", "u32"));
    }
    if width == Width::W32 && size == Size::Dw {
        return Err(cur.expected_at(column, "a 32-bit access for a 32-bit register", "a 64-bit one"));
    }
    cur.need(",")?;
    let cmpxchg = function.op == AtomicOp::Cmpxchg;
    if cmpxchg {
        if result != Reg::R0 {
            return Err(cur.expected_at(column, "the result of cmpxchg in r0", &format!("{result}")));
        }
        same_reg(cur, width, Reg::R0)?;
        cur.need(",")?;
    }
    let column = cur.column();
    let src = cur.value_reg(size)?;
    if !cmpxchg && src != result {
        let what = format!("{result}, the register on the left");
        return Err(cur.expected_at(column, &what, &format!("{src}")));
    }
    cur.need(")")?;
    Ok(Insn::Atomic { op: function.op, size, dst, off, src })
}

/// `(u32 *)` or `(u64 *)`.
fn atomic_type(cur: &mut Cursor<'_, '_>) -> Result<Size, AsmError> {
    let column = cur.column();
    match cur.unsigned_type()? {
        size @ (Size::W | Size::Dw) => Ok(size),
        _ => Err(cur.expected_at(column, "u32 or u64 in an atomic operation", "a narrower type")),
    }
}
