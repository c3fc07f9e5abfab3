//! `skep inspect`

use std::io::Write;

use crate::report::Failure;

/// Show what an object file holds
#[derive(clap::Args)]
pub(crate) struct Args {}

impl Args {
    pub(crate) fn run(self, _out: &mut dyn Write) -> Result<(), Failure> {
        Err(Failure::new("`skep inspect` is not built yet"))
    }
}
