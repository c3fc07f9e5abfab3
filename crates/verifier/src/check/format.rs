//! Format strings: what a conversion may be, and that there are arguments for all of them.
//!
//! The string is constant, so what would fail at run time is refused before. A conversion is flags and width, then a number (`d i u x X`
//! after at most two `l`), a character, a string (`s`, or `pks` and `pus` from kernel and user memory), or a pointer (`p` alone
//! or one of a few kinds). Text must be printable; what lies beyond ASCII is not looked at.

use skep_isa::Reg as Number;

use crate::Code;
use crate::explore::Walk;
use crate::verdict::Checked;

impl Walk<'_> {
    /// `snprintf`: the format must be good, and there must be an argument of 8 bytes for each of its conversions.
    pub(crate) fn format_string(&mut self) -> Checked {
        let size = self.state.reg(Number::R5).value.bits.value();
        if !size.is_multiple_of(8) {
            return self.fail_at(Code::BadSize, Number::R5, "arguments have 8 bytes each");
        }
        let Some(format) = self.known_string(self.state.reg(Number::R3)) else { return Ok(()) };
        match super::format::arguments_taken(format) {
            Ok(taken) if taken as u64 > size / 8 => {
                let message = format!("the format takes {taken} arguments, and there are {}", size / 8);
                self.fail_at(Code::BadArgument, Number::R3, message)
            }
            Ok(_) => Ok(()),
            Err(why) => self.fail_at(Code::BadArgument, Number::R3, format!("not a format: {why}")),
        }
    }
}

/// Why a format is refused, or how many arguments it takes.
pub(crate) fn arguments_taken(format: &[u8]) -> Result<usize, &'static str> {
    let printable = |&byte: &u8| !byte.is_ascii() || byte.is_ascii_graphic() || is_space(byte);
    if !format.iter().all(printable) {
        return Err("it holds a control character");
    }
    let mut taken = 0;
    let mut rest = format;
    while let Some(percent) = rest.iter().position(|&byte| byte == b'%') {
        rest = &rest[percent + 1..];
        if rest.first() == Some(&b'%') {
            rest = &rest[1..];
            continue;
        }
        rest = conversion(rest).ok_or("it holds a conversion that does not exist")?;
        taken += 1;
    }
    Ok(taken)
}

/// What follows a conversion; `rest` begins behind its percent sign.
fn conversion(rest: &[u8]) -> Option<&[u8]> {
    let flags = rest.iter().take_while(|byte| b"0+- ".contains(byte)).count();
    let mut rest = &rest[flags..];
    if rest.first().is_some_and(|byte| (b'1'..=b'9').contains(byte)) {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        rest = &rest[digits..];
    }
    match *rest {
        [b'p', b'k' | b'u', b's', ref rest @ ..] | [b's', ref rest @ ..] => ends_word(rest).then_some(rest),
        [b'p', ref rest @ ..] if ends_word(rest) => Some(rest),
        [b'p', b'K' | b'x' | b's' | b'S' | b'B', ref rest @ ..] => Some(rest),
        [b'p', b'i' | b'I', b'4' | b'6', ref rest @ ..] | [b'c', ref rest @ ..] => Some(rest),
        _ => {
            let longs = rest.iter().take_while(|&&byte| byte == b'l').take(2).count();
            let (kind, rest) = rest[longs..].split_first()?;
            b"diuxX".contains(kind).then_some(rest)
        }
    }
}

/// Strings and plain pointers end at a space, at punctuation or with the format.
fn ends_word(rest: &[u8]) -> bool {
    rest.first().is_none_or(|&byte| is_space(byte) || byte.is_ascii_punctuation() || is_latin_mark(byte))
}

/// The spaces and punctuation of Latin-1 beyond ASCII, which is what the kernel takes bytes for.
fn is_latin_mark(byte: u8) -> bool {
    matches!(byte, 0xa0..=0xbf | 0xd7 | 0xf7)
}

/// C's idea of a space, which counts the vertical tab.
fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversions_are_counted() {
        for (format, taken) in [
            ("", 0),
            ("100%%", 0),
            ("%d%s", 2),
            ("%-05lld %c", 2),
            ("%pI6,%pks!", 2),
            ("%p", 1),
            ("%pBx", 1),
            ("é", 0),
        ] {
            assert_eq!(arguments_taken(format.as_bytes()), Ok(taken), "{format}");
        }
    }

    #[test]
    fn what_does_not_exist_is_refused() {
        for format in ["%", "%llld", "%o", "%sa", "%pI5", "%.2d", "%5", "\x01", "%pé"] {
            assert!(arguments_taken(format.as_bytes()).is_err(), "{format}");
        }
    }
}
