//! Slots to instruction to slots, and to text and back, over every opcode and a grid of field values.

use skep_isa::text::{assemble, disassemble};
use skep_isa::{RawInsn, decode};

/// Values that some instruction gives a meaning, and some that none does.
const REGISTERS: [u8; 11] = [0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 15];
const OFFSETS: [i16; 9] = [0, 1, -1, 4, 8, 16, 32, i16::MIN, i16::MAX];
const IMMEDIATES: [i32; 26] = [
    0,
    1,
    -1,
    2,
    8,
    16,
    32,
    64,
    0x40,
    0x41,
    0x50,
    0x51,
    0xa0,
    0xa1,
    0xe1,
    0xf1,
    0xf0,
    0x100,
    0x101,
    0x110,
    0x111,
    0x10000,
    0x10001,
    -6,
    i32::MIN,
    i32::MAX,
];

/// Every slot of the grid with this opcode.
fn grid(code: u8) -> impl Iterator<Item = RawInsn> {
    REGISTERS.into_iter().flat_map(move |dst| {
        REGISTERS.into_iter().flat_map(move |src| {
            OFFSETS.into_iter().flat_map(move |off| {
                IMMEDIATES.into_iter().map(move |imm| RawInsn { code, dst, src, off, imm })
            })
        })
    })
}

/// Checks one program of one or two slots; tells whether it was an instruction.
fn round_trip(slots: &[RawInsn]) -> bool {
    let Ok(insn) = decode(slots, 0) else { return false };
    let used = &slots[..insn.slots()];
    assert_eq!(insn.encode().as_slice(), used, "{insn} ({insn:?})");
    assert!(insn.is_encodable(), "{insn:?}");
    let text = insn.to_string();
    assert_eq!(assemble(&text).as_deref(), Ok(used), "`{text}`");
    true
}

#[test]
fn every_accepted_slot_comes_back_from_its_instruction_and_from_its_text() {
    let mut accepted = 0;
    let mut opcodes = Vec::new();
    for code in (0..=u8::MAX).filter(|&code| code != 0x18) {
        let before = accepted;
        accepted += grid(code).filter(|&slot| round_trip(&[slot])).count();
        if accepted > before {
            opcodes.push(code);
        }
    }
    // In this order: neg; twelve kinds of arithmetic (the signed ones share opcodes) in two widths with two kinds of
    // operand; byte orders; eleven conditions likewise; goto, gotol, may_goto, call, callx, exit; loads; signed loads;
    // both stores; atomic sizes; packet loads.
    assert_eq!(opcodes.len(), 2 + 48 + 3 + 44 + 6 + 4 + 3 + 8 + 4 + 6, "{opcodes:02x?}");
    assert!(accepted > 100_000, "{accepted}");
}

#[test]
fn every_accepted_pair_comes_back() {
    let mut accepted = 0;
    for first in grid(0x18) {
        for imm in IMMEDIATES {
            let second = RawInsn { imm, ..RawInsn::default() };
            accepted += usize::from(round_trip(&[first, second]));
        }
    }
    // Nine registers; of the seven sources, three take no second immediate.
    assert_eq!(accepted, 9 * 26 * (4 * 26 + 3));
}

#[test]
fn a_second_slot_holds_nothing_but_its_immediate() {
    let first = RawInsn { code: 0x18, ..RawInsn::default() };
    for (second, field) in [
        (RawInsn { code: 0x95, ..RawInsn::default() }, "opcode"),
        (RawInsn { dst: 1, ..RawInsn::default() }, "dst register"),
        (RawInsn { src: 1, ..RawInsn::default() }, "src register"),
        (RawInsn { off: 1, ..RawInsn::default() }, "offset"),
    ] {
        let error = decode(&[first, second], 0).unwrap_err();
        assert_eq!(error.at, 1);
        assert_eq!(error.field().map(|field| field.name()), Some(field));
    }
}

#[test]
fn rows_of_anything_come_back_from_their_disassembly() {
    // A linear congruential generator is random enough to mix instructions, half pairs and rubbish.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 16
    };
    for _ in 0..2_000 {
        let slots: Vec<RawInsn> = (0..next() % 12)
            .map(|_| {
                let mut bytes = next().to_le_bytes();
                if next() % 2 == 0 {
                    // Small numbers make instructions likelier.
                    bytes = [bytes[0], bytes[1] & 0x77, bytes[2] & 1, 0, bytes[4] & 0x30, 0, 0, 0];
                }
                if next() % 8 == 0 {
                    bytes[0] = 0x18;
                }
                RawInsn::from_le_bytes(bytes)
            })
            .collect();
        let text: String = disassemble(&slots).map(|line| format!("{line}\n")).collect();
        assert_eq!(assemble(&text), Ok(slots), "{text}");
    }
}
