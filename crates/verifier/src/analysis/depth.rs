//! How deep calls nest, and how much stack they take together.
//!
//! Runs after the walk, when it is known how much each function uses. Every frame is rounded up to 32 bytes, as an interpreter
//! allocates it (16 with a JIT, which Linux on x86-64 has).

use std::collections::HashSet;

use skep_isa::Insn;
use skep_platform::{AttachType, ProgramType};

use crate::Code;
use crate::explore::MAX_FRAMES;
use crate::program::Input;
use crate::shape::Shape;
use crate::verdict::{Checked, reject};

/// Most stack of all frames of a chain of calls.
const MAX_STACK: u32 = 512;
/// Most stack of the frames above a function with a tail call.
const MAX_STACK_ABOVE_TAIL_CALL: u32 = 256;
/// What frames are rounded up to.
const ROUND: u32 = 16;

/// Frames of at least this size get a stack of their own where the program type has one.
const PRIVATE_FROM: u32 = 64;

/// Checks every chain of calls. `used` is the stack that each function uses in bytes, `later` whether it runs later, on a stack of its
/// own, so that naming it is no call.
pub(crate) fn check_stack_depth(shape: &Shape, used: &[u32], later: &[bool], input: &Input) -> Checked {
    use ProgramType::{Kprobe, PerfEvent, RawTracepoint, Tracepoint, Tracing};
    let own_stack = match input.program_type {
        Kprobe | Tracepoint | PerfEvent | RawTracepoint => true,
        // Those that Linux keeps from running within themselves.
        Tracing => input.attach_type != Some(AttachType::TraceIter),
        _ => false,
    };
    let private = own_stack && !shape.functions.iter().any(|function| function.tail_calls);
    let mut chains = Chains { shape, used, later, private, seen: HashSet::new() };
    for start in 0..shape.functions.len() {
        if start == 0 || !shape.functions[start].called || later.get(start).copied().unwrap_or(false) {
            chains.descend(start, 0, 1)?;
        }
    }
    Ok(())
}

struct Chains<'a> {
    shape: &'a Shape,
    used: &'a [u32],
    later: &'a [bool],
    private: bool,
    /// Function, bytes above and frames that were followed already: what is below is the same each time.
    seen: HashSet<(usize, u32, usize)>,
}

impl Chains<'_> {
    fn descend(&mut self, function: usize, above: u32, frames: usize) -> Checked {
        if !self.seen.insert((function, above, frames)) {
            return Ok(());
        }
        let body = self.shape.functions[function];
        if body.tail_calls && above >= MAX_STACK_ABOVE_TAIL_CALL {
            let message = format!(
                "a tail call below frames of {above} bytes; {MAX_STACK_ABOVE_TAIL_CALL} is the limit"
            );
            return reject(Code::StackDepth, body.start, None, message);
        }
        let own = self.used.get(function).copied().unwrap_or(0).max(1).next_multiple_of(ROUND);
        let total = if self.private && own >= PRIVATE_FROM { above } else { above + own };
        if total > MAX_STACK {
            let message = format!("frames of {total} bytes together; {MAX_STACK} is the limit");
            return reject(Code::StackDepth, body.start, None, message);
        }
        for at in body.start..body.end {
            let callee = self.shape.insns[at].and_then(|insn| insn.call_target(at));
            let Some(callee) = callee.and_then(|target| self.shape.function_from(target)) else { continue };
            let named = matches!(self.shape.insns[at], Some(Insn::LoadImm64 { .. }));
            if named && self.later.get(callee).copied().unwrap_or(false) {
                continue;
            }
            if frames >= MAX_FRAMES {
                return reject(Code::CallDepth, at, None, format!("more than {MAX_FRAMES} frames"));
            }
            self.descend(callee, total, frames + 1)?;
        }
        Ok(())
    }
}
