//! What helpers return in a run: the path's wish at the calls it is about, their own answer otherwise.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use skep_platform::helper;
use skep_verifier::explain::{Source, Trail};
use skep_vm::Answers;

use super::Answer;

/// What calls of helpers are to return.
pub(super) struct Script {
    wanted: Arc<Vec<Answer>>,
    run: Arc<Mutex<Run>>,
}

/// How far a run has come.
#[derive(Default)]
struct Run {
    /// Whether helpers return what is wanted.
    follows: bool,
    /// The calls so far, by helper.
    calls: BTreeMap<&'static str, usize>,
    given: Vec<Answer>,
}

impl Script {
    pub(super) fn new(trail: &Trail) -> Script {
        let wanted = trail.wants.iter().filter_map(|want| {
            let Source::Helper { helper, before } = want.source else { return None };
            let helper = helper::by_id(u32::try_from(helper).ok()?)?.name;
            Some(Answer { helper, before, value: want.value })
        });
        Script { wanted: Arc::new(wanted.collect()), run: Arc::default() }
    }

    /// For the runtime's options; nothing where the path asks nothing of helpers.
    pub(super) fn answers(&self) -> Option<Answers> {
        if self.wanted.is_empty() {
            return None;
        }
        let (wanted, run) = (self.wanted.clone(), self.run.clone());
        Some(Answers(Arc::new(move |helper| {
            let mut run = run.lock().unwrap_or_else(PoisonError::into_inner);
            if !run.follows {
                return None;
            }
            let calls = run.calls.entry(helper).or_default();
            let before = *calls;
            *calls += 1;
            // The decisive wish is the last.
            let about = |answer: &&Answer| answer.helper == helper && answer.before == before;
            let answer = *wanted.iter().rev().find(about)?;
            run.given.push(answer);
            Some(answer.value)
        })))
    }

    /// Before a run: each second one has the helpers' own answers, as the wishes are guesses.
    pub(super) fn start(&self, repeat: usize) {
        let mut run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        *run = Run { follows: repeat.is_multiple_of(2), ..Run::default() };
    }

    /// What helpers were made to return in the last run.
    pub(super) fn given(&self) -> Vec<Answer> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner).given.clone()
    }
}
