//! The commands, one file each.

mod asm;
mod btf;
mod completions;
mod disasm;
mod explain;
mod features;
mod file;
mod inspect;
mod link;
mod run;
mod verify;

use std::io::Write;

use clap::Subcommand;

use crate::report::Failure;

/// What `skep` can be asked to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    // It has by far the most options.
    Run(Box<run::Args>),
    Verify(verify::Args),
    Explain(explain::Args),
    Inspect(inspect::Args),
    Link(link::Args),
    Btf(btf::Args),
    Asm(asm::Args),
    Disasm(disasm::Args),
    Features(features::Args),
    Completions(completions::Args),
}

impl Command {
    /// Does it, writing to `out`.
    pub(crate) fn run(self, out: &mut dyn Write) -> Result<(), Failure> {
        match self {
            Self::Run(args) => args.run(out),
            Self::Verify(args) => args.run(out),
            Self::Explain(args) => args.run(out),
            Self::Inspect(args) => args.run(out),
            Self::Link(args) => args.run(out),
            Self::Btf(args) => args.run(out),
            Self::Asm(args) => args.run(out),
            Self::Disasm(args) => args.run(out),
            Self::Features(args) => args.run(out),
            Self::Completions(args) => args.run(out),
        }
    }
}
