//! The `skep` command.
//!
//! What it does stands in the library crates; here are only the words a person types and the words they read back.
//! One file a command under [`commands`]: its arguments as clap reads them, and its rendering. Whatever goes wrong
//! becomes a [`report::Failure`], one line on standard error and an exit code: 1 for a failure of the work, 2 for
//! arguments that make no sense (clap's own).

mod commands;
mod report;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use commands::Command;
use report::{Color, Failure};

/// eBPF, the whole system: inspect, run and observe eBPF programs, in any process, without a kernel.
#[derive(Parser)]
#[command(name = "skep", version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    /// When to colour the output
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    color: Color,

    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    cli.color.apply();
    // Buffered, because a listing of a hundred thousand lines is not a hundred thousand system calls.
    let mut out = std::io::BufWriter::with_capacity(1 << 16, anstream::stdout());
    let result = cli.command.run(&mut out).and_then(|()| out.flush().map_err(Failure::from));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
