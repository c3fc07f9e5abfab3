//! `skep link`

use std::io::Write;

use crate::report::Failure;

/// Link several objects into one
#[derive(clap::Args)]
pub(crate) struct Args {}

impl Args {
    pub(crate) fn run(self, _out: &mut dyn Write) -> Result<(), Failure> {
        Err(Failure::new("`skep link` is not built yet"))
    }
}
