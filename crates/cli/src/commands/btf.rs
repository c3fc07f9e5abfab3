//! `skep btf`

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use skep_btf::{Btf, TypeId, elf, print};

use crate::report::Failure;

/// Read type information (BTF)
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Print types as a C header, as lines or as JSON
    Dump(Dump),
}

#[derive(clap::Args)]
struct Dump {
    /// BTF, or an ELF file with a .BTF section [default: the running kernel's types]
    file: Option<PathBuf>,

    /// What to print
    #[arg(long, short, value_name = "FORMAT", default_value = "raw")]
    format: Format,

    /// What a split BTF (a kernel module's) continues: BTF or ELF
    #[arg(long, value_name = "FILE", requires = "file")]
    base: Option<PathBuf>,

    /// Only the types of this name and all they need; may be given more than once
    #[arg(long = "type", short, value_name = "NAME")]
    types: Vec<String>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// A C header, like vmlinux.h
    C,
    /// A line for each type and each member
    Raw,
    /// An object for each type
    Json,
}

impl Args {
    pub(crate) fn run(self, out: &mut dyn Write) -> Result<(), Failure> {
        let Command::Dump(dump) = self.command;
        dump.run(out)
    }
}

impl Dump {
    fn run(self, out: &mut dyn Write) -> Result<(), Failure> {
        let btf = match &self.file {
            Some(file) => read(file, self.base.as_deref())?,
            None => Btf::running().map_err(Failure::new)?,
        };
        let roots = self.roots(&btf)?;
        let all = || match &roots {
            Some(roots) => btf.closure(roots),
            None => (btf.first_id().0..btf.len() as u32).map(TypeId).collect(),
        };
        match self.format {
            Format::C => print::c(&btf, roots.as_deref(), out).map_err(nesting)?,
            Format::Raw => print::raw(&btf, all(), out)?,
            Format::Json => print::json(&btf, all(), out)?,
        }
        Ok(())
    }

    /// The types that were asked for by name; none means all.
    fn roots(&self, btf: &Btf) -> Result<Option<Vec<TypeId>>, Failure> {
        let mut roots = Vec::new();
        for name in &self.types {
            let before = roots.len();
            roots.extend(btf.find_all(name));
            if roots.len() == before {
                return Err(Failure::new(format!("no type is called `{name}`")));
            }
        }
        Ok((!roots.is_empty()).then_some(roots))
    }
}

/// Types that C cannot express are the file's fault and no failure of writing.
fn nesting(error: std::io::Error) -> Failure {
    match error.kind() {
        std::io::ErrorKind::InvalidData => Failure::new(error),
        _ => error.into(),
    }
}

/// BTF from a file that is BTF, or ELF with a section of it.
pub(super) fn read(file: &Path, base: Option<&Path>) -> Result<Btf, Failure> {
    let at_fault = |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", file.display()));
    let data = std::fs::read(file).map_err(|e| at_fault(&e))?;
    let bytes = match elf::is_elf(&data) {
        true => elf::section(&data).map_err(|e| at_fault(&e))?,
        false => &data,
    };
    match base {
        Some(base) => Btf::parse_split(bytes, Arc::new(read(base, None)?)),
        None => Btf::parse(bytes),
    }
    .map_err(|e| at_fault(&e))
}
