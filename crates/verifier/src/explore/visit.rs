//! Where paths meet: does a checkpoint cover this path, is this a loop that does not end, is a checkpoint to be made?
//!
//! A checkpoint whose paths are all finished covers what is included in it, up to numbers that do not matter. One whose
//! paths are not finished is an ancestor of this path: meeting it again unchanged is a loop without end, except at the
//! calls and jumps that are known to end by themselves. There, meeting it within its ranges means that another round shows nothing
//! new; what matters in the loop is known only when its head is finished, so such paths wait and are marked again then (`rounds`).
//!
//! How often checkpoints are made and how soon they are given up decides how many instructions are walked, and so which
//! large programs stay below the limit: the numbers here are Linux 6.18's.

use super::equal::{Exactness, Rules, equal};
use super::node::NodeId;
use super::walk::Walk;
use crate::check::kfunc;
use crate::program::flags;
use crate::verdict::Checked;
use crate::{Code, analysis};
use skep_isa::{Call, Insn};

/// A way longer than this since the last checkpoint forces one.
const LONG_HISTORY: usize = 40;
/// A checkpoint is due after so many jumps and instructions...
const JUMPS: u64 = 2;
const INSNS: u64 = 8;
/// ...but in a loop that is being walked only after so many jumps or instructions.
const JUMPS_IN_LOOP: u64 = 20;
const INSNS_IN_LOOP: u64 = 100;
/// How many comparisons in vain a checkpoint survives, to begin with and for each success.
const PATIENCE: u32 = 3;
/// The same for the heads of loops that are still walked.
const PATIENCE_IN_LOOP: u32 = 64;
/// Most checkpoints at one instruction, unprivileged.
const MAX_STATES_UNPRIVILEGED: usize = 64;

/// What a checkpoint has to do with the path that comes by.
enum Met {
    /// It covers the path.
    Covers,
    /// It covers the path if another round shows nothing new.
    CoversRound,
    /// It does not.
    Differs,
}

impl Walk<'_> {
    /// Whether the path ends here because it is covered; else a checkpoint may have been made.
    pub(crate) fn visit(&mut self) -> Checked<bool> {
        let forced = self.shape.checkpoint[self.at]
            || self.input.has(flags::TEST_STATE_FREQ)
            || self.history.len() > LONG_HISTORY;
        let (jumps, insns) = (self.jumps - self.jumps_before, self.stats.processed - self.processed_before);
        let mut wanted = forced || (jumps >= JUMPS && insns >= INSNS);
        let instance = self.reads.instance(&mut self.state);
        let mut index = self.by_insn[self.at].len();
        let mut here = 0;
        // The newest first: it is the likeliest to be like this one.
        while index > 0 {
            index -= 1;
            let id = self.by_insn[self.at][index];
            if self.nodes[id].instance != instance {
                continue;
            }
            here += 1;
            let met = if self.nodes[id].branches > 0 {
                let met = self.meets_unfinished(id)?;
                if matches!(met, Met::Differs) && !forced && jumps < JUMPS_IN_LOOP && insns < INSNS_IN_LOOP {
                    wanted = false;
                }
                met
            } else {
                self.meets_finished(id)
            };
            match met {
                Met::Covers | Met::CoversRound => {
                    self.nodes[id].hits += 1;
                    self.note_jump();
                    self.adopt_marks(id);
                    if let Met::CoversRound = met {
                        self.wait_for_round(id);
                    }
                    return Ok(true);
                }
                Met::Differs => self.miss(id, index, wanted),
            }
        }
        if wanted && !(self.input.unprivileged && here > MAX_STATES_UNPRIVILEGED) {
            self.checkpoint();
        }
        Ok(false)
    }

    fn meets_finished(&mut self, id: NodeId) -> Met {
        let incomplete = self.is_incomplete(id);
        if !incomplete && self.nodes[id].alive.is_none() {
            let alive = self.reads.alive(self.shape, &self.nodes[id].state, self.at);
            self.nodes[id].alive = Some(alive);
        }
        let exactness = if incomplete { Exactness::Within } else { Exactness::Relevant };
        match (self.covered_by(id, exactness), incomplete) {
            (true, true) => Met::CoversRound,
            (true, false) => Met::Covers,
            _ => Met::Differs,
        }
    }

    fn covered_by(&mut self, id: NodeId, exactness: Exactness) -> bool {
        let unprivileged = self.input.unprivileged;
        let rules = Rules {
            exactness,
            lenient: self.input.reads_unwritten(),
            all_matter: unprivileged,
            same_numbers: self.speculation.varying,
        };
        equal(self.shape, rules, &self.nodes[id], &self.state, &mut self.names)
    }

    /// What an ancestor that is met again means.
    fn meets_unfinished(&mut self, id: NodeId) -> Checked<Met> {
        let round = match self.shape.insns[self.at] {
            Some(Insn::MayGoto { .. }) => {
                let deeper = self.nodes[id].state.may_goto_depth != self.state.may_goto_depth;
                if deeper && self.covered_by(id, Exactness::Within) {
                    return Ok(Met::CoversRound);
                }
                None
            }
            Some(Insn::Call(Call::Helper(helper))) if analysis::calls_back(helper) => Some(true),
            Some(Insn::Call(Call::Kfunc { .. })) if self.shape.calls_back(self.at) => Some(true),
            Some(Insn::Call(Call::Kfunc { .. })) if self.shape.checkpoint[self.at] => {
                Some(self.iterator_is_active())
            }
            _ => None,
        };
        // These calls end by themselves, changed or not.
        if let Some(goes_on) = round {
            let covers = goes_on && self.covered_by(id, Exactness::Within);
            return Ok(if covers { Met::CoversRound } else { Met::Differs });
        }
        let (old, new) = (&self.nodes[id].state, &self.state);
        let turned = old.may_goto_depth == new.may_goto_depth
            && old.frames.iter().zip(&new.frames).all(|(old, new)| old.callback_depth == new.callback_depth);
        if turned && self.covered_by(id, Exactness::Exact) && self.same_rounds(id) {
            return self
                .fail(Code::InfiniteLoop, "the state is what it was before the loop: it does not end");
        }
        Ok(Met::Differs)
    }

    /// Whether no round of an iterator was begun since.
    fn same_rounds(&self, id: NodeId) -> bool {
        kfunc::rounds(&self.nodes[id].state) == kfunc::rounds(&self.state)
    }

    /// Counts a comparison in vain, unless no checkpoint is made for it; who had too many is given up.
    fn miss(&mut self, id: NodeId, index: usize, wanted: bool) {
        let in_loop = self.shape.checkpoint[self.at] && self.nodes[id].branches > 0;
        let patience = if in_loop { PATIENCE_IN_LOOP } else { PATIENCE };
        let node = &mut self.nodes[id];
        node.misses += u32::from(wanted);
        if node.misses > node.hits.saturating_mul(patience).saturating_add(patience) {
            node.evicted = true;
            self.by_insn[self.at].remove(index);
            self.free_if_done(id);
        }
    }

    /// A path has ended: checkpoints that wait for no other path are finished.
    pub(crate) fn finish_path(&mut self) {
        let mut node = self.parent;
        while let Some(id) = node {
            self.nodes[id].branches -= 1;
            if self.nodes[id].branches > 0 {
                return;
            }
            self.leave_round(id);
            node = self.nodes[id].parent;
            self.free_if_done(id);
        }
    }

    /// Gives a checkpoint's memory back when nobody can come to it any more.
    fn free_if_done(&mut self, id: NodeId) {
        if self.nodes[id].branches > 0 || self.nodes[id].state.frames.is_empty() {
            return;
        }
        // Paths that wait for marks go back over finished checkpoints.
        if self.waiting > 0 {
            return;
        }
        self.nodes[id].history = Vec::new();
        if self.nodes[id].evicted {
            self.nodes[id].state.frames = Vec::new();
            self.nodes[id].marks = Vec::new();
            self.free.push(id);
        }
    }
}
