//! `skep run`

use std::io::Write;

use crate::report::Failure;

/// Run an eBPF program on packets
#[derive(clap::Args)]
pub(crate) struct Args {}

impl Args {
    pub(crate) fn run(self, _out: &mut dyn Write) -> Result<(), Failure> {
        Err(Failure::new("`skep run` is not built yet"))
    }
}
