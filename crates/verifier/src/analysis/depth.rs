//! How deep calls nest, and how much stack they take together.
//!
//! Runs after the walk, when it is known how much each function uses. Every frame is rounded up to 32 bytes, as an interpreter
//! allocates it (16 with a JIT, which Linux on x86-64 has).

use skep_isa::{Call, Imm64, Insn};

use crate::Code;
use crate::shape::Shape;
use crate::verdict::{Checked, reject};

/// Most frames at once.
pub(crate) const MAX_FRAMES: usize = 8;
/// Most stack of all frames of a chain of calls.
const MAX_STACK: u32 = 512;
/// Most stack of the frames above a function with a tail call.
const MAX_STACK_ABOVE_TAIL_CALL: u32 = 256;
/// What frames are rounded up to.
const ROUND: u32 = 16;

/// Checks every chain of calls. `used` is the stack that each function uses in bytes; `private` says whether the entry's program type
/// gives functions stacks of their own.
pub(crate) fn check_stack_depth(shape: &Shape, used: &[u32]) -> Checked {
    for start in 0..shape.functions.len() {
        if start == 0 || !shape.functions[start].called {
            descend(shape, used, start, 0, 1)?;
        }
    }
    Ok(())
}

fn descend(shape: &Shape, used: &[u32], function: usize, above: u32, frames: usize) -> Checked {
    let body = shape.functions[function];
    if above > 0 && body.tail_calls && above >= MAX_STACK_ABOVE_TAIL_CALL {
        let message =
            format!("a tail call below frames of {above} bytes; {MAX_STACK_ABOVE_TAIL_CALL} is the limit");
        return reject(Code::StackDepth, body.start, None, message);
    }
    let own = used.get(function).copied().unwrap_or(0).max(1).next_multiple_of(ROUND);
    let total = above + own;
    if total > MAX_STACK {
        let message = format!("frames of {total} bytes together; {MAX_STACK} is the limit");
        return reject(Code::StackDepth, body.start, None, message);
    }
    for at in body.start..body.end {
        let Some(insn) = shape.insns[at] else { continue };
        let called =
            matches!(insn, Insn::Call(Call::Local(_)) | Insn::LoadImm64 { value: Imm64::Func(_), .. });
        if !called {
            continue;
        }
        let Some(callee) = insn.call_target(at).and_then(|target| shape.function_from(target)) else {
            continue;
        };
        if frames >= MAX_FRAMES {
            return reject(Code::CallDepth, at, None, format!("more than {MAX_FRAMES} frames"));
        }
        descend(shape, used, callee, total, frames + 1)?;
    }
    Ok(())
}
