//! What a function may do to its caller, whatever it is called with: move the packet, sleep.
//!
//! A global function is trusted by its signature at each call, so this must be known before it is walked. What a function does, those that call it do.

use skep_isa::{Call, Insn};
use skep_platform::kfunc::Flag;

use crate::shape::Shape;

/// Kernel functions that may move the packet.
static MOVE_PACKETS: &[&str] = &["bpf_xdp_pull_data"];

/// What one function may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Void pointers into the packet.
    pub(crate) changes_packet: bool,
    /// Sleep.
    pub(crate) sleeps: bool,
}

/// One entry a function, in the order of their starts.
pub(crate) fn summaries(shape: &Shape) -> Vec<Summary> {
    let mut found: Vec<Summary> = shape.functions.iter().map(|_| Summary::default()).collect();
    let mut callees = Vec::with_capacity(found.len());
    for (function, summary) in shape.functions.iter().zip(&mut found) {
        let mut called: Vec<usize> = Vec::new();
        for at in function.start..function.end {
            let Some(insn) = shape.insns[at] else { continue };
            let own = of_call(shape, at, &insn);
            summary.changes_packet |= own.changes_packet;
            summary.sleeps |= own.sleeps;
            called.extend(insn.call_target(at).and_then(|target| shape.function_from(target)));
        }
        callees.push(called);
    }
    // At most as many rounds as functions: each makes at least one more of them known.
    loop {
        let mut changed = false;
        for (index, called) in callees.iter().enumerate() {
            for &callee in called {
                let (own, other) = (found[index], found[callee]);
                let both = Summary {
                    changes_packet: own.changes_packet || other.changes_packet,
                    sleeps: own.sleeps || other.sleeps,
                };
                changed |= both != own;
                found[index] = both;
            }
        }
        if !changed {
            return found;
        }
    }
}

fn of_call(shape: &Shape, at: usize, insn: &Insn) -> Summary {
    match *insn {
        Insn::Call(Call::Helper(id)) => super::helper(id).map_or(Summary::default(), |helper| Summary {
            changes_packet: helper.traits.changes_packet,
            sleeps: helper.traits.sleeps,
        }),
        Insn::Call(Call::Kfunc { .. }) => {
            shape.kfuncs.proto(at).map_or(Summary::default(), |proto| Summary {
                changes_packet: MOVE_PACKETS.contains(&proto.name.as_str()),
                sleeps: proto.has(Flag::Sleepable),
            })
        }
        _ => Summary::default(),
    }
}
