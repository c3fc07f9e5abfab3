//! Files that a command reads and writes: `-` is standard input, and every error names the file.

use std::fmt::Display;
use std::fs;
use std::io::Read;
use std::path::Path;

use crate::report::Failure;

/// The most that is read of an input: nothing that skep reads is larger, and `/dev/zero` has no end.
const MOST: u64 = 1 << 30;

fn failure(path: &Path, what: impl Display) -> Failure {
    Failure::new(format!("{}: {what}", path.display()))
}

/// A file's name for messages and its content.
pub(super) fn bytes(path: &Path) -> Result<(String, Vec<u8>), Failure> {
    let mut content = Vec::new();
    let (name, read) = if path == Path::new("-") {
        ("<stdin>".to_owned(), std::io::stdin().take(MOST + 1).read_to_end(&mut content))
    } else {
        let read = fs::File::open(path).and_then(|file| file.take(MOST + 1).read_to_end(&mut content));
        (path.display().to_string(), read)
    };
    read.map_err(|error| Failure::new(format!("{name}: {error}")))?;
    if content.len() as u64 > MOST {
        return Err(Failure::new(format!("{name}: expected at most {MOST} bytes, found more")));
    }
    Ok((name, content))
}

/// The same for a file that must be text.
pub(super) fn text(path: &Path) -> Result<(String, String), Failure> {
    let (name, content) = bytes(path)?;
    let text = String::from_utf8(content).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::new(format!(
            "{name}: offset {at}: expected UTF-8 text, found byte {:#04x}",
            error.as_bytes()[at]
        ))
    })?;
    Ok((name, text))
}

/// Writes a file.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<(), Failure> {
    fs::write(path, content).map_err(|error| failure(path, error))
}
