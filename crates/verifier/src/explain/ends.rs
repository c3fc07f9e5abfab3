//! Returns out of range, and programs that take too long.

use skep_isa::{Insn, Operand, Reg as Number};

use super::story::{Story, What};
use super::values::{made_by, uninitialised};
use super::{Told, words};
use crate::rejection::{Code, Rejection};

pub(super) fn tell(story: &Story<'_>, rejection: &Rejection) -> Told {
    match rejection.code {
        Code::BadReturn => returned(story),
        Code::ReturnUninitialised => {
            let mut told = uninitialised(story, Number::R0);
            told.label("r0 has no value here");
            told.help("return a number on every path");
            told
        }
        Code::InfiniteLoop => endless(story),
        Code::TooComplex | Code::TooManyBranches => too_long(story),
        _ => Told::default(),
    }
}

fn returned(story: &Story<'_>) -> Told {
    let mut told = Told::default();
    let last = story.last();
    let value = *story.reg(last, Number::R0);
    told.label(format!("this returns {}", words::reg(&value)));
    for link in story.life(last, story.cell(last, Number::R0)) {
        let now = story.after(link.step).map(|state| Story::value(state, link.cell));
        match link.what {
            What::Made => {
                let range = now.map_or(String::new(), |now| format!(": {}", words::reg(&now)));
                told.note(story.at(link.step), format!("{}{range}", made_by(story, link.step)));
                told.cause = Some(story.at(link.step));
            }
            What::Became if told.notes.is_empty() => {
                let Some(now) = now else { continue };
                told.note(story.at(link.step), format!("after this it is {}", words::reg(&now)));
            }
            _ => {}
        }
    }
    told.help(
        "return one of the values that this program type may return, as a constant where it can be one",
    );
    told
}

/// A state that came back: the round, and the conditions that it did not change.
fn endless(story: &Story<'_>) -> Told {
    let mut told = Told::default();
    let last = story.last();
    let head = story.at(last);
    let depth = story.before(last).depth();
    let before = (0..last).rev().find(|&step| story.at(step) == head && story.before(step).depth() == depth);
    told.label("the loop begins here, and is as it was a round ago");
    let Some(begin) = before else { return told };
    told.cause = Some(head);
    if last > 0 && story.at(last - 1) != head {
        told.note(story.at(last - 1), "from here it goes round again");
    }
    let same_frame = |step: &usize| story.before(*step).depth() == depth;
    for step in (begin..last).filter(same_frame) {
        let Some(Insn::JumpIf { dst, src, .. }) = story.insn(step) else { continue };
        let mut parts = vec![format!("r{} is again {}", dst.number(), words::reg(story.reg(step, dst)))];
        if let Operand::Reg(right) = src {
            parts.push(format!("r{} is again {}", right.number(), words::reg(story.reg(step, right))));
        }
        told.note(story.at(step), format!("the condition is as it was: {}", parts.join(", ")));
        break;
    }
    told.help("count in the loop up to a limit, or use `bpf_for` or `bpf_loop`, which end by themselves");
    told
}

/// Which loops took the most steps, as far as the last path shows.
fn too_long(story: &Story<'_>) -> Told {
    const LOOPS: usize = 3;
    let mut told = Told::default();
    let mut counts: Vec<(usize, usize)> = Vec::new();
    let mut seen = std::collections::HashMap::<usize, usize>::new();
    for step in 1..story.moments.len() {
        let (from, at) = (story.at(step - 1), story.at(step));
        if at <= from && !matches!(story.insn(step - 1), Some(Insn::Exit | Insn::Call(_))) {
            *seen.entry(at).or_default() += 1;
        }
    }
    counts.extend(seen);
    counts.sort_by_key(|&(at, count)| (std::cmp::Reverse(count), at));
    for (at, count) in counts.into_iter().take(LOOPS) {
        told.note(at, format!("this loop was gone round {count} times on the last path"));
    }
    told.help(
        "make loops shorter, or let them be verified once: `bpf_for`, `bpf_loop`, or a global (not static) function for the body; \
         `skep verify --profile` shows where the instructions go",
    );
    told
}
