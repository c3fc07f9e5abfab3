//! Text: comparing it, reading numbers from it.

use skep_platform::Errno;
use skep_platform::errno::{EINVAL, ERANGE};

use super::{Call, Row, row};
use crate::exec::Run;
use crate::fault::Fault;
use crate::prov::Reg;

/// Rows of [`super::rows`].
pub(crate) static ROWS: &[Row] =
    &[row("strtol", strtol, ""), row("strtoul", strtoul, ""), row("strncmp", strncmp, "")];

/// The bits of the flags that are the base.
const BASE_MASK: u64 = 0x1f;

fn strtol(_: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let parsed = parse(call.bytes(0), call.u64(2)).and_then(|(negative, value, used)| {
        let signed = if negative { value.wrapping_neg() as i64 } else { value as i64 };
        let fits = if negative { signed <= 0 } else { signed >= 0 };
        if fits { Ok((signed as u64, used)) } else { Err(ERANGE) }
    });
    Ok(store(call, parsed))
}

fn strtoul(_: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let parsed = parse(call.bytes(0), call.u64(2))
        .and_then(|(negative, value, used)| if negative { Err(EINVAL) } else { Ok((value, used)) });
    Ok(store(call, parsed))
}

/// Writes the number, returns the length of its text.
fn store(call: &Call, parsed: Result<(u64, usize), Errno>) -> Reg {
    match parsed {
        Ok((value, used)) => {
            call.bytes_mut(3).copy_from_slice(&value.to_ne_bytes());
            Reg::scalar(used as u64)
        }
        Err(errno) => {
            call.bytes_mut(3).fill(0);
            Reg::errno(errno.0)
        }
    }
}

/// Sign, magnitude and length of the number at the start of `text`, white space skipped.
fn parse(text: &[u8], flags: u64) -> Result<(bool, u64, usize), Errno> {
    let base = flags & BASE_MASK;
    if flags & !BASE_MASK != 0 || !matches!(base, 0 | 8 | 10 | 16) {
        return Err(EINVAL);
    }
    let text = &text[..text.iter().position(|&b| b == 0).unwrap_or(text.len())];
    let blank = text.iter().take_while(|b| b.is_ascii_whitespace() || **b == 0x0b).count();
    let mut at = blank;
    let negative = text.get(at) == Some(&b'-');
    if negative {
        at += 1;
    }
    let hex = |at: usize| {
        text.get(at) == Some(&b'0')
            && matches!(text.get(at + 1), Some(b'x' | b'X'))
            && text.get(at + 2).is_some_and(u8::is_ascii_hexdigit)
    };
    let base = match base {
        0 if hex(at) => 16,
        0 if text.get(at) == Some(&b'0') => 8,
        0 => 10,
        base => base,
    };
    if base == 16 && text.get(at) == Some(&b'0') && matches!(text.get(at + 1), Some(b'x' | b'X')) {
        at += 2;
    }
    let start = at;
    let mut value = 0u64;
    while let Some(digit) = text.get(at).and_then(|&b| char::from(b).to_digit(base as u32)) {
        value = value.checked_mul(base).and_then(|v| v.checked_add(digit.into())).ok_or(ERANGE)?;
        at += 1;
    }
    if at == start { Err(EINVAL) } else { Ok((negative, value, at)) }
}

fn strncmp(_: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let (left, right) = (call.bytes(0), call.bytes(2));
    for (n, &a) in left.iter().enumerate() {
        let b = right.get(n).copied().unwrap_or(0);
        if a != b {
            return Ok(Reg::scalar(if a < b { -1i64 as u64 } else { 1 }));
        }
        if a == 0 {
            break;
        }
    }
    Ok(Reg::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_linux_reads_them() {
        assert_eq!(parse(b"  42abc", 0), Ok((false, 42, 4)));
        assert_eq!(parse(b"-0x1F", 0), Ok((true, 31, 5)));
        assert_eq!(parse(b"017", 0), Ok((false, 15, 3)));
        assert_eq!(parse(b"0x10", 16), Ok((false, 16, 4)));
        assert_eq!(parse(b"99", 8), Err(EINVAL));
        assert_eq!(parse(b"", 10), Err(EINVAL));
        assert_eq!(parse(b"18446744073709551616", 10), Err(ERANGE));
        assert_eq!(parse(b"1", 7), Err(EINVAL));
        assert_eq!(parse(b"1\x002", 10), Ok((false, 1, 1)));
    }
}
