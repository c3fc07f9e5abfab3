//! A frame's stack: what each byte holds, and the registers spilled there.
//!
//! 64 slots of 8 bytes at negative offsets from the frame pointer. A slot whose top byte is [`ByteKind::Spill`] has a register
//! behind it: all 8 bytes for a full spill, the low ones for a narrow spill of a number.

use std::rc::Rc;

use super::reg::Reg;

/// Bytes of a frame.
pub const STACK_MAX: i32 = 512;

/// Bytes of a slot.
pub const SLOT: i32 = 8;

/// Slots of a frame.
pub const SLOTS: usize = (STACK_MAX / SLOT) as usize;

/// What a byte of the stack holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum ByteKind {
    /// Nothing that was written.
    #[default]
    Invalid,
    /// Part of a spilled register.
    Spill,
    /// Something written.
    Misc,
    /// Zero.
    Zero,
    /// Part of a dynptr.
    Dynptr,
    /// Part of an iterator.
    Iterator,
    /// Part of a saved interrupt state.
    IrqFlag,
}

/// Eight bytes of stack.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slot {
    /// The bytes, lowest address first.
    pub bytes: [ByteKind; 8],
    /// The register spilled here, if the last byte says so; for dynptrs and iterators, what is known of them.
    pub spilled: Reg,
}

impl Slot {
    /// Nothing written.
    pub const EMPTY: Slot = Slot { bytes: [ByteKind::Invalid; 8], spilled: Reg::UNINIT };

    /// Whether a register was spilled into the low bytes or the whole.
    pub fn is_spill(&self) -> bool {
        self.bytes[0] == ByteKind::Spill
    }

    /// Whether a whole register was spilled here.
    pub fn is_full_spill(&self) -> bool {
        self.bytes[7] == ByteKind::Spill
    }

    /// Whether it belongs to something that only calls make and end: a dynptr, an iterator, a saved interrupt state.
    pub fn is_special(&self) -> bool {
        matches!(self.bytes[0], ByteKind::Dynptr | ByteKind::Iterator | ByteKind::IrqFlag)
    }

    /// Whether a number was spilled here.
    pub fn is_scalar_spill(&self) -> bool {
        self.is_spill() && self.spilled.is_scalar()
    }
}

/// Slots that are copied together when one of them is written.
const CHUNK: usize = 4;
/// Chunks of a whole stack.
const CHUNKS: usize = SLOTS / CHUNK;

static EMPTY: Slot = Slot::EMPTY;

/// The stack of a frame. As long as its deepest access so far.
///
/// A tree of two levels, both shared until written: a state costs one count to clone, and a store to a cloned one copies four
/// slots, not sixty-four.
#[derive(Clone, Debug, Default)]
pub struct Stack {
    /// `None` while nothing was accessed.
    tree: Option<Rc<Tree>>,
}

#[derive(Clone, Debug, Default)]
struct Tree {
    /// Slots accessed so far, counted from the frame pointer; those beyond are empty.
    len: usize,
    /// A missing chunk is four empty slots.
    chunks: [Option<Rc<[Slot; CHUNK]>>; CHUNKS],
}

/// The slot that holds the byte at `off` (−512 to −1), and the byte's place in it.
pub(crate) const fn locate(off: i32) -> (usize, usize) {
    let slot = (-off - 1) / SLOT;
    (slot as usize, (off + (slot + 1) * SLOT) as usize)
}

impl Stack {
    /// How many slots were accessed so far.
    pub fn len(&self) -> usize {
        self.tree.as_ref().map_or(0, |tree| tree.len)
    }

    /// Whether nothing was accessed yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The slots, from the frame pointer down.
    pub fn slots(&self) -> impl Iterator<Item = &Slot> {
        (0..self.len()).map(|index| self.peek(index))
    }

    /// The slot of this number; an empty one below what was accessed so far.
    pub fn peek(&self, index: usize) -> &Slot {
        let chunk = self.tree.as_ref().and_then(|tree| tree.chunks.get(index / CHUNK)?.as_ref());
        chunk.map_or(&EMPTY, |chunk| &chunk[index % CHUNK])
    }

    /// A copy of the slot of this number.
    pub fn slot(&self, index: usize) -> Slot {
        *self.peek(index)
    }

    /// The slot to write to; the stack grows to it. `index` is below 64.
    pub fn slot_mut(&mut self, index: usize) -> &mut Slot {
        let tree: &mut Tree = Rc::make_mut(self.tree.get_or_insert_default());
        tree.len = tree.len.max(index + 1);
        let chunk = tree.chunks[index / CHUNK].get_or_insert_with(|| Rc::new([Slot::EMPTY; CHUNK]));
        &mut Rc::make_mut(chunk)[index % CHUNK]
    }

    /// Makes room for the byte at `off` without writing it.
    pub fn grow(&mut self, off: i32) {
        let (slot, _) = locate(off);
        if self.len() <= slot {
            Rc::make_mut(self.tree.get_or_insert_default()).len = slot + 1;
        }
    }

    /// Changes the slots that `wanted` picks; the rest stays shared.
    pub fn change(&mut self, wanted: impl Fn(&Slot) -> bool, mut change: impl FnMut(&mut Slot)) {
        for index in 0..self.len() {
            if wanted(self.peek(index)) {
                change(self.slot_mut(index));
            }
        }
    }

    /// Changes the registers spilled here that `wanted` picks.
    pub fn change_spilled(&mut self, wanted: impl Fn(&Reg) -> bool, mut change: impl FnMut(&mut Reg)) {
        self.change(|slot| slot.is_spill() && wanted(&slot.spilled), |slot| change(&mut slot.spilled));
    }

    /// What the byte at `off` holds.
    pub fn byte(&self, off: i32) -> ByteKind {
        let (slot, byte) = locate(off);
        self.peek(slot).bytes[byte]
    }

    /// Whether both are the same memory, so that they are equal without looking.
    pub fn same(&self, other: &Stack) -> bool {
        match (&self.tree, &other.tree) {
            (Some(a), Some(b)) => Rc::ptr_eq(a, b),
            (a, b) => a.is_none() && b.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_where_they_belong() {
        assert_eq!(locate(-1), (0, 7));
        assert_eq!(locate(-8), (0, 0));
        assert_eq!(locate(-9), (1, 7));
        assert_eq!(locate(-512), (63, 0));
    }

    #[test]
    fn a_clone_is_shared_until_written() {
        let mut stack = Stack::default();
        stack.slot_mut(3).bytes[0] = ByteKind::Misc;
        let mut copy = stack.clone();
        assert!(copy.same(&stack));
        copy.slot_mut(0).bytes[7] = ByteKind::Zero;
        assert_eq!((stack.byte(-1), copy.byte(-1)), (ByteKind::Invalid, ByteKind::Zero));
        assert_eq!(copy.byte(-32), ByteKind::Misc);
    }
}
