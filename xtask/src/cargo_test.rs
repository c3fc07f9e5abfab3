//! The workspace's own tests: unit, integration, and the examples in the docs.

use std::path::Path;
use std::time::Duration;

use crate::libtest::Reader;
use crate::process::{capture, cargo, shown, tail};
use crate::report::Report;

/// More than the tests ever take on two slow cores. Past it, something hangs.
const TEST_LIMIT: Duration = Duration::from_secs(30 * 60);

/// Builds and runs them, those whose name contains `filter`.
pub(crate) fn run(root: &Path, filter: Option<&str>, report: &mut Report) -> Result<(), String> {
    // Built first and with cargo's own display: a compiler error then looks as it always does.
    let mut build = cargo(root);
    build.args(["test", "--workspace", "--no-run", "--quiet"]);
    let built = build.status().map_err(|e| format!("cannot start cargo: {e}"))?;
    if !built.success() {
        report.fail(shown(&build), "the tests do not compile; the compiler's messages are above");
        return Ok(());
    }

    let mut tests = cargo(root);
    tests.args(["test", "--workspace", "--no-fail-fast", "--"]);
    tests.args(filter).arg("--show-output");
    let name = shown(&tests);
    let before = report.counts();
    let mut reader = Reader::default();
    let got = capture(&mut tests, TEST_LIMIT, |line| reader.line(line, report))?;
    reader.end(report);
    if !got.ok && report.counts().1 == before.1 {
        report.fail(name, format!("{}\n{}", got.how, tail(&got.text, 60)));
    }
    Ok(())
}
