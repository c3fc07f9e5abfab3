//! The walk as a log, in the form of the kernel's of 6.18 at `log_level` 1 and 2.
//!
//! One line an instruction, behind it what is known of the registers and slots that it touched; a line with everything at the
//! beginning and where a branch is taken up. Level 2 shows all paths, level 1 only the one that failed. What the kernel also
//! writes at level 2 about its own book-keeping (marks of precision and of liveness) is left out.

use std::io::{self, Write};

use skep_isa::{Call, Insn, Reg as Number};

use super::log_state::{Fields, Printer};
use crate::explore::{Next, Walk, Watch};
use crate::program::Input;
use crate::state::{RegKind, State};
use crate::verdict::{Report, Stats, Stop, Verdict, Verified};

/// The column at which the state begins, counted from 0.
const STATE_COLUMN: usize = 38;
/// Most bytes of the path that is kept at level 1; further lines are dropped.
const MAX_PATH: usize = 64 << 20;

/// What is to be written.
pub struct LogOptions<'a> {
    /// 1 for the failing path, 2 for all paths.
    pub level: u8,
    /// The columns and fields that are wanted.
    pub fields: Fields,
    /// The source line of a slot, as it is to be shown.
    pub source: &'a dyn Fn(usize) -> Option<String>,
}

/// Verifies a program and writes the log.
///
/// # Errors
/// Those of writing; the verification comes to its end first.
pub fn log(input: &Input, options: &LogOptions<'_>, out: &mut dyn Write) -> io::Result<Report> {
    log_from(input, &|_| (), options, out)
}

/// As [`log`], from another state at the program's entry: `before` is given the usual one to change. For tests of single
/// instructions; what the walk then says is true only where that state can be.
///
/// # Errors
/// As [`log`].
pub fn log_from(
    input: &Input,
    before: &dyn Fn(&mut State),
    options: &LogOptions<'_>,
    out: &mut dyn Write,
) -> io::Result<Report> {
    let mut stats = Stats::default();
    let mut log = Log {
        options,
        before,
        out,
        error: None,
        path: Vec::new(),
        marks: Vec::new(),
        line: String::new(),
        shown: None,
        fresh: None,
        last: 0,
        depth: 0,
    };
    let result = crate::prove(input, &mut stats, Some(&mut log));
    let verdict = match result {
        Ok(facts) => Verdict::Verified(Verified::new(facts, input)),
        Err(Stop::Reject(rejection)) => Verdict::Rejected(rejection),
        Err(Stop::Unsupported(what)) => Verdict::Unsupported(what),
    };
    match &verdict {
        Verdict::Verified(_) => log.path.clear(),
        Verdict::Rejected(rejection) => log.text(&format!("{}\n", rejection.message)),
        Verdict::Unsupported(what) => log.text(&format!("{}\n", what.reason)),
    }
    let summary = format!(
        "processed {} insns (limit 1000000) total_states {} peak_states {}\n",
        stats.processed, stats.states, stats.peak_states
    );
    log.text(&summary);
    log.finish()?;
    Ok(Report { verdict, stats })
}

struct Log<'o> {
    options: &'o LogOptions<'o>,
    before: &'o dyn Fn(&mut State),
    out: &'o mut dyn Write,
    error: Option<io::Error>,
    /// Level 1: the present path.
    path: Vec<u8>,
    /// Level 1: how long the path was where a branch began; a branch's tag is its place in here. With the slot.
    marks: Vec<(usize, usize)>,
    /// The line being written.
    line: String,
    /// The source line shown last.
    shown: Option<String>,
    /// Whether all of the state is to be shown before the next instruction, after these words.
    fresh: Option<String>,
    /// The instruction that ran last.
    last: usize,
    /// The depth that it ran in.
    depth: usize,
}

impl Log<'_> {
    fn text(&mut self, text: &str) {
        if self.options.level < 2 {
            if self.path.len() < MAX_PATH {
                self.path.extend_from_slice(text.as_bytes());
            }
        } else if self.error.is_none() {
            self.error = self.out.write_all(text.as_bytes()).err();
        }
    }

    fn finish(self) -> io::Result<()> {
        match self.error {
            Some(error) => Err(error),
            None => self.out.write_all(&self.path),
        }
    }

    /// Ends the instruction's line.
    fn end_line(&mut self) {
        if !self.line.is_empty() {
            let line = std::mem::take(&mut self.line);
            self.text(&line);
            self.text("\n");
        }
    }

    fn printer<'w, 'a>(&self, walk: &'w Walk<'a>) -> Printer<'w, 'a> {
        Printer { walk, fields: self.options.fields }
    }

    /// Entering and leaving functions is told with both frames.
    fn frames(&mut self, walk: &Walk<'_>, before: usize, to: usize) {
        let printer = self.printer(walk);
        let depth = walk.state.depth();
        if depth > before {
            let caller = printer.frame(&walk.state, depth - 1);
            let callee = printer.frame(&walk.state, depth);
            self.text(&format!("caller:\n{caller}\ncallee:\n{callee}\n"));
            self.fresh = Some(String::new());
        } else if depth < before {
            let caller = printer.frame(&walk.state, depth);
            self.text(&format!("to caller at {to}:\n{caller}\n"));
            self.fresh = Some(format!("\nfrom {} to {to}:", self.last));
        }
    }
}

impl Watch for Log<'_> {
    fn begins(&mut self, walk: &mut Walk<'_>) {
        if walk.at == 0 {
            (self.before)(&mut walk.state);
        }
        self.path.clear();
        self.marks.clear();
        if walk.at != 0 {
            self.text(&format!("Validating the function at {}...\n", walk.at));
        }
        self.fresh = Some(String::new());
    }

    fn step(&mut self, walk: &Walk<'_>) {
        self.end_line();
        let at = walk.at;
        if let Some(words) = self.fresh.take() {
            let state = self.printer(walk).all(&walk.state);
            if !words.is_empty() {
                self.text(&format!("{words}{state}\n"));
            }
            if !words.contains("from") || !self.last_was_exit(walk) {
                self.text(&format!("{at}:{state}\n"));
            }
        }
        if self.options.fields.has(Fields::SOURCE)
            && let Some(source) = (self.options.source)(at)
            && self.shown.as_ref() != Some(&source)
        {
            self.text(&format!("; {source}\n"));
            self.shown = Some(source);
        }
        let Some(insn) = walk.shape.insns.get(at).copied().flatten() else { return };
        let code = walk.input.insns.get(at).map_or(0, |raw| raw.code);
        self.line = format!("{at}: ({code:02x}) {}", kernel_text(walk.input, at, &insn));
        if !self.options.fields.has(Fields::INSN) {
            self.line = format!("{at}:");
        }
        (self.last, self.depth) = (at, walk.state.depth());
        if matches!(insn, Insn::Exit) && walk.state.depth() > 0 {
            let callee = self.printer(walk).frame(&walk.state, walk.state.depth());
            self.end_line();
            self.text(&format!("returning from callee:\n{callee}\n"));
        }
    }

    fn stepped(&mut self, walk: &Walk<'_>, next: &Next) {
        let Some(insn) = walk.shape.insns.get(self.last).copied().flatten() else { return };
        let Next::At(to) = *next else { return self.end_line() };
        let depth_before = self.depth;
        if walk.state.depth() != depth_before {
            self.end_line();
            return self.frames(walk, depth_before, to);
        }
        let touched = touched(&insn, &walk.state);
        let state = self.printer(walk).touched(&walk.state, touched.0, &touched.1);
        if !state.is_empty() {
            let width = STATE_COLUMN.max(self.line.chars().count() + 1).next_multiple_of(2);
            self.line = format!("{:width$};{state}", self.line);
        }
        self.end_line();
    }

    fn parts(&mut self, _walk: &Walk<'_>, _state: &State, _at: usize) -> u32 {
        self.marks.push((self.path.len() + self.line.len(), self.last));
        // The line under way belongs to both branches.
        self.marks.len() as u32 - 1
    }

    fn resumes(&mut self, walk: &Walk<'_>, tag: u32) {
        self.end_line();
        let Some(&(length, from)) = self.marks.get(tag as usize) else { return };
        if self.options.level < 2 {
            self.path.truncate(length);
            if self.path.last().is_some_and(|&byte| byte != b'\n') {
                self.path.push(b'\n');
            }
            self.marks.truncate(tag as usize + 1);
        }
        self.last = from;
        self.shown = None;
        self.fresh = Some(format!("\nfrom {from} to {}:", walk.at));
    }

    fn covered(&mut self, walk: &Walk<'_>) {
        self.end_line();
        match self.fresh.take() {
            Some(words) if !words.is_empty() => self.text(&format!("{words} safe\n")),
            _ => self.text(&format!("{}: safe\n", walk.at)),
        }
    }

    fn fails(&mut self, _walk: &mut Walk<'_>, stop: Stop) -> Result<Next, Stop> {
        self.end_line();
        Err(stop)
    }
}

impl Log<'_> {
    fn last_was_exit(&self, walk: &Walk<'_>) -> bool {
        matches!(walk.shape.insns.get(self.last), Some(Some(Insn::Exit)))
    }
}

/// The registers and slots that an instruction touched.
fn touched(insn: &Insn, state: &State) -> (u16, Vec<(usize, usize)>) {
    let registers = insn.uses().bits() | insn.defs().bits();
    let (base, off, size) = match *insn {
        Insn::Load { src, off, size, .. } | Insn::LoadAcquire { src, off, size, .. } => (src, off, size),
        Insn::Store { dst, off, size, .. }
        | Insn::Atomic { dst, off, size, .. }
        | Insn::StoreRelease { dst, off, size, .. } => (dst, off, size),
        _ => return (registers, Vec::new()),
    };
    let _ = size;
    let pointer = state.reg(base);
    let RegKind::Stack(frame) = pointer.kind else { return (registers, Vec::new()) };
    let low = i64::from(pointer.off) + i64::from(off) + pointer.value.s64.min;
    let high = i64::from(pointer.off) + i64::from(off) + pointer.value.s64.max;
    let slot = |at: i64| usize::try_from((-at - 1) / 8).unwrap_or(0).min(63);
    let frame = usize::from(frame);
    let slots = (slot(high.max(-512))..=slot(low.max(-512))).map(|slot| (frame, slot)).collect();
    (registers, slots)
}

/// An instruction as the kernel prints it.
pub fn kernel_text(input: &Input, at: usize, insn: &Insn) -> String {
    match *insn {
        Insn::JumpIf { src, off, .. } => {
            let text = insn.to_string();
            let condition = text.split(" goto ").next().unwrap_or_default();
            match (src, condition.rsplit_once(' ')) {
                (skep_isa::Operand::Imm(imm), Some((left, _))) => format!("{left} {imm:#x} goto pc{off:+}"),
                _ => format!("{condition} goto pc{off:+}"),
            }
        }
        Insn::Jump { off, long, .. } => format!("{} pc{off:+}", if long { "gotol" } else { "goto" }),
        Insn::MayGoto { off } => format!("may_goto pc{off:+}"),
        Insn::Call(Call::Local(off)) => format!("call pc{off:+}"),
        Insn::Call(call) => match (super::words::name(input, at, call), call) {
            (Some(name), Call::Helper(id) | Call::Kfunc { id, .. }) => format!("call {name}#{id}"),
            _ => insn.to_string(),
        },
        Insn::LoadImm64 { dst, value: skep_isa::Imm64::Value(value) } => {
            format!("r{} = {value:#x}", dst.number())
        }
        _ => insn.to_string(),
    }
}

/// All registers.
pub(super) fn numbers() -> impl Iterator<Item = Number> {
    Number::all()
}
