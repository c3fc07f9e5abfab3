//! Which instructions the live kernel's verifier knows.

use std::os::fd::AsRawFd;

use skep_isa::RawInsn;
use skep_platform::{MapFlags, MapType, ProgramType, Release};

use super::shape::{EXIT, mov};
use super::{Answer, Probe};
use crate::{MapRequest, map_create, prog_load_simple};

const fn insn(code: u8, dst: u8, src: u8, off: i16, imm: i32) -> RawInsn {
    RawInsn { code, dst, src, off, imm }
}

/// Loads a socket filter around these instructions, with 1 in r0 and in the stack's top slot.
fn accepts(insns: &[RawInsn]) -> Answer {
    let mut program = vec![mov(0, 1), insn(0x7b, 10, 0, -8, 0)];
    program.extend_from_slice(insns);
    program.extend_from_slice(&[mov(0, 0), EXIT]);
    match prog_load_simple(ProgramType::SocketFilter, &program, "GPL") {
        Ok(_) => Answer::Yes,
        Err(refused) => Answer::of_refusal(&refused),
    }
}

/// A cast is known only to programs that use an arena, so one is made. It gets an address of its own choosing, which
/// spares it from being mapped.
fn arena_cast() -> Answer {
    let arena = MapRequest {
        flags: MapFlags::MMAPABLE,
        extra: ARENA_ADDRESS,
        ..MapRequest::new(MapType::Arena, 0, 0, 1)
    };
    match map_create(&arena) {
        Ok(fd) => {
            accepts(&[insn(0x18, 1, 1, 0, fd.as_raw_fd()), insn(0, 0, 0, 0, 0), insn(0xbf, 0, 0, 1, 1)])
        }
        Err(_) => Answer::No,
    }
}

/// Any address that is a page's.
const ARENA_ADDRESS: u64 = 1 << 44;

/// Declares the probes: name, release, instructions.
macro_rules! probes {
    ($($name:literal ($major:literal, $minor:literal) [$($insn:expr),*];)*) => {
        /// Groups of instructions by the release that brought them.
        pub static INSTRUCTIONS: &[Probe] = &[
            $(Probe { name: $name, since: Release::new($major, $minor), run: || accepts(&[$($insn),*]) },)*
            Probe { name: "address-space casts of arena pointers", since: Release::new(6, 9), run: arena_cast },
        ];
    };
}

probes! {
    "64-bit arithmetic and jumps (v1)" (3, 18) [insn(0x07, 0, 0, 0, 1), insn(0x15, 0, 0, 0, 0)];
    "unsigned and signed less-than jumps (v2)" (4, 14) [insn(0xa5, 0, 0, 0, 1), insn(0xc5, 0, 0, 0, 1)];
    "32-bit jumps (v3)" (5, 1) [insn(0x16, 0, 0, 0, 0)];
    "bounded loops" (5, 3) [mov(1, 0), insn(0x07, 1, 0, 0, 1), insn(0xa5, 1, 0, -2, 3)];
    "atomic add (xadd)" (3, 18) [insn(0xdb, 10, 0, -8, 0)];
    "atomic and, or, xor, fetch, xchg, cmpxchg" (5, 12) [
        insn(0xdb, 10, 0, -8, 0x51), insn(0xdb, 10, 0, -8, 0x41), insn(0xdb, 10, 0, -8, 0xe1),
        insn(0xdb, 10, 0, -8, 0xf1)
    ];
    "signed division and modulo (v4)" (6, 6) [insn(0x37, 0, 0, 1, 3), insn(0x97, 0, 0, 1, 3)];
    "sign-extending moves (v4)" (6, 6) [insn(0xbf, 1, 0, 8, 0), insn(0xbc, 1, 0, 16, 0)];
    "sign-extending loads (v4)" (6, 6) [insn(0x91, 1, 10, -8, 0)];
    "byte swap whatever the host (v4)" (6, 6) [insn(0xd7, 0, 0, 0, 16)];
    "long jump (v4)" (6, 6) [insn(0x06, 0, 0, 0, 0)];
    "may_goto" (6, 9) [insn(0xe5, 0, 0, 0, 0)];
    "load-acquire, store-release" (6, 15) [
        insn(0xdb, 1, 10, -8, 0x100), insn(0xdb, 10, 0, -8, 0x110)
    ];
}
