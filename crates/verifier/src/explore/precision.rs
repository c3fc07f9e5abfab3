//! Which numbers matter: found backwards.
//!
//! When a check used the number in a register, every number that it was made of matters, at every checkpoint on the way. So the way is
//! walked backwards from the use, instruction by instruction, with a set of registers and stack slots of every frame; at each
//! checkpoint the set is added to its marks, and the walk ends when it adds nothing.
//!
//! Where an instruction cannot be followed backwards, every number on the way is marked: that costs later comparisons, never soundness.

use skep_isa::Reg as Number;

use super::back::{Tracked, back};
use super::node::{Marks, NOWHERE, NodeId, Step};
use super::walk::Walk;
use crate::verdict::Checked;

/// r0 to r10.
const ALL_REGS: u16 = 0x7ff;

/// A stretch of a path: `steps` are what is noted of it, `first` its first instruction.
pub(crate) struct Stretch<'a> {
    pub(crate) steps: &'a [Step],
    pub(crate) first: u32,
}

/// How a stretch went backwards.
enum Went {
    /// Nothing is sought any more.
    Done,
    /// To its beginning.
    Through,
    /// Not to be followed.
    Lost,
}

impl Walk<'_> {
    /// The number in `number` decides at the running instruction.
    pub(crate) fn matters(&mut self, number: Number) -> Checked {
        if self.input.unprivileged || !self.state.reg(number).is_scalar() {
            return Ok(());
        }
        let mut sought = Tracked::new(self.state.depth());
        sought.marks[self.state.depth()].regs = 1 << number.index();
        self.mark_from_here(sought);
        Ok(())
    }

    /// The number spilled to a slot decides at the running instruction.
    pub(crate) fn slot_matters(&mut self, frame: usize, slot: usize) -> Checked {
        if self.input.unprivileged {
            return Ok(());
        }
        let mut sought = Tracked::new(self.state.depth());
        if let Some(marks) = sought.marks.get_mut(frame) {
            marks.slots = 1 << slot;
        }
        self.mark_from_here(sought);
        Ok(())
    }

    /// Marks backwards from before the running instruction.
    pub(crate) fn mark_from_here(&mut self, sought: Tracked) {
        let steps = std::mem::take(&mut self.history);
        let way = Stretch { steps: &steps, first: self.first };
        self.mark_back(&way, self.at as u32, self.prev, self.parent, sought);
        self.history = steps;
    }

    /// Marks backwards from before the instruction `at`, to which control came from `prev`. Whether any mark is new.
    pub(crate) fn mark_back(
        &mut self,
        way: &Stretch<'_>,
        at: u32,
        prev: u32,
        parent: Option<NodeId>,
        mut sought: Tracked,
    ) -> bool {
        let (mut changed, mut node, mut next) = (false, parent, at);
        let mut went = self.before(way, at, prev, &mut sought, &mut next);
        loop {
            match went {
                Went::Done => return changed,
                Went::Lost => return self.mark_all(parent) || changed,
                Went::Through => {}
            }
            let Some(id) = node else { return changed };
            changed |= self.add_marks(id, &mut sought);
            if sought.is_empty() {
                return changed;
            }
            let steps = std::mem::take(&mut self.nodes[id].history);
            let (first, last) = (self.nodes[id].first, self.nodes[id].last);
            let way = Stretch { steps: &steps, first };
            went = if last == NOWHERE {
                Went::Through
            } else {
                let count = steps.len();
                self.over(&way, count, last, &mut sought, &mut next)
            };
            self.nodes[id].history = steps;
            node = self.nodes[id].parent;
        }
    }

    /// Goes backwards over a stretch from before `at`.
    fn before(&self, way: &Stretch<'_>, at: u32, prev: u32, sought: &mut Tracked, next: &mut u32) -> Went {
        let count = way.steps.len();
        let noted = way.steps.last().is_some_and(|step| step.at == at);
        // Nothing ran in this stretch before.
        if prev == NOWHERE || (at == way.first && (count == 0 || (count == 1 && noted))) {
            return Went::Through;
        }
        self.over(way, count - usize::from(noted), prev, sought, next)
    }

    /// Goes backwards over a stretch of which the first `count` steps are left, from its instruction `from` on. `next` is the instruction
    /// that ran after it.
    fn over(
        &self,
        way: &Stretch<'_>,
        mut count: usize,
        from: u32,
        sought: &mut Tracked,
        next: &mut u32,
    ) -> Went {
        let mut at = from;
        loop {
            let step = way.steps[..count].last().filter(|step| step.at == at);
            if let Some(insn) = &self.shape.insns[at as usize]
                && !back(self.shape, insn, at as usize, *next as usize, step, sought)
            {
                return Went::Lost;
            }
            if sought.is_empty() {
                return Went::Done;
            }
            *next = at;
            if at == way.first && (count == 0 || (count == 1 && step.is_some())) {
                return Went::Through;
            }
            match step {
                Some(step) if step.prev == NOWHERE => return Went::Through,
                Some(step) => {
                    at = step.prev;
                    count -= 1;
                }
                None if at == 0 => return Went::Through,
                None => {
                    at -= 1;
                    // The second half of an instruction of two slots.
                    if self.shape.insns[at as usize].is_none() && at > 0 {
                        at -= 1;
                    }
                }
            }
        }
    }

    /// Adds the marks to a checkpoint; what is marked already, or is no number there, is dropped.
    fn add_marks(&mut self, id: NodeId, sought: &mut Tracked) -> bool {
        let node = &mut self.nodes[id];
        let depth = node.state.frames.len();
        let mut changed = false;
        for (depth, marks) in sought.marks.iter_mut().enumerate().take(depth).filter(|(_, m)| !m.is_empty()) {
            let frame = &node.state.frames[depth];
            if node.marks.len() <= depth {
                node.marks.resize(depth + 1, Marks::default());
            }
            let old = &mut node.marks[depth];
            marks.regs &= !old.regs;
            for index in bits(u64::from(marks.regs)).filter(|&index| !frame.regs()[index].is_scalar()) {
                marks.regs &= !(1 << index);
            }
            marks.slots &= !old.slots;
            for index in bits(marks.slots) {
                if !frame.stack.peek(index).is_scalar_spill() {
                    marks.slots &= !(1 << index);
                }
            }
            changed |= !marks.is_empty();
            old.regs |= marks.regs;
            old.slots |= marks.slots;
        }
        sought.marks[depth..].fill(Marks::default());
        changed
    }

    /// Marks every number of a checkpoint and all before it.
    fn mark_all(&mut self, mut node: Option<NodeId>) -> bool {
        let mut changed = false;
        while let Some(id) = node.filter(|&id| !self.nodes[id].all_marked) {
            self.nodes[id].all_marked = true;
            let mut all = Tracked::new(0);
            all.marks.fill(Marks { regs: ALL_REGS, slots: u64::MAX });
            changed |= self.add_marks(id, &mut all);
            node = self.nodes[id].parent;
        }
        changed
    }
}

/// The numbers of the bits that are set.
pub(crate) fn bits(mut set: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        (set != 0).then(|| {
            let index = set.trailing_zeros() as usize;
            set &= set - 1;
            index
        })
    })
}
