//! Which stack slots are read behind an instruction.
//!
//! Two paths that differ only in slots nobody reads any more are alike. Which slots an instruction reads is seen when it is walked, and
//! noted per call chain: the same function called from elsewhere may read other slots of its callers. When a
//! checkpoint is finished, all paths behind it were walked, so what was noted is complete there; from it the slots
//! alive at every instruction follow backwards over the function's graph, and a function's own callers learn what it
//! reads of their frames.
//!
//! A slot is killed by a store of all its bytes, if that instruction stored the same slot each time.

use std::collections::HashMap;

use super::node::MAX_FRAMES;
use crate::shape::Shape;
use crate::state::{FrameKind, STACK_MAX, State, locate};

/// What one instruction does to the slots of one frame.
#[derive(Clone, Copy, Debug, Default)]
struct Slots {
    read: u64,
    /// Alive before it.
    alive: u64,
}

/// A function as it is run by one chain of calls.
#[derive(Debug)]
struct Instance {
    function: usize,
    depth: usize,
    /// The chain without the innermost call, and that call's slot.
    caller: Option<(u32, usize)>,
    /// By frame: one entry for each slot of the function, made when the first read is noted.
    frames: [Option<Box<[Slots]>>; MAX_FRAMES],
    changed: bool,
}

/// What a store instruction does to whole slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kill {
    /// It was not walked yet.
    #[default]
    Unknown,
    /// Each time it stored this slot of the frame so many calls out.
    Always { out: u8, slot: u8 },
    /// Not always the same.
    Never,
}

/// All chains of calls met so far.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    kills: Vec<Kill>,
    instances: Vec<Instance>,
    by_chain: HashMap<(u32, usize, usize), u32>,
    changed: bool,
}

/// A chain that is not known yet.
pub(crate) const NO_INSTANCE: u32 = u32::MAX;

impl Reads {
    /// For a program of so many slots.
    pub(crate) fn new(slots: usize) -> Reads {
        Reads { kills: vec![Kill::Unknown; slots], ..Reads::default() }
    }

    /// The chain of `state`'s running frame; numbers are written into the frames, so that the next question is cheap.
    pub(crate) fn instance(&mut self, state: &mut State) -> u32 {
        let known = state.frame().instance;
        if known != NO_INSTANCE {
            return known;
        }
        let mut outer = NO_INSTANCE;
        for (depth, frame) in state.frames.iter_mut().enumerate() {
            if frame.instance == NO_INSTANCE {
                let key = (outer, frame.call_site, frame.function);
                frame.instance = *self.by_chain.entry(key).or_insert_with(|| {
                    self.instances.push(Instance {
                        function: frame.function,
                        depth,
                        caller: (outer != NO_INSTANCE).then_some((outer, frame.call_site)),
                        frames: Default::default(),
                        changed: false,
                    });
                    self.instances.len() as u32 - 1
                });
            }
            outer = frame.instance;
        }
        outer
    }

    fn slots(&mut self, shape: &Shape, instance: u32, frame: usize, at: usize) -> Option<&mut Slots> {
        let instance = &mut self.instances[instance as usize];
        let function = shape.functions[instance.function];
        let slots = instance
            .frames
            .get_mut(frame)?
            .get_or_insert_with(|| vec![Slots::default(); function.end - function.start].into());
        slots.get_mut(at.checked_sub(function.start)?)
    }

    /// The instruction at `at` reads these slots of a frame.
    pub(crate) fn read(&mut self, shape: &Shape, instance: u32, frame: usize, at: usize, set: u64) {
        let Some(slots) = self.slots(shape, instance, frame, at) else { return };
        if slots.read & set != set {
            slots.read |= set;
            self.instances[instance as usize].changed = true;
            self.changed = true;
        }
    }

    /// The store at `at` was walked: it stored this slot of the frame so many calls out whole, or no whole slot.
    pub(crate) fn stored(&mut self, at: usize, slot: Option<(usize, usize)>) {
        let Some(kill) = self.kills.get_mut(at) else { return };
        let seen = match slot {
            Some((out, slot)) => Kill::Always { out: out as u8, slot: slot as u8 },
            None => Kill::Never,
        };
        match *kill {
            Kill::Unknown => *kill = seen,
            known if known != seen && known != Kill::Never => {
                *kill = Kill::Never;
                // What was thought dead may be alive.
                self.instances.iter_mut().for_each(|instance| instance.changed = true);
            }
            _ => return,
        }
        self.changed = true;
    }

    /// By frame, the slots that may be read behind the instruction `at` of `state`.
    pub(crate) fn alive(&mut self, shape: &Shape, state: &State, at: usize) -> Box<[u64]> {
        self.settle(shape);
        let last = state.frames.len() - 1;
        (0..=last)
            .map(|frame| {
                (frame..=last).fold(0, |alive, depth| {
                    let place = match state.frames.get(depth + 1) {
                        None => at,
                        // A callback's caller may run it again.
                        Some(inner) if matches!(inner.kind, FrameKind::Call) => shape.next(inner.call_site),
                        Some(inner) => inner.call_site,
                    };
                    alive | self.alive_in(shape, state.frames[depth].instance, frame, place)
                })
            })
            .collect()
    }

    fn alive_in(&self, shape: &Shape, instance: u32, frame: usize, at: usize) -> u64 {
        let Some(instance) = self.instances.get(instance as usize) else { return u64::MAX };
        let start = shape.functions[instance.function].start;
        let slots = instance.frames.get(frame).and_then(|slots| slots.as_ref());
        slots.map_or(0, |slots| slots.get(at.wrapping_sub(start)).map_or(u64::MAX, |slots| slots.alive))
    }

    /// Carries what is alive backwards until nothing changes. Inner calls have greater numbers than their callers, so one round does.
    fn settle(&mut self, shape: &Shape) {
        if !std::mem::take(&mut self.changed) {
            return;
        }
        for index in (0..self.instances.len()).rev() {
            if !std::mem::take(&mut self.instances[index].changed) {
                continue;
            }
            let function = shape.functions[self.instances[index].function];
            let (caller, depth) = (self.instances[index].caller, self.instances[index].depth);
            for frame in 0..=depth.min(MAX_FRAMES - 1) {
                let Some(slots) = &mut self.instances[index].frames[frame] else { continue };
                flow(shape, &self.kills, function.start, depth - frame, slots);
                let entry = slots[0].alive;
                // What of its caller's frames it reads, its call reads.
                if let Some((caller, site)) = caller
                    && entry != 0
                {
                    self.read_by_call(shape, caller, frame, site, entry);
                }
            }
        }
    }

    fn read_by_call(&mut self, shape: &Shape, caller: u32, frame: usize, site: usize, set: u64) {
        if frame > self.instances[caller as usize].depth {
            return;
        }
        let Some(slots) = self.slots(shape, caller, frame, site) else { return };
        if slots.read & set != set {
            slots.read |= set;
            self.instances[caller as usize].changed = true;
        }
    }
}

/// What is alive before each instruction of a function that begins at `start`, in the frame `out` calls out.
fn flow(shape: &Shape, kills: &[Kill], start: usize, out: usize, slots: &mut [Slots]) {
    let killed = |index: usize| match kills[start + index] {
        Kill::Always { out: whose, slot } if usize::from(whose) == out => 1u64 << slot,
        _ => 0,
    };
    slots.iter_mut().for_each(|slots| slots.alive = 0);
    let mut again = true;
    while again {
        again = false;
        for index in (0..slots.len()).rev() {
            let behind = shape.successors(start + index).into_iter().flatten().fold(0, |alive, next| {
                alive | next.checked_sub(start).and_then(|next| slots.get(next)).map_or(0, |next| next.alive)
            });
            let alive = behind & !killed(index) | slots[index].read;
            again |= alive != slots[index].alive;
            slots[index].alive = alive;
        }
    }
}

/// The slots of the bytes from `low` up to but not including `end`, offsets from the frame pointer.
pub(crate) fn slots_between(low: i32, end: i32) -> u64 {
    let inside = -STACK_MAX..=-1;
    let (deepest, nearest) = (low.clamp(-STACK_MAX, -1), (end - 1).clamp(-STACK_MAX, -1));
    debug_assert!(inside.contains(&deepest) && inside.contains(&nearest));
    (locate(nearest).0..=locate(deepest).0).fold(0, |set, slot| set | 1 << slot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_lie_in_slots() {
        assert_eq!(slots_between(-8, 0), 1);
        assert_eq!(slots_between(-9, -7), 0b11);
        assert_eq!(slots_between(-512, 0), u64::MAX);
        assert_eq!(slots_between(-24, -16), 0b100);
    }

    #[test]
    fn a_store_that_varies_kills_nothing() {
        let mut reads = Reads::new(2);
        reads.stored(1, Some((0, 3)));
        assert_eq!(reads.kills[1], Kill::Always { out: 0, slot: 3 });
        reads.stored(1, Some((0, 3)));
        assert_eq!(reads.kills[1], Kill::Always { out: 0, slot: 3 });
        reads.stored(1, None);
        reads.stored(1, Some((0, 3)));
        assert_eq!(reads.kills[1], Kill::Never);
    }
}
