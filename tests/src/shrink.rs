//! A failing program made small: whatever instruction can be left out is left out.

use skep_fuzz::generate::Generated;
use skep_isa::{Insn, RawInsn, Reg, decode};

/// `goto +0`: stands where an instruction was, so that no jump has to be moved.
const NOTHING: RawInsn = RawInsn { code: 0x05, dst: 0, src: 0, off: 0, imm: 0 };

/// Rounds over the program; each may make room for the next.
const ROUNDS: usize = 4;

/// Replaces instructions by nothing for as long as `fails` stays true.
pub fn shrink(program: &Generated, fails: impl Fn(&Generated) -> bool) -> Generated {
    let mut best = program.clone();
    for _ in 0..ROUNDS {
        let before = best.insns.clone();
        // From the end: what nobody reads any more goes before what made it.
        for at in starts(&best.insns).into_iter().rev() {
            let Ok(insn) = decode(&best.insns, at) else { continue };
            // Linux lets privileged programs read stack bytes that nobody wrote, and finds there what was left: such a
            // program fails for another reason than the one that is looked for.
            if matches!(insn, Insn::Store { dst: Reg::R10, .. }) {
                continue;
            }
            let slots = insn.slots();
            let mut candidate = best.clone();
            candidate.insns[at..at + slots].fill(NOTHING);
            if candidate.insns != best.insns && fails(&candidate) {
                best = candidate;
            }
        }
        if best.insns == before {
            break;
        }
    }
    best
}

/// Where instructions begin.
fn starts(insns: &[RawInsn]) -> Vec<usize> {
    let mut at = 0;
    let mut found = Vec::new();
    while at < insns.len() {
        found.push(at);
        at += decode(insns, at).map_or(1, |insn| insn.slots());
    }
    found
}
