//! The Rust programs in `examples/`: each is run without arguments and must end well.
//!
//! Which they are is asked of cargo, so that an example cannot be forgotten here.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::process::{capture, cargo, tail};
use crate::report::Report;

/// An example shows something to a person who waits for it.
const EXAMPLE_LIMIT: Duration = Duration::from_secs(120);

/// Runs every example target of the workspace whose name contains `filter`.
pub(crate) fn run(root: &Path, filter: Option<&str>, report: &mut Report) -> Result<(), String> {
    for (package, example) in list(root)? {
        let name = format!("example {example}");
        if filter.is_some_and(|filter| !name.contains(filter)) {
            continue;
        }
        report.flash(&name);
        let mut cmd = cargo(root);
        cmd.args(["run", "--quiet", "--package", &package, "--example", &example]);
        let got = capture(&mut cmd, EXAMPLE_LIMIT, |_| {})?;
        if got.ok {
            report.pass();
            report.say(&format!("{name}: ok"));
        } else {
            report.fail(name, format!("{}\n{}", got.how, tail(&got.text, 60)));
        }
    }
    Ok(())
}

/// Package and name of each example target.
fn list(root: &Path) -> Result<Vec<(String, String)>, String> {
    let output = cargo(root)
        .args(["metadata", "--no-deps", "--format-version", "1", "--quiet"])
        .output()
        .map_err(|e| format!("cannot start cargo: {e}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    let metadata: Value =
        serde_json::from_slice(&output.stdout).map_err(|e| format!("cargo metadata: not JSON: {e}"))?;
    Ok(examples(&metadata))
}

fn examples(metadata: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        for target in package["targets"].as_array().into_iter().flatten() {
            let is_example =
                target["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|k| k == "example"));
            if let (true, Some(package), Some(name)) =
                (is_example, package["name"].as_str(), target["name"].as_str())
            {
                found.push((package.to_owned(), name.to_owned()));
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_examples_are_listed() {
        let metadata = json!({"packages": [{"name": "p", "targets": [
            {"kind": ["lib"], "name": "p"}, {"kind": ["example"], "name": "embed"}]}]});
        assert_eq!(examples(&metadata), [("p".to_owned(), "embed".to_owned())]);
    }
}
