//! `skep features`

use std::io::Write;

use crate::report::Failure;

/// Show what a kernel release, or this kernel, can do
#[derive(clap::Args)]
pub(crate) struct Args {}

impl Args {
    pub(crate) fn run(self, _out: &mut dyn Write) -> Result<(), Failure> {
        Err(Failure::new("`skep features` is not built yet"))
    }
}
