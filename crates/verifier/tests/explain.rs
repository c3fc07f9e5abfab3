//! Explanations of generated programs: the first error is the verdict's, every place is in the program, and nothing panics.

use skep_fuzz::generate::{Features, xdp};
use skep_fuzz::rng::Rng;
use skep_platform::{MapType, ProgramType};
use skep_verifier::explain::{MAX_ERRORS, explain};
use skep_verifier::{Input, MapInfo, Verdict, verify};

#[test]
fn the_first_error_is_the_verdict() {
    const PROGRAMS: u64 = 300;
    let (mut rejected, mut noted, mut several) = (0, 0, 0);
    for seed in 0..PROGRAMS {
        let mut rng = Rng::new(seed, 0xe781);
        let mut program = xdp(&mut rng, Features::ALL);
        for _ in 0..=rng.below(4) {
            let at = rng.below(program.insns.len());
            let insn = &mut program.insns[at];
            match rng.below(4) {
                0 => insn.dst = rng.below(11) as u8,
                1 => insn.src = rng.below(11) as u8,
                2 => insn.off = insn.off.wrapping_add(rng.range(-16, 16) as i16),
                _ => insn.imm = rng.interesting() as i32,
            }
        }
        let mut input = Input::new(ProgramType::Xdp, program.insns);
        input.maps = vec![MapInfo::new(MapType::Array, 4, 64, 4), MapInfo::new(MapType::Hash, 8, 48, 16)];
        let explanation = explain(&input);
        let Verdict::Rejected(rejection) = verify(&input).verdict else {
            assert!(explanation.errors.is_empty(), "seed {seed}: explained, but not rejected");
            continue;
        };
        rejected += 1;
        let first = &explanation.errors[0].rejection;
        assert_eq!((first.code, first.insn), (rejection.code, rejection.insn), "seed {seed}");
        assert_eq!(first.message, rejection.message, "seed {seed}");
        assert!(explanation.errors.len() <= MAX_ERRORS);
        let notes = explanation.errors.iter().flat_map(|error| &error.rejection.notes);
        assert!(notes.clone().all(|note| note.insn < input.insns.len()), "seed {seed}");
        noted += usize::from(notes.count() > 0);
        several += usize::from(explanation.errors.len() > 1);
    }
    println!(
        "explain: {rejected} of {PROGRAMS} rejected, {noted} with places, {several} with several errors"
    );
    assert!(rejected > 100 && noted > 30);
}
