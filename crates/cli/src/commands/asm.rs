//! `skep asm`: assembly into the bytes of a program.

use std::io::{self, Write};
use std::path::PathBuf;

use skep::assembly::Helpers;
use skep_isa::text::{assemble_with, disassemble};
use skep_isa::{ByteOrder, RawInsn, to_bytes};

use super::file;
use crate::report::Failure;

/// Assemble a program
///
/// The syntax is that of the kernel's verifier log and of clang, with labels, comments and helpers called by name. What
/// `skep disasm` prints assembles to the same bytes.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  echo 'r0 = 2; exit' | tr ';' '\\n' | skep asm -
  skep asm filter.s --format raw -o filter.bin
  skep asm filter.s --format c > filter.h")]
pub(crate) struct Args {
    /// The assembly; - is standard input
    file: PathBuf,

    /// Where to write the result [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Form of the result
    #[arg(long, value_name = "FORMAT", default_value = "hex", help_heading = "Output")]
    format: Format,

    /// Encode for big-endian machines; C text needs no byte order
    #[arg(long, help_heading = "Output")]
    big_endian: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Hexadecimal digits, one instruction slot a line
    Hex,
    /// The bytes themselves
    Raw,
    /// An array of `struct bpf_insn`, with the instructions as comments
    C,
}

impl Args {
    pub(crate) fn run(self, out: &mut dyn Write) -> Result<(), Failure> {
        let (name, text) = file::text(&self.file)?;
        let assembly = assemble_with(&text, &Helpers)
            .map_err(|problem| Failure::new(skep::Error::Assembly { file: name.clone(), problem }))?;
        let order = if self.big_endian { ByteOrder::Big } else { ByteOrder::Little };
        let mut bytes = Vec::new();
        match self.format {
            Format::Hex => hex(&assembly.slots, order, &mut bytes)?,
            Format::Raw => bytes = to_bytes(&assembly.slots, order),
            Format::C => c(&assembly.slots, &identifier(&self.file), &mut bytes)?,
        }
        match &self.output {
            Some(path) => file::write(path, &bytes),
            None => Ok(out.write_all(&bytes)?),
        }
    }
}

fn hex(slots: &[RawInsn], order: ByteOrder, out: &mut dyn Write) -> io::Result<()> {
    for slot in to_bytes(slots, order).chunks(RawInsn::SIZE) {
        let digits: Vec<String> = slot.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(out, "{}", digits.join(" "))?;
    }
    Ok(())
}

fn c(slots: &[RawInsn], name: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "static const struct bpf_insn {name}[] = {{")?;
    for line in disassemble(slots) {
        let text =
            line.insn.as_ref().map_or_else(|_| line.to_string(), |insn| insn.named(&Helpers).to_string());
        writeln!(out, "\t/* {}: {text} */", line.at)?;
        let width = line.insn.as_ref().map_or(1, skep_isa::Insn::slots);
        for RawInsn { code, dst, src, off, imm } in &slots[line.at..line.at + width] {
            // The smallest number has no literal of its own type in C.
            let imm = if *imm == i32::MIN { "-2147483647 - 1".to_owned() } else { imm.to_string() };
            writeln!(
                out,
                "\t{{ .code = {code:#04x}, .dst_reg = {dst}, .src_reg = {src}, .off = {off}, .imm = {imm} }},"
            )?;
        }
    }
    writeln!(out, "}};")
}

/// The file's name as C can write it.
fn identifier(path: &std::path::Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let clean: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    match clean.chars().next() {
        Some(first) if !first.is_ascii_digit() && clean.chars().any(|c| c != '_') => clean,
        _ => format!("program{clean}").trim_end_matches('_').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::identifier;

    #[test]
    fn names_are_names_in_c() {
        let name = |path: &str| identifier(path.as_ref());
        assert_eq!(["a/drop-udp.s", "-", "2nd.s"].map(name), ["drop_udp", "program", "program2nd"]);
    }
}
