//! Does one state cover another?
//!
//! Everything that a program could have done safely from the old state it can do from the new one. Three levels: `Exact`
//! for noticing that nothing moved, `Within` where it is not known yet which numbers matter, `Relevant` where it is.
//! Names (ids) differ between paths, so they are matched one to one on the way.

use super::node::Marks;
use crate::program::Input;
use crate::shape::Shape;
use crate::state::{ByteKind, Frame, Reg, RegKind, Slot, State};
use crate::value::Scalar;

/// How exactly states are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exactness {
    /// Numbers that do not matter match anything.
    Relevant,
    /// Every number must lie within the old one.
    Within,
    /// Every number must be the same.
    Exact,
}

/// Names of the old state and of the new one that stand for the same thing.
#[derive(Default)]
struct Names {
    pairs: Vec<(u32, u32)>,
    /// For numbers of the new state without a name: names that occur nowhere else.
    invented: u32,
}

impl Names {
    fn matches(&mut self, old: u32, new: u32) -> bool {
        if (old == 0) != (new == 0) {
            return false;
        }
        if old == 0 {
            return true;
        }
        for &(a, b) in &self.pairs {
            if a == old {
                return b == new;
            }
            if b == new {
                return false;
            }
        }
        self.pairs.push((old, new));
        true
    }

    /// A number's name: copies that the old state knew to be equal must be equal in the new one.
    fn matches_number(&mut self, old: u32, new: u32) -> bool {
        if old == 0 {
            return true;
        }
        let new = if new == 0 {
            self.invented += 1;
            u32::MAX - self.invented
        } else {
            new
        };
        self.matches(old, new)
    }
}

struct Comparison<'a> {
    exactness: Exactness,
    /// Whether stack bytes that were not written may be read.
    lenient: bool,
    /// Whether all numbers matter.
    all_matter: bool,
    /// Names up to this one are lengths of lent memory: what is compared with them tells of that memory, so they matter even
    /// where the number does not.
    fixed_names: u32,
    names: Names,
    shape: &'a Shape,
}

/// Whether `old` at slot `at` covers `new`.
pub(crate) fn equal(
    shape: &Shape,
    input: &Input,
    at: usize,
    old: &State,
    marks: &[Marks],
    new: &State,
    exactness: Exactness,
) -> bool {
    if old.speculative != new.speculative || old.frames.len() != new.frames.len() {
        return false;
    }
    let lenient = !input.unprivileged;
    let mut comparison = Comparison {
        exactness,
        lenient,
        all_matter: input.unprivileged,
        fixed_names: old.lengths.len() as u32,
        names: Names::default(),
        shape,
    };
    if !comparison.resources(old, new) {
        return false;
    }
    let last = old.frames.len() - 1;
    (0..=last).all(|depth| {
        let place = if depth == last { at } else { old.frames[depth + 1].call_site };
        let marks = marks.get(depth).copied().unwrap_or_default();
        old.frames[depth].call_site == new.frames[depth].call_site
            && comparison.frame(place, &old.frames[depth], marks, &new.frames[depth])
    })
}

impl Comparison<'_> {
    fn resources(&mut self, old: &State, new: &State) -> bool {
        old.lengths.iter().zip(&new.lengths).all(|(old, new)| old <= new)
            && old.rcu == new.rcu
            && old.preempt == new.preempt
            && old.irq.len() == new.irq.len()
            && old.held.len() == new.held.len()
            && old.irq.iter().zip(&new.irq).all(|(&a, &b)| self.names.matches(a, b))
            && old.held.iter().zip(&new.held).all(|(a, b)| {
                let locks = match (a.lock, b.lock) {
                    (None, None) => true,
                    (Some(lock), Some(other)) => {
                        lock.kind == other.kind
                            && lock.of.0 == other.of.0
                            && self.names.matches(lock.of.1, other.of.1)
                    }
                    _ => false,
                };
                locks && self.names.matches(a.id, b.id)
            })
    }

    fn frame(&mut self, place: usize, old: &Frame, marks: Marks, new: &Frame) -> bool {
        let live = self.shape.live.get(place).copied().unwrap_or(u16::MAX);
        let regs = (0..10).all(|index| {
            live & (1 << index) == 0
                || self.reg(&old.regs()[index], &new.regs()[index], marks.regs & (1 << index) != 0)
        });
        regs && self.stack(old, marks.slots, new)
    }

    fn stack(&mut self, old: &Frame, marks: u64, new: &Frame) -> bool {
        if self.exactness == Exactness::Exact && old.stack.slots().len() != new.stack.slots().len() {
            return false;
        }
        old.stack
            .slots()
            .iter()
            .enumerate()
            .all(|(index, slot)| self.slot(slot, &new.stack.slot(index), marks & (1 << index) != 0))
    }

    fn slot(&mut self, old: &Slot, new: &Slot, matters: bool) -> bool {
        if self.exactness == Exactness::Exact && old.bytes != new.bytes {
            return false;
        }
        // A slot that reads as a number, spilled or merely written, is a number on either side.
        if let (Some(a), Some(b)) = (self.as_number(old), self.as_number(new))
            && self.exactness != Exactness::Exact
        {
            return self.reg(&a, &b, matters);
        }
        for (&a, &b) in old.bytes.iter().zip(&new.bytes) {
            let passes = a == ByteKind::Invalid
                || (self.lenient
                    && a == ByteKind::Misc
                    && self.exactness != Exactness::Exact
                    && !matches!(b, ByteKind::Dynptr | ByteKind::Iterator | ByteKind::IrqFlag))
                || (a == ByteKind::Misc && b == ByteKind::Zero)
                || a == b;
            if !passes {
                return false;
            }
        }
        let special = matches!(old.bytes[0], ByteKind::Dynptr | ByteKind::Iterator | ByteKind::IrqFlag);
        if let RegKind::Iterator(_) = old.spilled.kind {
            // How many rounds were begun is no part of what is known.
            return self.whole(&old.spilled, &Reg { range: old.spilled.range, ..new.spilled });
        }
        if special {
            return self.whole(&old.spilled, &new.spilled);
        }
        !old.is_spill() || self.reg(&old.spilled, &new.spilled, matters)
    }

    fn as_number(&self, slot: &Slot) -> Option<Reg> {
        if slot.is_full_spill() {
            return slot.spilled.is_scalar().then_some(slot.spilled);
        }
        let misc = |byte: &ByteKind| *byte == ByteKind::Misc || (self.lenient && *byte == ByteKind::Invalid);
        let written = slot.bytes.iter().any(|&byte| byte != ByteKind::Invalid);
        (written && slot.bytes.iter().all(misc)).then_some(Reg::UNKNOWN)
    }

    fn reg(&mut self, old: &Reg, new: &Reg, matters: bool) -> bool {
        if self.exactness == Exactness::Exact {
            return self.whole(old, new);
        }
        if old.kind == RegKind::Uninit {
            return true;
        }
        if old.kind != new.kind || old.flags != new.flags {
            return false;
        }
        match old.kind {
            RegKind::Scalar => {
                let fixed = (1..=self.fixed_names).contains(&old.id);
                if fixed && (old.id != new.id || old.linked != new.linked || old.off != new.off) {
                    return false;
                }
                if self.exactness == Exactness::Relevant && !matters && !self.all_matter {
                    return true;
                }
                old.linked == new.linked
                    && (!old.linked || old.off == new.off)
                    && within(&old.value, &new.value)
                    && self.names.matches_number(old.id, new.id)
            }
            RegKind::MapValue(_)
            | RegKind::MapKey(_)
            | RegKind::Mem(_)
            | RegKind::Lent(_)
            | RegKind::Buffer(_) => {
                old.off == new.off
                    && old.range == new.range
                    && within(&old.value, &new.value)
                    && self.named(old, new)
            }
            RegKind::Packet | RegKind::PacketMeta => {
                let ranges = if old.range < 0 || new.range < 0 {
                    old.range == new.range
                } else {
                    old.range <= new.range
                };
                ranges && old.off == new.off && within(&old.value, &new.value) && self.named(old, new)
            }
            RegKind::Arena => true,
            _ => self.whole(old, new),
        }
    }

    /// The same but for names.
    fn whole(&mut self, old: &Reg, new: &Reg) -> bool {
        old.kind == new.kind
            && old.flags == new.flags
            && old.off == new.off
            && old.value == new.value
            && old.range == new.range
            && old.linked == new.linked
            && self.named(old, new)
    }

    fn named(&mut self, old: &Reg, new: &Reg) -> bool {
        self.names.matches(old.id, new.id)
            && self.names.matches(old.reference, new.reference)
            && old.dynptr == new.dynptr
    }
}

fn within(old: &Scalar, new: &Scalar) -> bool {
    old.includes(new)
}
