//! The project's own tasks, as `cargo xtask TASK`.
//!
//! One program instead of a folder of shell scripts, so that a fresh clone needs Rust and nothing else: each task finds
//! out what the machine lacks, installs it where it may, and says what it left out where it may not.
//!
//! Invariant: a check that did not run is never reported as passed. It is *skipped*, by name and with the reason.

mod bpf;
mod cargo_test;
mod component;
mod deny;
mod deps;
mod examples;
mod fuzz;
mod libtest;
mod process;
mod readme;
mod report;
mod suite;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's own tasks.
#[derive(Parser)]
#[command(name = "cargo xtask", disable_version_flag = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run every test there is, and say what was skipped and why
    Test(suite::Options),
    /// Check the format, clippy, and the licences and sources of dependencies
    Lint,
    /// Build the API documentation; any warning is an error
    Docs,
    /// Rebuild the eBPF programs from C and compare them with the committed objects
    Bpf {
        /// Write the new objects over the committed ones
        #[arg(long)]
        bless: bool,
    },
    /// Run fuzz targets, all or one
    Fuzz(fuzz::Options),
    /// Run the benchmarks
    Bench {
        /// Handed to the benchmarks
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Install what the tests use from Debian and rustup, or name those that are missing
    Deps,
}

fn main() -> ExitCode {
    let root = root();
    let result = match Cli::parse().task {
        Task::Test(options) => suite::run(&root, &options),
        Task::Lint => lint(&root),
        Task::Docs => process::step(
            process::cargo(&root).args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-Dwarnings"),
        ),
        Task::Bpf { bless } => bpf::task(&root, bless),
        Task::Fuzz(options) => fuzz::task(&root, &options),
        Task::Bench { args } => {
            process::step(process::cargo(&root).args(["bench", "--package", "skep-benches", "--"]).args(args))
        }
        Task::Deps => deps::task(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            if !why.is_empty() {
                eprintln!("error: {why}");
            }
            ExitCode::FAILURE
        }
    }
}

/// The quick checks that look at text and types only.
fn lint(root: &Path) -> Result<(), String> {
    process::step(process::cargo(root).args(["fmt", "--all", "--check"]))?;
    process::step(process::cargo(root).args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--quiet",
        "--",
        "-Dwarnings",
    ]))?;
    deny::check(root)
}

/// The workspace's folder: this package's parent, known when it was built.
fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_path_buf()
}
