//! What is refused, and in which words: programs in raw slots, each with the one line it must answer with.

use skep_isa::text::assemble;
use skep_isa::{ByteOrder, decode, from_bytes};

/// Decodes the first instruction of a source made of `.raw` lines; the answer is the error's text.
fn refusal(source: &str) -> String {
    let slots = assemble(source).expect("the source is raw slots");
    match decode(&slots, 0) {
        Ok(insn) => format!("accepted as `{insn}`"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn reserved_fields_are_refused_by_name() {
    let cases = [
        (".raw 0x95, 0, 5, 0, 0", "slot 0: src register must be 0 in `exit`, found 5"),
        (".raw 0x95, 0, 0, 7, 0", "slot 0: offset must be 0 in `exit`, found 7"),
        (".raw 0x95, 0, 0, 0, -1", "slot 0: immediate must be 0 in `exit`, found -1"),
        (".raw 0x07, 1, 2, 0, 0", "slot 0: src register must be 0 in `add`, found 2"),
        (".raw 0x0f, 1, 2, 0, 9", "slot 0: immediate must be 0 in `add`, found 9"),
        (".raw 0x0f, 1, 2, 1, 0", "slot 0: offset must be 0 in `add`, found 1"),
        (".raw 0x3f, 1, 2, 2, 0", "slot 0: offset must be 0 or 1 in `div`, found 2"),
        (".raw 0x9c, 1, 2, -1, 0", "slot 0: offset must be 0 or 1 in `mod`, found -1"),
        (".raw 0x87, 1, 2, 0, 0", "slot 0: src register must be 0 in `neg`, found 2"),
        (".raw 0xbf, 1, 2, 9, 0", "slot 0: offset must be 0, 1, 8, 16 or 32 in `mov`, found 9"),
        (".raw 0xbc, 1, 2, 32, 0", "slot 0: offset must be 0, 8 or 16 in `mov32`, found 32"),
        (".raw 0xbf, 1, 2, 8, 3", "slot 0: immediate must be 0 in `movsx`, found 3"),
        (".raw 0xbf, 1, 2, 1, 2", "slot 0: immediate must be 1 or 0x10000 in `addr_space_cast`, found 2"),
        (".raw 0xdc, 1, 0, 0, 8", "slot 0: immediate must be 16, 32 or 64 in `be`, found 8"),
        (".raw 0xd7, 1, 1, 0, 16", "slot 0: src register must be 0 in `bswap`, found 1"),
        (".raw 0x61, 1, 2, 0, 1", "slot 0: immediate must be 0 in `load`, found 1"),
        (".raw 0x62, 1, 2, 0, 1", "slot 0: src register must be 0 in `store`, found 2"),
        (".raw 0x63, 1, 2, 0, 1", "slot 0: immediate must be 0 in `store`, found 1"),
        (".raw 0xdb, 1, 2, 0, 2", "slot 0: immediate must be an atomic operation in `atomic`, found 2"),
        (
            ".raw 0xd3, 1, 2, 0, 0",
            "slot 0: immediate must be 0x100 (load_acquire) or 0x110 (store_release) in `8- or 16-bit atomic`, found 0",
        ),
        (".raw 0x28, 1, 0, 0, 0", "slot 0: dst register must be 0 in `packet load`, found 1"),
        (".raw 0x28, 0, 1, 0, 0", "slot 0: src register must be 0 in `packet load`, found 1"),
        (".raw 0x05, 0, 0, 1, 1", "slot 0: immediate must be 0 in `goto`, found 1"),
        (".raw 0x06, 0, 0, 1, 1", "slot 0: offset must be 0 in `gotol`, found 1"),
        (".raw 0xe5, 0, 1, 1, 0", "slot 0: src register must be 0 in `may_goto`, found 1"),
        (".raw 0x15, 1, 1, 0, 0", "slot 0: src register must be 0 in `if`, found 1"),
        (".raw 0x85, 1, 0, 0, 0", "slot 0: dst register must be 0 in `call`, found 1"),
        (".raw 0x85, 0, 0, 2, 0", "slot 0: offset must be 0 in `call`, found 2"),
        (
            ".raw 0x85, 0, 3, 0, 0",
            "slot 0: src register must be 0 (helper), 1 (local) or 2 (kfunc) in `call`, found 3",
        ),
        (".raw 0x8d, 0, 0, 0, 3", "slot 0: immediate must be 0 in `callx`, found 3"),
    ];
    for (source, expected) in cases {
        assert_eq!(refusal(source), expected, "{source}");
    }
}

#[test]
fn registers_opcodes_and_pairs() {
    let cases = [
        (".raw 0xb7, 11, 0, 0, 0", "slot 0: dst register must be at most 10 in `mov`, found 11"),
        (".raw 0x79, 0, 15, 0, 0", "slot 0: src register must be at most 10 in `load`, found 15"),
        (".raw 0x00, 0, 0, 0, 0", "slot 0: unknown opcode 0x00"),
        (".raw 0x38, 0, 0, 0, 0", "slot 0: unknown opcode 0x38"),
        (".raw 0x8e, 0, 0, 0, 0", "slot 0: unknown opcode 0x8e"),
        (".raw 0x86, 0, 0, 0, 0", "slot 0: unknown opcode 0x86"),
        (".raw 0x99, 0, 0, 0, 0", "slot 0: unknown opcode 0x99"),
        (".raw 0xdf, 0, 0, 0, 16", "slot 0: unknown opcode 0xdf"),
        (".raw 0xe7, 0, 0, 0, 0", "slot 0: unknown opcode 0xe7"),
        (".raw 0x8f, 0, 0, 0, 0", "slot 0: unknown opcode 0x8f"),
        (".raw 0xed, 0, 0, 0, 0", "slot 0: unknown opcode 0xed"),
        (
            ".raw 0x18, 0, 0, 0, 0",
            "slot 0: `lddw` takes two slots, found the end of the program after the first",
        ),
        (
            ".raw 0x18, 0, 7, 0, 0\n.raw 0, 0, 0, 0, 0",
            "slot 0: src register must be a pseudo source from 0 to 6 in `lddw`, found 7",
        ),
        (
            ".raw 0x18, 0, 1, 0, 0\n.raw 0, 0, 0, 0, 4",
            "slot 1: immediate must be 0 in `second slot of lddw map_fd`, found 4",
        ),
        (
            ".raw 0x18, 0, 0, 0, 0\n.raw 0x95, 0, 0, 0, 0",
            "slot 1: opcode must be 0 in `second slot of lddw`, found 149",
        ),
        ("", "slot 0: an instruction was expected here, found the end of the program (0 slots)"),
    ];
    for (source, expected) in cases {
        assert_eq!(refusal(source), expected, "{source}");
    }
}

#[test]
fn bytes_that_are_no_row_of_slots() {
    let error = from_bytes(&[0; 21], ByteOrder::Little).unwrap_err();
    assert_eq!(
        error.to_string(),
        "offset 16: a program is a row of 8-byte slots, found 5 bytes after the last whole one"
    );
}

#[test]
fn source_errors_name_line_column_and_what_would_do() {
    let cases = [
        ("r0 = 1\n  r1 += w2", "line 2, column 9: expected a 64-bit register (r0 to r10), found `w2`"),
        (
            "r11 = 1",
            "line 1, column 1: expected an instruction (a register, `*(`, if, goto, gotol, may_goto, call, callx, lock, store_release, exit), found `r11`",
        ),
        ("goto nowhere", "line 1, column 6: expected a label of this program, found `nowhere`"),
        (
            "call nobody",
            "line 1, column 6: expected a label of this program or the name of a known function, found `nobody`",
        ),
        (
            "x: x: exit",
            "line 1, column 4: expected a new label (this one stands on line 1 already), found `x`",
        ),
        ("exit exit", "line 1, column 6: expected the end of the line, found `exit`"),
        (
            "r1 = *(u8 *)(r2 +40000)",
            "line 1, column 17: expected an offset from -32768 to 32767, found 40000",
        ),
        (
            "r1 = 0xffffffff",
            "line 1, column 6: expected a number from -2147483648 to 2147483647 (`rN = NUMBER ll` loads 64 bits), found 4294967295",
        ),
        ("r1 = 0x", "line 1, column 6: expected hexadecimal digits after 0x, found `0x`"),
        (
            "r1 = 99999999999999999999",
            "line 1, column 6: expected a number of at most 64 bits, found `99999999999999999999`",
        ),
        (
            "if r1 = 5 goto +1",
            "line 1, column 7: expected a comparison (==, !=, >, >=, <, <=, s>, s>=, s<, s<= or &), found `=`",
        ),
        ("if r1 == 5", "line 1, column 11: expected `goto`, found the end of the line"),
        ("r1 = be32 r2", "line 1, column 11: expected r1, the register on the left, found `r2`"),
        ("r1 = -r2", "line 1, column 7: expected r1, the register on the left, found `r2`"),
        ("w1 = (s32)w2", "line 1, column 7: expected s8 or s16, found `s32`"),
        (
            "r1 = *(u128 *)(r2 +0)",
            "line 1, column 8: expected an access type (u8, u16, u32, u64, s8, s16 or s32), found `u128`",
        ),
        ("r1 = 5 €", "line 1, column 8: expected a register, number, name or operator, found `€`"),
        (
            "/* é */ oops",
            "line 1, column 9: expected an instruction (a register, `*(`, if, goto, gotol, may_goto, call, callx, lock, store_release, exit), found `oops`",
        ),
        (
            ".byte 1, 2, 3",
            "line 1, column 14: expected `,` and more bytes: a slot has 8, found the end of the line",
        ),
        (".word 1", "line 1, column 1: expected `.raw` or `.byte`, found `.word`"),
        (
            "w0 = cmpxchg32_32(r1 + 8, w1, w3)",
            "line 1, column 27: expected w0, the register on the left, found `w1`",
        ),
        (
            "r1 = addr_space_cast(r2, 1, 1)",
            "line 1, column 26: expected address spaces 0, 1 or 1, 0, found 1, 1",
        ),
        (
            "lock *(u8 *)(r1 +0) += r2",
            "line 1, column 7: expected u32 or u64 in an atomic operation, found a narrower type",
        ),
    ];
    for (source, expected) in cases {
        assert_eq!(assemble(source).unwrap_err().to_string(), expected, "{source}");
    }
}

#[test]
fn near_jumps_do_not_reach_as_far_as_long_ones() {
    let far = |jump: &str| format!("{jump} end\n{}end: exit", "r0 = 0\n".repeat(40_000));
    let error = assemble(&far("goto")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 1, column 6: expected a target at most 32767 slots away (`gotol` reaches further), found +40000"
    );
    assert_eq!(assemble(&far("gotol")).unwrap()[0].imm, 40_000);
}
