//! `skep explain`: the catalogue of the verifier's rules.

use std::io::Write;

use anstyle::Style;
use skep_verifier::Code;

use crate::report::Failure;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// Explain a rule of the verifier: what it protects, a program that breaks it, and the program repaired
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  skep explain
  skep explain E0306")]
pub(crate) struct Args {
    /// The rule's code, as `skep verify` prints it; without one, all rules are listed
    #[arg(value_name = "CODE", value_parser = code)]
    code: Option<Code>,
}

/// A code, or the reason why it is none.
fn code(text: &str) -> Result<Code, String> {
    let first = Code::ALL.first().map_or_else(String::new, Code::to_string);
    let last = Code::ALL.last().map_or_else(String::new, Code::to_string);
    Code::parse(text)
        .ok_or_else(|| format!("expected one of the codes that `skep explain` lists, {first} to {last}"))
}

impl Args {
    pub(crate) fn run(self, out: &mut dyn Write) -> Result<(), Failure> {
        match self.code {
            Some(code) => explain(code, out),
            None => list(out),
        }
    }
}

fn explain(code: Code, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(out, "{BOLD}{code}: {}{BOLD:#} {DIM}({}){DIM:#}\n", code.title(), code.category())?;
    for line in code.text().lines() {
        // Programs stand out by themselves; what Markdown needs around them only distracts.
        match line {
            "```" | "```asm" | "```text" => {}
            "### Rejected" | "### Accepted" => writeln!(out, "{BOLD}{}{BOLD:#}\n", &line[4..])?,
            _ => writeln!(out, "{line}")?,
        }
    }
    Ok(())
}

fn list(out: &mut dyn Write) -> Result<(), Failure> {
    let mut category = "";
    for &code in Code::ALL {
        if code.category() != category {
            let gap = if category.is_empty() { "" } else { "\n" };
            category = code.category();
            writeln!(out, "{gap}{BOLD}{category}{BOLD:#}")?;
        }
        writeln!(out, "  {code}  {}", code.title())?;
    }
    writeln!(out, "\n`skep explain CODE` tells more.")?;
    Ok(())
}
