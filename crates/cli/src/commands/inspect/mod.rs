//! `skep inspect`

mod disasm;
mod json;
mod text;
mod words;

use std::io::Write;
use std::path::PathBuf;

use skep_object::Object;

use crate::report::{Failure, Format};

/// Show what an object file holds
///
/// Programs with what they attach to, maps, global variables, what the kernel must supply, types. Nothing is loaded and
/// nothing of this machine is asked.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The object file
    #[arg(value_name = "OBJECT")]
    object: PathBuf,

    /// Only this program, by its function's name
    #[arg(long, value_name = "NAME")]
    program: Option<String>,

    /// List the instructions too, between the source lines they come from
    #[arg(long)]
    disasm: bool,

    /// Form of the output
    #[arg(long, value_name = "FORM", default_value = "text", help_heading = "Output")]
    format: Format,
}

impl Args {
    pub(crate) fn run(self, out: &mut dyn Write) -> Result<(), Failure> {
        let name = self.object.display().to_string();
        let bytes = std::fs::read(&self.object)
            .map_err(|error| Failure::new(format!("cannot read {name}: {error}")))?;
        let object = Object::parse(&name, &bytes).map_err(Failure::new)?;
        let programs: Vec<_> = match &self.program {
            Some(wanted) => object.programs.iter().filter(|program| program.name == *wanted).collect(),
            None => object.programs.iter().collect(),
        };
        if let (Some(wanted), true) = (&self.program, programs.is_empty()) {
            let known: Vec<_> = object.programs.iter().map(|program| program.name.as_str()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(Failure::new(format!("{name}: expected a program named {wanted}, found {known}")));
        }
        match self.format {
            Format::Json => {
                let value = json::object(&object, &programs, bytes.len(), self.disasm);
                serde_json::to_writer_pretty(&mut *out, &value)
                    .map_err(|error| Failure::from(std::io::Error::from(error)))?;
                writeln!(out)?;
            }
            Format::Text => {
                text::object(&object, &programs, bytes.len(), out)?;
                if self.disasm {
                    for program in programs {
                        disasm::program(&object, program, out)?;
                    }
                }
            }
        }
        Ok(())
    }
}
