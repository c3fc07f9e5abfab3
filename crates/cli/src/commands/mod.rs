//! The commands, one file each.

mod btf;
mod completions;
mod features;
mod inspect;
mod link;
mod run;

use std::io::Write;

use clap::Subcommand;

use crate::report::Failure;

/// What `skep` can be asked to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    Run(run::Args),
    Inspect(inspect::Args),
    Link(link::Args),
    Btf(btf::Args),
    Features(features::Args),
    Completions(completions::Args),
}

impl Command {
    /// Does it, writing to `out`.
    pub(crate) fn run(self, out: &mut dyn Write) -> Result<(), Failure> {
        match self {
            Self::Run(args) => args.run(out),
            Self::Inspect(args) => args.run(out),
            Self::Link(args) => args.run(out),
            Self::Btf(args) => args.run(out),
            Self::Features(args) => args.run(out),
            Self::Completions(args) => args.run(out),
        }
    }
}
