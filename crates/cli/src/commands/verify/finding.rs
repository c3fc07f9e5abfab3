//! A rejection in terms of the source: which line, which part of it, and what the other lines have to do with it.

use skep::counterexample::Search;
use skep::verify::Case;
use skep_isa::{Call, Insn, text};
use skep_object::{Object, Program};
use skep_verifier::explain::{Explained, Trail, callee, callee_name};
use skep_verifier::{Code, Input, Place, Rejection};

use super::span;

/// A rejection and everything needed to show it.
pub(super) struct Finding {
    pub(super) code: Code,
    pub(super) message: String,
    /// The register or stack slot at fault, as the disassembly spells it.
    pub(super) place: Option<String>,
    pub(super) at: Spot,
    pub(super) notes: Vec<(Spot, String)>,
    pub(super) help: Option<String>,
    /// What is wrong at the instruction itself.
    pub(super) label: String,
    /// What the compiler has to do with it.
    pub(super) damage: Option<String>,
    /// The path that leads there.
    pub(super) trail: Trail,
    /// `--counterexample`: what the search found.
    pub(super) example: Option<Search>,
    /// All source lines of the program, for what stands around the spots.
    pub(super) lines: Vec<SourceLine>,
    /// The instructions as text, by slot; empty for second halves.
    pub(super) listing: Vec<String>,
}

/// A place in a program.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    /// The instruction's slot.
    pub(super) insn: usize,
    /// Name of the function it is in.
    pub(super) function: String,
    /// The line it comes from, where the object says.
    pub(super) source: Option<SourceLine>,
}

/// A line of source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SourceLine {
    pub(super) file: String,
    /// From 1.
    pub(super) line: usize,
    /// From 1; 0 where the compiler knew none.
    pub(super) column: usize,
    pub(super) text: String,
}

impl Finding {
    pub(super) fn new(object: &Object, program: &Program, case: &Case, explained: &Explained) -> Self {
        let mut finding = Self::bare(&case.input, explained);
        finding.locate(|spot| {
            if let Some(function) = program.subprogram_at(spot.insn) {
                spot.function.clone_from(&function.name);
            }
            spot.source = program.line_at(spot.insn).and_then(|line| source_line(object, line));
        });
        if let Some(poison) = case.poisoned.iter().find(|poison| poison.at == finding.at.insn) {
            finding.message = format!("{}: {}", finding.message, poison.reason);
        }
        finding.lines = program.lines.iter().filter_map(|line| source_line(object, line)).collect();
        finding
    }

    /// An error of a program of which there is no source.
    pub(super) fn bare(input: &Input, explained: &Explained) -> Self {
        let rejection = &explained.rejection;
        let function = if input.name.is_empty() { "program" } else { &input.name };
        let spot = |insn: usize| Spot { insn, function: function.to_owned(), source: None };
        let mut listing = vec![String::new(); input.insns.len()];
        for line in text::disassemble(&input.insns) {
            listing[line.at] = match &line.insn {
                // The number of a kernel function is another one on every kernel, and says nothing to anybody.
                Ok(Insn::Call(call @ Call::Kfunc { .. })) => {
                    format!("call {}", callee(input, line.at, *call))
                }
                Ok(insn) => insn.named(&Callees { input, at: line.at }).to_string(),
                Err(_) => line.to_string(),
            };
        }
        let help = rejection.help.clone().unwrap_or_else(|| rejection.code.explanation().to_owned());
        Self {
            code: rejection.code,
            message: rejection.message.clone(),
            place: rejection.place.map(place),
            at: spot(rejection.insn),
            notes: rejection.notes.iter().map(|note| (spot(note.insn), note.text.clone())).collect(),
            help: Some(help),
            label: explained.label.clone(),
            damage: explained.damage.clone(),
            trail: explained.trail.clone(),
            example: None,
            lines: Vec::new(),
            listing,
        }
    }

    /// Fills in where spots are in the source.
    pub(super) fn locate(&mut self, mut fill: impl FnMut(&mut Spot)) {
        fill(&mut self.at);
        self.notes.iter_mut().for_each(|(spot, _)| fill(spot));
    }

    /// As [`Finding::new`] of every error of a program; the rejection alone where no more is known.
    pub(super) fn all(object: &Object, program: &Program, case: &Case, rejection: &Rejection) -> Vec<Self> {
        let mut errors = case.explain().errors;
        if errors.is_empty() {
            errors.push(Explained {
                rejection: rejection.clone(),
                label: rejection.code.title().to_owned(),
                damage: None,
                trail: Trail::default(),
            });
        }
        errors.iter().map(|explained| Self::new(object, program, case, explained)).collect()
    }

    /// The instruction at a slot as text.
    pub(super) fn instruction(&self, insn: usize) -> &str {
        self.listing.get(insn).map_or("", String::as_str)
    }
}

/// Names of what an instruction calls.
struct Callees<'a> {
    input: &'a Input,
    at: usize,
}

impl text::Names for Callees<'_> {
    fn name(&self, call: Call) -> Option<String> {
        callee_name(self.input, self.at, call)
    }
}

/// The source line of a slot as the kernel's log shows it: `text @ file:line`.
pub(super) fn source_text(object: &Object, program: &Program, at: usize) -> Option<String> {
    let line = source_line(object, program.line_at(at)?)?;
    Some(format!("{} @ {}:{}", line.text.trim(), line.file.rsplit('/').next().unwrap_or_default(), line.line))
}

/// `r3`, or `fp-16`.
fn place(place: Place) -> String {
    match place {
        Place::Register(reg) => format!("r{}", reg.number()),
        Place::Stack(offset) => format!("fp{offset:+}"),
    }
}

pub(super) fn source_line(object: &Object, line: &skep_object::Line) -> Option<SourceLine> {
    let source = object.source(line)?;
    let known = source.line != 0 && !source.text.trim().is_empty();
    known.then(|| SourceLine {
        file: source.file.to_owned(),
        line: source.line as usize,
        column: source.column as usize,
        // A line is a line: whatever else the object says would shift all that follows.
        text: source.text.lines().next().unwrap_or_default().to_owned(),
    })
}

impl SourceLine {
    /// The bytes of the line that the instruction comes from, as far as a column tells.
    pub(super) fn span(&self) -> std::ops::Range<usize> {
        span::at(&self.text, self.column)
    }
}
