//! Lines into tokens: words, numbers, operators. Comments vanish here, also those that span lines.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::AsmError;

/// One token and the column where it begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'s> {
    pub(super) kind: Kind<'s>,
    /// As written, for messages.
    pub(super) text: &'s str,
    /// 1-based, in characters.
    pub(super) column: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind<'s> {
    /// A name, register, keyword or directive.
    Word(&'s str),
    /// An unsigned number; signs are operators.
    Number {
        value: u64,
        /// Whether it was written in hexadecimal.
        hex: bool,
    },
    /// One of [`OPERATORS`].
    Op(&'static str),
}

/// Longest first among those that share a beginning: the first that fits is taken.
const OPERATORS: [&str; 35] = [
    "s>>=", "s>=", "s<=", "s/=", "s%=", "s>", "s<", "<<=", ">>=", "+=", "-=", "*=", "/=", "%=", "|=", "&=",
    "^=", "==", "!=", ">=", "<=", ">", "<", "=", "&", "+", "-", "*", "(", ")", "[", "]", ",", ":", "#",
];

/// Turns lines into tokens, carrying from line to line whether a `/* … */` comment is open.
#[derive(Default)]
pub(super) struct Lexer {
    in_comment: bool,
}

impl Lexer {
    /// The tokens of one line.
    pub(super) fn line<'s>(&mut self, number: u32, text: &'s str) -> Result<Vec<Token<'s>>, AsmError> {
        let mut tokens: Vec<Token<'s>> = Vec::new();
        let mut rest = text;
        loop {
            rest = self.skip_blank(rest);
            if rest.is_empty() {
                return Ok(tokens);
            }
            // Columns count characters, offsets bytes; lines are short enough to count anew at each token's end.
            let before = &text[..text.len() - rest.len()];
            let column = column_after(tokens.last(), text, before.len());
            if rest.starts_with('#') && !names_a_call(&tokens, before, rest) {
                return Ok(tokens);
            }
            let (kind, len) =
                token(rest).map_err(|expected| AsmError::new(number, column, expected, &quote(rest)))?;
            let (text, after) = rest.split_at(len);
            tokens.push(Token { kind, text, column });
            rest = after;
        }
    }

    /// Leaves out blanks and comments; what follows is a token, a `#` or nothing.
    fn skip_blank<'s>(&mut self, mut rest: &'s str) -> &'s str {
        loop {
            if self.in_comment {
                let Some(end) = rest.find("*/") else { return "" };
                rest = &rest[end + 2..];
                self.in_comment = false;
            }
            rest = rest.trim_start();
            if rest.starts_with(';') || rest.starts_with("//") {
                return "";
            }
            match rest.strip_prefix("/*") {
                Some(inside) => (rest, self.in_comment) = (inside, true),
                None => return rest,
            }
        }
    }
}

/// The column of the character at byte `offset`, counted on from the last token so that a line takes linear time.
fn column_after(last: Option<&Token<'_>>, line: &str, offset: usize) -> u32 {
    let (from, column) = match last {
        Some(token) => (token.text.as_ptr() as usize - line.as_ptr() as usize, token.column),
        None => (0, 1),
    };
    column + count(&line[from..offset])
}

fn count(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}

/// Whether a `#` is the one of `call name#12`, not a comment: it stands in a call, glued to a name and to what follows.
fn names_a_call(tokens: &[Token<'_>], before: &str, rest: &str) -> bool {
    let in_call = tokens.iter().rev().nth(1).is_some_and(|token| token.kind == Kind::Word("call"));
    let glued =
        before.ends_with(is_word_char) && rest[1..].starts_with(|c: char| c == '-' || is_word_char(c));
    in_call && glued
}

fn is_word_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '$' | '@')
}

/// The first token of `rest` and its length, or what should have stood there.
fn token(rest: &str) -> Result<(Kind<'_>, usize), &'static str> {
    if let Some(&op) = OPERATORS.iter().find(|&&op| rest.starts_with(op)) {
        return Ok((Kind::Op(op), op.len()));
    }
    if let Some(digits) = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X")) {
        let (value, len) = number(digits, 16)?;
        return Ok((Kind::Number { value, hex: true }, len + 2));
    }
    if rest.starts_with(|c: char| c.is_ascii_digit()) {
        let (value, len) = number(rest, 10)?;
        return Ok((Kind::Number { value, hex: false }, len));
    }
    let len = rest.find(|c| !is_word_char(c)).unwrap_or(rest.len());
    if len == 0 {
        return Err("a register, number, name or operator");
    }
    Ok((Kind::Word(&rest[..len]), len))
}

fn number(text: &str, radix: u32) -> Result<(u64, usize), &'static str> {
    let len = text.find(|c: char| !c.is_digit(radix)).unwrap_or(text.len());
    if len == 0 {
        return Err("hexadecimal digits after 0x");
    }
    let value = u64::from_str_radix(&text[..len], radix).map_err(|_| "a number of at most 64 bits")?;
    Ok((value, len))
}

/// What stands at the beginning of `rest`, cut to a length that fits a message.
fn quote(rest: &str) -> String {
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    format!("`{}`", super::shorten(&rest[..end]))
}
