//! Formatting by Linux's rules for programs: `bpf_trace_printk`, `bpf_snprintf`.
//!
//! A format is checked as a whole before anything is printed: printable ASCII only, no more conversions than arguments, and
//! only the conversions Linux knows. Arguments are 64-bit; a conversion without `l` looks at the lower half.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use skep_platform::Errno;
use skep_platform::errno::{EINVAL, EOPNOTSUPP};

use super::probe::{peek, peek_str};
use super::{Call, Row, refuse, row};
use crate::exec::Run;
use crate::fault::Fault;
use crate::prov::Reg;

/// Rows of [`super::rows`].
pub(crate) static ROWS: &[Row] = &[
    row("trace_printk", trace_printk, "the line goes to the runtime's trace sink"),
    row("trace_vprintk", trace_vprintk, "the line goes to the runtime's trace sink"),
    row("snprintf", snprintf, "%ps and the like print the address: there are no kernel symbols"),
    refuse("snprintf_btf", EOPNOTSUPP, "prints kernel structures by the running kernel's types"),
    refuse("seq_printf", EOPNOTSUPP, "there are no iterator files"),
    refuse("seq_write", EOPNOTSUPP, "there are no iterator files"),
    refuse("seq_printf_btf", EOPNOTSUPP, "there are no iterator files"),
];

/// The most arguments of the variants that take an array.
const MAX_ARGS: usize = 12;
/// The longest string a `%s` takes, with its NUL.
const MAX_STRING: usize = 512;
/// The longest trace line.
const MAX_LINE: usize = 1024;

fn trace_printk(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    // Linux does not look at r3 to r5 unless the format does.
    let args: [u64; 3] = std::array::from_fn(|n| run.m_ref().reg(n + 3).val);
    Ok(trace(run, call.bytes(0), &args))
}

fn trace_vprintk(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    Ok(match arguments(call, 2) {
        Ok(args) => trace(run, call.bytes(0), &args),
        Err(errno) => Reg::errno(errno.0),
    })
}

fn trace(run: &Run<'_>, format: &[u8], args: &[u64]) -> Reg {
    // The size counts the NUL, which must be there.
    let Some((0, format)) = format.split_last() else { return Reg::errno(EINVAL.0) };
    let format = &format[..format.iter().position(|&b| b == 0).unwrap_or(format.len())];
    match print(format, args) {
        Ok(mut line) => {
            line.truncate(MAX_LINE);
            let text = String::from_utf8_lossy(&line);
            run.runtime().trace(text.strip_suffix('\n').unwrap_or(&text));
            Reg::scalar(line.len() as u64)
        }
        Err(errno) => Reg::errno(errno.0),
    }
}

/// The array of arguments in memory argument `n`.
fn arguments(call: &Call, n: usize) -> Result<Vec<u64>, Errno> {
    let bytes = call.bytes(n);
    if !bytes.len().is_multiple_of(8) || bytes.len() > MAX_ARGS * 8 {
        return Err(EINVAL);
    }
    Ok(bytes.chunks_exact(8).map(|c| u64::from_ne_bytes(c.try_into().unwrap_or_default())).collect())
}

/// Returns the length the whole text has, with its NUL; writes what fits.
fn snprintf(_: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let printed = arguments(call, 3).and_then(|args| print(call.bytes(2), &args));
    Ok(match printed {
        Ok(text) => {
            let out = call.bytes_mut(0);
            if let Some(room) = out.len().checked_sub(1) {
                let len = room.min(text.len());
                out[..len].copy_from_slice(&text[..len]);
                out[len] = 0;
            }
            Reg::scalar(text.len() as u64 + 1)
        }
        Err(errno) => Reg::errno(errno.0),
    })
}

/// One conversion: flags, width and what follows.
struct Spec {
    left: bool,
    plus: bool,
    space: bool,
    zero: bool,
    alternate: bool,
    width: usize,
}

impl Spec {
    /// Adds a number's digits with its sign or prefix, padded to the width.
    fn pad(&self, out: &mut Vec<u8>, sign: &str, digits: &str) {
        let fill = self.width.saturating_sub(sign.len() + digits.len());
        let (before, zeros, after) = match (self.left, self.zero) {
            (true, _) => (0, 0, fill),
            (false, true) => (0, fill, 0),
            (false, false) => (fill, 0, 0),
        };
        out.extend(std::iter::repeat_n(b' ', before));
        out.extend_from_slice(sign.as_bytes());
        out.extend(std::iter::repeat_n(b'0', zeros));
        out.extend_from_slice(digits.as_bytes());
        out.extend(std::iter::repeat_n(b' ', after));
    }
}

/// The longest width that is honoured; more is cut, so that a format cannot ask for gigabytes.
const MAX_WIDTH: usize = 1024;

/// Prints by a format without its NUL.
pub(crate) fn print(format: &[u8], args: &[u64]) -> Result<Vec<u8>, Errno> {
    let fine = |b: &u8| b.is_ascii_graphic() || b.is_ascii_whitespace() || *b == 0x0b;
    if !format.iter().all(fine) {
        return Err(EINVAL);
    }
    let mut out = Vec::with_capacity(format.len() + 32);
    let mut args = args.iter().copied();
    let mut rest = format;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'%' {
            out.push(byte);
        } else if let Some(tail) = rest.strip_prefix(b"%") {
            out.push(b'%');
            rest = tail;
        } else {
            let spec = flags(&mut rest);
            let arg = args.next().ok_or(EINVAL)?;
            convert(&mut out, &spec, &mut rest, arg)?;
        }
    }
    Ok(out)
}

fn flags(rest: &mut &[u8]) -> Spec {
    let mut spec = Spec { left: false, plus: false, space: false, zero: false, alternate: false, width: 0 };
    while let Some((&flag, tail)) = rest.split_first() {
        match flag {
            b'-' => spec.left = true,
            b'+' => spec.plus = true,
            b' ' => spec.space = true,
            b'0' => spec.zero = true,
            b'#' => spec.alternate = true,
            _ => break,
        }
        *rest = tail;
    }
    while let Some((&digit @ b'0'..=b'9', tail)) = rest.split_first() {
        spec.width = (spec.width * 10 + usize::from(digit - b'0')).min(MAX_WIDTH);
        *rest = tail;
    }
    spec
}

fn convert(out: &mut Vec<u8>, spec: &Spec, rest: &mut &[u8], arg: u64) -> Result<(), Errno> {
    let mut long = false;
    while let Some(tail) = rest.strip_prefix(b"l") {
        long = true;
        *rest = tail;
    }
    let (&kind, tail) = rest.split_first().ok_or(EINVAL)?;
    *rest = tail;
    let value = if long { arg } else { arg & 0xffff_ffff };
    match kind {
        b'd' | b'i' => {
            let signed = if long { arg as i64 } else { i64::from(arg as i32) };
            let sign = match (signed < 0, spec.plus, spec.space) {
                (true, ..) => "-",
                (_, true, _) => "+",
                (_, _, true) => " ",
                _ => "",
            };
            spec.pad(out, sign, &signed.unsigned_abs().to_string());
        }
        b'u' => spec.pad(out, "", &value.to_string()),
        b'x' => spec.pad(out, if spec.alternate { "0x" } else { "" }, &format!("{value:x}")),
        b'X' => spec.pad(out, if spec.alternate { "0X" } else { "" }, &format!("{value:X}")),
        b'c' if !long => out.push(arg as u8),
        b's' if !long => {
            let mut text = [0u8; MAX_STRING];
            let len = peek_str(arg, &mut text).map_or(0, |len| len - 1);
            let text =
                if len == 0 && arg < 4096 { "(null)".into() } else { String::from_utf8_lossy(&text[..len]) };
            Spec { zero: false, ..*spec }.pad(out, "", &text);
        }
        b'p' if !long => return pointer(out, spec, rest, arg),
        _ => return Err(EINVAL),
    }
    Ok(())
}

/// `%p` and its family: addresses of the internet are read from memory.
fn pointer(out: &mut Vec<u8>, spec: &Spec, rest: &mut &[u8], arg: u64) -> Result<(), Errno> {
    let plain = Spec { zero: false, ..*spec };
    if let Some(tail) = rest.strip_prefix(b"i").or_else(|| rest.strip_prefix(b"I")) {
        let dotted_with_zeros = rest[0] == b'i';
        let (&family, tail) = tail.split_first().ok_or(EINVAL)?;
        *rest = tail;
        let text = match family {
            b'4' => {
                let mut octets = [0u8; 4];
                peek(arg, &mut octets);
                match dotted_with_zeros {
                    true => octets.map(|o| format!("{o:03}")).join("."),
                    false => Ipv4Addr::from(octets).to_string(),
                }
            }
            b'6' => {
                let mut octets = [0u8; 16];
                peek(arg, &mut octets);
                // The long form: without colons for `i`, with all groups for `I`.
                let groups = Ipv6Addr::from(octets).segments().map(|s| format!("{s:04x}"));
                groups.join(if dotted_with_zeros { "" } else { ":" })
            }
            _ => return Err(EINVAL),
        };
        plain.pad(out, "", &text);
        return Ok(());
    }
    let mut text = String::new();
    match rest.first() {
        Some(b'x' | b'K') => {
            *rest = &rest[1..];
            let _ = write!(text, "{arg:016x}");
        }
        Some(b's' | b'S' | b'B') => {
            *rest = &rest[1..];
            let _ = write!(text, "{arg:#x}");
        }
        // Linux refuses other letters right after `%p`.
        Some(b) if b.is_ascii_alphanumeric() => return Err(EINVAL),
        _ => {
            let _ = write!(text, "{arg:016x}");
        }
    }
    plain.pad(out, "", &text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(format: &str, args: &[u64]) -> String {
        String::from_utf8(print(format.as_bytes(), args).unwrap()).unwrap()
    }

    #[test]
    fn numbers() {
        assert_eq!(text("%d %u %x", &[u64::MAX, u64::MAX, 255]), "-1 4294967295 ff");
        assert_eq!(
            text("%ld %llu %lx", &[u64::MAX, u64::MAX, 1 << 40]),
            "-1 18446744073709551615 10000000000"
        );
        assert_eq!(
            text("[%5d] [%-5d] [%05d] [%+d] [%#x]", &[42, 42, u64::MAX - 41, 7, 16]),
            "[   42] [42   ] [-0042] [+7] [0x10]"
        );
        assert_eq!(text("100%% %c", &[65]), "100% A");
    }

    #[test]
    fn memory() {
        let name = b"bees\0";
        assert_eq!(text("%s|%6s", &[name.as_ptr() as u64, name.as_ptr() as u64]), "bees|  bees");
        let v4 = [10u8, 0, 0, 7];
        assert_eq!(text("%pI4 %pi4", &[v4.as_ptr() as u64, v4.as_ptr() as u64]), "10.0.0.7 010.000.000.007");
        assert_eq!(text("%px", &[0xabc]), "0000000000000abc");
    }

    #[test]
    fn what_linux_refuses() {
        for bad in ["%d %d", "%f", "%.3d", "%n", "%", "%l", "%pM", "\u{e9}", "%*d"] {
            assert_eq!(print(bad.as_bytes(), &[1]), Err(EINVAL), "{bad}");
        }
    }
}
