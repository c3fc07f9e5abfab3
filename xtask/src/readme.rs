//! The README's commands, tried exactly as they stand there.
//!
//! A newcomer's first minute is these lines, so they are tests. Every line in a fenced block marked `sh` or `console` that
//! begins with `cargo run` or `skep` is run by a shell in the repository's folder; `skep` is the binary that the first
//! `cargo run --release` built. Other lines (cloning, the test command itself) are left alone.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::process::{capture, tail, target_dir};
use crate::report::Report;

/// The first command builds everything in release mode.
const COMMAND_LIMIT: Duration = Duration::from_secs(15 * 60);

/// Tries those commands whose text contains `filter`.
pub(crate) fn run(root: &Path, filter: Option<&str>, report: &mut Report) -> Result<(), String> {
    let path = root.join("README.md");
    let Ok(text) = std::fs::read_to_string(&path) else {
        if filter.is_none() {
            report.fail("README.md", format!("{} cannot be read", path.display()));
        }
        return Ok(());
    };
    for command in commands(&text) {
        let name = format!("README: {command}");
        if filter.is_some_and(|filter| !name.contains(filter)) {
            continue;
        }
        report.flash(&name);
        let got = capture(&mut shell(root, &command), COMMAND_LIMIT, |_| {})?;
        if got.ok {
            report.pass();
            report.say(&format!("{name}: ok"));
        } else {
            report.fail(name, format!("{}\n{}", got.how, tail(&got.text, 60)));
        }
    }
    Ok(())
}

fn shell(root: &Path, command: &str) -> Command {
    let mut path = target_dir(root).join("release").into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut cmd = Command::new("sh");
    cmd.args(["-c", command]).env("PATH", path).current_dir(root);
    cmd
}

/// The commands to try, in order; a line that ends in `\` goes on in the next.
fn commands(readme: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut inside = false;
    let mut pending = String::new();
    for line in readme.lines() {
        if let Some(info) = line.trim_start().strip_prefix("```") {
            inside = !inside && matches!(info.trim(), "sh" | "console" | "bash");
            pending.clear();
            continue;
        }
        if !inside {
            continue;
        }
        let line = line.trim();
        if let Some(start) = line.strip_suffix('\\') {
            pending.push_str(start);
            continue;
        }
        let whole = std::mem::take(&mut pending) + line;
        let command =
            whole.strip_prefix("$ ").unwrap_or(&whole).split(" #").next().unwrap_or_default().trim();
        if command.starts_with("cargo run ") || command.starts_with("skep ") {
            found.push(command.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_commands_and_nothing_else() {
        let readme = "
cargo run not this
```sh
git clone somewhere
cargo run --release -- run a.bpf.o  # packets
$ skep inspect \\
  a.bpf.o
cargo xtask test
```
```rust
skep nor this
```
";
        assert_eq!(commands(readme), ["cargo run --release -- run a.bpf.o", "skep inspect a.bpf.o"]);
    }
}
