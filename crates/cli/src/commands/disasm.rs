//! `skep disasm`: the bytes of a program into assembly.

use std::io::Write;
use std::path::PathBuf;

use anstyle::Style;
use skep::assembly::Helpers;
use skep_isa::text::disassemble;
use skep_isa::{ByteOrder, from_bytes};

use super::file;
use crate::report::Failure;

const DIM: Style = Style::new().dimmed();

/// Most digits of a byte's hexadecimal text, `0x` not counted.
const DIGITS: usize = 2;

/// Disassemble a program's bytes
///
/// Takes the bytes themselves or their hexadecimal digits, as `skep asm`, debuggers and C arrays have them. A slot that is
/// no instruction is shown by its fields, with the reason. For the programs of an object file there is
/// `skep inspect OBJECT --disasm`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The program; - is standard input
    file: PathBuf,

    /// What the file holds: bytes or hexadecimal digits
    #[arg(long, value_name = "FORM", default_value = "auto")]
    from: Form,

    /// The program is for big-endian machines
    #[arg(long)]
    big_endian: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// Digits if there is nothing else in it
    Auto,
    /// Hexadecimal digits; blanks, commas, colons and `0x` may stand between bytes
    Hex,
    /// The bytes themselves
    Raw,
}

impl Args {
    pub(crate) fn run(self, out: &mut dyn Write) -> Result<(), Failure> {
        let (name, content) = file::bytes(&self.file)?;
        let at_fault = |what: &dyn std::fmt::Display| Failure::new(format!("{name}: {what}"));
        if skep_btf::elf::is_elf(&content) && self.from != Form::Hex {
            return Err(at_fault(
                &"expected a program's bytes, found an object file: see `skep inspect --disasm`",
            ));
        }
        let is_hex = match self.from {
            Form::Auto => content.iter().all(|&byte| is_digit(byte) || is_between(byte) || byte == b'x'),
            form => form == Form::Hex,
        };
        let bytes = if is_hex { hex(&content).map_err(|problem| at_fault(&problem))? } else { content };
        let order = if self.big_endian { ByteOrder::Big } else { ByteOrder::Little };
        let slots = from_bytes(&bytes, order).map_err(|problem| at_fault(&problem))?;
        if slots.is_empty() {
            return Err(at_fault(&"expected a program, found nothing"));
        }
        let width = slots.len().to_string().len();
        for line in disassemble(&slots) {
            let (text, note) = match &line.insn {
                Ok(insn) => {
                    let to = insn.jump_target(line.at).or_else(|| insn.call_target(line.at));
                    (insn.named(&Helpers).to_string(), to.map(|to| format!("to {to}")))
                }
                Err(problem) => (line.to_string(), Some(problem.to_string())),
            };
            let at = format!("{:width$}: ({:02x})", line.at, line.raw.code);
            match (&line.insn, note) {
                // A directive takes no number in front.
                (Err(_), Some(note)) => {
                    writeln!(out, "{:indent$} {text:<40} {DIM}; {note}{DIM:#}", "", indent = at.len())?
                }
                (_, Some(note)) => writeln!(out, "{DIM}{at}{DIM:#} {text:<40} {DIM}; {note}{DIM:#}")?,
                (_, None) => writeln!(out, "{DIM}{at}{DIM:#} {text}")?,
            }
        }
        Ok(())
    }
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}

/// What may stand between bytes.
fn is_between(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b',' | b':' | b'{' | b'}' | b';')
}

/// Groups of digits, each a whole number of bytes; a group after `0x` may be a single digit.
fn hex(content: &[u8]) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(content.len() / DIGITS);
    for (number, line) in content.split(|&byte| byte == b'\n').enumerate() {
        for group in line.split(|&byte| is_between(byte)).filter(|group| !group.is_empty()) {
            let text = String::from_utf8_lossy(group);
            let wrong =
                |what: &str| format!("line {}: expected {what}, found `{}`", number + 1, short(&text));
            let (digits, single) = match text.strip_prefix("0x") {
                Some(digits) => (digits, digits.len() == 1),
                None => (&*text, false),
            };
            if !digits.bytes().all(is_digit) {
                return Err(wrong("hexadecimal digits"));
            }
            if digits.is_empty() || !(single || digits.len().is_multiple_of(DIGITS)) {
                return Err(wrong("two hexadecimal digits for each byte"));
            }
            let value = |pair: &[u8]| pair.iter().fold(0, |sum, &digit| sum << 4 | nibble(digit));
            bytes.extend(digits.as_bytes().chunks(DIGITS).map(value));
        }
    }
    Ok(bytes)
}

fn nibble(digit: u8) -> u8 {
    char::from(digit).to_digit(16).unwrap_or_default() as u8
}

fn short(text: &str) -> String {
    const MOST: usize = 20;
    if text.chars().count() > MOST {
        text.chars().take(MOST).chain(['…']).collect()
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::hex;

    #[test]
    fn digits_as_they_are_pasted() {
        assert_eq!(hex(b"b7 00 0000\n01:00").unwrap(), [0xb7, 0, 0, 0, 1, 0]);
        assert_eq!(hex(b"{ 0xb7, 0x0, 0x12 };").unwrap(), [0xb7, 0, 0x12]);
        assert!(hex(b"b7\nb").unwrap_err().starts_with("line 2: expected two"));
        assert!(hex(b"zz").unwrap_err().contains("digits, found `zz`"));
    }
}
