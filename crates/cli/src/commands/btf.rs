//! `skep btf`

use std::io::Write;

use crate::report::Failure;

/// Read type information (BTF)
#[derive(clap::Args)]
pub(crate) struct Args {}

impl Args {
    pub(crate) fn run(self, _out: &mut dyn Write) -> Result<(), Failure> {
        Err(Failure::new("`skep btf` is not built yet"))
    }
}
