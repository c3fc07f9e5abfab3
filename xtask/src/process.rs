//! Running other programs: shown as they go, or captured line by line with a time limit.

use std::io::{self, BufRead, BufReader, IsTerminal};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Cargo in the workspace's folder: the one that runs us, so that `cargo +nightly xtask` stays nightly throughout.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut cmd = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cmd.current_dir(root);
    cmd
}

/// Where cargo puts what it builds.
pub(crate) fn target_dir(root: &Path) -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root.join(dir),
        None => root.join("target"),
    }
}

/// A program of that name in `PATH` or in the folders where root's programs live, which a user's `PATH` may lack.
pub(crate) fn which(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|dir| dir.join(name))
        .find(|candidate| candidate.is_file())
}

/// The command as a person would type it, for messages. Environment variables set for it come first.
pub(crate) fn shown(cmd: &Command) -> String {
    let mut words = Vec::new();
    for (name, value) in cmd.get_envs() {
        if let Some(value) = value {
            words.push(format!("{}={}", name.display(), value.display()));
        }
    }
    // The full path of cargo inside the toolchain tells nobody anything.
    words.push(Path::new(cmd.get_program()).file_name().unwrap_or_default().display().to_string());
    words.extend(cmd.get_args().map(|arg| arg.display().to_string()));
    words.join(" ")
}

/// Runs a command with its output shown. The error names the command.
pub(crate) fn step(cmd: &mut Command) -> Result<(), String> {
    let name = shown(cmd);
    eprintln!("── {name}");
    let start = Instant::now();
    let status = cmd.status().map_err(|e| format!("cannot start `{name}`: {e}"))?;
    if !status.success() {
        return Err(format!("`{name}` failed ({status})"));
    }
    eprintln!("── ok, {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// How a captured command ended.
pub(crate) struct Captured {
    /// Whether it exited with 0, within its time.
    pub(crate) ok: bool,
    /// `exit status: 1`, `signal: 11 (SIGSEGV)`, `no end after 60 s`.
    pub(crate) how: String,
    /// Standard output and standard error, in the order in which they were written.
    pub(crate) text: String,
}

/// Runs a command with both its streams captured, calling `each` for every line as it comes. It is killed, with all it
/// started, when it takes longer than `limit`: a hang must become a failure that names its command.
pub(crate) fn capture(
    cmd: &mut Command,
    limit: Duration,
    mut each: impl FnMut(&str),
) -> Result<Captured, String> {
    let name = shown(cmd);
    let fail = |e: io::Error| format!("cannot run `{name}`: {e}");
    let (reader, writer) = io::pipe().map_err(fail)?;
    cmd.stdin(Stdio::null()).stdout(writer.try_clone().map_err(fail)?).stderr(writer);
    // Its own group, so that the whole family can be killed. On a terminal Ctrl-C must reach it, so there it shares ours.
    let own_group = !io::stdin().is_terminal();
    if own_group {
        cmd.process_group(0);
    }
    let mut child = cmd.spawn().map_err(fail)?;
    // `cmd` still holds the pipe's writing end; as long as it does, reading never ends.
    cmd.stdout(Stdio::null()).stderr(Stdio::null());

    let (send, lines) = channel();
    std::thread::spawn(move || read_lines(reader, |line| send.send(line).is_ok()));
    let end = Instant::now() + limit;
    let mut text = String::new();
    loop {
        match lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                each(&line);
                text.push_str(&line);
                text.push('\n');
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                kill(&mut child, own_group);
                let how = format!("no end after {} s", limit.as_secs());
                return Ok(Captured { ok: false, how, text });
            }
        }
    }
    let status = child.wait().map_err(fail)?;
    Ok(Captured { ok: status.success(), how: status.to_string(), text })
}

/// Lines as text whatever their bytes are: tests may print anything.
fn read_lines(reader: impl io::Read, mut each: impl FnMut(String) -> bool) {
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
        let text = String::from_utf8_lossy(&line);
        if !each(text.trim_end_matches(['\n', '\r']).to_owned()) {
            return;
        }
        line.clear();
    }
}

/// Ends a child, and with it its group when it leads one.
fn kill(child: &mut Child, group: bool) {
    if group {
        // The standard library cannot signal a group.
        let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).status();
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// The last lines of an output, with a word about what was left out.
pub(crate) fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    let from = all.len().saturating_sub(lines);
    let mut out = String::new();
    if from > 0 {
        out.push_str(&format!("({from} lines above)\n"));
    }
    out.push_str(&all[from..].join("\n"));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_both_streams_in_order() {
        let mut seen = Vec::new();
        let mut cmd = Command::new("sh");
        cmd.args(["-c", "echo a; echo b >&2; printf c; exit 3"]);
        let got = capture(&mut cmd, Duration::from_secs(60), |l| seen.push(l.to_owned())).unwrap();
        assert_eq!(got.text, "a\nb\nc\n");
        assert_eq!(seen, ["a", "b", "c"]);
        assert!(!got.ok);
        assert_eq!(got.how, "exit status: 3");
    }

    #[test]
    fn a_hang_is_a_failure() {
        let mut cmd = Command::new("sh");
        cmd.args(["-c", "echo started; sleep 1000"]);
        let got = capture(&mut cmd, Duration::from_millis(300), |_| {}).unwrap();
        assert!(!got.ok);
        assert!(got.how.starts_with("no end after"), "{}", got.how);
    }

    #[test]
    fn tail_counts_what_it_drops() {
        assert_eq!(tail("a\nb\nc", 2), "(1 lines above)\nb\nc");
        assert_eq!(tail("a", 2), "a");
    }
}
