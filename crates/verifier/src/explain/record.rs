//! Keeping what a walk did: the tree of its steps, its failures, and the states along chosen paths.
//!
//! Steps are numbered as they come; each knows the one before it on its path, so a path is found backwards from its last
//! step. That is eight bytes a step, for at most a million of them. States are kept only for the steps asked for.

use std::collections::HashMap;

use super::mend;
use super::story::Moment;
use crate::explore::{Next, Walk, Watch};
use crate::facts::Facts;
use crate::program::Input;
use crate::rejection::{Code, Rejection};
use crate::state::State;
use crate::verdict::{Checked, Stats, Stop};

/// Steps of a path whose states are kept, the last ones; those before are forgotten.
const MAX_KEPT: usize = 6000;
/// Before the first step.
const NONE: u32 = u32::MAX;

/// A step of a path.
#[derive(Clone, Copy, Debug)]
struct Step {
    /// The step before it.
    before: u32,
    /// Whether a value on this path was made up behind a failure.
    made_up: bool,
}

/// A path that failed.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) rejection: Rejection,
    /// Its last step.
    last: u32,
    /// The state at the failure, where that came up between two steps.
    between: Option<Moment>,
}

impl Failure {
    pub(crate) fn without_path(rejection: &Rejection) -> Failure {
        Failure { rejection: rejection.clone(), last: NONE, between: None }
    }
}

/// The observer.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    steps: Vec<Step>,
    current: u32,
    running: bool,
    made_up: bool,
    pub(crate) failures: Vec<Failure>,
    pub(crate) incomplete: bool,
    /// How often each instruction at fault was mended in a row without getting further.
    mended: Option<(u32, usize)>,
    wanted: Vec<bool>,
    kept: HashMap<u32, Moment>,
}

/// Walks a program under the eyes of a recorder.
pub(crate) fn run(input: &Input, recorder: &mut Recorder) -> Checked<Facts> {
    crate::prove(input, &mut Stats::default(), Some(recorder))
}

impl Recorder {
    pub(crate) fn new() -> Recorder {
        Recorder { current: NONE, ..Recorder::default() }
    }

    /// One that keeps the states before these steps.
    pub(crate) fn keeping(wanted: Vec<bool>) -> Recorder {
        Recorder { wanted, ..Recorder::new() }
    }

    fn path(&self, failure: &Failure) -> impl Iterator<Item = u32> {
        std::iter::successors(Some(failure.last), |&step| Some(self.steps.get(step as usize)?.before))
            .take_while(|&step| step != NONE)
            .take(MAX_KEPT)
    }

    /// The steps of all these failures' paths.
    pub(crate) fn paths(&self, failures: &[Failure]) -> Vec<bool> {
        let mut wanted = vec![false; self.steps.len()];
        for step in failures.iter().flat_map(|failure| self.path(failure)) {
            if let Some(wanted) = wanted.get_mut(step as usize) {
                *wanted = true;
            }
        }
        wanted
    }

    /// The path of a failure with its states, the failing instruction last.
    pub(crate) fn moments(&self, failure: &Failure) -> Vec<Moment> {
        let mut moments: Vec<Moment> =
            self.path(failure).map_while(|step| self.kept.get(&step).cloned()).collect();
        moments.reverse();
        moments.extend(failure.between.clone());
        moments
    }

    /// Whether this failure says something that others have not said.
    fn is_new(&self, rejection: &Rejection) -> bool {
        // Several references may leak at one exit.
        let same = |failure: &Failure| {
            failure.rejection.insn == rejection.insn
                && (rejection.code != Code::ReferenceLeak || failure.rejection.message == rejection.message)
        };
        self.failures.len() < super::MAX_ERRORS && !self.failures.iter().any(same)
    }
}

impl Watch for Recorder {
    fn begins(&mut self, _walk: &mut Walk<'_>) {
        (self.current, self.made_up, self.running) = (NONE, false, false);
    }

    fn step(&mut self, walk: &Walk<'_>) {
        let number = self.steps.len() as u32;
        self.steps.push(Step { before: self.current, made_up: self.made_up });
        self.current = number;
        self.running = true;
        if self.wanted.get(number as usize) == Some(&true) {
            self.kept.insert(number, Moment { at: walk.at, state: walk.state.clone() });
        }
    }

    fn stepped(&mut self, _walk: &Walk<'_>, _next: &Next) {
        self.running = false;
    }

    fn parts(&mut self, _walk: &Walk<'_>, _state: &State, _at: usize) -> u32 {
        self.current
    }

    fn resumes(&mut self, _walk: &Walk<'_>, tag: u32) {
        self.current = tag;
        self.running = false;
        self.made_up = self.steps.get(tag as usize).is_some_and(|step| step.made_up);
    }

    fn fails(&mut self, walk: &mut Walk<'_>, stop: Stop) -> Result<Next, Stop> {
        let rejection = match stop {
            Stop::Reject(rejection) => rejection,
            Stop::Unsupported(_) if !self.failures.is_empty() => {
                self.incomplete = true;
                return Ok(Next::End);
            }
            other => return Err(other),
        };
        let running = std::mem::take(&mut self.running);
        let certain = !self.made_up || mend::is_certain(rejection.code);
        if certain && self.is_new(&rejection) {
            let between = (!running).then(|| Moment { at: walk.at, state: walk.state.clone() });
            self.failures.push(Failure { rejection: (*rejection).clone(), last: self.current, between });
        }
        if matches!(rejection.code, Code::TooComplex | Code::TooManyBranches) {
            self.incomplete = self.failures.len() > 1;
            return Err(Stop::Reject(rejection));
        }
        // A repair that did not help is not tried for ever.
        let tries = match self.mended {
            Some((_, at)) if at == walk.at && running => self.mended.map_or(0, |(tries, _)| tries) + 1,
            _ => 0,
        };
        self.mended = Some((tries, walk.at));
        if !running || tries > 2 {
            return Ok(Next::End);
        }
        Ok(match mend::mend(walk, &rejection) {
            Some(mended) => {
                self.made_up |= mended.made_up;
                Next::At(mended.next)
            }
            None => Next::End,
        })
    }
}
