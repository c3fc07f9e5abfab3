//! Objects in, verdicts out.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use skep::Object;
use skep::verify::{Cases, Setting};
use skep_object::Program;
use skep_verifier::{Report, Verdict};

use super::finding::Finding;
use super::profile::Profile;
use super::{Args, Form, Tally, file, finding, json, sarif, text};
use crate::report::Failure;

/// An object with what became of its programs.
pub(super) struct Judged {
    pub(super) object: Object,
    pub(super) programs: Vec<JudgedProgram>,
}

/// A program with what became of it.
pub(super) struct JudgedProgram {
    /// Index into the object's programs.
    pub(super) index: usize,
    pub(super) report: Report,
    pub(super) time: Duration,
    /// The errors, told in terms of the source; the first one is the verdict's.
    pub(super) findings: Vec<Finding>,
    /// `--log`
    pub(super) log: Option<String>,
    /// `--profile`
    pub(super) profile: Option<Profile>,
}

impl Judged {
    pub(super) fn program(&self, judged: &JudgedProgram) -> &Program {
        &self.object.programs[judged.index]
    }
}

/// Verifies all objects of the command line.
pub(super) fn verify(args: &Args, out: &mut dyn Write) -> Result<Tally, Failure> {
    let setting = Setting {
        release: args.kernel.release(),
        unprivileged: args.unprivileged,
        kernel: args.kernel_types()?,
        variables: args.set.clone(),
        kconfig: args.kconfig(args.kernel.release())?,
        extends: args.extended()?,
    };
    let mut tally = Tally::default();
    let mut all = Vec::new();
    let bar = progress(args.objects.len());
    for path in &args.objects {
        bar.set_message(path.display().to_string());
        let (name, bytes) = file::bytes(path)?;
        let object = Object::parse(&name, &bytes).map_err(Failure::new)?;
        let judged = judge(args, object, &setting)?;
        judged.programs.iter().for_each(|program| tally.count(&program.report.verdict));
        // Text comes as it is known, so that a long run shows what it found; the others are one document.
        if args.format == Form::Text {
            bar.suspend(|| text::object(&judged, out).and_then(|()| out.flush()))?;
        } else {
            all.push(judged);
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let document = match args.format {
        Form::Text => {
            text::summary(tally, args.objects.len(), out)?;
            return Ok(tally);
        }
        Form::Json => json::document(&all, tally),
        Form::Sarif => sarif::document(&all),
    };
    serde_json::to_writer_pretty(&mut *out, &document)
        .map_err(|error| Failure::from(std::io::Error::from(error)))?;
    writeln!(out)?;
    Ok(tally)
}

fn judge(args: &Args, object: Object, setting: &Setting) -> Result<Judged, Failure> {
    let wanted = |program: &Program| match &args.program {
        Some(name) => program.name == *name,
        None => program.autoload,
    };
    let chosen: Vec<usize> = (0..object.programs.len()).filter(|&i| wanted(&object.programs[i])).collect();
    if let (Some(name), true) = (&args.program, chosen.is_empty()) {
        let known: Vec<_> = object.programs.iter().map(|program| program.name.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(Failure::new(format!("{}: expected a program named {name}, found {known}", object.name)));
    }
    let cases = Cases::new(&object, setting).map_err(Failure::new)?;
    let one = |index: usize| {
        let program = &object.programs[index];
        let case = cases.case(program);
        let (report, time) = case.verify();
        let mut findings = match &report.verdict {
            Verdict::Rejected(rejection) => Finding::all(&object, program, &case, rejection),
            _ => Vec::new(),
        };
        if args.counterexample {
            for finding in &mut findings {
                let at = finding.at.insn;
                finding.example =
                    Some(skep::counterexample::search(&object, &program.name, setting, &finding.trail, at));
            }
        }
        let log = args.log.map(|level| {
            let source = |at: usize| finding::source_text(&object, program, at);
            skep::verify::log(&case.input, level, args.fields(), &source)
        });
        let profile = args
            .profile
            .then(|| Profile::new(&object, program, &case.input, &skep::verify::profile(&case.input)));
        JudgedProgram { index, report, time, findings, log, profile }
    };
    let programs = chosen.into_iter().map(one).collect();
    Ok(Judged { object, programs })
}

/// A bar on standard error, if that is a terminal and there is more than one object to wait for.
fn progress(objects: usize) -> ProgressBar {
    if objects < 2 || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(objects as u64), ProgressDrawTarget::stderr_with_hz(10));
    let style = ProgressStyle::with_template("{wide_bar:.yellow} {pos}/{len} {msg}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
