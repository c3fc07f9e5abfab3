//! Checkpoints, and the way between them.

use crate::state::State;

/// A checkpoint, by its place in the walk's list.
pub(crate) type NodeId = usize;

/// Most frames at once.
pub(crate) const MAX_FRAMES: usize = 8;
/// Most numbers that one comparison refines together.
pub(crate) const MAX_LINKED: usize = 6;

/// The stack slot that an instruction read from or spilled to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    /// Depth of the frame that owns the slot.
    pub(crate) frame: u8,
    /// The slot.
    pub(crate) slot: u8,
}

/// An instruction on a path of which the way backwards must know something: control came to it from elsewhere than the slot
/// before, it moved a register to or from the stack, or it compared numbers that are tied to others. All others are
/// found by counting down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// Its slot.
    pub(crate) at: u32,
    /// The slot of the instruction before it on the path.
    pub(crate) prev: u32,
    /// The stack slot whose register it read or wrote.
    pub(crate) access: Option<Access>,
    /// The numbers that were tied to each other when it compared one of them.
    pub(crate) linked: Linked,
}

/// Up to six places of numbers in 64 bits: frame, whether it is a register, its number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Linked(u64);

impl Linked {
    const BITS: u32 = 10;
    const COUNT: u32 = 60;

    /// How many there are.
    pub(crate) fn len(self) -> usize {
        (self.0 >> Self::COUNT) as usize
    }

    /// False when it is full.
    pub(crate) fn add(&mut self, frame: usize, register: bool, index: usize) -> bool {
        let len = self.len();
        if len == MAX_LINKED {
            return false;
        }
        let entry = (frame as u64) << 7 | u64::from(register) << 6 | index as u64;
        self.0 |= entry << (len as u32 * Self::BITS);
        self.0 += 1 << Self::COUNT;
        true
    }

    /// Frame, whether it is a register, its number.
    pub(crate) fn iter(self) -> impl Iterator<Item = (usize, bool, usize)> {
        (0..self.len() as u32).map(move |i| {
            let entry = self.0 >> (i * Self::BITS);
            ((entry >> 7 & 7) as usize, entry >> 6 & 1 == 1, (entry & 63) as usize)
        })
    }
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

/// What marks a path's end as "no instruction".
pub(crate) const NOWHERE: u32 = u32::MAX;

/// A checkpoint.
#[derive(Debug)]
pub(crate) struct Node {
    /// Its instruction.
    pub(crate) at: usize,
    /// What was known there.
    pub(crate) state: State,
    /// The call chain it is in: checkpoints of other chains are never compared with it.
    pub(crate) instance: u32,
    /// The checkpoint before it on its path.
    pub(crate) parent: Option<NodeId>,
    /// How many checkpoints are before it on its path.
    pub(crate) rank: u32,
    /// The way from the checkpoint before; empty once nobody can go it backwards any more.
    pub(crate) history: Vec<Step>,
    /// Where that way begins, and the last instruction on it.
    pub(crate) first: u32,
    pub(crate) last: u32,
    /// How many paths from here are not finished; with 0 the checkpoint covers what it includes.
    pub(crate) branches: u32,
    /// Numbers that matter, by frame.
    pub(crate) marks: Vec<Marks>,
    /// Whether every number here and before was marked, so that there is nothing left to mark.
    pub(crate) all_marked: bool,
    /// The loop it is in, by its number in the walk's list; while paths of that loop wait for marks, numbers may matter here
    /// that are not marked yet.
    pub(crate) round: Option<u32>,
    /// By frame, the stack slots that some path behind it read; `None` until it is finished and somebody asks.
    pub(crate) alive: Option<Box<[u64]>>,
    /// How often it ended a path.
    pub(crate) hits: u32,
    /// How often it did not, though it was compared.
    pub(crate) misses: u32,
    /// Whether it is given up and waits for its paths to end.
    pub(crate) evicted: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_places_and_no_more() {
        let mut linked = Linked::default();
        for i in 0..MAX_LINKED {
            assert!(linked.add(i + 1, i % 2 == 0, 63 - i));
        }
        assert!(!linked.add(0, true, 0));
        let all: Vec<_> = linked.iter().collect();
        assert_eq!(
            all,
            [(1, true, 63), (2, false, 62), (3, true, 61), (4, false, 60), (5, true, 59), (6, false, 58)]
        );
    }
}
