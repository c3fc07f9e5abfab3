//! What counts as an instruction: our decoder against the live kernel's verifier, over every opcode and a grid of fields.
//!
//! The kernel looks at more than the encoding, so its verdicts are sorted by what they say: a program that we decode may
//! be refused for what it does, but never for how it is spelled.

use skep_isa::{Insn, RawInsn, decode};
use skep_linux::{live_bpf, prog_load_simple};
use skep_platform::{ProgramType, Release};

/// Words of the verifier's verdicts on how an instruction is spelled.
const SPELLING: [&str; 7] = [
    "uses reserved fields",
    "unknown opcode",
    "is invalid",
    "invalid atomic",
    "invalid may_goto",
    "unrecognized bpf_ld_imm64",
    "can only convert between address space",
];

const fn slot(code: u8, dst: u8, src: u8, off: i16, imm: i32) -> RawInsn {
    RawInsn { code, dst, src, off, imm }
}

/// The slot under test among others that give every register a value, let short jumps land, and end the program.
fn around(tested: RawInsn) -> Vec<RawInsn> {
    // r6 keeps the context for packet loads, r0 to r2 are numbers.
    let mut program =
        vec![slot(0xbf, 6, 1, 0, 0), slot(0xb7, 0, 0, 0, 1), slot(0xb7, 1, 0, 0, 1), slot(0xb7, 2, 0, 0, 1)];
    program.push(tested);
    if tested.code == 0x18 {
        program.push(RawInsn::default());
    }
    program.extend([slot(0xb7, 0, 0, 0, 0); 24]);
    program.push(slot(0x95, 0, 0, 0, 0));
    program
}

/// Where we differ from Linux, knowingly.
fn differs_on_purpose(tested: RawInsn) -> bool {
    // Linux does not look at the offset of `exit`; RFC 9669 reserves it.
    let exit = tested.code == 0x95 && tested.off != 0;
    // clang emits `callx`, so it is decoded; Linux does not know it.
    let callx = matches!(decode(&[tested], 0), Ok(Insn::CallReg(_)));
    exit || callx
}

#[test]
fn the_decoder_and_the_kernel_agree_on_every_opcode_and_field() {
    const NAME: &str = "the_decoder_and_the_kernel_agree_on_every_opcode_and_field";
    match live_bpf() {
        Ok(Release::LATEST) => {}
        Ok(older) => {
            return eprintln!("SKIPPED {NAME}: the running kernel is {older}, the decoder knows 6.18");
        }
        Err(why) => return eprintln!("SKIPPED {NAME}: {why}"),
    }
    let mut wrong = Vec::new();
    let mut asked = 0;
    for code in 0..=u8::MAX {
        for (dst, src) in [(0, 0), (1, 0), (0, 1), (1, 2), (11, 0), (0, 11)] {
            for (off, imm) in
                [0, 1, 8].into_iter().flat_map(|off| [0, 1, 16, 0xe1, 0x100].map(|imm| (off, imm)))
            {
                let tested = slot(code, dst, src, off, imm);
                if differs_on_purpose(tested) {
                    continue;
                }
                let program = around(tested);
                let ours = decode(&program, 4);
                let kernel = prog_load_simple(ProgramType::SocketFilter, &program, "GPL");
                asked += 1;
                let agreed = match (&ours, &kernel) {
                    (_, Err(refused)) if refused.is_policy() => true,
                    (Ok(_), Ok(_)) => true,
                    (Ok(_), Err(refused)) => !SPELLING.iter().any(|words| refused.verdict().contains(words)),
                    (Err(_), kernel) => kernel.is_err(),
                };
                if !agreed {
                    let kernel =
                        kernel.err().map_or("accepted".to_owned(), |refused| refused.verdict().to_owned());
                    wrong.push(format!("{tested:?}: {ours:?}; the kernel: {kernel}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {asked} differ:\n{}", wrong.len(), wrong.join("\n"));
}
