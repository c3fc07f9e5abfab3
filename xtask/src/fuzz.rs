//! Fuzz targets for a fixed budget, by the driver in `fuzz/` (stable Rust, nothing to install).

use std::path::Path;
use std::time::Duration;

use clap::Args;

use crate::process::{capture, cargo, step, tail, target_dir};
use crate::report::Report;

/// The driver stops by itself long before: this is for when the driver hangs.
const TARGET_LIMIT: Duration = Duration::from_secs(300);

/// Building it, when the tests have not.
const BUILD_LIMIT: Duration = Duration::from_secs(900);

/// `cargo xtask fuzz`.
#[derive(Args)]
pub(crate) struct Options {
    /// One target; all of them when left out. `--list` names them
    target: Option<String>,
    /// How long each target runs, instead of its fixed number of inputs
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// Another sequence of inputs than the test command's
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Run the bytes of a file as the only input, as saved by a failure
    #[arg(long, value_name = "FILE", requires = "target")]
    replay: Option<String>,
    /// Let libFuzzer search, starting from the same seeds; needs a nightly toolchain and cargo-fuzz
    #[arg(long, requires = "target")]
    libfuzzer: bool,
    /// List the targets
    #[arg(long)]
    list: bool,
}

/// Runs the driver with its output shown.
pub(crate) fn task(root: &Path, options: &Options) -> Result<(), String> {
    if let (Some(target), true) = (&options.target, options.libfuzzer) {
        return libfuzzer(root, target, options.seconds);
    }
    let mut cmd = driver(root);
    if options.list {
        cmd.arg("--list");
    }
    cmd.args(&options.target);
    for (flag, value) in [("--seconds", options.seconds), ("--seed", options.seed)] {
        if let Some(value) = value {
            cmd.args([flag, &value.to_string()]);
        }
    }
    if let Some(file) = &options.replay {
        let file = std::path::absolute(file).map_err(|e| format!("{file}: {e}"))?;
        cmd.arg("--replay").arg(file);
    }
    let status = cmd.status().map_err(|e| format!("cannot start cargo: {e}"))?;
    // The driver has said what is wrong.
    if status.success() { Ok(()) } else { Err(String::new()) }
}

/// The endless search, with coverage. Its corpus stays in `fuzz/libfuzzer/corpus`.
fn libfuzzer(root: &Path, target: &str, seconds: Option<u64>) -> Result<(), String> {
    let corpus = root.join("fuzz/libfuzzer/corpus").join(target);
    step(driver(root).args([target, "--seeds"]).arg(corpus))?;
    // Through rustup's front: the cargo that runs us belongs to one toolchain and takes no `+nightly`.
    let mut cmd = std::process::Command::new("cargo");
    cmd.current_dir(root).env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN");
    cmd.args(["+nightly", "fuzz", "run", "--fuzz-dir", "fuzz/libfuzzer", target]);
    if let Some(seconds) = seconds {
        cmd.args(["--", &format!("-max_total_time={seconds}")]);
    }
    step(&mut cmd)
}

/// Each target whose name contains `filter` as one test.
pub(crate) fn run(root: &Path, filter: Option<&str>, report: &mut Report) -> Result<(), String> {
    // Built apart: what the compiler has to say must not be read as the list. Of the workspace, not of the package
    // alone: cargo may choose other features for one, and build everything again.
    let mut build = cargo(root);
    build.args(["build", "--workspace", "--bin", "skep-fuzz"]);
    let built = capture(&mut build, BUILD_LIMIT, |_| {})?;
    let list = capture(program(root).arg("--list"), TARGET_LIMIT, |_| {});
    let list = match list {
        Ok(list) if built.ok && list.ok => list,
        _ => {
            report.fail("fuzz targets", tail(&built.text, 60));
            return Ok(());
        }
    };
    for target in list.text.lines().filter_map(|line| line.split_whitespace().next()) {
        let name = format!("fuzz {target}");
        if filter.is_some_and(|filter| !name.contains(filter)) {
            continue;
        }
        report.flash(&name);
        let got = capture(program(root).arg(target), TARGET_LIMIT, |_| {})?;
        if got.ok {
            report.pass();
            report.say(got.text.lines().last().unwrap_or(&name));
        } else {
            report.fail(name, format!("{}\n{}", got.how, tail(&got.text, 60)));
        }
    }
    Ok(())
}

/// The driver as cargo builds it for the tests.
fn program(root: &Path) -> std::process::Command {
    let mut cmd = std::process::Command::new(target_dir(root).join("debug/skep-fuzz"));
    cmd.current_dir(root);
    cmd
}

fn driver(root: &Path) -> std::process::Command {
    let mut cmd = cargo(root);
    cmd.args(["run", "--quiet", "--package", "skep-fuzz", "--bin", "skep-fuzz", "--"]);
    cmd
}
