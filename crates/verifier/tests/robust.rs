//! Any bytes: an answer, no panic, no hang.

#![allow(clippy::unwrap_used)] // A test may panic.

mod common;

use skep_fuzz::rng::Rng;
use skep_isa::RawInsn;
use skep_platform::ProgramType;
use skep_verifier::{Input, verify};

#[test]
fn any_bytes_get_an_answer() {
    for seed in 0..20_000u64 {
        let mut rng = Rng::new(seed, 0xb17e);
        let count = 1 + rng.below(24);
        let mut insns: Vec<RawInsn> = (0..count).map(|_| random(&mut rng)).collect();
        insns.push(RawInsn { code: 0x95, ..RawInsn::default() });
        let mut input = Input::new(*rng.pick(ProgramType::ALL), insns);
        input.maps = common::maps();
        input.unprivileged = rng.one_in(4);
        verify(&input);
    }
}

/// An instruction from the opcodes that exist, with fields that often make sense.
fn random(rng: &mut Rng) -> RawInsn {
    const CODES: [u8; 30] = [
        0x07, 0x0f, 0x1f, 0x57, 0x67, 0x77, 0xb7, 0xbf, 0xb4, 0xbc, 0x04, 0x0c, 0x2f, 0x4f, 0xaf, 0x61, 0x79,
        0x71, 0x62, 0x63, 0x7b, 0x73, 0x15, 0x55, 0x25, 0x2d, 0xa5, 0x85, 0xdb, 0x05,
    ];
    RawInsn {
        code: if rng.one_in(40) { rng.next() as u8 } else { *rng.pick(&CODES) },
        dst: rng.below(11) as u8,
        src: rng.below(11) as u8,
        off: rng.range(-24, 24) as i16,
        imm: if rng.one_in(2) { rng.range(-16, 200) as i32 } else { rng.interesting() as i32 },
    }
}

/// Thirty thousand rounds of a callback, each with a number that matters: the way back must not be walked anew each time.
#[test]
fn many_rounds_of_a_callback_end() {
    let mut input =
        common::by_hand().into_iter().find(|i| i.name == "callback index is checked afterwards").unwrap();
    let rounds = input.insns.iter_mut().find(|insn| insn.imm == 10).unwrap();
    rounds.imm = 32768;
    assert_ne!(verify(&input).verdict.word(), "unsupported");
}
