//! Does one state cover another?
//!
//! Everything that a program could have done safely from the old state it can do from the new one. Three levels: `Exact`
//! for noticing that nothing moved, `Within` where it is not known yet which numbers matter, `Relevant` where it is.
//! Names (ids) differ between paths, so they are matched one to one on the way.
//!
//! The structures are taken apart field by field, so that a field added to a state is not forgotten here.

use super::node::{Marks, Node};
use super::precision::bits;
use crate::shape::Shape;
use crate::state::{ByteKind, Frame, Held, Reg, RegKind, SLOTS, Slot, State};

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

/// Names of the old state and of the new one that stand for the same thing. Kept between comparisons for its memory.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pairs: Vec<(u32, u32)>,
    /// For numbers of the new state without a name: names that occur nowhere else.
    invented: u32,
}

impl Names {
    fn clear(&mut self) {
        self.pairs.clear();
        self.invented = 0;
    }

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

/// By which rules states are compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) exactness: Exactness,
    /// Whether stack bytes that were not written may be read.
    pub(crate) lenient: bool,
    /// Whether all numbers matter.
    pub(crate) all_matter: bool,
    /// Whether numbers must be the very same, for what a mispredicting processor does depends on them.
    pub(crate) same_numbers: bool,
}

struct Comparison<'a> {
    rules: Rules,
    exact: bool,
    /// Names up to this one are lengths of lent memory: what is compared with them tells of that memory, so they matter even
    /// where the number does not.
    fixed_names: u32,
    names: &'a mut Names,
    shape: &'a Shape,
}

/// Whether what was found of `node` covers `new`, which is in the same call chain.
pub(crate) fn equal(shape: &Shape, rules: Rules, node: &Node, new: &State, names: &mut Names) -> bool {
    names.clear();
    let exact = rules.exactness == Exactness::Exact;
    let old = &node.state;
    let mut comparison = Comparison { rules, exact, fixed_names: old.lengths.len() as u32, names, shape };
    if old.frames.len() != new.frames.len() || !comparison.resources(old, new) {
        return false;
    }
    let last = old.frames.len() - 1;
    (0..=last).all(|depth| {
        let place = if depth == last { node.at } else { old.frames[depth + 1].call_site };
        let marks = node.marks.get(depth).copied().unwrap_or_default();
        let alive = node.alive.as_ref().and_then(|alive| alive.get(depth)).copied().unwrap_or(u64::MAX);
        comparison.frame(place, &old.frames[depth], marks, alive, &new.frames[depth])
    })
}

impl Comparison<'_> {
    fn resources(&mut self, old: &State, new: &State) -> bool {
        let State { frames: _, held, rcu, preempt, irq, may_goto_depth: _, lengths, speculative } = old;
        // What was found on a path that only a mispredicting processor takes says nothing of the others.
        (!speculative || new.speculative)
            && lengths.iter().zip(&new.lengths).all(|(old, new)| old <= new)
            && *rcu == new.rcu
            && *preempt == new.preempt
            && irq.len() == new.irq.len()
            && held.len() == new.held.len()
            && irq.iter().zip(&new.irq).all(|(&a, &b)| self.names.matches(a, b))
            && held.iter().zip(&new.held).all(|(a, b)| self.held(a, b))
    }

    fn held(&mut self, old: &Held, new: &Held) -> bool {
        let Held { id, at: _, lock } = old;
        let locks = match (lock, new.lock) {
            (None, None) => true,
            (Some(lock), Some(other)) => {
                lock.kind == other.kind
                    && lock.of.0 == other.of.0
                    && self.names.matches(lock.of.1, other.of.1)
            }
            _ => false,
        };
        locks && self.names.matches(*id, new.id)
    }

    fn frame(&mut self, place: usize, old: &Frame, marks: Marks, alive: u64, new: &Frame) -> bool {
        if old.callback_depth > new.callback_depth {
            return false;
        }
        let live = self.shape.live.get(place).copied().unwrap_or(u16::MAX) & 0x3ff;
        bits(live.into())
            .all(|index| self.reg(&old.regs()[index], &new.regs()[index], marks.regs & (1 << index) != 0))
            && self.stack(old, marks.slots, alive, new)
    }

    fn stack(&mut self, old: &Frame, marks: u64, alive: u64, new: &Frame) -> bool {
        let len = old.stack.len();
        let used = if len >= SLOTS { u64::MAX } else { (1 << len) - 1 };
        // Dynptrs, iterators and the like are made and ended by calls that note no reads.
        let asked = if alive == u64::MAX {
            used
        } else {
            bits(used & !alive)
                .filter(|&index| old.stack.peek(index).is_special())
                .fold(alive, |set, i| set | 1 << i)
                & used
        };
        bits(asked).all(|index| {
            self.slot(
                old.stack.peek(index),
                new.stack.peek(index),
                index < new.stack.len(),
                marks & (1 << index) != 0,
            )
        })
    }

    /// `there` is whether the new stack reaches so far.
    fn slot(&mut self, old: &Slot, new: &Slot, there: bool, matters: bool) -> bool {
        let lenient = self.rules.lenient;
        if self.exact {
            let plain = |kind| if lenient && kind == ByteKind::Misc { ByteKind::Invalid } else { kind };
            if old.bytes.iter().zip(&new.bytes).any(|(&a, &b)| plain(a) != plain(b)) {
                return false;
            }
        }
        let says_nothing = |kind| kind == ByteKind::Invalid || (lenient && kind == ByteKind::Misc);
        if old.bytes.iter().all(|&kind| says_nothing(kind)) {
            // What the kernel put there must not be read as bytes.
            return !new.is_special() || old.bytes.iter().all(|&kind| kind == ByteKind::Invalid);
        }
        if !there {
            return false;
        }
        // A slot that reads as a number, spilled or merely written, is a number on either side.
        if let (Some(a), Some(b)) = (self.as_number(old), self.as_number(new)) {
            return self.reg(a, b, matters);
        }
        let bytes = old.bytes.iter().zip(&new.bytes);
        for (&a, &b) in bytes {
            if !(says_nothing(a) || a == b || (a == ByteKind::Misc && b == ByteKind::Zero)) {
                return false;
            }
        }
        if let RegKind::Iterator(_) = old.spilled.kind {
            // How many rounds were begun is no part of what is known.
            return self.whole(&old.spilled, &Reg { range: old.spilled.range, ..new.spilled });
        }
        if old.is_special() {
            return self.whole(&old.spilled, &new.spilled);
        }
        !old.is_spill() || self.reg(&old.spilled, &new.spilled, matters)
    }

    fn as_number<'r>(&self, slot: &'r Slot) -> Option<&'r Reg> {
        static UNKNOWN: Reg = Reg::UNKNOWN;
        if slot.is_full_spill() {
            return slot.spilled.is_scalar().then_some(&slot.spilled);
        }
        let misc =
            |kind: &ByteKind| *kind == ByteKind::Misc || (self.rules.lenient && *kind == ByteKind::Invalid);
        slot.bytes.iter().all(misc).then_some(&UNKNOWN)
    }

    fn reg(&mut self, old: &Reg, new: &Reg, matters: bool) -> bool {
        if self.exact {
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
                if self.rules.same_numbers {
                    return self.whole(old, new);
                }
                if self.rules.exactness == Exactness::Relevant && !matters && !self.rules.all_matter {
                    return true;
                }
                // A number that stands alone covers one with ties, which only says more.
                let tied = old.id == 0
                    || (old.linked == new.linked
                        && (!old.linked || old.off == new.off)
                        && self.names.matches_number(old.id, new.id));
                tied && old.value.includes(&new.value)
            }
            RegKind::MapValue(_)
            | RegKind::MapKey(_)
            | RegKind::Mem(_)
            | RegKind::Lent(_)
            | RegKind::Buffer(_) => {
                old.off == new.off
                    && old.range == new.range
                    && old.value.includes(&new.value)
                    && self.named(old, new)
            }
            RegKind::Packet | RegKind::PacketMeta => {
                let ranges = if old.range < 0 || new.range < 0 {
                    old.range == new.range
                } else {
                    old.range <= new.range
                };
                ranges && old.off == new.off && old.value.includes(&new.value) && self.named(old, new)
            }
            RegKind::Arena => true,
            _ => self.whole(old, new),
        }
    }

    /// The same but for names.
    fn whole(&mut self, old: &Reg, new: &Reg) -> bool {
        let Reg { kind, flags, off, value, id, reference, dynptr, range, linked } = *old;
        (kind, flags, off, range, linked) == (new.kind, new.flags, new.off, new.range, new.linked)
            && value == new.value
            && self.names.matches(id, new.id)
            && self.names.matches(reference, new.reference)
            && self.names.matches(dynptr, new.dynptr)
    }

    fn named(&mut self, old: &Reg, new: &Reg) -> bool {
        self.names.matches(old.id, new.id)
            && self.names.matches(old.reference, new.reference)
            && self.names.matches(old.dynptr, new.dynptr)
    }
}
