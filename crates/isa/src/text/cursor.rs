//! Reading the tokens of one line, one after another, with errors that say what would have fitted.

use alloc::format;
use alloc::string::String;
use core::ops::RangeInclusive;

use super::AsmError;
use super::lex::{Kind, Token};
use crate::{Reg, Size, Width};

/// The range of signed 32-bit fields.
pub(super) const I32: RangeInclusive<i128> = i32::MIN as i128..=i32::MAX as i128;

/// A place in a line's tokens.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'s, 't> {
    tokens: &'t [Token<'s>],
    /// Index of the next token.
    pos: usize,
    line: u32,
    /// Column after the last character of the line.
    end: u32,
}

/// A number with its sign.
#[derive(Clone, Copy)]
pub(super) struct Integer {
    /// Holds every signed and unsigned 64-bit number.
    pub(super) value: i128,
    /// Whether it was written in hexadecimal without a minus sign, the way a bit pattern is written.
    pub(super) pattern: bool,
}

impl<'s, 't> Cursor<'s, 't> {
    pub(super) fn new(tokens: &'t [Token<'s>], line: u32, end: u32) -> Self {
        Self { tokens, pos: 0, line, end }
    }

    fn ahead(&self, by: usize) -> Option<Kind<'s>> {
        self.tokens.get(self.pos + by).map(|token| token.kind)
    }

    pub(super) fn peek(&self) -> Option<Kind<'s>> {
        self.ahead(0)
    }

    pub(super) fn skip(&mut self) {
        self.pos += 1;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pos >= self.tokens.len()
    }

    /// The column of the next token.
    pub(super) fn column(&self) -> u32 {
        self.tokens.get(self.pos).map_or(self.end, |token| token.column)
    }

    /// An error at the next token.
    pub(super) fn expected(&self, what: &str) -> AsmError {
        let found = match self.tokens.get(self.pos) {
            Some(token) => format!("`{}`", super::shorten(token.text)),
            None => String::from("the end of the line"),
        };
        AsmError::new(self.line, self.column(), what, &found)
    }

    /// An error at a token already read.
    pub(super) fn expected_at(&self, column: u32, what: &str, found: &str) -> AsmError {
        AsmError::new(self.line, column, what, found)
    }

    pub(super) fn accept(&mut self, op: &str) -> bool {
        let there = matches!(self.peek(), Some(Kind::Op(found)) if found == op);
        self.pos += usize::from(there);
        there
    }

    pub(super) fn need(&mut self, op: &str) -> Result<(), AsmError> {
        if self.accept(op) { Ok(()) } else { Err(self.expected(&format!("`{op}`"))) }
    }

    pub(super) fn accept_word(&mut self, word: &str) -> bool {
        let there = self.peek() == Some(Kind::Word(word));
        self.pos += usize::from(there);
        there
    }

    pub(super) fn need_word(&mut self, word: &str) -> Result<(), AsmError> {
        if self.accept_word(word) { Ok(()) } else { Err(self.expected(&format!("`{word}`"))) }
    }

    /// Whether the tokens ahead are these operators and, for `""`, any word.
    pub(super) fn looks_like(&self, shape: &[&str]) -> bool {
        shape.iter().enumerate().all(|(by, want)| match self.ahead(by) {
            Some(Kind::Op(op)) => op == *want,
            Some(Kind::Word(_)) => want.is_empty(),
            _ => false,
        })
    }

    /// The `12:` that begins a line of a disassembly.
    pub(super) fn accept_index(&mut self) -> bool {
        let there = matches!(self.peek(), Some(Kind::Number { .. })) && self.ahead(1) == Some(Kind::Op(":"));
        self.pos += if there { 2 } else { 0 };
        there
    }

    /// The statement must be over.
    pub(super) fn end(&self) -> Result<(), AsmError> {
        if self.is_empty() { Ok(()) } else { Err(self.expected("the end of the line")) }
    }

    pub(super) fn peek_reg(&self) -> Option<(Width, Reg)> {
        match self.peek()? {
            Kind::Word(word) => register(word),
            _ => None,
        }
    }

    /// A register of either width.
    pub(super) fn any_reg(&mut self) -> Result<(Width, Reg), AsmError> {
        let found = self.peek_reg().ok_or_else(|| self.expected("a register (r0 to r10 or w0 to w10)"))?;
        self.skip();
        Ok(found)
    }

    /// A register of the given width.
    pub(super) fn reg(&mut self, width: Width) -> Result<Reg, AsmError> {
        match self.peek_reg() {
            Some((found, reg)) if found == width => {
                self.skip();
                Ok(reg)
            }
            _ => Err(self.expected(match width {
                Width::W64 => "a 64-bit register (r0 to r10)",
                Width::W32 => "a 32-bit register (w0 to w10)",
            })),
        }
    }

    /// A register that holds a value of the given size: clang writes `w1` for up to 32 bits, the kernel always `r1`.
    pub(super) fn value_reg(&mut self, size: Size) -> Result<Reg, AsmError> {
        match self.peek_reg() {
            Some((Width::W32, reg)) if size != Size::Dw => {
                self.skip();
                Ok(reg)
            }
            _ => self.reg(Width::W64),
        }
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self.peek(), Some(Kind::Number { .. } | Kind::Op("+" | "-")))
    }

    /// Signs, then a number.
    pub(super) fn integer(&mut self, what: &str) -> Result<Integer, AsmError> {
        let mut negative = false;
        while let Some(Kind::Op(sign @ ("+" | "-"))) = self.peek() {
            negative ^= sign == "-";
            self.skip();
        }
        let Some(Kind::Number { value, hex }) = self.peek() else {
            return Err(self.expected(what));
        };
        self.skip();
        let value = i128::from(value);
        Ok(Integer { value: if negative { -value } else { value }, pattern: hex && !negative })
    }

    /// A number in a range.
    pub(super) fn number<T: TryFrom<i128>>(
        &mut self,
        range: RangeInclusive<i128>,
        what: &str,
    ) -> Result<T, AsmError> {
        let column = self.column();
        let Integer { value, .. } = self.integer(what)?;
        let fitting = range.contains(&value).then(|| T::try_from(value).ok()).flatten();
        fitting.ok_or_else(|| {
            let (least, most) = (range.start(), range.end());
            self.expected_at(column, &format!("{what} from {least} to {most}"), &format!("{value}"))
        })
    }

    /// A 32-bit immediate. Where `pattern` says so, hexadecimal numbers up to `0xffffffff` are taken as bit patterns:
    /// the kernel prints the immediate of a conditional jump so.
    pub(super) fn imm(&mut self, pattern: bool) -> Result<i32, AsmError> {
        let column = self.column();
        let number = self.integer("a number")?;
        if let Ok(value) = i32::try_from(number.value) {
            return Ok(value);
        }
        match u32::try_from(number.value) {
            Ok(value) if pattern && number.pattern => Ok(value.cast_signed()),
            _ => {
                let what = "a number from -2147483648 to 2147483647 (`rN = NUMBER ll` loads 64 bits)";
                Err(self.expected_at(column, what, &format!("{}", number.value)))
            }
        }
    }

    /// `u8 *` … within parentheses: the size, and whether it was signed.
    pub(super) fn access_type(&mut self) -> Result<(Size, bool), AsmError> {
        const WHAT: &str = "an access type (u8, u16, u32, u64, s8, s16 or s32)";
        self.need("(")?;
        let found = match self.peek() {
            Some(Kind::Word(word)) => access_type(word),
            _ => None,
        };
        let found = found.ok_or_else(|| self.expected(WHAT))?;
        self.skip();
        self.need("*")?;
        self.need(")")?;
        Ok(found)
    }

    /// `(u32 *)` where a sign has no meaning.
    pub(super) fn unsigned_type(&mut self) -> Result<Size, AsmError> {
        let column = self.column();
        match self.access_type()? {
            (size, false) => Ok(size),
            (_, true) => Err(self.expected_at(column, "an unsigned access type", "a signed one")),
        }
    }

    /// `r1 +4`, `r1 + 0x4`, `r1`.
    pub(super) fn bare_address(&mut self) -> Result<(Reg, i16), AsmError> {
        let base = self.reg(Width::W64)?;
        let off = if self.is_number() { self.number(-0x8000..=0x7fff, "an offset")? } else { 0 };
        Ok((base, off))
    }

    /// A memory operand in its parentheses.
    pub(super) fn address(&mut self) -> Result<(Reg, i16), AsmError> {
        self.need("(")?;
        let address = self.bare_address()?;
        self.need(")")?;
        Ok(address)
    }
}

fn register(word: &str) -> Option<(Width, Reg)> {
    let (width, number) = match word.split_at_checked(1)? {
        ("r", number) => (Width::W64, number),
        ("w", number) => (Width::W32, number),
        _ => return None,
    };
    let canonical = number == "0" || !number.starts_with('0');
    let number = number.parse().ok().filter(|_| canonical && number.bytes().all(|b| b.is_ascii_digit()))?;
    Some((width, Reg::new(number)?))
}

fn access_type(word: &str) -> Option<(Size, bool)> {
    Some(match word {
        "u8" => (Size::B, false),
        "u16" => (Size::H, false),
        "u32" => (Size::W, false),
        "u64" => (Size::Dw, false),
        "s8" => (Size::B, true),
        "s16" => (Size::H, true),
        "s32" => (Size::W, true),
        _ => return None,
    })
}
