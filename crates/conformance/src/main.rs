//! The plugin through which the public `bpf_conformance` suite tests the user engine.
//!
//! The suite starts one process for each test and talks to it in hexadecimal text:
//!
//! ```text
//! skep-conformance [MEMORY] [OPTION]... < PROGRAM
//! ```
//!
//! * `MEMORY`, bytes in hex, may be empty or absent. The program finds its address in `r1` and its length in `r2`.
//! * `PROGRAM`, one line on standard input: the slots in hex, or an ELF object with `--elf`.
//! * `r0` comes back on standard output in hex, and the exit code is 0.
//!
//! A program that is refused or stopped ends with exit code 1 and one line on standard error that says why. As a
//! runtime, not a verifier, this runs what would be undefined to Linux's verifier but has a value in RFC 9669: shift counts
//! beyond the width are masked, division by zero gives zero.
#![forbid(unsafe_code)]

mod args;
mod hex;
mod run;

use std::io::{self, BufRead, Read, Write};
use std::process::ExitCode;

use args::Command;

/// The longest program line that is read: an object of eight megabytes.
const MOST_INPUT: u64 = 16 << 20;

fn main() -> ExitCode {
    match perform() {
        Ok(text) => match writeln!(io::stdout(), "{text}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(error) => {
            // Nothing is left to tell when standard error is closed.
            let _ = writeln!(io::stderr(), "skep-conformance: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Does what the command line says; the answer is what goes to standard output.
fn perform() -> Result<String, String> {
    match args::parse(std::env::args_os().skip(1))? {
        Command::Help => Ok(args::HELP.trim_end().to_owned()),
        Command::Version => Ok(concat!("skep-conformance ", env!("CARGO_PKG_VERSION")).to_owned()),
        Command::Run(job) => {
            let program = match &job.program {
                Some(text) => hex::decode("--program", text)?,
                None => hex::decode("standard input", &read_line()?)?,
            };
            run::run(&job, &program).map(|r0| format!("{r0:x}"))
        }
    }
}

/// The first line of standard input.
///
/// Not all of it: the suite's child processes inherit the writing end of their own pipe on some systems, so the end of
/// the input may never come.
fn read_line() -> Result<String, String> {
    let mut line = String::new();
    let mut input = io::stdin().lock().take(MOST_INPUT + 1);
    input.read_line(&mut line).map_err(|e| format!("standard input: {e}"))?;
    if line.len() as u64 > MOST_INPUT {
        return Err(format!("standard input: expected at most {MOST_INPUT} characters"));
    }
    Ok(line)
}
