//! `skep verify --raw`: one program a line in, one verdict a line out.
//!
//! For programs that have no object: those of other loaders, of tests, of fuzzers. The format is documented in
//! docs/verify.md. A line that is not in it is reported with its number on standard error and judged by nobody; the lines
//! after it are.

mod fields;
mod hex;
mod maps;
mod program;
mod relocs;
mod target;

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use skep_verifier::{Report, Verdict};

use super::{Args, Tally, complain, file};
use crate::report::Failure;
use fields::Fields;
use program::{Reader, Reading};

/// Verifies every line of a file.
pub(super) fn verify(args: &Args, path: &Path, out: &mut dyn Write) -> Result<Tally, Failure> {
    let mut reader = Reader::new(args.kernel.release(), args.unprivileged, args.kernel_types()?);
    let (name, content) = file::bytes(path)?;
    let mut tally = Tally::default();
    for (index, line) in content.split(|&byte| byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        match judge(&mut reader, line) {
            Ok((program, report, time)) => {
                tally.count(&report.verdict);
                serde_json::to_writer(&mut *out, &verdict(&program, &report, time))
                    .map_err(|error| Failure::from(std::io::Error::from(error)))?;
                writeln!(out)?;
            }
            Err(problem) => {
                tally.broken += 1;
                complain(&format!("{name}: line {}: {problem}", index + 1));
            }
        }
    }
    Ok(tally)
}

/// The program's name, what is said of it, and how long that took.
fn judge(reader: &mut Reader, line: &[u8]) -> Result<(String, Report, Duration), String> {
    let value: Value = serde_json::from_slice(line).map_err(|error| not_json(&error))?;
    let fields = Fields::of(&value, "")?;
    let name = fields.text("name")?.unwrap_or_default().to_owned();
    let (report, time) = match reader.read(&fields)? {
        Reading::Program(input) => skep::verify::verify(&input),
        Reading::Refused(report) => (report, Duration::ZERO),
    };
    Ok((name, report, time))
}

/// Our own number of the line comes before it; serde's would always be 1.
fn not_json(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default().to_owned();
    format!("column {}: expected a JSON object: {text}", error.column())
}

fn verdict(name: &str, report: &Report, time: Duration) -> Value {
    let (code, message, insn) = match &report.verdict {
        Verdict::Verified(_) => (None, None, None),
        Verdict::Rejected(found) => {
            (Some(found.code.to_string()), Some(found.message.as_str()), Some(found.insn))
        }
        Verdict::Unsupported(what) => (None, Some(what.reason.as_str()), what.insn),
    };
    json!({
        "name": name,
        "verdict": report.verdict.word(),
        "code": code,
        "message": message,
        "insn": insn,
        "processed": report.stats.processed,
        "states": report.stats.states,
        "peak_states": report.stats.peak_states,
        "time_us": u64::try_from(time.as_micros()).unwrap_or(u64::MAX),
    })
}
