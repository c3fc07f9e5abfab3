//! `skep verify --kernel all`: one object, every longterm release, and the first rule that differs.
//!
//! The types handed in (`--btf`, else the running kernel's) are the same for every release, so the table shows what the releases' rules make of the
//! program, not what their structs look like.

use std::io::Write;
use std::str::FromStr;

use serde_json::{Value, json};
use skep::Object;
use skep::verify::{Cases, Setting};
use skep_platform::Release;
use skep_verifier::Verdict;

use super::{Args, Form, Tally, file};
use crate::report::Failure;

/// What `--kernel` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kernels {
    /// One release.
    One(Release),
    /// Every longterm release.
    All,
}

impl Kernels {
    /// The release to verify for where it must be one.
    pub(super) const fn release(self) -> Release {
        match self {
            Self::One(release) => release,
            Self::All => Release::LATEST,
        }
    }
}

impl FromStr for Kernels {
    type Err = <Release as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "all" { Ok(Self::All) } else { text.parse().map(Self::One) }
    }
}

/// A program and its verdicts, oldest release first.
struct Row {
    name: String,
    verdicts: Vec<(Release, Verdict)>,
}

impl Row {
    /// The newest release whose verdict is not 6.18's, and that verdict.
    fn first_difference(&self) -> Option<(Release, &Verdict)> {
        let (_, newest) = self.verdicts.last()?;
        let differs = |verdict: &Verdict| verdict.word() != newest.word();
        let (release, verdict) = self.verdicts.iter().rev().find(|(_, verdict)| differs(verdict))?;
        Some((*release, verdict))
    }
}

/// Verifies all objects of the command line for all releases. What counts for the exit code is the newest one's verdict.
pub(super) fn verify(args: &Args, out: &mut dyn Write) -> Result<Tally, Failure> {
    let (kernel, extends) = (args.kernel_types()?, args.extended()?);
    let mut tally = Tally::default();
    let mut documents = Vec::new();
    for path in &args.objects {
        let (name, bytes) = file::bytes(path)?;
        let object = Object::parse(&name, &bytes).map_err(Failure::new)?;
        let chosen = object.programs.iter().filter(|program| match &args.program {
            Some(name) => program.name == *name,
            None => program.autoload,
        });
        let mut rows: Vec<Row> =
            chosen.map(|program| Row { name: program.name.clone(), verdicts: Vec::new() }).collect();
        for release in Release::LONGTERM {
            let setting = Setting {
                release,
                unprivileged: args.unprivileged,
                kernel: kernel.clone(),
                variables: args.set.clone(),
                kconfig: args.kconfig(release)?,
                extends: extends.clone(),
            };
            let cases = Cases::new(&object, &setting).map_err(Failure::new)?;
            for row in &mut rows {
                let Some(program) = object.program(&row.name) else { continue };
                row.verdicts.push((release, cases.case(program).verify().0.verdict));
            }
        }
        rows.iter().filter_map(|row| row.verdicts.last()).for_each(|(_, verdict)| tally.count(verdict));
        match args.format {
            Form::Text => text(&object.name, &rows, out)?,
            Form::Json | Form::Sarif => documents.push(document(&object.name, &rows)),
        }
    }
    if args.format != Form::Text {
        serde_json::to_writer_pretty(&mut *out, &documents)
            .map_err(|error| Failure::from(std::io::Error::from(error)))?;
        writeln!(out)?;
    }
    Ok(tally)
}

fn text(object: &str, rows: &[Row], out: &mut dyn Write) -> Result<(), Failure> {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0).max(7);
    write!(out, "{object}\n  {:width$}", "program")?;
    for release in Release::LONGTERM {
        write!(out, "  {release:>6}")?;
    }
    writeln!(out)?;
    for row in rows {
        write!(out, "  {:width$}", row.name)?;
        for (_, verdict) in &row.verdicts {
            let word = match verdict {
                Verdict::Verified(_) => "yes",
                Verdict::Rejected(_) => "no",
                Verdict::Unsupported(_) => "?",
            };
            write!(out, "  {word:>6}")?;
        }
        writeln!(out)?;
    }
    for row in rows {
        if let Some((release, verdict)) = row.first_difference() {
            writeln!(out, "  {} differs on {release}: {verdict}", row.name)?;
        }
    }
    Ok(())
}

fn document(object: &str, rows: &[Row]) -> Value {
    let verdict = |release: Release, verdict: &Verdict| {
        let (code, message, insn) = match verdict {
            Verdict::Verified(_) => (None, None, None),
            Verdict::Rejected(why) => {
                (Some(why.code.to_string()), Some(why.message.as_str()), Some(why.insn))
            }
            Verdict::Unsupported(what) => (None, Some(what.reason.as_str()), what.insn),
        };
        json!({
            "release": release.to_string(), "verdict": verdict.word(), "code": code, "message": message, "insn": insn,
        })
    };
    let rows = rows.iter().map(|row| {
        let all: Vec<Value> = row.verdicts.iter().map(|(release, found)| verdict(*release, found)).collect();
        let first = row.first_difference().map(|(release, found)| verdict(release, found));
        json!({ "program": row.name, "releases": all, "first_difference": first })
    });
    json!({ "object": object, "programs": rows.collect::<Vec<_>>() })
}
