//! `skep link`

use std::io::Write;
use std::path::PathBuf;

use crate::report::Failure;

/// Link several objects into one
///
/// Sections of one name are joined, symbols resolved across the objects, types and source lines kept. The output is
/// relocatable as the inputs are; skep and every loader built on libbpf accept it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The objects
    #[arg(required = true, value_name = "OBJECT")]
    inputs: Vec<PathBuf>,

    /// Where to write the result
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

impl Args {
    pub(crate) fn run(self, _out: &mut dyn Write) -> Result<(), Failure> {
        let mut inputs = Vec::new();
        for path in &self.inputs {
            let bytes = std::fs::read(path)
                .map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))?;
            inputs.push((path.display().to_string(), bytes));
        }
        let inputs: Vec<_> = inputs.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        let linked = skep_object::link(&inputs).map_err(Failure::new)?;
        std::fs::write(&self.output, linked)
            .map_err(|error| Failure::new(format!("cannot write {}: {error}", self.output.display())))
    }
}
