//! The promises of the generator, as far as they can be seen without running anything.

use skep_isa::decode;

use super::*;

fn each(count: u64, mut check: impl FnMut(u64, &Generated)) {
    for index in 0..count {
        check(index, &xdp(&mut Rng::new(42, index), Features::ALL));
    }
}

#[test]
fn every_program_decodes_and_jumps_inside_itself() {
    each(2000, |index, program| {
        let mut at = 0;
        let mut starts = vec![false; program.insns.len()];
        let mut targets = Vec::new();
        while at < program.insns.len() {
            let insn = decode(&program.insns, at).unwrap_or_else(|e| panic!("program {index}: {e}"));
            starts[at] = true;
            targets.extend(insn.jump_target(at).map(|to| (at, to)));
            targets.extend(insn.call_target(at).map(|to| (at, to)));
            at += insn.slots();
        }
        for (from, to) in targets {
            assert!(starts.get(to) == Some(&true), "program {index}: the jump at {from} goes to {to}");
        }
        assert!(program.packet.len() >= PACKET as usize);
    });
}

#[test]
fn the_same_seed_gives_the_same_program() {
    each(20, |index, program| {
        assert_eq!(program.insns, xdp(&mut Rng::new(42, index), Features::ALL).insns);
    });
}

#[test]
fn programs_without_features_are_plain() {
    let plain = Features {
        calls: false,
        helpers: false,
        maps: false,
        atomics: false,
        v4: false,
        acquire: false,
        statements: 40,
    };
    for index in 0..500 {
        let program = xdp(&mut Rng::new(7, index), plain);
        assert!(program.maps.is_empty());
        let calls = program.insns.iter().filter(|slot| slot.code == 0x85).count();
        assert_eq!(calls, 0, "program {index} calls something");
    }
}
