//! Every opcode with every sort of field, where a path comes by and where none does, against the live kernel.

mod common;

use common::{Agreement, live};
use skep_fuzz::rng::Rng;
use skep_isa::RawInsn;
use skep_platform::ProgramType;
use skep_verifier::Input;

const fn insn(code: u8, dst: u8, src: u8, off: i16, imm: i32) -> RawInsn {
    RawInsn { code, dst, src, off, imm }
}

/// r1 points to 64 written bytes, all other registers are small numbers; `tested` stands before the end, behind a branch that is never
/// or always taken.
fn around(tested: RawInsn, dead: bool) -> Vec<RawInsn> {
    let mut insns: Vec<RawInsn> = (1..=8).map(|slot| insn(0x7a, 10, 0, -8 * slot, 0)).collect();
    insns.push(insn(0xbf, 1, 10, 0, 0));
    insns.push(insn(0x07, 1, 0, 0, -64));
    insns.extend([0, 2, 3, 4, 5, 6, 7, 8, 9].map(|reg| insn(0xb7, reg, 0, 0, i32::from(reg) + 1)));
    insns.push(insn(0x15, 8, 0, 1, if dead { 9 } else { 77 }));
    insns.push(tested);
    // Two ways to the end, so that a tested `exit` or jump leaves nothing unreached.
    insns.push(insn(0x15, 8, 0, 2, 77));
    insns.extend([insn(0xb7, 0, 0, 0, 0), insn(0x95, 0, 0, 0, 0)]);
    insns.extend([insn(0xb7, 0, 0, 0, 0), insn(0x95, 0, 0, 0, 0)]);
    insns
}

#[test]
fn every_opcode_with_every_field() {
    if !live("every_opcode_with_every_field") {
        return;
    }
    // Fields that are right for some instruction; one of them is then changed.
    const BASES: [(u8, u8, i16, i32); 12] = [
        (0, 0, 0, 0),
        (2, 3, 0, 0),
        (2, 1, 8, 0),
        (1, 2, 8, 0),
        (2, 0, 0, 16),
        (2, 3, 16, 0),
        (2, 3, 1, 0),
        (1, 2, 0, 0x01),
        (1, 2, 8, 0xe1),
        (1, 2, 0, 0xf1),
        (2, 1, 8, 0x100),
        (1, 2, 8, 0x110),
    ];
    const OFFS: [i16; 9] = [0, 1, -1, 2, 8, 16, 32, 64, 0x7fff];
    const IMMS: [i32; 14] = [0, 1, -1, 2, 16, 32, 63, 64, 0x50, 0xa0, 0x100, 0x110, 0xe0, 7];
    let mut agreement = Agreement::default();
    let mut rng = Rng::new(1, 0xe0c);
    for code in 0..=255u8 {
        for (mut dst, mut src, mut off, mut imm) in BASES {
            match rng.below(5) {
                0 => dst = rng.below(16) as u8,
                1 => src = rng.below(16) as u8,
                2 => off = OFFS[rng.below(OFFS.len())],
                3 => imm = IMMS[rng.below(IMMS.len())],
                _ => {}
            }
            // A kernel function's number means another function on every kernel.
            if code == 0x85 && src == 2 && imm != 0 {
                continue;
            }
            for dead in [false, true] {
                let mut input =
                    Input::new(ProgramType::SocketFilter, around(insn(code, dst, src, off, imm), dead));
                input.name = format!("{code:#04x} dst {dst} src {src} off {off} imm {imm:#x} dead {dead}");
                agreement.add(&input);
            }
        }
    }
    agreement.print("encodings");
    assert_eq!(agreement.only_we_accept, 0);
    assert_eq!(agreement.only_kernel_accepts, 0);
}
