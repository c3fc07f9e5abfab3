//! Instructions and their text.

use skep_isa::{ByteOrder, RawInsn, decode, from_bytes, text, to_bytes};

use crate::Target;
use crate::generate::{Features, xdp};
use crate::rng::Rng;

/// What decodes encodes to the same slots.
pub(super) const DECODE: Target = Target {
    name: "isa_decode",
    about: "instructions: decode, encode, print",
    run: decode_any,
    seeds: programs,
    words: &[],
    inputs: 100_000,
    max_len: 8192,
};

fn decode_any(data: &[u8]) {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let Ok(slots) = from_bytes(data, order) else { continue };
        assert_eq!(to_bytes(&slots, order), data, "the bytes come back");
        decode_slots(&slots);
        for line in text::disassemble(&slots) {
            let _ = line.to_string();
        }
    }
}

fn decode_slots(slots: &[RawInsn]) {
    for at in 0..slots.len() {
        match decode(slots, at) {
            Ok(insn) => {
                let end = at + insn.slots();
                assert_eq!(insn.encode().as_slice(), &slots[at..end], "{insn} at {at} encodes as it was");
            }
            Err(e) => assert!(!e.to_string().is_empty()),
        }
    }
}

/// A few generated programs, which between them hold most kinds of instructions.
pub(super) fn programs() -> Vec<Vec<u8>> {
    (0..16)
        .map(|index| {
            let program = xdp(&mut Rng::new(3, index), Features::ALL);
            to_bytes(&program.insns, ByteOrder::Little)
        })
        .collect()
}

/// Any text is a program or a one-line error; what a program prints assembles to itself.
pub(super) const ASM: Target = Target {
    name: "isa_asm",
    about: "assembly: any text; printed programs assemble to themselves",
    run: assemble_any,
    seeds: sources,
    words: &[
        "r0",
        "w1",
        "r10",
        "=",
        "+=",
        "s/=",
        "s>>=",
        " ",
        "\n",
        ";",
        ":",
        "goto ",
        "gotol ",
        "if ",
        "exit",
        "call ",
        "lock ",
        "*(u64 *)(",
        ")",
        "ll",
        "0x",
        "-1",
        "label:",
        "be16 ",
        "bswap64 ",
        "may_goto ",
        ".raw ",
        "99999999999999999999",
        "//",
        "map[",
        "fd ",
        "addr_space_cast(",
        "load_acquire(",
        "é",
    ],
    inputs: 60_000,
    max_len: 8192,
};

fn assemble_any(data: &[u8]) {
    let source = String::from_utf8_lossy(data);
    let slots = match text::assemble(&source) {
        Ok(slots) => slots,
        Err(e) => {
            assert!(!e.to_string().contains('\n'), "an error is one line: {e}");
            return;
        }
    };
    let printed: String = text::disassemble(&slots).map(|line| format!("{line}\n")).collect();
    let again = text::assemble(&printed).unwrap_or_else(|e| panic!("{e} in what was printed:\n{printed}"));
    assert_eq!(again, slots, "printed:\n{printed}");
}

/// Generated programs as text.
fn sources() -> Vec<Vec<u8>> {
    (0..8)
        .map(|index| {
            let features = Features { statements: 6, ..Features::ALL };
            let program = xdp(&mut Rng::new(5, index), features);
            let text: String = text::disassemble(&program.insns).map(|line| format!("{line}\n")).collect();
            text.into_bytes()
        })
        .collect()
}
