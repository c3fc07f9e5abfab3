//! Where paths meet: does a checkpoint cover this path, is this a loop that does not end, is a checkpoint to be made?
//!
//! A checkpoint whose paths are all finished covers what is included in it, up to numbers that do not matter. One whose
//! paths are not finished is an ancestor of this path: meeting it again unchanged is a loop without end, except at the
//! calls and jumps that are known to end by themselves. There, meeting it within its ranges means that another round shows nothing new; what matters in the
//! loop is known only when its head is finished, so such paths are kept and marked again then.

use super::equal::{Exactness, equal};
use super::node::{NodeId, Step};
use super::walk::Walk;
use crate::check::kfunc;
use crate::program::flags;
use crate::verdict::Checked;
use crate::{Code, analysis};
use skep_isa::{Call, Insn};

/// A path that ended in a loop whose head is not finished.
#[derive(Debug)]
pub(crate) struct BackEdge {
    /// The loop's head.
    head: NodeId,
    /// The checkpoint that it met.
    met: NodeId,
    /// The last checkpoint on its path, and its way from there.
    parent: Option<NodeId>,
    history: Vec<Step>,
}

impl Walk<'_> {
    /// Whether the path ends here because it is covered; else a checkpoint may have been made.
    pub(crate) fn visit(&mut self) -> Checked<bool> {
        const LONG_HISTORY: usize = 400;
        let forced = self.shape.checkpoint[self.at]
            || self.input.has(flags::TEST_STATE_FREQ)
            || self.history.len() > LONG_HISTORY;
        let mut wanted = forced || (self.jumps_since >= 2 && self.insns_since >= 8);
        let mut index = 0;
        while index < self.by_insn[self.at].len() {
            let id = self.by_insn[self.at][index];
            index += 1;
            if !self.same_place(id) {
                continue;
            }
            if self.nodes[id].branches > 0 {
                if self.meets_unfinished(id)? {
                    self.end_in_loop(id, id);
                    return Ok(true);
                }
                if !forced && self.jumps_since < 20 && self.insns_since < 100 {
                    wanted = false;
                }
            } else {
                let incomplete = self.nodes[id].incomplete;
                let exactness = if incomplete.is_some() { Exactness::Within } else { Exactness::Relevant };
                if self.covered_by(id, exactness) {
                    self.nodes[id].hits += 1;
                    match incomplete {
                        Some(head) => self.end_in_loop(head, id),
                        None => self.adopt_marks(id)?,
                    }
                    return Ok(true);
                }
            }
            if wanted && self.miss(id, forced) {
                index -= 1;
            }
        }
        if wanted {
            self.checkpoint();
        }
        Ok(false)
    }

    fn same_place(&self, id: NodeId) -> bool {
        let (old, new) = (&self.nodes[id].state, &self.state);
        old.frames.len() == new.frames.len()
            && old.frames.iter().zip(&new.frames).all(|(old, new)| {
                old.call_site == new.call_site && old.function == new.function && old.kind == new.kind
            })
    }

    fn covered_by(&mut self, id: NodeId, exactness: Exactness) -> bool {
        let node = &self.nodes[id];
        equal(self.shape, self.input, self.at, &node.state, &node.marks, &self.state, exactness)
    }

    /// Whether an ancestor that is met again ends the path.
    fn meets_unfinished(&mut self, id: NodeId) -> Checked<bool> {
        let insn = self.shape.insns[self.at];
        match insn {
            Some(Insn::MayGoto { .. }) => {
                let deeper = self.nodes[id].state.may_goto_depth != self.state.may_goto_depth;
                if deeper && self.covered_by(id, Exactness::Within) {
                    return Ok(true);
                }
            }
            Some(Insn::Call(Call::Helper(helper))) if analysis::calls_back(helper) => {
                return Ok(self.covered_by(id, Exactness::Within));
            }
            Some(Insn::Call(Call::Kfunc { .. })) if self.shape.checkpoint[self.at] => {
                return Ok(self.iterator_is_active() && self.covered_by(id, Exactness::Within));
            }
            _ => {}
        }
        let node = &self.nodes[id];
        let turned = kfunc::rounds(&node.state) == kfunc::rounds(&self.state)
            && node.state.may_goto_depth == self.state.may_goto_depth
            && node.state.frame().callback_depth == self.state.frame().callback_depth;
        if turned && self.covered_by(id, Exactness::Exact) {
            return self
                .fail(Code::InfiniteLoop, "the state is what it was before the loop: it does not end");
        }
        Ok(false)
    }

    /// Counts a comparison in vain; true when the checkpoint is no longer listed.
    fn miss(&mut self, id: NodeId, forced: bool) -> bool {
        let patience = if forced { 64 } else { 3 };
        let node = &mut self.nodes[id];
        node.misses += 1;
        if node.misses <= node.hits * patience + patience {
            return false;
        }
        self.by_insn[self.at].retain(|&other| other != id);
        if self.nodes[id].branches == 0 && self.back_edges.is_empty() {
            self.free.push(id);
        }
        true
    }

    /// The path is covered by a checkpoint in a loop that is still walked.
    fn end_in_loop(&mut self, head: NodeId, met: NodeId) {
        let mut node = self.parent;
        while let Some(id) = node.filter(|&id| id != head) {
            self.nodes[id].incomplete.get_or_insert(head);
            // A loop within a loop: what is incomplete until the outer head is finished stays so.
            if let Some(other) = self.nodes[id].incomplete
                && other != head
                && self.is_ancestor(head, other)
            {
                self.nodes[id].incomplete = Some(head);
            }
            node = self.nodes[id].parent;
        }
        self.back_edges.push(BackEdge { head, met, parent: self.parent, history: self.history.clone() });
    }

    /// Whether `a` is on the way to `b`.
    fn is_ancestor(&self, a: NodeId, b: NodeId) -> bool {
        let mut node = self.nodes[b].parent;
        while let Some(id) = node {
            if id == a {
                return true;
            }
            node = self.nodes[id].parent;
        }
        false
    }

    /// The numbers that matter behind `met` matter on this path too.
    fn adopt_marks(&mut self, met: NodeId) -> Checked {
        let marks = self.nodes[met].marks.clone();
        if marks.iter().all(|marks| marks.is_empty()) {
            return Ok(());
        }
        let history = std::mem::take(&mut self.history);
        self.mark_back(&history, history.len(), self.parent, marks);
        self.history = history;
        Ok(())
    }

    /// A path has ended: checkpoints that wait for no other path are finished.
    pub(crate) fn finish_path(&mut self) {
        let mut node = self.parent;
        while let Some(id) = node {
            self.nodes[id].branches -= 1;
            if self.nodes[id].branches > 0 {
                return;
            }
            if !self.back_edges.is_empty() {
                self.complete_loop(id);
            }
            if self.back_edges.is_empty() {
                self.nodes[id].history = Vec::new();
            }
            node = self.nodes[id].parent;
        }
    }

    /// The head of a loop is finished: marks go round until nothing changes.
    fn complete_loop(&mut self, head: NodeId) {
        let (edges, others) =
            std::mem::take(&mut self.back_edges).into_iter().partition(|edge| edge.head == head);
        let edges: Vec<BackEdge> = edges;
        self.back_edges = others;
        if edges.is_empty() {
            return;
        }
        loop {
            let mut changed = false;
            for edge in &edges {
                let marks = self.nodes[edge.met].marks.clone();
                changed |= self.mark_back(&edge.history, edge.history.len(), edge.parent, marks);
            }
            if !changed {
                break;
            }
        }
        for node in &mut self.nodes {
            if node.incomplete == Some(head) {
                node.incomplete = None;
            }
        }
    }
}
