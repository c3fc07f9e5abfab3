//! Verdicts for people: one line a program, and a rejection as a compiler tells an error.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::Range;
use std::time::Duration;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use anstyle::{AnsiColor, Style};
use skep_verifier::{Stats, Verdict};

use super::Tally;
use super::finding::{Finding, Spot};
use super::objects::{Judged, JudgedProgram};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// Instructions shown before and after one at fault where there is no source.
const AROUND: usize = 2;

/// The furthest that source lines of one file may lie apart to be shown in one piece. Line numbers come from the
/// object and may be anything.
const MOST_LINES: usize = 100_000;

/// An object's verdicts.
pub(super) fn object(judged: &Judged, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{BOLD}{}{BOLD:#}", judged.object.name)?;
    if judged.programs.is_empty() {
        writeln!(out, "  no programs")?;
    }
    let width = judged.programs.iter().map(|p| judged.program(p).name.chars().count()).max().unwrap_or(0);
    for program in &judged.programs {
        line(&judged.program(program).name, width, program, out)?;
    }
    for program in &judged.programs {
        if let Some(log) = &program.log {
            write!(out, "\n{BOLD}log of {}{BOLD:#}\n{log}", judged.program(program).name)?;
        }
        if let Some(profile) = &program.profile {
            writeln!(out, "\n{BOLD}instructions processed in {}{BOLD:#}", judged.program(program).name)?;
            profile.text(out)?;
        }
        for finding in &program.findings {
            writeln!(out, "\n{}", render(finding))?;
            if let Some(search) = &finding.example {
                write!(out, "\n{}", super::example::text(search))?;
            }
        }
    }
    Ok(())
}

fn line(name: &str, width: usize, program: &JudgedProgram, out: &mut dyn Write) -> io::Result<()> {
    let (word, style) = match &program.report.verdict {
        Verdict::Verified(_) => ("accepted", AnsiColor::Green.on_default()),
        Verdict::Rejected(_) => ("rejected", AnsiColor::Red.on_default().bold()),
        Verdict::Unsupported(_) => ("unsupported", AnsiColor::Yellow.on_default()),
    };
    write!(out, "  {style}{word:11}{style:#}  {name:width$}")?;
    match &program.report.verdict {
        Verdict::Unsupported(what) => writeln!(out, "  {what}"),
        _ => writeln!(out, "  {DIM}{}{DIM:#}", effort(&program.report.stats, program.time)),
    }
}

fn effort(stats: &Stats, time: Duration) -> String {
    let Stats { processed, states, peak_states } = stats;
    format!("{processed} instructions processed, {states} states, {peak_states} at once, {}", human(time))
}

/// A duration with three digits.
fn human(time: Duration) -> String {
    let micros = time.as_secs_f64() * 1e6;
    let (value, unit) = match micros {
        ..1e3 => (micros, "µs"),
        ..1e6 => (micros / 1e3, "ms"),
        _ => (micros / 1e6, "s"),
    };
    let digits = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.digits$} {unit}")
}

/// The last line, when there was more than one program to count.
pub(super) fn summary(tally: Tally, objects: usize, out: &mut dyn Write) -> io::Result<()> {
    let Tally { accepted, rejected, unsupported, broken: _ } = tally;
    let all = accepted + rejected + unsupported;
    if all < 2 && objects < 2 {
        return Ok(());
    }
    let of = if objects == 1 { String::new() } else { format!(" of {objects} objects") };
    let s = if all == 1 { "" } else { "s" };
    writeln!(
        out,
        "\n{BOLD}{all} program{s}{of}{BOLD:#}: {accepted} accepted, {rejected} rejected, {unsupported} unsupported"
    )
}

/// A rejection with its place in the source, in the style of rustc. Colours are taken out again where they are not
/// wanted, by the stream that it is written to.
pub(super) fn render(finding: &Finding) -> String {
    let code = finding.code;
    let title = Level::ERROR.primary_title(finding.message.as_str()).id(code.to_string());
    let mut group = Group::with_title(title);
    if finding.at.source.is_some() {
        for piece in pieces(finding) {
            group = group.element(piece);
        }
        group = group.element(Level::NOTE.message(instruction_note(finding)));
        for (spot, text) in finding.notes.iter().filter(|(spot, _)| spot.source.is_none()) {
            let note = format!("at instruction {}, `{}`: {text}", spot.insn, finding.instruction(spot.insn));
            group = group.element(Level::NOTE.message(note));
        }
    } else {
        group = group.element(listing(finding));
    }
    let rule = format!("{}: {} (`skep explain {code}` tells more)", code.category(), code.title());
    group = group.element(Level::NOTE.message(rule));
    if let Some(damage) = &finding.damage {
        group = group.element(Level::NOTE.message(damage.as_str()));
    }
    if let Some(help) = &finding.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    Renderer::styled().render(&[group])
}

fn instruction_note(finding: &Finding) -> String {
    let Spot { insn, function, .. } = &finding.at;
    let place = finding.place.as_ref().map_or(String::new(), |place| format!(", at fault is {place}"));
    format!("in function {function}, instruction {insn}: `{}`{place}", finding.instruction(*insn))
}

/// A place with what is to be said of it beyond the finding's own words.
type Mark<'f> = (&'f Spot, Option<&'f str>);

/// A snippet for each file that has something to say, the one at fault first. The object has only the lines that
/// instructions come from; between them there is nothing to show.
fn pieces(finding: &Finding) -> Vec<Snippet<'_, Annotation<'_>>> {
    let primary = (&finding.at, None);
    let notes = finding.notes.iter().map(|(spot, text)| (spot, Some(text.as_str())));
    let mut files: Vec<(&str, Vec<Mark<'_>>)> = Vec::new();
    for (spot, label) in std::iter::once(primary).chain(notes) {
        let Some(source) = &spot.source else { continue };
        let file = source.file.as_str();
        match files.iter_mut().find(|(name, _)| *name == file) {
            Some((_, marks)) => marks.push((spot, label)),
            None => files.push((file, vec![(spot, label)])),
        }
    }
    files.into_iter().map(|(file, marks)| piece(finding, file, &marks)).collect()
}

fn piece<'a>(finding: &'a Finding, file: &'a str, marks: &[Mark<'a>]) -> Snippet<'a, Annotation<'a>> {
    let numbers = || marks.iter().filter_map(|(spot, _)| Some(spot.source.as_ref()?.line));
    let home = marks[0].0.source.as_ref().map_or(1, |source| source.line);
    // Lines too far from the first one are left out rather than padded with a million empty ones.
    let near = |line: &usize| line.abs_diff(home) <= MOST_LINES;
    let first = numbers().filter(near).min().unwrap_or(home);
    let last = numbers().filter(near).max().unwrap_or(home);
    let mut texts: BTreeMap<usize, &str> = BTreeMap::new();
    let all = finding.lines.iter().chain(marks.iter().filter_map(|(spot, _)| spot.source.as_ref()));
    for line in all.filter(|line| line.file == file && (first..=last).contains(&line.line)) {
        texts.insert(line.line, &line.text);
    }
    let (source, starts) = lay_out((first..=last).map(|line| texts.get(&line).copied().unwrap_or("")));
    let mut snippet = Snippet::source(source).path(file).line_start(first);
    for (spot, label) in marks {
        let Some(line) = spot.source.as_ref().filter(|line| near(&line.line)) else { continue };
        let start = starts[line.line - first];
        // The same line can stand in the object with different texts; a span must lie in the one shown.
        let shown = texts.get(&line.line).map_or(0, |text| text.len());
        let span = line.span();
        let span = start + span.start.min(shown)..start + span.end.min(shown);
        snippet = snippet.annotation(match label {
            None => AnnotationKind::Primary.span(span).label(finding.label.as_str()),
            Some(text) => AnnotationKind::Context.span(span).label(*text),
        });
    }
    snippet
}

/// The instructions around the one at fault; line numbers are slots.
fn listing(finding: &Finding) -> Snippet<'_, Annotation<'_>> {
    let last = finding.listing.len().saturating_sub(1);
    let at = finding.at.insn.min(last);
    let window = |insn: usize| insn.saturating_sub(AROUND)..=(insn + AROUND).min(last);
    let marks = || std::iter::once(at).chain(finding.notes.iter().map(|(spot, _)| spot.insn.min(last)));
    let first = marks().map(|insn| *window(insn).start()).min().unwrap_or(0);
    let end = marks().map(|insn| *window(insn).end()).max().unwrap_or(last);
    let shown = &finding.listing[first.min(finding.listing.len())..(end + 1).min(finding.listing.len())];
    let (source, starts) = lay_out(shown.iter().map(String::as_str));
    let span = |insn: usize| -> Range<usize> {
        let start = starts.get(insn - first).copied().unwrap_or(0);
        start..start + finding.instruction(insn).len()
    };
    let path = format!("<{}>", finding.at.function);
    let mut snippet = Snippet::source(source).path(path).line_start(first);
    snippet = snippet.annotations(window(at).map(|insn| AnnotationKind::Visible.span(span(insn))));
    snippet = snippet.annotation(AnnotationKind::Primary.span(span(at)).label(finding.label.as_str()));
    let notes = finding.notes.iter();
    snippet.annotations(
        notes
            .map(|(spot, text)| AnnotationKind::Context.span(span(spot.insn.min(last))).label(text.as_str())),
    )
}

/// Lines as one text, and where each begins.
fn lay_out<'a>(lines: impl Iterator<Item = &'a str>) -> (String, Vec<usize>) {
    let (mut text, mut starts) = (String::new(), Vec::new());
    for line in lines {
        starts.push(text.len());
        text.push_str(line);
        text.push('\n');
    }
    (text, starts)
}

#[cfg(test)]
mod tests {
    use super::super::finding::SourceLine;
    use super::*;
    use skep_verifier::Code;

    fn plain(finding: &Finding) -> String {
        anstream::adapter::strip_str(&render(finding)).to_string()
    }

    fn line(number: usize, column: usize, text: &str) -> SourceLine {
        SourceLine { file: "src/a.bpf.c".into(), line: number, column, text: text.into() }
    }

    fn finding(source: bool) -> Finding {
        let lookup = line(10, 12, "    __u64 *value = bpf_map_lookup_elem(&seen, &key);");
        let used = line(14, 5, "    *value += 1;");
        let spot = |insn, line: &SourceLine| Spot {
            insn,
            function: "count".into(),
            source: source.then(|| line.clone()),
        };
        Finding {
            code: Code::MaybeNull,
            message: "r0 may be NULL here".into(),
            place: Some("r0".into()),
            at: spot(3, &used),
            notes: vec![(spot(2, &lookup), "may return NULL".into())],
            help: Some("compare it with NULL before using it".into()),
            label: "an access through a pointer that may be NULL".into(),
            damage: None,
            trail: Default::default(),
            example: None,
            lines: if source { vec![lookup, used] } else { Vec::new() },
            listing: ["r1 = map_idx[0]", "", "call 1", "r1 = *(u64 *)(r0 +0)", "exit"]
                .map(String::from)
                .into(),
        }
    }

    #[test]
    fn a_rejection_points_into_the_source() {
        let text = plain(&finding(true));
        assert_eq!(
            text,
            "\
error[E0302]: r0 may be NULL here
  --> src/a.bpf.c:14:5
   |
10 |     __u64 *value = bpf_map_lookup_elem(&seen, &key);
   |            ----- may return NULL
...
14 |     *value += 1;
   |     ^^^^^^^^^^^ an access through a pointer that may be NULL
   |
   = note: in function count, instruction 3: `r1 = *(u64 *)(r0 +0)`, at fault is r0
   = note: memory: an access through a pointer that may be NULL (`skep explain E0302` tells more)
   = help: compare it with NULL before using it"
        );
    }

    #[test]
    fn without_source_it_points_into_the_instructions() {
        let text = plain(&finding(false));
        for expected in
            [" --> <count>:3:1", "2 | call 1", "  | ------ may return NULL", "3 | r1 = *(u64 *)(r0 +0)"]
        {
            assert!(text.contains(expected), "expected {expected:?} in\n{text}");
        }
    }

    #[test]
    fn lines_far_apart_take_no_memory() {
        let mut far = finding(true);
        far.notes[0].0.source = Some(line(usize::MAX / 2, 1, "far"));
        assert!(plain(&far).contains("14 |     *value += 1;"));
    }

    #[test]
    fn times_have_three_digits() {
        let shown = [12, 1_234, 99_940, 12_345_678].map(|micros| human(Duration::from_micros(micros)));
        assert_eq!(shown, ["12.0 µs", "1.23 ms", "99.9 ms", "12.3 s"]);
    }
}
