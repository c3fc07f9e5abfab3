//! Which registers matter at each instruction: those that some path reads before it writes them.
//!
//! Backwards over each function until nothing changes. Two paths that differ only in registers that do not matter are alike.

use skep_isa::{Call, Insn, Reg, RegSet};

use crate::shape::Shape;

/// Per slot, the registers that matter before its instruction runs, as bits.
pub(crate) fn live_registers(shape: &Shape) -> Vec<u16> {
    let mut live = vec![0u16; shape.insns.len()];
    let mut changed = true;
    while changed {
        changed = false;
        for at in (0..shape.insns.len()).rev() {
            let Some(insn) = shape.insns[at] else { continue };
            let after = shape
                .successors(at)
                .into_iter()
                .flatten()
                .fold(0, |bits, next| bits | live.get(next).copied().unwrap_or(0));
            let before = after & !insn.defs().bits() | uses(shape, at, &insn).bits();
            changed |= before != live[at];
            live[at] = before;
        }
    }
    live
}

fn uses(shape: &Shape, at: usize, insn: &Insn) -> RegSet {
    match *insn {
        Insn::Call(Call::Kfunc { .. }) => {
            let arity = shape.kfuncs.proto(at).map_or(5, |proto| proto.params.len());
            Reg::all().skip(1).take(arity).collect()
        }
        Insn::Call(Call::Helper(id)) => {
            let arity = super::helper(id).map_or(5, |helper| helper.arity());
            Reg::all().skip(1).take(arity).collect()
        }
        _ => insn.uses(),
    }
}
