//! Lines in, the kernel's verdicts out.
//!
//! Every program is loaded and let go at once; nothing is ever attached. Four answers are possible: the kernel *accepts*, it
//! *rejects*, its *policy* (lockdown, a security module) refuses without looking, or something around the program could
//! not be made (*setup-failed*), in which case nothing is known.

mod call;
mod maps;
mod names;

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::rc::Rc;

use skep_btf::Btf;
use skep_isa::{ByteOrder, RawInsn};
use skep_platform::errno::EPERM;

use crate::bytes::{from_base64, from_hex};
use crate::line::{Answer, Line};
use call::{Refusal, Request};

/// Types kept in the kernel for the lines that follow: a file often names the same ones on every line.
const KEEP: usize = 32;

/// How BTF begins in base 64, in either byte order.
const BASE64_STARTS: [&str; 2] = ["n+sB", "658B"];

/// Lines of the log that are passed on.
const LAST_LINES: usize = 3;

/// Asks the running kernel about programs, one line of JSON each.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The programs, as `skep verify --raw` reads them
    files: Vec<PathBuf>,

    /// Where verdicts go [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Load without any capability; `kernel.unprivileged_bpf_disabled` must be 0
    #[arg(long)]
    unprivileged: bool,

    /// Seconds that the kernel may take for one program
    #[arg(long, default_value_t = 120)]
    limit: u32,

    /// Show the whole log of the program of this name on standard error, with the verifier's states
    #[arg(long, value_name = "NAME")]
    log: Option<String>,
}

impl Args {
    pub(crate) fn run(&self) -> Result<(), String> {
        call::interruptible();
        let kernel = Btf::running().map_err(|error| format!("the running kernel's types: {error}"))?;
        let mut out: Box<dyn Write> = match &self.output {
            Some(path) => {
                Box::new(fs::File::create(path).map_err(|error| format!("{}: {error}", path.display()))?)
            }
            None => Box::new(std::io::stdout()),
        };
        let mut asker = Asker { kernel, types: HashMap::new(), args: self };
        for path in &self.files {
            let failed = |error: std::io::Error| format!("{}: {error}", path.display());
            let file = std::io::BufReader::new(fs::File::open(path).map_err(failed)?);
            for line in file.lines() {
                let line = line.map_err(failed)?;
                if line.trim().is_empty() {
                    continue;
                }
                let Some(answer) = asker.answer(&line) else { continue };
                let text = serde_json::to_string(&answer).map_err(|error| error.to_string())?;
                // Each at once: a kernel that breaks on a program leaves the verdicts before it.
                writeln!(out, "{text}").and_then(|()| out.flush()).map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }
}

/// What the lines of a run share.
struct Asker<'a> {
    kernel: Btf,
    types: HashMap<String, Rc<OwnedFd>>,
    args: &'a Args,
}

impl Asker<'_> {
    /// `None` for a program that `--log` does not ask for.
    fn answer(&mut self, text: &str) -> Option<Answer> {
        let line: Line = match serde_json::from_str(text) {
            Ok(line) => line,
            Err(error) => return Some(setup_failed(String::new(), error.to_string())),
        };
        if self.args.log.as_ref().is_some_and(|wanted| *wanted != line.name) {
            return None;
        }
        let name = line.name.clone();
        Some(self.load(&line).unwrap_or_else(|why| setup_failed(name, why)))
    }

    fn load(&mut self, line: &Line) -> Result<Answer, String> {
        let bytes = from_hex(&line.insns).ok_or("insns: not hexadecimal")?;
        let mut insns: Vec<RawInsn> =
            skep_isa::from_bytes(&bytes, ByteOrder::Little).map_err(|error| error.to_string())?;
        let btf = line.btf.as_deref().map(|text| self.btf(text)).transpose()?;
        let maps = maps::create(line, btf.as_ref(), |text| self.btf(text))?;
        names::relocate(line, &self.kernel, &mut insns)?;
        maps::place(&mut insns, &maps);
        let (attach_id, attach_type) = names::target(line, &self.kernel)?;
        let functions = from_hex(&line.func_info).ok_or("func_info: not hexadecimal")?;
        let request = Request {
            line,
            insns: &insns,
            btf: btf.as_ref().map_or(0, |fd| fd.as_raw_fd() as u32),
            attach_id,
            attach_type,
            functions: &functions,
            log_level: if self.args.log.is_some() { call::STATES } else { call::STATISTICS },
            unprivileged: self.args.unprivileged || line.unprivileged,
            limit: self.args.limit,
        };
        let done = call::load(&request)?;
        if self.args.log.is_some() {
            eprintln!("{}", done.log);
        }
        Ok(answer(line, &done))
    }

    /// Types in the kernel, from a path or base 64. Maps and programs must share the object: the kernel compares those.
    fn btf(&mut self, text: &str) -> Result<Rc<OwnedFd>, String> {
        if let Some(known) = self.types.get(text) {
            return Ok(known.clone());
        }
        let bytes = if BASE64_STARTS.iter().any(|start| text.starts_with(start)) {
            from_base64(text).ok_or("btf: not base 64")?
        } else {
            fs::read(text).map_err(|error| format!("btf: {text}: {error}"))?
        };
        let fd = skep_linux::btf_load_explained(&bytes).map_err(|(errno, log)| {
            let words = log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("");
            format!("btf: {errno}: {words}")
        })?;
        if self.types.len() >= KEEP {
            self.types.clear();
        }
        let fd = Rc::new(fd);
        self.types.insert(text.to_owned(), fd.clone());
        Ok(fd)
    }
}

fn setup_failed(name: String, why: String) -> Answer {
    Answer { name, verdict: "setup-failed".to_owned(), message: Some(why), ..Answer::default() }
}

/// The verdict with the figures of the log's last lines.
fn answer(line: &Line, done: &Refusal) -> Answer {
    let verdict = match done.errno {
        None => "accept",
        Some(errno) if errno == EPERM && done.log.trim().is_empty() => "policy",
        Some(_) => "reject",
    };
    let mut answer = Answer {
        name: line.name.clone(),
        verdict: verdict.to_owned(),
        errno: done.errno.map(|errno| errno.0),
        ..Answer::default()
    };
    let mut words = Vec::new();
    for text in done.log.lines().filter(|text| !text.trim().is_empty()) {
        if text.starts_with("processed ") {
            answer.processed = after(text, "processed ");
            answer.states = after(text, "total_states ");
            answer.peak_states = after(text, "peak_states ");
        } else if text.starts_with("verification time ") {
            answer.time_us = after(text, "verification time ");
        } else if !text.starts_with("stack depth ") && !text.starts_with("func#") {
            words.push(text);
        }
    }
    if done.errno.is_some() {
        let first = words.len().saturating_sub(LAST_LINES);
        let words = words[first..].join("\n");
        answer.message = Some(if words.is_empty() {
            done.errno.map(|e| e.to_string()).unwrap_or_default()
        } else {
            words
        });
    }
    answer
}

/// The number behind a word; 0 where there is none.
fn after(text: &str, word: &str) -> u64 {
    let rest = text.split_once(word).map_or("", |(_, rest)| rest);
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or("");
    digits.parse().unwrap_or(0)
}

/// A descriptor as the kernel's structs hold it.
fn number(fd: &impl AsFd) -> i32 {
    fd.as_fd().as_raw_fd()
}
