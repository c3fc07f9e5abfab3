//! `--kernel-log`: what a kernel wrote when it refused a program, told as our own rejections are.
//!
//! The log is text for people and differs from release to release; what all from 5.4 to 6.18 have in common is read ([`parse`]): instructions,
//! source lines, states, and the words at the end. The words decide about the code ([`messages`]); the path decides
//! about the notes ([`notes`]).

mod messages;
mod notes;
mod parse;

use std::io::Write;
use std::path::Path;

use serde_json::json;
use skep_verifier::explain::Trail;

use super::finding::{Finding, SourceLine, Spot};
use super::{Args, Form, Tally, file, json, text};
use crate::report::Failure;
use parse::{Log, Step};

/// Reads a log and tells what it says.
pub(super) fn render(args: &Args, path: &Path, out: &mut dyn Write) -> Result<Tally, Failure> {
    let (name, content) = file::bytes(path)?;
    let log = Log::parse(&String::from_utf8_lossy(&content));
    if !log.is_log() {
        return Err(Failure::new(format!(
            "{name}: expected a log of the kernel's verifier, found no instruction and no verdict of it"
        )));
    }
    let finding = finding(&name, &log);
    match (args.format, &finding) {
        (Form::Text, Some(finding)) => writeln!(out, "{}", text::render(finding))?,
        (Form::Text, None) => writeln!(out, "{name}: the kernel accepted this program")?,
        (_, finding) => {
            let verdict = if finding.is_some() { "reject" } else { "accept" };
            let rejection = finding.as_ref().map(json::rejection);
            let document = json!({ "log": name, "verdict": verdict, "rejection": rejection });
            serde_json::to_writer_pretty(&mut *out, &document)
                .map_err(|error| Failure::from(std::io::Error::from(error)))?;
            writeln!(out)?;
        }
    }
    Ok(match finding {
        Some(_) => Tally { rejected: 1, ..Tally::default() },
        None => Tally { accepted: 1, ..Tally::default() },
    })
}

/// The rejection that a log tells of, if it does.
fn finding(name: &str, log: &Log) -> Option<Finding> {
    let message = log.message()?;
    let at = log.at(&message);
    let rule = messages::rule(&message, log.last());
    let told = notes::tell(log, rule.code, &message, at);
    let spot = |insn: usize| Spot { insn, function: "program".into(), source: source(name, log, insn) };
    let mut listing = vec![String::new(); log.path.iter().map(|step| step.at + 1).max().unwrap_or(0)];
    for step in &log.path {
        listing[step.at].clone_from(&step.text);
    }
    Some(Finding {
        code: rule.code,
        message,
        place: notes::register(log.message().as_deref().unwrap_or_default())
            .map(|number| format!("r{number}")),
        at: spot(at),
        notes: told.into_iter().map(|(insn, text)| (spot(insn), text)).collect(),
        help: Some(rule.help.unwrap_or(rule.code.explanation()).to_owned()),
        label: rule.code.title().to_owned(),
        damage: None,
        trail: Trail { steps: log.path.iter().map(|step| step.at).collect(), ..Trail::default() },
        example: None,
        lines: log.path.iter().filter_map(|step| line_of(name, step)).collect(),
        listing,
    })
}

/// The code of a log's words.
#[cfg(test)]
pub(super) fn code_of(log: &str) -> Option<skep_verifier::Code> {
    let log = Log::parse(log);
    Some(messages::rule(&log.message()?, log.last()).code)
}

fn source(name: &str, log: &Log, insn: usize) -> Option<SourceLine> {
    line_of(name, log.path.iter().rev().find(|step| step.at == insn)?)
}

/// The source line of a step; where the log has none, its own line.
fn line_of(name: &str, step: &Step) -> Option<SourceLine> {
    Some(match &step.source {
        Some(source) if source.line > 0 => {
            SourceLine { file: source.file.clone(), line: source.line, column: 0, text: source.text.clone() }
        }
        _ => SourceLine {
            file: name.to_owned(),
            line: step.line,
            column: 0,
            text: format!("{}: {}", step.at, step.text),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use skep_verifier::Code;

    fn shown(log: &str) -> (Finding, String) {
        let finding = finding("the.log", &Log::parse(log)).expect("it is a rejection");
        let text = anstream::adapter::strip_str(&text::render(&finding)).to_string();
        (finding, text)
    }

    /// As 6.18 writes it, with files and lines.
    #[test]
    fn a_log_with_source() {
        let (finding, text) = shown(
            "0: R1=ctx() R10=fp0
; u64 *value = bpf_map_lookup_elem(&seen, &key); @ a.bpf.c:9
0: (18) r1 = 0xffff8881141f8c00       ; R1=map_ptr(map=seen,ks=4,vs=8)
2: (bf) r2 = r10                      ; R2=fp0 R10=fp0
3: (07) r2 += -4                      ; R2=fp-4
4: (85) call bpf_map_lookup_elem#1    ; R0=map_value_or_null(id=1,map=seen,ks=4,vs=8)
5: (bf) r6 = r0                       ; R0=map_value_or_null(id=1,map=seen,ks=4,vs=8)
; *value += 1; @ a.bpf.c:10
6: (79) r1 = *(u64 *)(r6 +0)
R6 invalid mem access 'map_value_or_null'
processed 6 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
",
        );
        assert_eq!((finding.code, finding.at.insn), (Code::MaybeNull, 6));
        for part in ["--> a.bpf.c:10", "9 | u64 *value = bpf_map", "may return NULL", "10 | *value += 1;"] {
            assert!(text.contains(part), "{part}:\n{text}");
        }
    }

    /// As 5.4 wrote it: no files, states before the instructions, other words.
    #[test]
    fn an_old_log_points_into_itself() {
        let (finding, text) = shown(
            "0: (61) r2 = *(u32 *)(r1 +0)
1: (61) r3 = *(u32 *)(r1 +4)
2: (bf) r4 = r2
3: (07) r4 += 14
4: (2d) if r4 > r3 goto pc+1
 R1=ctx(id=0,off=0,imm=0) R2=pkt(id=0,off=0,r=14,imm=0) R3=pkt_end(id=0,off=0,imm=0) R10=fp0
5: (71) r0 = *(u8 *)(r2 +14)
invalid access to packet, off=14 size=1, R2(id=0,off=14,r=14)
R2 offset is outside of the packet
processed 6 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
",
        );
        assert_eq!((finding.code, finding.at.insn), (Code::PacketBounds, 5));
        assert!(text.contains("--> the.log:7"), "{text}");
    }

    #[test]
    fn branches_cut_the_path() {
        let log = Log::parse(
            "0: (b7) r0 = 0\n1: (15) if r1 == 0x0 goto pc+2\n2: (b7) r0 = 1\n3: (95) exit\n\nfrom 1 to 4: R0=0 R10=fp0\n4: (bf) r0 = r9\nR9 !read_ok\n",
        );
        assert_eq!(log.path.iter().map(|step| step.at).collect::<Vec<_>>(), [0, 1, 4]);
        assert_eq!(log.message().as_deref(), Some("R9 !read_ok"));
        assert!(finding("x", &Log::parse("0: (95) exit\nprocessed 1 insns (limit 1000000)\n")).is_none());
        assert!(!Log::parse("hello\nworld").is_log());
    }
}
