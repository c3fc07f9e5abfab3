//! A whole source into slots: labels, directives, and what is left open until the last line is read.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::cursor::Cursor;
use super::grammar::{self, Label, Statement};
use super::lex::{Kind, Lexer};
use super::{AsmError, Names, control};
use crate::{Call, Imm64, Insn, RawInsn};

/// An assembled program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assembly {
    /// The encoded program.
    pub slots: Vec<RawInsn>,
    /// For each slot the line, from 1, that it was written on.
    pub lines: Vec<u32>,
    /// For each label the slot that it stands before; one past the last for a label at the end.
    pub labels: BTreeMap<String, usize>,
}

/// Assembles a program.
///
/// # Errors
/// The first line that is not in the [grammar](super), with its line and column.
pub fn assemble(source: &str) -> Result<Vec<RawInsn>, AsmError> {
    assemble_with(source, &()).map(|assembly| assembly.slots)
}

/// Assembles a program in which calls may bear names, and keeps where each slot came from.
///
/// # Errors
/// As [`assemble`]; a name that is neither a label nor known to `names` is one.
pub fn assemble_with(source: &str, names: &dyn Names) -> Result<Assembly, AsmError> {
    let mut assembler =
        Assembler { names, out: Assembly::default(), open: Vec::new(), defined: BTreeMap::new() };
    let mut lexer = Lexer::default();
    for (line, number) in source.lines().zip(1..) {
        let tokens = lexer.line(number, line)?;
        let end = u32::try_from(line.trim_end().chars().count()).unwrap_or(u32::MAX - 1) + 1;
        assembler.line(Cursor::new(&tokens, number, end), number)?;
    }
    assembler.finish()
}

/// A use of a label that waits for the program's end.
struct Open<'s> {
    /// First slot of the instruction.
    at: usize,
    insn: Insn,
    label: Label<'s>,
    line: u32,
}

struct Assembler<'s, 'n> {
    names: &'n dyn Names,
    out: Assembly,
    open: Vec<Open<'s>>,
    /// The line where each label stands.
    defined: BTreeMap<&'s str, u32>,
}

impl<'s> Assembler<'s, '_> {
    /// `[label:]… [statement | directive]`, with the `12: (b7)` of a verifier log allowed in front.
    fn line(&mut self, mut cur: Cursor<'s, '_>, line: u32) -> Result<(), AsmError> {
        skip_log_prefix(&mut cur);
        while cur.looks_like(&["", ":"]) {
            self.label(&mut cur, line)?;
        }
        match cur.peek() {
            None => Ok(()),
            Some(Kind::Word(word)) if word.starts_with('.') => self.directive(cur, line),
            Some(_) => {
                let Statement { insn, label } = grammar::statement(&mut cur)?;
                cur.end()?;
                if let Some(label) = label {
                    self.open.push(Open { at: self.out.slots.len(), insn, label, line });
                }
                for &slot in insn.encode().as_slice() {
                    self.emit(slot, line);
                }
                Ok(())
            }
        }
    }

    fn emit(&mut self, slot: RawInsn, line: u32) {
        self.out.slots.push(slot);
        self.out.lines.push(line);
    }

    fn label(&mut self, cur: &mut Cursor<'s, '_>, line: u32) -> Result<(), AsmError> {
        let Some(Kind::Word(name)) = cur.peek() else { return Ok(()) };
        if cur.peek_reg().is_some() {
            return Err(cur.expected("a label that is not a register"));
        }
        if let Some(first) = self.defined.insert(name, line) {
            return Err(cur.expected(&format!("a new label (this one stands on line {first} already)")));
        }
        self.out.labels.insert(String::from(name), self.out.slots.len());
        cur.skip();
        cur.need(":")
    }

    fn directive(&mut self, mut cur: Cursor<'s, '_>, line: u32) -> Result<(), AsmError> {
        if cur.accept_word(".raw") {
            let code = cur.number(0..=0xff, "an opcode")?;
            cur.need(",")?;
            let dst = cur.number(0..=15, "a dst field")?;
            cur.need(",")?;
            let src = cur.number(0..=15, "a src field")?;
            cur.need(",")?;
            let off = cur.number(-0x8000..=0x7fff, "an offset field")?;
            cur.need(",")?;
            let imm = cur.imm(true)?;
            self.emit(RawInsn { code, dst, src, off, imm }, line);
        } else if cur.accept_word(".byte") {
            self.bytes(&mut cur, line)?;
        } else {
            return Err(cur.expected("`.raw` or `.byte`"));
        }
        cur.end()
    }

    /// Whole slots, little-endian.
    fn bytes(&mut self, cur: &mut Cursor<'s, '_>, line: u32) -> Result<(), AsmError> {
        loop {
            let mut slot = [0; RawInsn::SIZE];
            for (at, byte) in slot.iter_mut().enumerate() {
                if at > 0 {
                    cur.need(",").map_err(|_| cur.expected("`,` and more bytes: a slot has 8"))?;
                }
                *byte = cur.number(0..=0xff, "a byte")?;
            }
            self.emit(RawInsn::from_le_bytes(slot), line);
            if !cur.accept(",") {
                return Ok(());
            }
        }
    }

    /// Fills in the labels.
    fn finish(mut self) -> Result<Assembly, AsmError> {
        for open in core::mem::take(&mut self.open) {
            let Open { at, insn, label, line } = open;
            let error = |what: &str, found: &str| AsmError::new(line, label.column, what, found);
            let target = self.out.labels.get(label.name).copied();
            let patched = match (target, insn) {
                (Some(target), _) => {
                    let distance = (target as i64) - (at as i64) - 1;
                    aim(insn, distance).ok_or_else(|| error(control::NEAR, &format!("{distance:+}")))?
                }
                (None, Insn::Call(_)) => {
                    let what = "a label of this program or the name of a known function";
                    let call = self.names.call(label.name);
                    Insn::Call(call.ok_or_else(|| error(what, &quoted(label.name)))?)
                }
                (None, _) => return Err(error("a label of this program", &quoted(label.name))),
            };
            for (slot, &new) in self.out.slots[at..].iter_mut().zip(patched.encode().as_slice()) {
                *slot = new;
            }
        }
        Ok(self.out)
    }
}

fn quoted(name: &str) -> String {
    format!("`{}`", super::shorten(name))
}

/// Lets a line of a verifier log or of `llvm-objdump` pass: `12: (b7) r0 = 1`, `12: r0 = 1`.
fn skip_log_prefix(cur: &mut Cursor<'_, '_>) {
    if !cur.accept_index() {
        return;
    }
    if cur.accept("(") {
        while !cur.is_empty() && !cur.accept(")") {
            cur.skip();
        }
    }
}

/// The instruction with its target `distance` slots after the slot that follows it; `None` when that is too far.
fn aim(insn: Insn, distance: i64) -> Option<Insn> {
    let far = i32::try_from(distance).ok()?;
    let near = i16::try_from(distance).ok();
    Some(match insn {
        Insn::Jump { long: true, .. } => Insn::Jump { off: far, long: true },
        Insn::Jump { long: false, .. } => Insn::Jump { off: near?.into(), long: false },
        Insn::JumpIf { width, cond, dst, src, .. } => Insn::JumpIf { width, cond, dst, src, off: near? },
        Insn::MayGoto { .. } => Insn::MayGoto { off: near? },
        Insn::Call(_) => Insn::Call(Call::Local(far)),
        Insn::LoadImm64 { dst, .. } => Insn::LoadImm64 { dst, value: Imm64::Func(far) },
        other => other,
    })
}
