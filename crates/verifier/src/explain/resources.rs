//! References, locks and protected sections: where they were taken, and which branch forgot them.

use skep_isa::{Call, Insn};

use super::story::{Comparison, Story};
use super::{Told, memory};
use crate::analysis;
use crate::rejection::{Code, Place, Rejection};
use crate::state::{Held, State};

pub(super) fn tell(story: &Story<'_>, rejection: &Rejection) -> Told {
    match rejection.code {
        Code::ReferenceLeak => leak(story),
        Code::NotOwned => not_owned(story, rejection),
        Code::LockHeld => lock_held(story),
        Code::LockMissing => lock_missing(story),
        _ => section(story, rejection),
    }
}

fn taken_by(story: &Story<'_>, held: &Held) -> String {
    match skep_isa::decode(&story.input.insns, held.at) {
        Ok(Insn::Call(call)) => super::words::callee(story.input, held.at, call),
        _ => "this".to_owned(),
    }
}

/// What gives back what this call took, for the help.
fn release_of(story: &Story<'_>, held: &Held) -> &'static str {
    let name = match skep_isa::decode(&story.input.insns, held.at) {
        Ok(Insn::Call(Call::Helper(id))) => analysis::helper(id).map_or("", |helper| helper.name),
        _ => "",
    };
    match name {
        name if name.starts_with("ringbuf_reserve_dynptr") => {
            "bpf_ringbuf_submit_dynptr or bpf_ringbuf_discard_dynptr"
        }
        name if name.starts_with("ringbuf_reserve") => "bpf_ringbuf_submit or bpf_ringbuf_discard",
        name if name.starts_with("sk_lookup")
            || name.starts_with("skc_lookup")
            || name == "map_lookup_elem" =>
        {
            "bpf_sk_release"
        }
        _ => "the function that releases it",
    }
}

/// Something is held where nothing may be.
fn leak(story: &Story<'_>) -> Told {
    let mut told = Told::default();
    let last = story.last();
    let Some(held) = story.before(last).held.iter().find(|held| held.lock.is_none()).copied() else {
        return told;
    };
    told.label("it is still held here");
    told.note(held.at, format!("{} gives a reference that must be released", taken_by(story, &held)));
    told.cause = Some(held.at);
    let holds = |state: &State| state.held.iter().any(|other| other.id == held.id);
    // The last branch since: on its other side it may well be released.
    // The comparison with NULL decides whether there is a reference at all.
    let decides = |c: &Comparison| story.at(c.step) > held.at && !story.reg(c.step, c.dst).is_nullable();
    let branch = story.comparisons(last).take_while(|c| holds(story.before(c.step))).find(decides);
    if let Some(branch) = branch {
        let way = if story.taken(branch.step) { "taken" } else { "not taken" };
        told.note(
            story.at(branch.step),
            format!("the path on which it is not released: this branch is {way}"),
        );
    }
    told.help(format!("release it on this path too, with {}", release_of(story, &held)));
    told
}

/// Something is given back that is not held.
fn not_owned(story: &Story<'_>, rejection: &Rejection) -> Told {
    let mut told = match rejection.place {
        Some(Place::Register(_)) => {
            memory::tell(story, &Rejection { code: Code::BadPointerAccess, ..rejection.clone() })
        }
        _ => Told::default(),
    };
    told.label("nothing that is owned is given back here");
    let shrank = |step: &usize| {
        let after = story.after(*step).map_or(usize::MAX, |state| state.held.len());
        after < story.before(*step).held.len() && matches!(story.insn(*step), Some(Insn::Call(_)))
    };
    if let Some(step) = (0..story.last()).rev().find(shrank) {
        told.note(story.at(step), "a reference was released here before");
        told.cause = Some(story.at(step));
    }
    told.help("release what was acquired, once, with the pointer that was given and not one moved from it");
    told
}

fn lock_held(story: &Story<'_>) -> Told {
    let mut told = Told::default();
    if let Some(held) = story.before(story.last()).lock().copied() {
        told.note(held.at, "the lock is taken here");
        told.cause = Some(held.at);
        told.label("the lock is still held here");
        told.help("unlock first; between lock and unlock there is room for plain instructions only");
    }
    told
}

fn lock_missing(story: &Story<'_>) -> Told {
    let mut told = Told::default();
    let last = story.last();
    if let Some(held) = story.before(last).lock().copied() {
        told.note(held.at, "the lock that is held was taken here");
        told.label("this is another lock");
        told.help("unlock what was locked: the same field of the same value, found by the same look-up");
        return told;
    }
    let ended = |step: &usize| {
        story.before(*step).lock().is_some() && story.after(*step).is_some_and(|state| state.lock().is_none())
    };
    told.label("no lock is held here");
    if let Some(step) = (0..last).rev().find(ended) {
        told.note(story.at(step), "the lock was released here already");
        told.cause = Some(story.at(step));
    }
    told.help("lock and unlock in pairs on every path");
    told
}

/// A protected section that was not left, or never entered.
fn section(story: &Story<'_>, rejection: &Rejection) -> Told {
    let mut told = Told::default();
    let last = story.last();
    let depth = |state: &State| [state.rcu as usize, state.preempt as usize, state.irq.len()];
    const NAMES: [&str; 3] = ["RCU read section", "section without preemption", "section without interrupts"];
    for (which, name) in NAMES.into_iter().enumerate() {
        if depth(story.before(last))[which] == 0 {
            continue;
        }
        let entered = |step: &usize| {
            story.after(*step).is_some_and(|state| depth(state)[which] > depth(story.before(*step))[which])
        };
        if let Some(step) = (0..last).rev().find(entered) {
            told.note(story.at(step), format!("the {name} begins here"));
            told.cause = Some(story.at(step));
            told.label(format!("the {name} is not left here"));
            told.help("leave the section first, on every path");
        }
    }
    if let Some(held) = story.before(last).lock() {
        told.note(held.at, "a lock is taken here");
    }
    if rejection.code == Code::MightSleep && told.notes.is_empty() {
        told.help("load the program as sleepable (a section name with `.s`, as in `fentry.s/`), if its type allows that");
    }
    told
}
