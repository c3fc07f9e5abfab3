//! Starting the command that was built, in the folder a newcomer would stand in.

// Each test file uses its own part of this.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

/// The top of the repository, where `examples/` is.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// `skep` with arguments, not started yet.
pub(crate) fn skep(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skep"));
    command.args(args).current_dir(root()).stdin(Stdio::null());
    command
}

/// Runs it to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    skep(args).output().expect("the command starts")
}

/// What stands in an output.
pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("output is UTF-8")
}

/// Standard output of a run that must succeed and say nothing on standard error.
pub(crate) fn stdout(args: &[&str]) -> String {
    let output = run(args);
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "", "{args:?}");
    text(&output.stdout).to_owned()
}

/// The same with `--format json`, parsed.
pub(crate) fn json(args: &[&str]) -> Value {
    let args = [args, &["--format", "json"]].concat();
    serde_json::from_str(&stdout(&args)).expect("the output is JSON")
}

/// Asserts that the work fails: exit code 1, no output, and one line on standard error with all these words.
pub(crate) fn fails(args: &[&str], words: &[&str]) {
    fails_with(1, args, words);
}

/// The same with another exit code.
pub(crate) fn fails_with(code: i32, args: &[&str], words: &[&str]) {
    let output = run(args);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
    assert_eq!(text(&output.stdout), "", "{args:?}");
    assert_eq!(stderr.lines().count(), 1, "{args:?}: {stderr}");
    assert!(stderr.starts_with("error: "), "{args:?}: {stderr}");
    for word in words {
        assert!(stderr.contains(word), "{args:?}: expected `{word}` in: {stderr}");
    }
}

/// A file that is gone when the test is over.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// A new file of that name (it may be in other tests' use too) with this content.
    pub(crate) fn new(name: &str, content: impl AsRef<[u8]>) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("skep-cli-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("there is a temporary folder");
        let path = folder.join(name);
        std::fs::write(&path, content).expect("a temporary file can be written");
        Self(path)
    }

    /// As an argument.
    pub(crate) fn arg(&self) -> &str {
        self.0.to_str().expect("a temporary folder's name is text")
    }

    /// What it holds now.
    pub(crate) fn read(&self) -> Vec<u8> {
        std::fs::read(&self.0).expect("the file is there")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(folder) = self.0.parent() {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// The frames of a little-endian pcap file with microsecond time stamps, read without skep's own reader.
pub(crate) fn frames(pcap: &[u8]) -> Vec<Vec<u8>> {
    let word = |at: usize| u32::from_le_bytes(pcap[at..at + 4].try_into().unwrap());
    assert!([0xa1b2_c3d4, 0xa1b2_3c4d].contains(&word(0)), "a pcap file's magic number");
    assert_eq!(word(20), 1, "link type Ethernet");
    let mut frames = Vec::new();
    let mut at = 24;
    while at < pcap.len() {
        let length = word(at + 8) as usize;
        frames.push(pcap[at + 16..at + 16 + length].to_vec());
        at += 16 + length;
    }
    frames
}

/// A pcap file of these frames, a second apart.
pub(crate) fn pcap(link: u32, frames: &[&[u8]]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4, 4 << 16 | 2, 0, 0, 65535, link] {
        file.extend(u32::to_le_bytes(word));
    }
    for (second, frame) in frames.iter().enumerate() {
        for word in [second as u32, 0, frame.len() as u32, frame.len() as u32] {
            file.extend(word.to_le_bytes());
        }
        file.extend(*frame);
    }
    file
}

/// The Internet checksum over these bytes: 0 when a checksum within them is right.
pub(crate) fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
