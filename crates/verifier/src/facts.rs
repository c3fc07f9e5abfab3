//! What a proof found on its way, for those who make machine code of the program.
//!
//! A fact about an instruction holds on every path that the proof followed, and so in every run. Where paths differ, the
//! fact is missing rather than weaker: nobody has to ask which path a run is on.

use crate::state::{MapId, Reg, RegKind};

/// What the proof found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// For each slot, whether some path runs through it. What no path runs through never runs.
    pub reached: Vec<bool>,
    /// Bytes of stack used by each function, in the order of their first slots.
    pub stack_depth: Vec<u32>,
    /// For each slot of a load, a store or an atomic instruction, what it touches.
    pub touched: Vec<Touched>,
    /// For each slot of a conditional jump, which ways it goes.
    pub ways: Vec<Ways>,
    /// For each slot of a call of a helper, what is the same each time.
    pub calls: Vec<CallFact>,
    /// Slots that need a barrier against misprediction before them, by rising slot; none for the privileged.
    pub barriers_before: Vec<usize>,
    /// Slots that need one behind them.
    pub barriers_behind: Vec<usize>,
}

/// What a load, a store or an atomic instruction touches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Touched {
    /// It was not reached, or it is no such instruction.
    #[default]
    Nothing,
    /// Memory of this kind each time.
    Memory {
        /// The kind; of a map value also which map's.
        kind: RegKind,
        /// The offset from the start of the object (from the frame pointer, for the stack), if it is the same each time.
        offset: Option<i64>,
    },
    /// Memory of several kinds.
    Various,
}

/// Which ways a conditional jump goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ways {
    /// To its target.
    pub taken: bool,
    /// To the next instruction.
    pub passed: bool,
}

/// What is the same at each call of a helper from one place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallFact {
    /// Whether it was called at all.
    pub called: bool,
    /// The map that it is given, a number of the program's list.
    pub map: Option<u32>,
    /// The key of an array that it is given, where that is a known number.
    pub key: Option<u64>,
}

impl Facts {
    /// No facts yet, for a program of so many slots.
    pub(crate) fn new(slots: usize) -> Facts {
        Facts {
            reached: vec![false; slots],
            stack_depth: Vec::new(),
            touched: vec![Touched::Nothing; slots],
            ways: vec![Ways::default(); slots],
            calls: vec![CallFact::default(); slots],
            barriers_before: Vec::new(),
            barriers_behind: Vec::new(),
        }
    }

    /// The instruction at `at` touches memory behind `base`, `off` bytes on.
    pub(crate) fn touch(&mut self, at: usize, base: &Reg, off: i16) {
        let Some(touched) = self.touched.get_mut(at) else { return };
        let offset = base
            .value
            .as_constant()
            .and_then(|var| i64::from(base.off).checked_add(var as i64)?.checked_add(i64::from(off)));
        *touched = match *touched {
            Touched::Nothing => Touched::Memory { kind: base.kind, offset },
            Touched::Memory { kind, offset: before } if kind == base.kind => {
                Touched::Memory { kind, offset: before.filter(|_| before == offset) }
            }
            _ => Touched::Various,
        };
    }

    /// The jump at `at` goes this way.
    pub(crate) fn goes(&mut self, at: usize, taken: bool) {
        if let Some(ways) = self.ways.get_mut(at) {
            ways.taken |= taken;
            ways.passed |= !taken;
        }
    }

    /// The helper called at `at` is given a map and a key.
    pub(crate) fn call(&mut self, at: usize, map: Option<MapId>, key: Option<u64>) {
        let map = map.map(|map| map.0);
        if let Some(fact) = self.calls.get_mut(at) {
            *fact = if fact.called {
                CallFact {
                    called: true,
                    map: fact.map.filter(|_| fact.map == map),
                    key: fact.key.filter(|_| fact.key == key),
                }
            } else {
                CallFact { called: true, map, key }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Scalar;

    #[test]
    fn what_differs_between_paths_is_no_fact() {
        let mut facts = Facts::new(1);
        let mut base = Reg::pointer(RegKind::MapValue(MapId(0)));
        base.off = 8;
        facts.touch(0, &base, 4);
        assert_eq!(facts.touched[0], Touched::Memory { kind: base.kind, offset: Some(12) });
        base.value = Scalar::between(0, 3);
        facts.touch(0, &base, 4);
        assert_eq!(facts.touched[0], Touched::Memory { kind: base.kind, offset: None });
        facts.touch(0, &Reg::pointer(RegKind::Ctx), 0);
        assert_eq!(facts.touched[0], Touched::Various);
        facts.call(0, Some(MapId(1)), Some(2));
        facts.call(0, Some(MapId(1)), None);
        assert_eq!(facts.calls[0], CallFact { called: true, map: Some(1), key: None });
    }
}
