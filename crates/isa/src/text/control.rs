//! Statements that say where control goes: jumps and calls.

use super::AsmError;
use super::cursor::{Cursor, I32};
use super::grammar::{Label, Statement, operand, plain};
use super::lex::Kind;
use crate::op::CONDITIONS;
use crate::{Call, Insn};

/// An offset, or a label whose offset is not known yet (then 0).
type Target<'s> = (i32, Option<Label<'s>>);

pub(super) fn jump<'s>(cur: &mut Cursor<'s, '_>, long: bool) -> Result<Statement<'s>, AsmError> {
    let (off, label) = if long {
        target(cur)?
    } else {
        let (off, label) = near_target(cur)?;
        (i32::from(off), label)
    };
    Ok(Statement { insn: Insn::Jump { off, long }, label })
}

pub(super) fn may_goto<'s>(cur: &mut Cursor<'s, '_>) -> Result<Statement<'s>, AsmError> {
    let (off, label) = near_target(cur)?;
    Ok(Statement { insn: Insn::MayGoto { off }, label })
}

/// After `if`.
pub(super) fn jump_if<'s>(cur: &mut Cursor<'s, '_>) -> Result<Statement<'s>, AsmError> {
    let (width, dst) = cur.any_reg()?;
    let row = match cur.peek() {
        Some(Kind::Op(op)) => CONDITIONS.iter().find(|row| row.symbol == op),
        _ => None,
    };
    let row =
        row.ok_or_else(|| cur.expected("a comparison (==, !=, >, >=, <, <=, s>, s>=, s<, s<= or &)"))?;
    cur.skip();
    let src = operand(cur, width, true)?;
    cur.need_word("goto")?;
    let (off, label) = near_target(cur)?;
    Ok(Statement { insn: Insn::JumpIf { width, cond: row.cond, dst, src, off }, label })
}

/// `+3`, `pc+3` or a label, as far as 16 bits reach.
fn near_target<'s>(cur: &mut Cursor<'s, '_>) -> Result<(i16, Option<Label<'s>>), AsmError> {
    let column = cur.column();
    let (off, label) = target(cur)?;
    match i16::try_from(off) {
        Ok(off) => Ok((off, label)),
        Err(_) => Err(cur.expected_at(column, NEAR, &alloc::format!("{off:+}"))),
    }
}

/// What a near jump can reach, for messages.
pub(super) const NEAR: &str = "a target at most 32767 slots away (`gotol` reaches further)";

/// `+3`, `pc+3` or a label, followed by a symbol in angle brackets where `llvm-objdump` has put one.
pub(super) fn target<'s>(cur: &mut Cursor<'s, '_>) -> Result<Target<'s>, AsmError> {
    const WHAT: &str = "a target (`+N`, `-N` or a label)";
    let column = cur.column();
    let found = match cur.peek() {
        Some(Kind::Op("+" | "-")) => (cur.number(I32, "an offset")?, None),
        Some(Kind::Word("pc")) => {
            cur.skip();
            match cur.peek() {
                Some(Kind::Op("+" | "-")) => (cur.number(I32, "an offset")?, None),
                _ => (0, Some(Label { name: "pc", column })),
            }
        }
        Some(Kind::Word(name)) if cur.peek_reg().is_none() => {
            cur.skip();
            (0, Some(Label { name, column }))
        }
        _ => return Err(cur.expected(WHAT)),
    };
    if cur.accept("<") {
        while !cur.is_empty() && !cur.accept(">") {
            cur.skip();
        }
    }
    Ok(found)
}

/// After `call`.
pub(super) fn call<'s>(cur: &mut Cursor<'s, '_>) -> Result<Statement<'s>, AsmError> {
    if let Some(call) = numbered_call(cur)? {
        return Ok(plain(Insn::Call(call)));
    }
    let column = cur.column();
    let Some(Kind::Word(name)) = cur.peek() else {
        return Err(cur.expected("a function (a number, `pc+N`, `kfunc[N]`, a label or a known name)"));
    };
    cur.skip();
    if cur.accept("#") {
        // `name#12`: the number counts, the name is for the reader.
        let call = numbered_call(cur)?;
        let call = call.ok_or_else(|| cur.expected("a number, `pc+N` or `kfunc[N]`"))?;
        return Ok(plain(Insn::Call(call)));
    }
    // A label or a name from outside: known only at the program's end.
    Ok(Statement { insn: Insn::Call(Call::Local(0)), label: Some(Label { name, column }) })
}

/// `12`, `pc+5`, `kfunc[7]`, `kfunc[7, 1]`.
fn numbered_call(cur: &mut Cursor<'_, '_>) -> Result<Option<Call>, AsmError> {
    if cur.is_number() {
        return cur.imm(false).map(|id| Some(Call::Helper(id)));
    }
    if cur.looks_like(&["", "+"]) || cur.looks_like(&["", "-"]) {
        cur.need_word("pc")?;
        return cur.number(I32, "an offset").map(|off| Some(Call::Local(off)));
    }
    if cur.looks_like(&["", "["]) {
        cur.need_word("kfunc")?;
        cur.need("[")?;
        let id = cur.number(I32, "a BTF type id")?;
        let module = if cur.accept(",") { cur.number(-0x8000..=0x7fff, "a module index")? } else { 0 };
        cur.need("]")?;
        return Ok(Some(Call::Kfunc { id, module }));
    }
    Ok(None)
}
