//! `skep features`: what a kernel release has, and what this kernel says it has.
//!
//! [`sections`] turns the platform's tables into rows, [`running`] adds a column with the live kernel's answers, and
//! [`render`] writes the rows for people or as JSON.

mod render;
mod running;
mod sections;

use std::io::Write;

use clap::ValueEnum;
use skep_platform::Release;

use crate::report::{Failure, Format};

/// Show what a kernel release, or this kernel, can do
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The release to show, 5.4 to 6.18 [default: 6.18, with --running this kernel's own]
    #[arg(long, value_name = "VERSION")]
    kernel: Option<Release>,

    /// Ask this kernel as well, and mark where it differs (needs root)
    #[arg(long)]
    running: bool,

    /// What to show; may be repeated [default: all]
    #[arg(long, value_name = "SECTION")]
    section: Vec<Kind>,

    /// How to write it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// A part of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Program types
    Programs,
    /// Attach types
    Attach,
    /// Map types
    Maps,
    /// Helper functions
    Helpers,
    /// Context fields
    Contexts,
    /// Kernel functions
    Kfuncs,
    /// Groups of instructions
    Instructions,
    /// Kinds of type information
    Btf,
}

impl Args {
    pub(crate) fn run(self, out: &mut dyn Write) -> Result<(), Failure> {
        let live = self.running.then(running::release).transpose()?;
        let kernel = self.kernel.or(live).unwrap_or(Release::LATEST);
        let kinds = if self.section.is_empty() { Kind::value_variants() } else { &self.section };
        let mut sections: Vec<_> = kinds.iter().map(|&kind| sections::section(kind, kernel)).collect();
        if live.is_some() {
            for section in &mut sections {
                running::compare(section);
            }
        }
        match self.format {
            Format::Text => render::text(out, kernel, live, &sections),
            Format::Json => render::json(out, kernel, live, &sections),
        }
    }
}
