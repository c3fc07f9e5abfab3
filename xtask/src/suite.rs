//! `cargo xtask test`: every part in turn, one report at the end.

use std::path::Path;
use std::time::Instant;

use clap::{Args, ValueEnum};

use crate::report::{Format, Report};
use crate::{bpf, cargo_test, deps, examples, fuzz, readme};

/// `cargo xtask test`.
#[derive(Args)]
pub(crate) struct Options {
    /// Only tests whose name contains this
    filter: Option<String>,
    /// Only this part; may be given several times
    #[arg(long, value_enum)]
    part: Vec<Part>,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The parts, in the order in which they run: what is quick to fail and cheap to build comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// eBPF programs rebuilt from C and compared with the committed objects
    Bpf,
    /// Unit, integration and documentation tests of the workspace
    Cargo,
    /// The Rust programs in examples/
    Examples,
    /// Fuzz targets, each for its fixed budget
    Fuzz,
    /// The commands in README.md
    Readme,
}

/// What runs a part: adds to the report, fails only when it could not do its work at all.
type Run = fn(&Path, Option<&str>, &mut Report) -> Result<(), String>;

const PARTS: &[(Part, &str, Run)] = &[
    (Part::Bpf, "eBPF programs", bpf::run),
    (Part::Cargo, "workspace tests", cargo_test::run),
    (Part::Examples, "examples", examples::run),
    (Part::Fuzz, "fuzz targets", fuzz::run),
    (Part::Readme, "README's commands", readme::run),
];

/// Runs the chosen parts and prints the report.
pub(crate) fn run(root: &Path, options: &Options) -> Result<(), String> {
    let mut report = Report::new(options.format);
    let filter = options.filter.as_deref();
    deps::install(|line| report.say(line));
    for (part, title, run) in PARTS {
        if !options.part.is_empty() && !options.part.contains(part) {
            continue;
        }
        let start = Instant::now();
        report.say(&format!("── {title}"));
        if let Err(why) = run(root, filter, &mut report) {
            report.fail(*title, why);
        }
        report.say(&format!("── {title}: {:.0} s", start.elapsed().as_secs_f64()));
    }
    if let (Some(filter), (0, 0, 0)) = (filter, report.counts()) {
        report.fail(filter, "no test has this in its name");
    }
    report.finish()
}
