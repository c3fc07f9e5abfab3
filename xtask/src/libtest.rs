//! Reads what `cargo test -- --show-output` prints.
//!
//! libtest's JSON is unstable, so this reads the text. Two things make that safe. With `--show-output` what a test
//! prints comes in a section of its own after the results (never in the middle of a line of results), which also tells
//! whose `SKIPPED` line it is. And each binary ends with a line of counts: where the lines we understood do not add up
//! to it, the counts win, and a binary that never came to its last line has died.

use std::collections::HashMap;

use crate::process::tail;
use crate::report::Report;

/// What a test prints when it cannot run here: `SKIPPED <test>: <why>`.
const SKIPPED: &str = "SKIPPED ";

/// How many lines of a dead test binary are worth showing.
const DEATH_LINES: usize = 40;

/// Reads line by line and feeds a [`Report`].
#[derive(Default)]
pub(crate) struct Reader {
    /// The binary that runs: `skep_isa`, `tests/roundtrip`, `skep_isa docs`.
    label: String,
    /// Between `running N tests` and `test result:`.
    open: bool,
    results: Vec<(String, Verdict)>,
    /// What each test printed.
    outputs: HashMap<String, String>,
    /// The test whose section is being read.
    section: Option<String>,
    /// `SKIPPED` lines outside any section, written by a process that a test started.
    stray_skips: Vec<(String, String)>,
    /// Everything of the binary that runs, for when it dies.
    raw: String,
}

#[derive(Debug, PartialEq)]
enum Verdict {
    Ok,
    Failed,
    Ignored(String),
}

impl Reader {
    /// Takes the next line of output.
    pub(crate) fn line(&mut self, line: &str, report: &mut Report) {
        if let Some(label) = binary(line) {
            self.end(report);
            self.label = label;
            return;
        }
        if line.starts_with("running ") && (line.ends_with(" tests") || line.ends_with(" test")) {
            self.open = true;
            self.raw.clear();
            return;
        }
        if !self.open {
            return;
        }
        self.raw.push_str(line);
        self.raw.push('\n');
        if let Some(counts) = line.strip_prefix("test result: ").and_then(counts) {
            return self.close(counts, report);
        }
        if let Some(name) = section(line) {
            self.section = Some(name.to_owned());
        } else if line == "successes:" || line == "failures:" {
            self.section = None;
        } else if let Some(name) = &self.section {
            let output = self.outputs.entry(name.clone()).or_default();
            output.push_str(line);
            output.push('\n');
        } else if let Some((name, verdict)) = result(line) {
            report.flash(&format!("{}: {name}", self.label));
            self.results.push((name, verdict));
        } else if let Some((name, why)) = line.strip_prefix(SKIPPED).and_then(|rest| rest.split_once(": ")) {
            self.stray_skips.push((name.to_owned(), why.to_owned()));
        }
    }

    /// After the last line: a binary that is still open has died.
    pub(crate) fn end(&mut self, report: &mut Report) {
        if self.open {
            let why = format!("the test process died; it printed last:\n{}", tail(&self.raw, DEATH_LINES));
            report.fail(self.label.clone(), why);
        }
        *self = Self { label: std::mem::take(&mut self.label), ..Self::default() };
    }

    /// A binary is done: its results enter the report, and the counts check what was understood.
    fn close(&mut self, counts: [usize; 3], report: &mut Report) {
        let before = report.counts();
        let mut understood = [0; 3];
        for (test, verdict) in std::mem::take(&mut self.results) {
            let name = format!("{}: {test}", self.label);
            match verdict {
                Verdict::Ok => {
                    understood[0] += 1;
                    match self.skip_reason(&test) {
                        Some(why) => report.skip(name, why),
                        None => report.pass(),
                    }
                }
                Verdict::Failed => {
                    understood[1] += 1;
                    report.fail(name, self.outputs.remove(&test).unwrap_or_default());
                }
                Verdict::Ignored(why) => {
                    understood[2] += 1;
                    report.skip(name, why);
                }
            }
        }
        self.count_unread(counts, understood, report);
        let after = report.counts();
        let (passed, failed, skipped) = (after.0 - before.0, after.1 - before.1, after.2 - before.2);
        if passed + failed + skipped > 0 {
            report.say(&format!("{}: {passed} passed, {failed} failed, {skipped} skipped", self.label));
        }
        self.open = false;
        self.end(report);
    }

    /// Results whose line something else was printed into: nameless, but never lost.
    fn count_unread(&self, counts: [usize; 3], understood: [usize; 3], report: &mut Report) {
        for _ in understood[0]..counts[0] {
            report.pass();
        }
        for _ in understood[1]..counts[1] {
            report.fail(format!("{}: a test (its line could not be read)", self.label), self.raw.clone());
        }
        for _ in understood[2]..counts[2] {
            report.skip(format!("{}: a test (its line could not be read)", self.label), "ignored");
        }
    }

    /// Why a test that libtest calls passed says that it did not run.
    fn skip_reason(&self, test: &str) -> Option<String> {
        let output = self.outputs.get(test).map_or("", String::as_str);
        if let Some(rest) = output.lines().find_map(|line| line.strip_prefix(SKIPPED)) {
            return Some(rest.split_once(": ").map_or(rest, |(_, why)| why).to_owned());
        }
        let of_this =
            |name: &str| test == name || test.ends_with(&format!("::{name}")) || name.ends_with(test);
        self.stray_skips.iter().find(|(name, _)| of_this(name)).map(|(_, why)| why.clone())
    }
}

/// The label of the binary that cargo says it runs next.
fn binary(line: &str) -> Option<String> {
    let line = line.trim_start();
    if let Some(name) = line.strip_prefix("Doc-tests ") {
        return Some(format!("{name} docs"));
    }
    let (source, path) = line.strip_prefix("Running ")?.split_once(" (")?;
    let file = path.strip_suffix(')')?.rsplit('/').next()?;
    let stem = file.rsplit_once('-').map_or(file, |(stem, _hash)| stem);
    if source.starts_with("unittests ") {
        let main = source.ends_with("main.rs") || source.contains("/bin/");
        return Some(if main { format!("{stem} (program)") } else { stem.to_owned() });
    }
    Some(format!("tests/{stem}"))
}

/// `test a::b ... ok`, `… FAILED`, `… ignored, why`.
fn result(line: &str) -> Option<(String, Verdict)> {
    let (name, verdict) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let verdict = match verdict {
        "ok" => Verdict::Ok,
        "FAILED" => Verdict::Failed,
        "ignored" => Verdict::Ignored("marked as ignored".into()),
        other => Verdict::Ignored(other.strip_prefix("ignored, ")?.to_owned()),
    };
    Some((name.trim_end_matches(" - should panic").to_owned(), verdict))
}

/// `---- a::b stdout ----`, and without `stdout` for an example in the docs that does not compile.
fn section(line: &str) -> Option<&str> {
    let name = line.strip_prefix("---- ")?.strip_suffix(" ----")?;
    Some(name.strip_suffix(" stdout").unwrap_or(name))
}

/// Passed, failed and ignored of `ok. 3 passed; 0 failed; 1 ignored; …`.
fn counts(rest: &str) -> Option<[usize; 3]> {
    let number = |word: &str| {
        let (before, _) = rest.split_once(word)?;
        before.rsplit(' ').next()?.parse().ok()
    };
    Some([number(" passed;")?, number(" failed;")?, number(" ignored;")?])
}

#[cfg(test)]
mod tests;
