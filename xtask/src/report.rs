//! What happened to each test, and how that is told.

use std::io::{IsTerminal, Write};

use clap::ValueEnum;
use serde_json::json;

/// How the result is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people; the last line is `N passed, N failed, N skipped`
    #[default]
    Text,
    /// One JSON object on standard output; progress goes to standard error
    Json,
}

/// Collects results and prints progress.
pub(crate) struct Report {
    format: Format,
    /// Whether a line may be drawn over: a terminal, and no JSON.
    live: bool,
    passed: usize,
    failed: Vec<Failed>,
    skipped: Vec<Skipped>,
}

/// A failed test.
struct Failed {
    name: String,
    /// What it printed; the last line has no newline.
    output: String,
}

/// A test that did not run.
struct Skipped {
    name: String,
    why: String,
}

impl Report {
    pub(crate) fn new(format: Format) -> Self {
        let live = format == Format::Text && std::io::stdout().is_terminal();
        Self { format, live, passed: 0, failed: Vec::new(), skipped: Vec::new() }
    }

    /// Counts of passed, failed and skipped so far.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        (self.passed, self.failed.len(), self.skipped.len())
    }

    pub(crate) fn pass(&mut self) {
        self.passed += 1;
    }

    /// A failure is shown at once by name, and at the end with its output.
    pub(crate) fn fail(&mut self, name: impl Into<String>, output: impl Into<String>) {
        let (name, output) = (name.into(), output.into());
        self.say(&format!("FAILED {name}"));
        self.failed.push(Failed { name, output });
    }

    pub(crate) fn skip(&mut self, name: impl Into<String>, why: impl Into<String>) {
        self.skipped.push(Skipped { name: name.into(), why: why.into() });
    }

    /// A line of progress that stays.
    pub(crate) fn say(&self, line: &str) {
        match self.format {
            Format::Text => {
                let erase = if self.live { "\r\x1b[K" } else { "" };
                println!("{erase}{line}");
            }
            Format::Json => eprintln!("{line}"),
        }
    }

    /// A line of progress that the next one overwrites; nothing where that cannot be.
    pub(crate) fn flash(&self, line: &str) {
        if self.live {
            let short: String = line.chars().take(100).collect();
            print!("\r\x1b[K{short}");
            let _ = std::io::stdout().flush();
        }
    }

    /// Prints the result. The error, when something failed, is empty: all has been said.
    pub(crate) fn finish(self) -> Result<(), String> {
        match self.format {
            Format::Text => print!("{}", self.text()),
            Format::Json => println!("{}", self.json()),
        }
        if self.failed.is_empty() { Ok(()) } else { Err(String::new()) }
    }

    fn text(&self) -> String {
        let mut out = String::new();
        for Failed { name, output } in &self.failed {
            out.push_str(&format!("\n──── FAILED {name}\n{}\n", output.trim_end()));
        }
        if !self.skipped.is_empty() {
            out.push_str("\nskipped:\n");
        }
        for Skipped { name, why } in &self.skipped {
            out.push_str(&format!("  {name}: {why}\n"));
        }
        let (passed, failed, skipped) = self.counts();
        out.push_str(&format!("{passed} passed, {failed} failed, {skipped} skipped\n"));
        out
    }

    /// The whole result as data.
    pub(crate) fn json(&self) -> serde_json::Value {
        let failed: Vec<_> =
            self.failed.iter().map(|f| json!({"name": f.name, "output": f.output})).collect();
        let skipped: Vec<_> = self.skipped.iter().map(|s| json!({"name": s.name, "why": s.why})).collect();
        json!({"passed": self.passed, "failed": failed, "skipped": skipped})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Report {
        let mut report = Report::new(Format::Json);
        report.pass();
        report.pass();
        report.skip("live::load", "no bpf(2)");
        report
    }

    #[test]
    fn the_last_line_counts() {
        let mut report = sample();
        assert_eq!(report.text(), "\nskipped:\n  live::load: no bpf(2)\n2 passed, 0 failed, 1 skipped\n");
        report.fail("a::b", "left: 1\n");
        assert!(report.text().starts_with("\n──── FAILED a::b\nleft: 1\n"), "{}", report.text());
        assert!(report.text().ends_with("\n2 passed, 1 failed, 1 skipped\n"));
        assert!(report.finish().is_err());
    }

    #[test]
    fn json_names_everything() {
        let value = sample().json();
        assert_eq!(value["passed"], 2);
        assert_eq!(value["skipped"][0]["why"], "no bpf(2)");
        assert_eq!(value["failed"], json!([]));
    }
}
