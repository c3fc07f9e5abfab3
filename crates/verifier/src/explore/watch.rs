//! Looking on while a program is walked.
//!
//! Explanations, state traces and profiles need to see every step; a verdict needs none of that. So the walk has one optional
//! observer, and an ordinary verification pays one comparison an instruction for its absence. An observer never changes
//! what is known; it only decides whether the walk goes on behind a failure.

use super::walk::{Next, Walk};
use crate::state::State;
use crate::verdict::Stop;

/// An observer of a walk. Everything has a default that does nothing.
pub(crate) trait Watch {
    /// A walk begins at `walk.at`: the program, or a global function on its own.
    fn begins(&mut self, _walk: &mut Walk<'_>) {}

    /// The instruction at `walk.at` is about to run on `walk.state`.
    fn step(&mut self, _walk: &Walk<'_>) {}

    /// The instruction at `walk.at` has run, and its path goes on as `next` says.
    fn stepped(&mut self, _walk: &Walk<'_>, _next: &Next) {}

    /// The path parts: `state` waits at `at`. What is returned comes back when it is taken up.
    fn parts(&mut self, _walk: &Walk<'_>, _state: &State, _at: usize) -> u32 {
        0
    }

    /// The branch that was given this tag is taken up.
    fn resumes(&mut self, _walk: &Walk<'_>, _tag: u32) {}

    /// Whether paths may end because a checkpoint covers them. Without that some programs are walked without end, up to the limit.
    fn covers(&self) -> bool {
        true
    }

    /// The path ends at `walk.at`, because a checkpoint covers it.
    fn covered(&mut self, _walk: &Walk<'_>) {}

    /// A check failed at `walk.at`. The walk ends with what is returned as an error, or goes on as if nothing had been wrong.
    fn fails(&mut self, _walk: &mut Walk<'_>, stop: Stop) -> Result<Next, Stop> {
        Err(stop)
    }
}

impl<'a> Walk<'a> {
    /// Tells the observer, if there is one.
    pub(crate) fn tell<T>(&mut self, say: impl FnOnce(&mut dyn Watch, &mut Walk<'a>) -> T) -> Option<T> {
        let watch = self.watch.take()?;
        let said = say(&mut *watch, self);
        self.watch = Some(watch);
        Some(said)
    }
}
