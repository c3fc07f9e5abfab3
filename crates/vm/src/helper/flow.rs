//! Tail calls, and the stack of the program's own calls.

use skep_platform::MapType;
use skep_platform::errno::{EFAULT, EINVAL};

use super::{Call, Row, row};
use crate::exec::Run;
use crate::fault::Fault;
use crate::program::Program;
use crate::prov::Reg;

/// Rows of [`super::rows`].
pub(crate) static ROWS: &[Row] = &[
    row("tail_call", tail_call, ""),
    row("get_stackid", stack_id, OWN_FRAMES),
    row("get_stack", stack, OWN_FRAMES),
];

const OWN_FRAMES: &str =
    "the frames of the program itself, as slot numbers: the host's stack is not the program's to see";

/// Of the flags of `bpf_get_stack`: frames to leave out.
const SKIP_MASK: u64 = 0xff;
/// Of the flags of `bpf_get_stack`: build ids instead of addresses.
const BUILD_ID: u64 = 1 << 11;

/// Goes on in another program, or after the call if there is none.
fn tail_call(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let map = run.held_map(call, 1)?;
    if map.spec().map_type != MapType::ProgArray {
        return Err(run.wrong_map(call, 1));
    }
    let found =
        map.program(run.guard(), call.u32(2)).and_then(|handle| handle.program.downcast_ref::<Program>());
    // Linux only puts programs of one kind into an array; an application may put any.
    let fitting = found.filter(|p| p.hook().name() == run.program().hook.name()).cloned();
    if let Some(program) = fitting {
        run.tail_call(program)?;
    }
    Ok(Reg::UNINIT)
}

fn stack_id(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let map = run.held_map(call, 1)?;
    let Some(stacks) = map.stacks() else { return Err(run.wrong_map(call, 1)) };
    Ok(match stacks.id(run.guard(), &run.frames(), call.u64(2)) {
        Ok(id) => Reg::scalar(id.into()),
        Err(errno) => Reg::errno(errno.0),
    })
}

/// Returns the bytes written.
fn stack(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let out = call.bytes_mut(1);
    let flags = call.u64(3);
    out.fill(0);
    if flags & BUILD_ID != 0 || !out.len().is_multiple_of(8) {
        return Ok(Reg::errno(EINVAL.0));
    }
    let frames = run.frames();
    let Some(frames) = frames.get((flags & SKIP_MASK) as usize..) else { return Ok(Reg::errno(EFAULT.0)) };
    let mut written = 0;
    for (frame, place) in frames.iter().zip(out.chunks_exact_mut(8)) {
        place.copy_from_slice(&frame.to_ne_bytes());
        written += 8;
    }
    Ok(Reg::scalar(written))
}
