//! What a proof tells those who compile the program.

#![allow(clippy::unwrap_used)] // A test may panic.

mod common;

use skep_platform::ProgramType;
use skep_verifier::state::{MapId, RegKind};
use skep_verifier::{CallFact, Facts, Input, Touched, Verdict, Ways, verify};

fn facts(text: &str) -> Facts {
    let mut input = Input::new(ProgramType::Xdp, skep_isa::text::assemble(text).unwrap());
    input.maps = common::maps();
    match verify(&input).verdict {
        Verdict::Verified(proof) => proof.facts().clone(),
        other => panic!("{other}"),
    }
}

#[test]
fn a_look_up_with_a_known_key_and_what_follows() {
    let facts = facts(
        "r2 = 2
         *(u32 *)(r10 - 8) = r2
         r2 = r10
         r2 += -8
         r1 = map_idx[0]
         call 1
         if r0 == 0 goto +2
         r1 = *(u64 *)(r0 + 16)
         *(u64 *)(r0 + 24) = r1
         r0 = 2
         exit",
    );
    assert_eq!(facts.touched[1], Touched::Memory { kind: RegKind::Stack(0), offset: Some(-8) });
    assert_eq!(facts.calls[6], CallFact { called: true, map: Some(0), key: Some(2) });
    // An array has a value under every key below its size, so the other way is dead.
    assert_eq!(facts.ways[7], Ways { taken: false, passed: true });
    let value = RegKind::MapValue(MapId(0));
    assert_eq!(facts.touched[8], Touched::Memory { kind: value, offset: Some(16) });
    assert_eq!(facts.touched[9], Touched::Memory { kind: value, offset: Some(24) });
    assert_eq!(facts.stack_depth, [8]);
}

#[test]
fn what_no_path_runs_through() {
    let facts = facts(
        "r0 = 1
         if r0 != 1 goto +1
         exit
         r0 = *(u32 *)(r1 + 0)
         exit",
    );
    assert_eq!(facts.reached, [true, true, true, false, false]);
    assert_eq!(facts.ways[1], Ways { taken: false, passed: true });
    assert_eq!(facts.touched[3], Touched::Nothing);
}
