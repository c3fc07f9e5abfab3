//! The live kernel is the oracle: the same programs, the same verdicts.

mod common;

use common::{Agreement, live};
use skep_fuzz::generate::{Features, xdp};
use skep_fuzz::rng::Rng;
use skep_platform::ProgramType;
use skep_verifier::{Input, MapInfo};

fn generated(seed: u64) -> Input {
    let mut rng = Rng::new(seed, 0);
    let program = xdp(&mut rng, Features::ALL);
    let map = |wanted: &skep_fuzz::generate::MapWanted| {
        let map_type = wanted.kind.map_type();
        MapInfo::new(map_type, wanted.key_size, wanted.value_size, wanted.max_entries)
    };
    let mut input = Input::new(ProgramType::Xdp, program.insns);
    input.maps = program.maps.iter().map(map).collect();
    input.name = format!("generated {seed}");
    input
}

#[test]
fn generated_programs() {
    if !live("generated_programs") {
        return;
    }
    let mut agreement = Agreement::default();
    for seed in 0..300 {
        agreement.add(&generated(seed));
    }
    agreement.print("generated programs");
    assert_eq!(agreement.only_we_accept, 0);
    assert_eq!(agreement.only_kernel_accepts, 0);
}

/// One small change to a valid program: another register, offset or immediate, an instruction gone.
#[test]
fn generated_programs_with_a_mistake() {
    if !live("generated_programs_with_a_mistake") {
        return;
    }
    let mut agreement = Agreement::default();
    for seed in 0..600u64 {
        let mut input = generated(seed % 100);
        input.name = format!("mistake {seed}");
        let mut rng = Rng::new(seed, 0x5eed);
        for _ in 0..1 + rng.below(2) {
            let at = rng.below(input.insns.len());
            let insn = &mut input.insns[at];
            match rng.below(6) {
                0 => insn.dst = rng.below(11) as u8,
                1 => insn.src = rng.below(11) as u8,
                2 => insn.off = insn.off.wrapping_add([1, -1, 4, -4, 8, -8, 64][rng.below(7)]),
                3 => insn.imm = insn.imm.wrapping_add([1, -1, 4, 8, 4096, -4096][rng.below(6)]),
                4 => insn.code ^= 1 << rng.below(8),
                _ => {
                    *insn = skep_isa::RawInsn { code: 0xb7, dst: rng.below(10) as u8, src: 0, off: 0, imm: 0 }
                }
            }
        }
        agreement.add(&input);
    }
    agreement.print("programs with a mistake");
    assert_eq!(agreement.only_we_accept, 0);
}

/// Small programs, each about one rule.
#[test]
fn programs_by_hand() {
    if !live("programs_by_hand") {
        return;
    }
    let mut agreement = Agreement::default();
    for input in common::by_hand() {
        agreement.add(&input);
    }
    agreement.print("programs by hand");
    assert_eq!(agreement.only_we_accept, 0);
    assert_eq!(agreement.only_kernel_accepts, 0);
}
