//! Random programs: whatever they do, the interpreter answers with a value or a fault and touches nothing it was not given.
//!
//! The instructions are drawn so that most programs load and many get some way: few registers, small offsets, pointers that are
//! copied, spilled, added to and compared, helpers with the arguments that happen to be there.

use skep_isa::RawInsn;
use skep_maps::{Map, MapSpec};
use skep_platform::MapType;
use skep_vm::{Hook, Memory, Options, Program, ProgramSpec, Runtime, Strictness};

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 33) % n
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    fn register(&mut self) -> u8 {
        self.pick(&[0, 1, 1, 2, 3, 6, 7, 10])
    }
}

/// Helpers that only touch this run (no clocks: runs repeat).
const HELPERS: [i32; 12] = [1, 2, 3, 87, 88, 105, 113, 131, 132, 165, 182, 201];
const LOADS: [u8; 8] = [0x61, 0x69, 0x71, 0x79, 0x81, 0x89, 0x91, 0x79];
const STORES: [u8; 8] = [0x62, 0x6a, 0x72, 0x7a, 0x63, 0x6b, 0x73, 0x7b];
const ALU: [u8; 14] = [0x07, 0x0f, 0x0f, 0x17, 0x1f, 0xb7, 0xbf, 0xbf, 0x57, 0x4f, 0x27, 0x67, 0xbc, 0x0c];
const JUMPS: [u8; 8] = [0x15, 0x1d, 0x25, 0x2d, 0x55, 0x5d, 0xa5, 0xb5];
const OFFSETS: [i16; 12] = [0, 0, 8, -8, -16, -24, 4, 1, 56, 60, 64, -512];
const IMMEDIATES: [i32; 10] = [0, 1, 4, 8, -8, -16, 16, 64, 255, -1];

fn insn(random: &mut Random, left: u64, maps: i32) -> Vec<RawInsn> {
    let (dst, src) = (random.register(), random.register());
    let (off, imm) = (random.pick(&OFFSETS), random.pick(&IMMEDIATES));
    let zero = RawInsn::default();
    match random.below(16) {
        0..=3 => {
            let code = random.pick(&ALU);
            let reg = code & 8 != 0;
            vec![RawInsn {
                code,
                dst,
                src: if reg { src } else { 0 },
                imm: if reg { 0 } else { imm },
                ..zero
            }]
        }
        4..=6 => vec![RawInsn { code: random.pick(&LOADS), dst, src, off, ..zero }],
        7..=9 => {
            let code = random.pick(&STORES);
            let reg = code & 1 != 0;
            vec![RawInsn { code, dst, off, src: if reg { src } else { 0 }, imm: if reg { 0 } else { imm } }]
        }
        10..=11 => {
            let code = random.pick(&JUMPS);
            let reg = code & 8 != 0;
            let off = random.below(left.min(12) + 4) as i16 - 3;
            vec![RawInsn { code, dst, off, src: if reg { src } else { 0 }, imm: if reg { 0 } else { imm } }]
        }
        12 => vec![RawInsn { code: 0xdb, dst, src, off, imm: random.pick(&[0, 1, 0xe1, 0xf1]) }],
        13 => {
            let pseudo = random.pick(&[5, 6]);
            let map = random.below(maps as u64) as i32;
            let map = if pseudo == 6 { 0 } else { map };
            vec![RawInsn { code: 0x18, dst, src: pseudo, imm: map, ..zero }, zero]
        }
        _ => vec![RawInsn { code: 0x85, imm: random.pick(&HELPERS), ..zero }],
    }
}

fn program(random: &mut Random, maps: i32) -> Vec<RawInsn> {
    let zero = RawInsn::default();
    let len = 6 + random.below(40);
    // The usual start: a key on the stack, its address in r2, a map in r1, memory in r6 and r7.
    let mut insns = vec![
        RawInsn { code: 0xbf, dst: 6, src: 1, ..zero },
        RawInsn { code: 0x7a, dst: 10, off: -8, ..zero },
        RawInsn { code: 0xbf, dst: 2, src: 10, ..zero },
        RawInsn { code: 0x07, dst: 2, imm: -8, ..zero },
        RawInsn { code: 0xbf, dst: 3, src: 2, ..zero },
        RawInsn { code: 0xb7, dst: 0, ..zero },
        RawInsn { code: 0xbf, dst: 7, src: 10, ..zero },
    ];
    for n in 0..len {
        insns.extend(insn(random, len - n, maps));
    }
    insns.push(RawInsn { code: 0xb7, dst: 0, ..zero });
    insns.push(RawInsn { code: 0x95, ..zero });
    insns
}

#[test]
fn random_programs_stay_inside() {
    let budget: u64 = std::env::var("SKEP_RANDOM").ok().and_then(|n| n.parse().ok()).unwrap_or(20_000);
    let mut random = Random(0x5eed_0001);
    let make = |map_type, key, value, entries| {
        Map::create(MapSpec::new(map_type, key, value, entries)).expect("a map")
    };
    let maps = [
        make(MapType::Array, 4, 64, 1),
        make(MapType::Hash, 8, 64, 16),
        make(MapType::Queue, 0, 8, 4),
        make(MapType::Ringbuf, 0, 0, 4096),
    ];
    let (mut loaded, mut finished) = (0, 0);
    for round in 0..budget {
        let insns = program(&mut random, maps.len() as i32);
        let mut spec = ProgramSpec::new("random", Hook::memory(), insns);
        spec.maps = maps.to_vec();
        let strictness = if round % 2 == 0 { Strictness::Linux } else { Strictness::Strict };
        spec.runtime = Runtime::new(Options { strictness, budget: 5_000, ..Options::default() });
        let Ok(program) = Program::unproved(spec) else { continue };
        loaded += 1;
        let mut memory = [0xa5u8; 192];
        let outcome = program.run(&mut Memory::new(&mut memory[64..128]));
        finished += u64::from(outcome.is_ok());
        if let Err(fault) = outcome {
            assert!(!fault.message.is_empty() && fault.detailed().to_string().contains("r10"));
        }
        let outside = memory[..64].iter().chain(&memory[128..]);
        assert!(outside.copied().all(|b| b == 0xa5), "round {round}: bytes outside the memory were written");
    }
    assert!(loaded > budget / 8 && finished > budget / 400, "{loaded} loaded, {finished} finished: too few");
}
