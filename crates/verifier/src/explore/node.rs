//! Checkpoints, and the way between them.

use std::rc::Rc;

use crate::state::State;

/// A checkpoint, by its place in the walk's list.
pub(crate) type NodeId = usize;

/// The stack slot that an instruction read from or spilled to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    /// Depth of the frame that owns the slot.
    pub(crate) frame: u8,
    /// The slot.
    pub(crate) slot: u8,
}

/// One instruction on a path.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// Its slot.
    pub(crate) at: u32,
    /// Depth of the frame it ran in.
    pub(crate) depth: u8,
    /// Whether it entered or left a callback, or did something else that cannot be followed backwards.
    pub(crate) opaque: bool,
    /// The stack slot whose register it read or wrote.
    pub(crate) access: Option<Access>,
    /// The numbers, by frame, that were linked when it compared one of them.
    pub(crate) linked: Option<Rc<Vec<Marks>>>,
}

/// The numbers of one frame that matter: registers and spilled registers, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) regs: u16,
    pub(crate) slots: u64,
}

impl Marks {
    pub(crate) fn is_empty(self) -> bool {
        self.regs == 0 && self.slots == 0
    }
}

/// A checkpoint.
#[derive(Debug)]
pub(crate) struct Node {
    /// Its instruction.
    pub(crate) at: usize,
    /// What was known there.
    pub(crate) state: State,
    /// The checkpoint before it on its path.
    pub(crate) parent: Option<NodeId>,
    /// The way from the checkpoint before.
    pub(crate) history: Vec<Step>,
    /// How many paths from here are not finished; with 0 the checkpoint covers what it includes.
    pub(crate) branches: u32,
    /// Numbers that matter, by frame.
    pub(crate) marks: Vec<Marks>,
    /// Whether every number here and before was marked, so that there is nothing left to mark.
    pub(crate) all_marked: bool,
    /// The head of the loop that is still being walked, when marks may be missing.
    pub(crate) incomplete: Option<NodeId>,
    /// How often it ended a path.
    pub(crate) hits: u32,
    /// How often it did not, though it was compared.
    pub(crate) misses: u32,
}
