//! `skep verify`: what Linux's verifier would say, and why.
//!
//! Objects are fitted to the kernel they are verified for ([`skep::verify`]), or programs are read from JSON
//! lines ([`raw`]). Each gets a verdict, which becomes text ([`text`]), JSON ([`json`]) or SARIF ([`sarif`]).
//!
//! The exit code counts verdicts, so trouble with files and arguments is 2 here where other commands say 1.

#[cfg(test)]
mod catalogue;
mod example;
mod finding;
mod json;
mod kernel_log;
mod objects;
mod profile;
mod raw;
mod releases;
mod sarif;
mod span;
mod text;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;
use skep::Object;
use skep::verify::{Case, Extends};
use skep_btf::Btf;
use skep_object::Kconfig;
use skep_platform::Release;
use skep_verifier::explain::Fields;
use skep_verifier::{Report, Verdict};

use super::file;
use crate::report::Failure;

/// Prove programs safe as Linux's verifier does, or say precisely why not
///
/// No kernel and no privilege is needed. A program is accepted, rejected, or uses something that the verifier does not model
/// yet, which is a verdict of its own: unsupported.
#[derive(clap::Args)]
#[command(after_help = "\
Exit codes:
  0  all programs are accepted
  1  a program is rejected
  2  the arguments make no sense, or a file cannot be read
  3  no program is rejected, but one is unsupported

Examples:
  skep verify examples/doorman.bpf.o
  skep verify doorman.bpf.o --set burst=50 --unprivileged
  skep verify *.bpf.o --format sarif > findings.sarif
  skep verify --raw programs.jsonl > verdicts.jsonl
  skep explain E0306")]
pub(crate) struct Args {
    /// The object files, as clang, GCC or rustc made them
    #[arg(value_name = "OBJECT", required_unless_present_any = ["raw", "kernel_log"])]
    objects: Vec<PathBuf>,

    /// Verify programs without an object: JSON lines in (`-` is standard input), JSON lines out (see docs/verify.md)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["objects", "program", "set", "format"])]
    raw: Option<PathBuf>,

    /// Tell what a kernel wrote when it refused a program (5.4 to 6.18; `-` is standard input) in the same form
    #[arg(long, value_name = "FILE", conflicts_with_all = ["objects", "program", "set", "raw", "log", "profile"])]
    kernel_log: Option<PathBuf>,

    /// Only this program; the default is all that the object marks for loading
    #[arg(short, long, value_name = "NAME")]
    program: Option<String>,

    /// Set a global variable before the program is loaded; may be given more than once
    #[arg(long, value_name = "VARIABLE=VALUE", value_parser = super::run::input::assignment)]
    set: Vec<(String, String)>,

    /// What extensions (`freplace/FUNCTION`) replace functions of: an object, and its program where several have the function
    #[arg(long, value_name = "OBJECT[:PROGRAM]", conflicts_with_all = ["raw", "kernel_log"])]
    extends: Option<String>,

    /// The release to verify for, 5.4 to 6.18: its instructions, helpers, kernel functions, context fields, load flags, program, map and attach types; what is
    /// proved how is as 6.18 has it. With `all`, a table of every longterm release
    #[arg(long, value_name = "RELEASE", default_value = "6.18", help_heading = "Environment")]
    kernel: releases::Kernels,

    /// Verify for a loader without CAP_BPF and CAP_PERFMON, on a machine with mitigations on
    #[arg(long, help_heading = "Environment")]
    unprivileged: bool,

    /// The kernel's types: raw BTF, or an ELF file with a .BTF section [default: the running kernel's, if it has any]
    #[arg(long, value_name = "FILE", help_heading = "Environment")]
    btf: Option<PathBuf>,

    /// The configuration of the kernel, which __kconfig variables are filled from, as in /boot/config-* [default: unknown]
    #[arg(long, value_name = "FILE", help_heading = "Environment")]
    kconfig: Option<PathBuf>,

    /// Write what is known at each instruction in the form of the kernel's log: 2 for all paths, 1 for the one that fails
    #[arg(long, value_name = "LEVEL", num_args = 0..=1, require_equals = true, default_missing_value = "2",
          value_parser = clap::value_parser!(u8).range(1..=2), help_heading = "Output")]
    log: Option<u8>,

    /// What the log shows, separated by commas [default: all]
    #[arg(long, value_name = "FIELD", value_delimiter = ',', requires = "log", help_heading = "Output")]
    fields: Vec<Column>,

    /// Look for a packet, a context and map contents that lead to the error, by running the program in the checking interpreter
    #[arg(long, conflicts_with_all = ["raw", "kernel_log"], help_heading = "Output")]
    counterexample: bool,

    /// Say how many instructions were processed for each source line
    #[arg(long, help_heading = "Output")]
    profile: bool,

    /// For people, for programs, or for tools that collect findings
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    format: Form,
}

/// `--format`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people
    Text,
    /// Everything that is known, as one JSON document
    Json,
    /// SARIF 2.1.0, which code hosting sites and editors read
    Sarif,
}

/// `--fields`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Column {
    /// Source lines
    Source,
    /// Instructions
    Insn,
    /// Registers that an instruction touched
    Regs,
    /// Stack slots that it touched
    Stack,
    /// Names of values and references
    Ids,
    /// Least and greatest values
    Ranges,
    /// Known bits
    Bits,
    /// References held
    Refs,
}

impl Column {
    const fn field(self) -> Fields {
        match self {
            Self::Source => Fields::SOURCE,
            Self::Insn => Fields::INSN,
            Self::Regs => Fields::REGS,
            Self::Stack => Fields::STACK,
            Self::Ids => Fields::IDS,
            Self::Ranges => Fields::RANGES,
            Self::Bits => Fields::BITS,
            Self::Refs => Fields::REFS,
        }
    }
}

/// Verdicts counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    accepted: u64,
    rejected: u64,
    unsupported: u64,
    /// Inputs that could not be read as programs; they have been reported already.
    broken: u64,
}

impl Tally {
    fn count(&mut self, verdict: &skep_verifier::Verdict) {
        match verdict {
            skep_verifier::Verdict::Verified(_) => self.accepted += 1,
            skep_verifier::Verdict::Rejected(_) => self.rejected += 1,
            skep_verifier::Verdict::Unsupported(_) => self.unsupported += 1,
        }
    }

    /// The exit code, as a result of the command.
    fn exit(self) -> Result<(), Failure> {
        match self {
            Self { broken: 1.., .. } => Err(Failure::Silent(2)),
            Self { rejected: 1.., .. } => Err(Failure::Silent(1)),
            Self { unsupported: 1.., .. } => Err(Failure::Silent(3)),
            _ => Ok(()),
        }
    }
}

impl Args {
    pub(crate) fn run(self, out: &mut dyn Write) -> Result<(), Failure> {
        let judged = match (&self.raw, &self.kernel_log) {
            (_, Some(path)) => kernel_log::render(&self, path, out),
            (Some(path), _) => raw::verify(&self, path, out),
            _ if self.kernel == releases::Kernels::All => releases::verify(&self, out),
            _ => objects::verify(&self, out),
        };
        // Exit code 1 says that a program is rejected, which is not what happened when a file is missing.
        match judged {
            Ok(tally) => tally.exit(),
            Err(Failure::Message(text)) => {
                complain(&text);
                Err(Failure::Silent(2))
            }
            Err(other) => Err(other),
        }
    }

    /// What the log shows.
    fn fields(&self) -> Fields {
        let none = Fields(0);
        if self.fields.is_empty() {
            Fields::ALL
        } else {
            self.fields.iter().fold(none, |all, one| all.with(one.field()))
        }
    }

    /// What `__kconfig` variables hold: the version is the release's, and options are unknown unless a file says them, because
    /// the configuration of the kernel that a program will meet is not the running one's.
    fn kconfig(&self, release: Release) -> Result<Kconfig, Failure> {
        let kernel_version = u32::from(release.major()) << 16 | u32::from(release.minor()) << 8;
        let known = match &self.kconfig {
            Some(path) => Kconfig::parse(&file::text(path)?.1),
            None => Kconfig::default(),
        };
        Ok(Kconfig { kernel_version, ..known })
    }

    /// The object that is extended. A file may have a colon in its name, so the whole text is tried first.
    fn extended(&self) -> Result<Option<Extends>, Failure> {
        let Some(text) = &self.extends else { return Ok(None) };
        let (path, program) = match text.rsplit_once(':') {
            Some((path, program)) if !Path::new(text).exists() => (path, Some(program.to_owned())),
            _ => (text.as_str(), None),
        };
        let (name, bytes) = file::bytes(Path::new(path))?;
        let object = Arc::new(Object::parse(&name, &bytes).map_err(Failure::new)?);
        if let Some(program) = program.as_ref().filter(|program| object.program(program).is_none()) {
            return Err(Failure::new(format!("{name}: there is no program {program} to extend")));
        }
        Ok(Some(Extends { object, program }))
    }

    /// The kernel's types: those of the file given, else the running kernel's, else none.
    fn kernel_types(&self) -> Result<Option<Arc<Btf>>, Failure> {
        let Some(path) = &self.btf else { return Ok(Btf::running().ok().map(Arc::new)) };
        let (name, content) = file::bytes(path)?;
        let btf = types(&content).map_err(|problem| Failure::new(format!("{name}: {problem}")))?;
        Ok(Some(Arc::new(btf)))
    }
}

/// BTF as it stands or in an ELF file.
fn types(content: &[u8]) -> Result<Btf, String> {
    let raw = if skep_btf::elf::is_elf(content) {
        skep_btf::elf::section(content).map_err(|error| error.to_string())?
    } else {
        content
    };
    Btf::parse(raw).map_err(|error| error.to_string())
}

/// One line of trouble on standard error.
fn complain(text: &str) {
    let red = anstyle::AnsiColor::Red.on_default().bold();
    anstream::eprintln!("{red}error{red:#}: {text}");
}

/// Why a program of an object was refused, as text with its place in the source; for other commands that meet a rejection.
pub(crate) fn explanation(object: &Object, program: &str, case: &Case, report: &Report) -> Option<String> {
    let Verdict::Rejected(rejection) = &report.verdict else { return None };
    // There is no instruction to point at in an empty program.
    let definition = object.program(program).filter(|_| !case.input.insns.is_empty())?;
    let errors = finding::Finding::all(object, definition, case, rejection);
    Some(errors.iter().map(text::render).collect::<Vec<_>>().join("\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(tally: Tally) -> u8 {
        match tally.exit() {
            Ok(()) => 0,
            Err(Failure::Silent(code)) => code,
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_worst_decides_the_exit_code() {
        let all = Tally { accepted: 1, rejected: 1, unsupported: 1, broken: 1 };
        assert_eq!(code(all), 2);
        assert_eq!(code(Tally { broken: 0, ..all }), 1);
        assert_eq!(code(Tally { broken: 0, rejected: 0, ..all }), 3);
        assert_eq!(code(Tally { accepted: 5, ..Tally::default() }), 0);
        assert_eq!(code(Tally::default()), 0);
    }
}
