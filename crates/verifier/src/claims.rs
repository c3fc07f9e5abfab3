//! What the verifier claims of every register before every instruction, to be held against real runs.
//!
//! A proof follows some paths and finds others covered, up to numbers that do not matter; those it says nothing about. So claims
//! are collected by a walk that finds nothing covered: every path is followed to its end, and what is recorded must hold
//! every value that any run brings. Programs with too many paths for that, or with loops that end only by being covered, have no claims.

use std::collections::BTreeMap;

use crate::explore::{Next, Walk, Watch};
use crate::program::Input;
use crate::state::{Flags, Reg, RegKind};
use crate::value::Scalar;
use crate::verdict::{Stats, Stop};

/// Different numbers and pointers kept for one register at one instruction; with more, nothing is claimed of it there.
const MAX_KINDS: usize = 64;

/// The claims of a program.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    /// By slot: registers 0 to 9.
    at: BTreeMap<usize, [Claim; 10]>,
}

/// What a register may hold.
#[derive(Clone, Debug, Default)]
pub struct Claim {
    /// Whether nothing is claimed: the register may not be read on some path, or holds too much.
    anything: bool,
    numbers: Vec<Scalar>,
    /// What is pointed at, with the least and the largest offset.
    pointers: Vec<(RegKind, i64, i64)>,
}

/// What a run has in a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A number.
    Number(u64),
    /// A pointer to what the run cannot compare offsets of.
    Pointer,
    /// An address in a map's value, by its distance from the value's first byte.
    MapValue(i64),
    /// An address on the stack, by its distance from its frame's end.
    Stack(i64),
    /// An address in the packet, by its distance from the packet's first byte.
    Packet(i64),
}

impl Claims {
    /// Walks all paths of a program, at most `limit` instructions; `None` when there are more, or the program is not accepted.
    pub fn of(input: &Input, limit: u64) -> Option<Claims> {
        let mut recorder = Recorder { claims: Claims::default(), limit, steps: 0, over: false };
        let proof = crate::prove(input, &mut Stats::default(), Some(&mut recorder));
        (proof.is_ok() && !recorder.over).then_some(recorder.claims)
    }

    /// Whether a register (0 to 9) may hold that before the instruction at the slot.
    pub fn allow(&self, slot: usize, register: usize, seen: Seen) -> bool {
        // An instruction that no path reaches is claimed not to run.
        self.at.get(&slot).and_then(|all| all.get(register)).is_some_and(|claim| claim.allows(seen))
    }

    /// What is claimed of a register, in words.
    pub fn show(&self, slot: usize, register: usize) -> String {
        match self.at.get(&slot).and_then(|all| all.get(register)) {
            Some(claim) => format!("{claim:?}"),
            None => "never reached".to_owned(),
        }
    }
}

impl Claim {
    fn allows(&self, seen: Seen) -> bool {
        // A pointer that arithmetic has made a number is a number of which nothing is known.
        let any_number = || self.numbers.contains(&Scalar::UNKNOWN);
        let within = |offset: i64, is: fn(&RegKind) -> bool| {
            self.pointers.iter().any(|(kind, min, max)| is(kind) && (*min..=*max).contains(&offset))
        };
        self.anything
            || match seen {
                Seen::Number(value) => self.numbers.iter().any(|number| number.contains(value)),
                Seen::Pointer => !self.pointers.is_empty() || any_number(),
                Seen::MapValue(at) => within(at, |kind| matches!(kind, RegKind::MapValue(_))) || any_number(),
                Seen::Stack(at) => within(at, |kind| matches!(kind, RegKind::Stack(_))) || any_number(),
                Seen::Packet(at) => within(at, |kind| matches!(kind, RegKind::Packet)) || any_number(),
            }
    }

    fn add(&mut self, reg: &Reg) {
        if self.anything {
            return;
        }
        match reg.kind {
            RegKind::Uninit => self.anything = true,
            RegKind::Scalar => self.number(reg.value),
            kind => {
                if reg.flags.has(Flags::NULLABLE) {
                    self.number(Scalar::constant(0));
                }
                let off = i64::from(reg.off);
                let (min, max) =
                    (off.saturating_add(reg.value.s64.min), off.saturating_add(reg.value.s64.max));
                if !self.pointers.contains(&(kind, min, max)) {
                    self.pointers.push((kind, min, max));
                }
            }
        }
        self.anything |= self.numbers.len() + self.pointers.len() > MAX_KINDS;
    }

    fn number(&mut self, value: Scalar) {
        if !self.numbers.iter().any(|known| known.includes(&value)) {
            self.numbers.push(value);
        }
    }
}

/// The observer.
struct Recorder {
    claims: Claims,
    limit: u64,
    steps: u64,
    over: bool,
}

impl Watch for Recorder {
    fn covers(&self) -> bool {
        self.over
    }

    fn step(&mut self, walk: &Walk<'_>) {
        self.steps += 1;
        self.over |= self.steps > self.limit;
        let Some(frame) = walk.state.frames.last().filter(|_| !self.over) else { return };
        let claims = self.claims.at.entry(walk.at).or_default();
        for (claim, reg) in claims.iter_mut().zip(frame.regs()) {
            claim.add(reg);
        }
    }

    fn fails(&mut self, _walk: &mut Walk<'_>, stop: Stop) -> Result<Next, Stop> {
        Err(stop)
    }
}

#[cfg(test)]
mod tests {
    use skep_isa::text::assemble;
    use skep_platform::ProgramType;

    use super::*;

    fn claims(text: &str, limit: u64) -> Option<Claims> {
        let insns = assemble(text).expect("it is assembly");
        Claims::of(&Input::new(ProgramType::SocketFilter, insns), limit)
    }

    #[test]
    fn every_path_is_claimed_and_nothing_else() {
        let text = "r0 = *(u32 *)(r1 + 0)\nr0 &= 7\nif r0 > 3 goto +1\nr0 += 100\nexit";
        let claims = claims(text, 100).expect("it is accepted");
        assert!(claims.allow(3, 0, Seen::Number(3)) && !claims.allow(3, 0, Seen::Number(4)));
        assert!(claims.allow(4, 0, Seen::Number(7)) && claims.allow(4, 0, Seen::Number(103)));
        assert!(!claims.allow(4, 0, Seen::Number(50)), "{}", claims.show(4, 0));
        assert!(claims.allow(0, 1, Seen::Pointer) && !claims.allow(0, 1, Seen::Number(1)));
        assert!(!claims.allow(9, 0, Seen::Number(0)), "the program has no such slot");
    }

    #[test]
    fn too_many_paths_have_no_claims() {
        assert!(claims("r0 = 0\nr0 += 1\nif r0 < 1000 goto -2\nexit", 500).is_none());
        assert!(claims("r0 = 0\nr0 += 1\nif r0 < 1000 goto -2\nexit", 5000).is_some());
        assert!(claims("r0 = r7\nexit", 100).is_none(), "not accepted");
    }
}
