//! Loops that end because another round shows nothing new.
//!
//! A path that comes back to the head of such a loop within the head's ranges ends there. But what matters in the
//! loop is not known yet: other paths through it may still find that a number matters, and then it matters on this path too, and
//! round again. So the path waits; when the checkpoint that entered the loop is finished, marks are carried from each checkpoint that
//! was met to the path that met it, until nothing changes. Until then the loop's checkpoints cover only what lies within their ranges.

use super::back::Tracked;
use super::node::{NodeId, Step};
use super::precision::Stretch;
use super::walk::Walk;

/// One loop of one call chain.
#[derive(Debug, Default)]
pub(crate) struct Round {
    /// The checkpoint that entered it, while it is not finished.
    entry: Option<NodeId>,
    waiting: Vec<Waiting>,
}

/// A path that ended in a loop that is still walked.
#[derive(Debug)]
struct Waiting {
    /// The checkpoint that it met.
    met: NodeId,
    /// Where, and what ran before.
    at: u32,
    prev: u32,
    /// The last checkpoint on its path, and its way from there.
    parent: Option<NodeId>,
    history: Vec<Step>,
    first: u32,
}

impl Walk<'_> {
    /// The loop that the path is in at its instruction: the outermost on its chain of calls.
    pub(crate) fn round_here(&mut self) -> Option<u32> {
        if !self.shape.has_loops {
            return None;
        }
        self.reads.instance(&mut self.state);
        let frames = &self.state.frames;
        let (instance, component) = (0..frames.len()).find_map(|depth| {
            let place = frames.get(depth + 1).map_or(self.at, |inner| inner.call_site);
            let component = self.shape.component[place];
            (component != 0).then_some((frames[depth].instance, component))
        })?;
        let next = self.rounds.len() as u32;
        let number = *self.round_of.entry((instance, component)).or_insert(next);
        if number == next {
            self.rounds.push(Round::default());
        }
        Some(number)
    }

    /// A checkpoint was made in a loop: the first is its entry.
    pub(crate) fn enter_round(&mut self, id: NodeId) {
        if let Some(round) = self.nodes[id].round {
            self.rounds[round as usize].entry.get_or_insert(id);
        }
    }

    /// Whether numbers may matter at a checkpoint that are not marked yet.
    pub(crate) fn is_incomplete(&self, id: NodeId) -> bool {
        self.waiting > 0
            && self.nodes[id].round.is_some_and(|round| !self.rounds[round as usize].waiting.is_empty())
    }

    /// The path ends at `met`, and waits for its marks.
    pub(crate) fn wait_for_round(&mut self, met: NodeId) {
        let Some(round) = self.nodes[met].round else { return };
        self.waiting += 1;
        self.rounds[round as usize].waiting.push(Waiting {
            met,
            at: self.at as u32,
            prev: self.prev,
            parent: self.parent,
            history: self.history.clone(),
            first: self.first,
        });
    }

    /// The numbers that matter behind `met` matter on this path too.
    pub(crate) fn adopt_marks(&mut self, met: NodeId) {
        if let Some(sought) = self.marks_of(met) {
            self.mark_from_here(sought);
        }
    }

    fn marks_of(&self, met: NodeId) -> Option<Tracked> {
        let node = &self.nodes[met];
        if self.input.unprivileged || node.marks.iter().all(|marks| marks.is_empty()) {
            return None;
        }
        let mut sought = Tracked::new(node.state.frames.len() - 1);
        for (to, from) in sought.marks.iter_mut().zip(&node.marks) {
            *to = *from;
        }
        Some(sought)
    }

    /// A checkpoint is finished. If it entered a loop, marks go round until nothing changes.
    pub(crate) fn leave_round(&mut self, id: NodeId) {
        let Some(round) = self.nodes[id].round.map(|round| round as usize) else { return };
        if self.rounds[round].entry != Some(id) {
            return;
        }
        self.rounds[round].entry = None;
        let edges = std::mem::take(&mut self.rounds[round].waiting);
        if edges.is_empty() {
            return;
        }
        self.waiting -= edges.len();
        loop {
            let mut changed = false;
            for edge in &edges {
                let Some(sought) = self.marks_of(edge.met) else { continue };
                let way = Stretch { steps: &edge.history, first: edge.first };
                changed |= self.mark_back(&way, edge.at, edge.prev, edge.parent, sought);
            }
            if !changed {
                break;
            }
        }
        if self.waiting == 0 {
            self.sweep();
        }
    }

    /// Nobody waits any more: what was given up meanwhile goes.
    fn sweep(&mut self) {
        for id in 0..self.nodes.len() {
            let node = &mut self.nodes[id];
            if node.branches == 0 && !node.state.frames.is_empty() {
                node.history = Vec::new();
                if node.evicted {
                    node.state.frames = Vec::new();
                    node.marks = Vec::new();
                    self.free.push(id);
                }
            }
        }
    }
}
