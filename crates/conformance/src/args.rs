//! The command line, as the suite writes it: memory that may be an empty argument, then options.

use std::ffi::OsString;

use crate::hex;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Runs an eBPF program for the bpf_conformance suite and prints r0 in hex.

Usage: skep-conformance [MEMORY] [OPTION]... < PROGRAM

  MEMORY   bytes in hex, possibly none: r1 points to them, r2 is their number
  PROGRAM  the program's 8-byte slots in hex, on one line

Options:
  --elf          the input is an ELF object in hex; its first program runs
  --interpret    run in the checking interpreter (the default)
  --program HEX  the program, in place of standard input
  --debug        on a fault, print the whole report
  --help         print this
  --version      print the version

Exit code: 0 when the program ran to its end, 1 when it was refused or stopped.
";

/// What the process is to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Version,
    Run(Job),
}

/// A program to run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Job {
    /// What `r1` points to.
    pub(crate) memory: Vec<u8>,
    /// The program in hex, when it is not on standard input.
    pub(crate) program: Option<String>,
    /// Whether the program is an ELF object.
    pub(crate) elf: bool,
    /// Whether faults are reported at length.
    pub(crate) debug: bool,
}

/// Reads the arguments after the program's name.
///
/// What starts with `--` is an option and never memory. The suite hands all its plugin options over as one
/// argument, perhaps an empty one, so an option is split at blanks.
pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<Command, String> {
    let mut job = Job::default();
    let mut memory = None;
    let mut takes_program = false;
    for arg in args {
        let arg = arg.into_string().map_err(|arg| format!("argument {arg:?}: expected UTF-8"))?;
        if takes_program {
            takes_program = false;
            job.program = Some(arg);
        } else if arg.starts_with("--") {
            for option in arg.split_whitespace() {
                match option {
                    "--help" => return Ok(Command::Help),
                    "--version" => return Ok(Command::Version),
                    "--elf" => job.elf = true,
                    "--debug" => job.debug = true,
                    // The only engine there is, so asking for it changes nothing.
                    "--interpret" => {}
                    "--program" => takes_program = true,
                    _ => return Err(format!("option `{option}`: not known (see --help)")),
                }
            }
        } else if memory.is_none() {
            memory = Some(hex::decode("memory", &arg)?);
        } else if !arg.trim().is_empty() {
            return Err(format!("argument `{arg}`: expected an option, the memory was given before"));
        }
    }
    if takes_program {
        return Err("option `--program`: expected the program in hex after it".to_owned());
    }
    job.memory = memory.unwrap_or_default();
    Ok(Command::Run(job))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Result<Command, String> {
        parse(args.iter().map(OsString::from))
    }

    #[test]
    fn memory_and_options_in_the_forms_the_suite_uses() {
        let run =
            |memory: &[u8], elf| Ok(Command::Run(Job { memory: memory.to_vec(), elf, ..Job::default() }));
        assert_eq!(parsed(&[]), run(&[], false));
        assert_eq!(parsed(&["", ""]), run(&[], false));
        assert_eq!(parsed(&["01  ff  ", ""]), run(&[1, 255], false));
        assert_eq!(parsed(&["01ff", "--elf"]), run(&[1, 255], true));
        assert_eq!(parsed(&["--elf"]), run(&[], true));
        assert_eq!(parsed(&["--interpret", "0a"]), run(&[10], false));
        assert_eq!(parsed(&["", "--interpret --elf"]), run(&[], true));
        assert_eq!(parsed(&["00", "--help"]), Ok(Command::Help));
        let program = Some("--elf".to_owned());
        assert_eq!(parsed(&["--program", "--elf"]), Ok(Command::Run(Job { program, ..Job::default() })));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (args, error) in [
            (&["--jit"][..], "option `--jit`: not known (see --help)"),
            (&["00", "01"], "argument `01`: expected an option, the memory was given before"),
            (&["0g"], "memory: offset 1: expected a hexadecimal digit, found `g`"),
            (&["--program"], "option `--program`: expected the program in hex after it"),
        ] {
            assert_eq!(parsed(args), Err(error.to_owned()), "{args:?}");
        }
    }
}
