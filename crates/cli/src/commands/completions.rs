//! `skep completions`

use std::io::Write;

use clap::CommandFactory;

use crate::report::Failure;

/// Write a shell's completion script to standard output
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which shell
    shell: clap_complete::Shell,
}

impl Args {
    pub(crate) fn run(self, mut out: &mut dyn Write) -> Result<(), Failure> {
        clap_complete::generate(self.shell, &mut crate::Cli::command(), "skep", &mut out);
        Ok(())
    }
}
