//! Verdicts of objects for programs.

use serde_json::{Value, json};
use skep_verifier::Verdict;

use super::Tally;
use super::finding::{Finding, Spot};
use super::objects::{Judged, JudgedProgram};

/// All objects as one document.
pub(super) fn document(objects: &[Judged], tally: Tally) -> Value {
    let Tally { accepted, rejected, unsupported, broken: _ } = tally;
    json!({
        "accepted": accepted,
        "rejected": rejected,
        "unsupported": unsupported,
        "objects": objects.iter().map(object).collect::<Vec<_>>(),
    })
}

fn object(judged: &Judged) -> Value {
    let programs = judged.programs.iter().map(|program| self::program(judged, program));
    json!({ "object": judged.object.name, "programs": programs.collect::<Vec<_>>() })
}

fn program(judged: &Judged, program: &JudgedProgram) -> Value {
    let definition = judged.program(program);
    let stats = &program.report.stats;
    let mut value = json!({
        "name": definition.name,
        "section": definition.section,
        "verdict": program.report.verdict.word(),
        "processed": stats.processed,
        "states": stats.states,
        "peak_states": stats.peak_states,
        "time_us": u64::try_from(program.time.as_micros()).unwrap_or(u64::MAX),
    });
    if let Verdict::Unsupported(what) = &program.report.verdict {
        value["unsupported"] = json!({ "insn": what.insn, "reason": what.reason });
    }
    if let Some(log) = &program.log {
        value["log"] = json!(log);
    }
    if let Some(profile) = &program.profile {
        value["profile"] = profile.json();
    }
    if let Some((first, others)) = program.findings.split_first() {
        value["rejection"] = rejection(first);
        value["others"] = others.iter().map(rejection).collect();
    }
    value
}

/// A rejection: the rule, what was found, where, and what else has to do with it.
pub(super) fn rejection(finding: &Finding) -> Value {
    let note = |(at, text): &(Spot, String)| {
        let mut value = spot(finding, at);
        value["text"] = json!(text);
        value
    };
    let mut value = json!({
        "code": finding.code.to_string(),
        "category": finding.code.category(),
        "title": finding.code.title(),
        "message": finding.message,
        "place": finding.place,
    });
    value["at"] = spot(finding, &finding.at);
    value["notes"] = finding.notes.iter().map(note).collect();
    if let Some(search) = &finding.example {
        value["counterexample"] = super::example::json(search);
    }
    value["path"] = json!(finding.trail.steps);
    value["label"] = json!(finding.label);
    value["compiler"] = json!(finding.damage);
    value["help"] = json!(finding.help);
    value
}

fn spot(finding: &Finding, spot: &Spot) -> Value {
    let source = spot.source.as_ref().map(
        |line| json!({ "file": line.file, "line": line.line, "column": line.column, "text": line.text }),
    );
    json!({
        "insn": spot.insn,
        "instruction": finding.instruction(spot.insn),
        "function": spot.function,
        "source": source,
    })
}
