//! Explanations of rejections: where the needed fact was made, lost or never made, and what to write.
//!
//! The verdict is found by a fast walk that keeps nothing for anybody to read. Only when it says no is the program walked again, twice:
//! the first time, `record` keeps the tree of all steps and goes on behind failures, so that every independent error is found; the
//! second time it keeps the states along the paths that failed. The walk is deterministic, so all three see the same. A
//! `Story` is one such path with its states; it can be asked backwards: where did this value come from, what narrowed
//! it, who held that reference. One file a family of codes turns its answers into sentences.
//!
//! Invariant: the first error of an [`Explanation`] is the rejection that [`crate::verify`] gives.

mod bounds;
mod calls;
mod damage;
mod ends;
mod entries;
mod log;
mod log_state;
mod memory;
mod mend;
mod packet;
mod profile;
mod record;
mod resources;
mod story;
mod trail;
mod values;
mod wants;
mod words;

pub use entries::Entry;
pub use log::{LogOptions, kernel_text, log, log_from};
pub use log_state::Fields;
pub use profile::profile;
pub use trail::{Branch, Trail};
pub use wants::{Source, Want};
pub use words::{callee, name as callee_name, number, reg as register};

use crate::program::Input;
use crate::rejection::{Code, Note, Rejection};
use record::{Failure, Recorder};
use story::Story;

/// Most errors told of one program.
pub const MAX_ERRORS: usize = 10;

/// What is wrong with a program.
#[derive(Clone, Debug, Default)]
pub struct Explanation {
    /// The independent errors, the verdict's own first; none where the program is not rejected.
    pub errors: Vec<Explained>,
    /// Whether there may be more: the search ended at a limit, or at something that is not modelled.
    pub incomplete: bool,
}

/// One error with all that is known of it.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The error; its notes and its help are filled in.
    pub rejection: Rejection,
    /// What is wrong at the instruction itself, in a few words.
    pub label: String,
    /// What the compiler has to do with it, where that was recognised.
    pub damage: Option<String>,
    /// The path that leads to it.
    pub trail: Trail,
}

/// What an explainer found.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// For the instruction at fault; the rule's title where there is none.
    pub(crate) label: Option<String>,
    pub(crate) notes: Vec<Note>,
    pub(crate) help: Option<String>,
    pub(crate) damage: Option<String>,
    /// The instruction that is to be changed, where that is not the one at fault: errors of one code with one cause are one.
    pub(crate) cause: Option<usize>,
}

impl Told {
    pub(crate) fn note(&mut self, insn: usize, text: impl Into<String>) {
        let text = text.into();
        if !self.notes.iter().any(|note| note.insn == insn && note.text == text) {
            self.notes.push(Note { insn, text });
        }
    }

    pub(crate) fn help(&mut self, text: impl Into<String>) {
        self.help = Some(text.into());
    }

    pub(crate) fn label(&mut self, text: impl Into<String>) {
        self.label = Some(text.into());
    }
}

/// Explains the rejection of a program. Takes some times what the verdict took.
pub fn explain(input: &Input) -> Explanation {
    let mut first = Recorder::new();
    let result = record::run(input, &mut first);
    // What is said of the program as a whole comes without a path.
    if let Err(crate::verdict::Stop::Reject(rejection)) = &result
        && first.failures.is_empty()
    {
        return Explanation {
            errors: vec![tell(input, &Failure::without_path(rejection), Vec::new())],
            incomplete: false,
        };
    }
    let incomplete = first.incomplete || result.is_err();
    let failures = std::mem::take(&mut first.failures);
    let mut second = Recorder::keeping(first.paths(&failures));
    let _ = record::run(input, &mut second);
    let mut errors: Vec<Explained> = Vec::new();
    let mut causes: Vec<(Code, usize)> = Vec::new();
    for failure in &failures {
        let moments = second.moments(failure);
        let (explained, cause) = tell_with_cause(input, failure, moments);
        if let Some(cause) = cause {
            if causes.contains(&(explained.rejection.code, cause)) {
                continue;
            }
            causes.push((explained.rejection.code, cause));
        }
        errors.push(explained);
    }
    Explanation { errors, incomplete }
}

fn tell(input: &Input, failure: &Failure, moments: Vec<story::Moment>) -> Explained {
    tell_with_cause(input, failure, moments).0
}

fn tell_with_cause(
    input: &Input,
    failure: &Failure,
    moments: Vec<story::Moment>,
) -> (Explained, Option<usize>) {
    let mut rejection = failure.rejection.clone();
    let story = Story::new(input, moments);
    let told = if story.is_empty() { Told::default() } else { told(&story, &rejection) };
    rejection.notes.extend(told.notes);
    rejection.notes.retain(|note| note.insn < input.insns.len());
    rejection.help = rejection.help.take().or(told.help);
    let label = told.label.unwrap_or_else(|| rejection.code.title().to_owned());
    let mut trail = Trail::of(&story);
    let wants = wants::of(&story, &rejection);
    (trail.wants, trail.packet, trail.entries) = (wants.fields, wants.length, wants.entries);
    (Explained { rejection, label, damage: told.damage, trail }, told.cause)
}

fn told(story: &Story<'_>, rejection: &Rejection) -> Told {
    match (rejection.code, rejection.code as u16 / 100) {
        (_, 2) => values::tell(story, rejection),
        (Code::PacketBounds, _) => packet::tell(story, rejection),
        (Code::StackBounds | Code::MapValueBounds | Code::MemoryBounds, _) => bounds::tell(story, rejection),
        (_, 3) => memory::tell(story, rejection),
        (_, 4) => calls::tell(story, rejection),
        (_, 5) => resources::tell(story, rejection),
        (_, 6..) => ends::tell(story, rejection),
        _ => Told::default(),
    }
}
