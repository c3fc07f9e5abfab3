//! What is accepted runs without a fault in the checking interpreter, which knows every object's true bounds.

use skep_fuzz::generate::{Features, Generated, xdp};
use skep_fuzz::rng::Rng;
use skep_fuzz::user::{Refused, run};
use skep_platform::ProgramType;
use skep_verifier::{Input, MapInfo, verify};

fn input(program: &Generated) -> Input {
    let mut input = Input::new(ProgramType::Xdp, program.insns.clone());
    let map = |wanted: &skep_fuzz::generate::MapWanted| {
        MapInfo::new(wanted.kind.map_type(), wanted.key_size, wanted.value_size, wanted.max_entries)
    };
    input.maps = program.maps.iter().map(map).collect();
    input
}

/// A few changes to a valid program, so that what is accepted is not valid by construction.
fn change(program: &mut Generated, rng: &mut Rng) {
    for _ in 0..rng.below(4) {
        let at = rng.below(program.insns.len());
        let insn = &mut program.insns[at];
        match rng.below(5) {
            0 => insn.dst = rng.below(11) as u8,
            1 => insn.src = rng.below(11) as u8,
            2 => insn.off = insn.off.wrapping_add(rng.range(-16, 16) as i16),
            3 => insn.imm = rng.interesting() as i32,
            _ => insn.code ^= 1 << rng.below(8),
        }
    }
}

#[test]
fn accepted_programs_run_without_a_fault() {
    const PROGRAMS: u64 = 1500;
    let (mut accepted, mut runs) = (0, 0);
    for seed in 0..PROGRAMS {
        let mut rng = Rng::new(seed, 0xacce);
        let mut program = xdp(&mut rng, Features::ALL);
        change(&mut program, &mut rng);
        if !verify(&input(&program)).verdict.is_verified() {
            continue;
        }
        accepted += 1;
        for _ in 0..4 {
            let len = rng.below(200);
            program.packet = rng.bytes(len);
            match run(&program) {
                Ok(_) => runs += 1,
                // The engine has a budget, which a long loop may use up.
                Err(Refused::Fault(fault)) if fault.to_string().contains("budget") => {}
                // It looks at instructions that no path reaches as well.
                Err(Refused::Load(_)) => {}
                Err(why) => panic!("seed {seed}: accepted, but {why:?}\n{}", listing(&program)),
            }
        }
    }
    println!("soundness: {accepted} of {PROGRAMS} accepted, {runs} runs without a fault");
    assert!(accepted > 100);
}

fn listing(program: &Generated) -> String {
    let mut text = String::new();
    let mut at = 0;
    while let Ok(insn) = skep_isa::decode(&program.insns, at) {
        text += &format!("{at}: {insn}\n");
        at += insn.slots();
        if at >= program.insns.len() {
            break;
        }
    }
    text
}
