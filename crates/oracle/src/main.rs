//! `skep-oracle`: the live kernel's verdicts beside ours.
//!
//! * `emit` writes the programs of objects as lines of JSON, the form that `skep verify --raw` reads;
//! * `load` asks the running kernel about such lines, attaching nothing;
//! * `compare` holds the verdicts of `skep verify --raw` against those of `load`.
//!
//! A tool of development, documented in docs/verify.md. Linked statically it runs in a guest as well.

mod bytes;
mod compare;
mod emit;
mod line;
mod load;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The live kernel's verdicts on eBPF programs, and how ours compare
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write the programs of object files as lines of JSON
    Emit(emit::Args),
    /// Ask the running kernel about such lines
    Load(load::Args),
    /// Hold our verdicts against the kernel's
    Compare(compare::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Emit(args) => args.run(),
        Command::Load(args) => args.run(),
        Command::Compare(args) => args.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}
