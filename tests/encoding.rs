//! What counts as an instruction: our decoder against the live kernel's verifier, over every opcode and a grid of fields.
//!
//! The kernel looks at more than the encoding, so its verdicts are sorted by what they say: a program that we decode may
//! be refused for what it does, but never for how it is spelled.

use skep_isa::text::{assemble, disassemble};
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

/// Instructions that the verifier goes through one after another: each form of text at least once.
const STRAIGHT: &str = "
    r6 = r1
    r1 = 5
    r2 = -7
    w3 = 9
    w4 = w1
    r5 = r2
    *(u64 *)(r10 - 8) = 1
    *(u64 *)(r10 - 16) = r1
    *(u32 *)(r10 - 16) = -3
    *(u16 *)(r10 - 18) = r2
    *(u8 *)(r10 - 19) = 255
    r7 = *(u64 *)(r10 - 8)
    r7 = *(u32 *)(r10 - 16)
    r7 = *(u16 *)(r10 - 18)
    r7 = *(u8 *)(r10 - 19)
    r7 = *(s32 *)(r10 - 16)
    r7 = *(s16 *)(r10 - 18)
    r7 = *(s8 *)(r10 - 19)
    r7 = *(u32 *)(r6 + 4)
    r1 += r2
    r1 -= 3
    r1 *= r2
    r1 /= 3
    r1 s/= r2
    r1 s/= -3
    r1 %= 3
    r1 s%= 3
    r1 |= r2
    r1 &= 0x7fffffff
    r1 ^= -1
    r1 <<= 3
    r1 >>= r3
    r1 s>>= 3
    w1 += w2
    w1 -= 3
    w1 *= w2
    w1 /= 3
    w1 s/= w2
    w1 %= 3
    w1 s%= -3
    w1 |= w2
    w1 &= 255
    w1 ^= -1
    w1 <<= 3
    w1 >>= w3
    w1 s>>= 3
    r1 = -r1
    w1 = -w1
    r1 = (s8)r2
    r1 = (s16)r2
    r1 = (s32)r2
    w1 = (s8)w2
    w1 = (s16)w2
    r1 = be16 r1
    r1 = be32 r1
    r1 = be64 r1
    r1 = le16 r1
    r1 = bswap16 r1
    r1 = bswap32 r1
    r1 = bswap64 r1
    lock *(u64 *)(r10 - 8) += r1
    lock *(u32 *)(r10 - 8) |= r1
    lock *(u64 *)(r10 - 8) &= r1
    lock *(u64 *)(r10 - 8) ^= r1
    r1 = atomic64_fetch_add((u64 *)(r10 - 8), r1)
    r1 = atomic_fetch_or((u32 *)(r10 - 8), r1)
    r1 = atomic64_fetch_and((u64 *)(r10 - 8), r1)
    r1 = atomic_fetch_xor((u32 *)(r10 - 8), r1)
    r1 = atomic64_xchg((u64 *)(r10 - 8), r1)
    r1 = atomic_xchg((u32 *)(r10 - 8), r1)
    r0 = 3
    r0 = atomic64_cmpxchg((u64 *)(r10 - 8), r0, r1)
    r0 = atomic_cmpxchg((u32 *)(r10 - 8), r0, r1)
    r1 = load_acquire((u64 *)(r10 - 8))
    r1 = load_acquire((u32 *)(r10 - 8))
    store_release((u64 *)(r10 - 8), r3)
    store_release((u16 *)(r10 - 8), r3)
    r1 = 5
    r2 = -7
    if r1 == 6 goto +0
    if r1 != r2 goto +0
    if r1 > -1 goto +0
    if r1 >= 6 goto +0
    if r1 < r2 goto +0
    if r1 <= 6 goto +0
    if r1 & 8 goto +0
    if r1 s> r2 goto +0
    if r1 s>= -7 goto +0
    if r1 s< 6 goto +0
    if r1 s<= 6 goto +0
    if w1 == w2 goto +0
    if w1 s> -3 goto +0
    goto +0
    gotol +0
    may_goto +0
    r0 = *(u32 *)skb[12]
    r0 = *(u16 *)skb[r7 + 2]
    r0 = *(u8 *)skb[-4096]
    r0 = *(u8 *)(r0 + 0)
    exit
";

#[test]
fn what_the_verifier_logs_is_what_we_print() {
    const NAME: &str = "what_the_verifier_logs_is_what_we_print";
    match live_bpf() {
        Ok(Release::LATEST) => {}
        Ok(older) => return eprintln!("SKIPPED {NAME}: the running kernel is {older}, the text is of 6.18"),
        Err(why) => return eprintln!("SKIPPED {NAME}: {why}"),
    }
    // The last load has no pointer: a program that is refused leaves its log.
    let program = assemble(STRAIGHT).expect("the source is in the grammar");
    let refused =
        prog_load_simple(ProgramType::SocketFilter, &program, "GPL").expect_err("a number is no pointer");
    let mut differing = Vec::new();
    let mut seen = 0;
    for line in disassemble(&program) {
        let prefix = format!("{}: (", line.at);
        // `12: (b7) r0 = 1        ; R0=1`
        let logged = refused.log.lines().find_map(|text| text.strip_prefix(&prefix)?.split_once(") "));
        let Some((_, logged)) = logged else { continue };
        let logged = logged.split(';').next().unwrap_or_default().trim_end();
        seen += 1;
        if logged != line.to_string() {
            differing.push(format!("{}: the kernel prints `{logged}`, we print `{line}`", line.at));
        }
        assert_eq!(assemble(logged).as_deref(), Ok(&program[line.at..=line.at]), "{logged}");
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    // Behind a jump of no length may lie a path the verifier prunes; all but a handful are walked.
    assert!(seen + 5 > program.len(), "{seen} of {} lines seen:\n{}", program.len(), refused.log);
}
