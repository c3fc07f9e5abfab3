//! Looking up an access to a context in the platform's table of fields.
//!
//! The table says where a field is, in which sizes it may be accessed and by whom. Here it is turned, once per context, into
//! an array by offset, so that an access costs an index and a mask. What a field *holds* is the context's own matter: it
//! names its fields by a type of its own, `I`.

use skep_platform::Release;
use skep_platform::context::{Field, View};

use crate::context::Refusal;

/// The fields of one context structure, as one kind of program sees them.
#[derive(Clone, Debug)]
pub(super) struct Fields<I> {
    name: &'static str,
    /// By offset in bytes.
    bytes: Vec<Option<Slot<I>>>,
}

#[derive(Clone, Copy, Debug)]
struct Slot<I> {
    id: I,
    field: &'static Field,
    /// Which accesses may start here: the sum of the allowed sizes (1, 2, 4, 8).
    read: u8,
    write: u8,
}

/// A legal access: which field, and which part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part<I> {
    /// The field.
    pub(super) id: I,
    /// Which element of an array.
    pub(super) index: usize,
    /// First byte within the element.
    pub(super) byte: usize,
    /// Bytes; more than the element's size means two elements.
    pub(super) size: usize,
    /// Size of an element.
    pub(super) element: usize,
}

impl<I: Copy> Fields<I> {
    /// The fields that `id_of` knows by name, for whoever looks as `view`.
    pub(super) fn new(view: View, id_of: impl Fn(&str) -> Option<I>) -> Self {
        let Some(layout) = view.layout() else { return Self { name: "void", bytes: Vec::new() } };
        let slot = |offset: u32| {
            let field = layout.at(offset)?;
            let sizes = |write| {
                let allowed =
                    |size: &u8| view.access(Release::LATEST, offset, u32::from(*size), write).is_some();
                [1u8, 2, 4, 8].into_iter().filter(allowed).sum()
            };
            Some(Slot { id: id_of(field.name)?, field, read: sizes(false), write: sizes(true) })
        };
        Self { name: layout.name, bytes: (0..layout.size).map(slot).collect() }
    }

    /// The structure's name.
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// The field and part that an access of `size` bytes at `off` means.
    ///
    /// # Errors
    /// Why it is not allowed, in words.
    #[inline]
    pub(super) fn find(&self, off: i64, size: usize, write: bool) -> Result<Part<I>, Refusal> {
        let found = usize::try_from(off).ok().and_then(|at| Some((at, self.bytes.get(at)?.as_ref()?)));
        let Some((at, slot)) = found else { return Err(Refusal::no_field(self.name, off, size)) };
        let allowed = if write { slot.write } else { slot.read };
        if usize::from(allowed) & size == 0 {
            return Err(self.refusal(slot, off, size, write));
        }
        let element = slot.field.size as usize;
        let inside = at - slot.field.offset as usize;
        Ok(Part { id: slot.id, index: inside / element, byte: inside % element, size, element })
    }

    #[cold]
    fn refusal(&self, slot: &Slot<I>, off: i64, size: usize, write: bool) -> Refusal {
        let name = slot.field.name;
        match (write, slot.write, slot.read) {
            (true, 0, 1..) => Refusal::read_only(self.name, off),
            (_, 0, 0) => Refusal(format!("{}.{name} is not for programs of this type", self.name)),
            _ => Refusal(format!("{}.{name} is not accessed by {size} bytes at offset {off}", self.name)),
        }
    }
}

impl<I: Copy> Part<I> {
    /// The bytes asked for, out of the elements' values. An element beyond the last is 0.
    #[inline]
    pub(super) fn extract(&self, value: impl Fn(usize) -> u64) -> u64 {
        let mut whole = value(self.index) >> (8 * self.byte);
        if self.size > self.element {
            whole |= value(self.index + 1) << (8 * self.element);
        }
        whole & low_bytes(self.size)
    }

    /// The elements' new values after these bytes were stored: pairs of index and value.
    pub(super) fn merge(&self, old: u64, stored: u64) -> impl Iterator<Item = (usize, u64)> {
        let mask = low_bytes(self.size) << (8 * self.byte);
        let first = (old & !mask | (stored << (8 * self.byte)) & mask) & low_bytes(self.element);
        let second = (self.size > self.element).then(|| (self.index + 1, stored >> (8 * self.element)));
        std::iter::once((self.index, first)).chain(second)
    }
}

/// The mask of that many low bytes, at most 8.
fn low_bytes(count: usize) -> u64 {
    if count < 8 { (1 << (8 * count)) - 1 } else { u64::MAX }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(index: usize, byte: usize, size: usize) -> Part<u8> {
        Part { id: 0, index, byte, size, element: 4 }
    }

    #[test]
    fn parts_are_cut_and_pasted_in_memory_order() {
        let words = [0x0403_0201u64, 0x0807_0605];
        assert_eq!(part(0, 1, 1).extract(|i| words[i]), 2);
        assert_eq!(part(1, 2, 2).extract(|i| words[i]), 0x0807);
        assert_eq!(part(0, 0, 8).extract(|i| words[i]), 0x0807_0605_0403_0201);
        let merged: Vec<_> = part(1, 2, 1).merge(words[1], 0xffee).collect();
        assert_eq!(merged, [(1, 0x08ee_0605)]);
        let merged: Vec<_> = part(0, 0, 8).merge(0, 0x1111_1111_2222_2222).collect();
        assert_eq!(merged, [(0, 0x2222_2222), (1, 0x1111_1111)]);
    }
}
