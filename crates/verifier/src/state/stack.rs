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

    /// Whether a number was spilled here.
    pub fn is_scalar_spill(&self) -> bool {
        self.is_spill() && self.spilled.is_scalar()
    }
}

/// The stack of a frame. As long as its deepest access so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stack {
    /// Slot 0 is the one just below the frame pointer. Shared until written.
    slots: Rc<Vec<Slot>>,
}

/// The slot that holds the byte at `off` (−512 to −1), and the byte's place in it.
pub(crate) const fn locate(off: i32) -> (usize, usize) {
    let slot = (-off - 1) / SLOT;
    (slot as usize, (off + (slot + 1) * SLOT) as usize)
}

impl Stack {
    /// The slots, from the frame pointer down.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The slot of this number; an empty one below what was accessed so far.
    pub fn slot(&self, index: usize) -> Slot {
        self.slots.get(index).copied().unwrap_or(Slot::EMPTY)
    }

    /// The slot to write to; the stack grows to it. `index` is below 64.
    pub fn slot_mut(&mut self, index: usize) -> &mut Slot {
        let slots: &mut Vec<Slot> = Rc::make_mut(&mut self.slots);
        if slots.len() <= index {
            slots.resize(index + 1, Slot::EMPTY);
        }
        &mut slots[index]
    }

    /// Makes room for the byte at `off` without writing it.
    pub fn grow(&mut self, off: i32) {
        let (slot, _) = locate(off);
        if self.slots.len() <= slot {
            let slots: &mut Vec<Slot> = Rc::make_mut(&mut self.slots);
            slots.resize(slot + 1, Slot::EMPTY);
        }
    }

    /// All slots, to be written.
    pub fn slots_mut(&mut self) -> &mut [Slot] {
        let slots: &mut Vec<Slot> = Rc::make_mut(&mut self.slots);
        slots
    }

    /// What the byte at `off` holds.
    pub fn byte(&self, off: i32) -> ByteKind {
        let (slot, byte) = locate(off);
        self.slot(slot).bytes[byte]
    }

    /// Whether both are the same memory, so that they are equal without looking.
    pub fn same(&self, other: &Stack) -> bool {
        Rc::ptr_eq(&self.slots, &other.slots)
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
