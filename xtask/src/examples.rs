//! The Rust programs in `examples/`: each is run and must end well.
//!
//! Which they are is asked of cargo, so that an example cannot be forgotten here. One that takes arguments, or writes a
//! file that is committed, has a row in [`CASES`].

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::process::{capture, cargo, tail, target_dir};
use crate::report::Report;

/// An example shows something to a person who waits for it.
const EXAMPLE_LIMIT: Duration = Duration::from_secs(120);

/// Building them, when the tests have not.
const BUILD_LIMIT: Duration = Duration::from_secs(900);

/// How an example is run, when not without arguments.
struct Case {
    name: &'static str,
    /// `OUT` is a file under `target/examples-out/`.
    args: &'static [&'static str],
    /// The committed file that `OUT` must be the same as.
    same_as: Option<&'static str>,
}

const CASES: &[Case] = &[Case { name: "capture", args: &["OUT"], same_as: Some("examples/evening.pcap") }];

/// Runs every example target of the workspace whose name contains `filter`.
pub(crate) fn run(root: &Path, filter: Option<&str>, report: &mut Report) -> Result<(), String> {
    // All of the workspace at once: for one package alone cargo may choose other features, and build everything again.
    let built = capture(cargo(root).args(["build", "--workspace", "--examples"]), BUILD_LIMIT, |_| {})?;
    if !built.ok {
        report.fail("examples", tail(&built.text, 60));
        return Ok(());
    }
    for example in list(root)? {
        let name = format!("example {example}");
        if filter.is_some_and(|filter| !name.contains(filter)) {
            continue;
        }
        report.flash(&name);
        match example_result(root, &example)? {
            None => {
                report.pass();
                report.say(&format!("{name}: ok"));
            }
            Some(why) => report.fail(name, why),
        }
    }
    Ok(())
}

/// Runs one; what is wrong, if anything.
fn example_result(root: &Path, example: &str) -> Result<Option<String>, String> {
    let case = CASES.iter().find(|case| case.name == example);
    let folder = target_dir(root).join("examples-out");
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let out = folder.join(example);
    let mut cmd = Command::new(target_dir(root).join("debug/examples").join(example));
    cmd.current_dir(root);
    for arg in case.map_or(&[][..], |case| case.args) {
        match *arg {
            "OUT" => cmd.arg(&out),
            other => cmd.arg(other),
        };
    }
    let got = capture(&mut cmd, EXAMPLE_LIMIT, |_| {})?;
    if !got.ok {
        return Ok(Some(format!("{}\n{}", got.how, tail(&got.text, 60))));
    }
    let Some(committed) = case.and_then(|case| case.same_as) else { return Ok(None) };
    let same = matches!((std::fs::read(&out), std::fs::read(root.join(committed))), (Ok(a), Ok(b)) if a == b);
    Ok((!same).then(|| format!("what it writes ({}) is not what is committed as {committed}", out.display())))
}

/// The name of each example target.
fn list(root: &Path) -> Result<Vec<String>, String> {
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

fn examples(metadata: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        for target in package["targets"].as_array().into_iter().flatten() {
            let is_example =
                target["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|k| k == "example"));
            if let (true, Some(name)) = (is_example, target["name"].as_str()) {
                found.push(name.to_owned());
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
        assert_eq!(examples(&metadata), ["embed"]);
    }
}
