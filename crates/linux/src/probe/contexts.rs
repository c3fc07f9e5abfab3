//! Which bytes of its context the live kernel lets a program touch.

use skep_isa::RawInsn;
use skep_platform::{AttachType, ProgramType};

use super::Answer;
use super::shape::{EXIT, Shape, mov};
use crate::prog_load;

/// Opcodes of loads and stores by register, for 1, 2, 4 and 8 bytes.
const LOADS: [u8; 4] = [0x71, 0x69, 0x61, 0x79];
const STORES: [u8; 4] = [0x73, 0x6b, 0x63, 0x7b];

/// Whether such a program may load (or, with `write`, store) `size` bytes at `offset` of its context. `size` is 1, 2, 4
/// or 8.
pub fn context_access(
    program: ProgramType,
    attach: Option<AttachType>,
    offset: i16,
    size: u32,
    write: bool,
) -> Answer {
    let (Some(shape), true) = (Shape::of(program, attach), matches!(size, 1 | 2 | 4 | 8)) else {
        return Answer::Unknown;
    };
    let opcode = if write { STORES } else { LOADS }[size.trailing_zeros() as usize];
    let (dst, src) = if write { (1, 2) } else { (2, 1) };
    let access = RawInsn { code: opcode, dst, src, off: offset, imm: 0 };
    let insns = if write {
        vec![mov(2, 0), access, mov(0, shape.ret), EXIT]
    } else {
        vec![access, mov(0, shape.ret), EXIT]
    };
    match prog_load(&shape.request(&insns)) {
        Ok(_) => Answer::Yes,
        Err(refused) => Answer::of_refusal(&refused),
    }
}
