//! What a release did not know yet it refuses, and what it knew it accepts.

use skep_platform::{ProgramType, Release};
use skep_verifier::{Code, Input, verify};

/// The verdict's code on a release; `None` for accepted.
fn code(text: &str, release: Release) -> Option<Code> {
    let insns = skep_isa::text::assemble(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let mut input = Input::new(ProgramType::Xdp, insns);
    input.release = release;
    match verify(&input).verdict {
        skep_verifier::Verdict::Rejected(rejection) => Some(rejection.code),
        skep_verifier::Verdict::Verified(_) => None,
        skep_verifier::Verdict::Unsupported(what) => panic!("{text}: {what}"),
    }
}

#[test]
fn what_came_later_is_refused_before() {
    let after = Release::new;
    for (text, since, refused) in [
        ("r0 = 6\nr1 = 3\nr0 s/= r1\nexit", after(6, 6), Code::BadInstruction),
        ("r1 = 200\nr0 = (s8)r1\nexit", after(6, 6), Code::BadInstruction),
        ("r0 = 1\nr0 = bswap32 r0\nexit", after(6, 6), Code::BadInstruction),
        ("gotol out\nout: r0 = 1\nexit", after(6, 6), Code::BadInstruction),
        ("may_goto out\nout: r0 = 1\nexit", after(6, 9), Code::BadInstruction),
        (
            "*(u64 *)(r10 - 8) = 1\nr0 = load_acquire((u64 *)(r10 - 8))\nexit",
            after(6, 15),
            Code::BadInstruction,
        ),
        (
            "*(u64 *)(r10 - 8) = 1\nr1 = 2\nr1 = atomic64_fetch_add((u64 *)(r10 - 8), r1)\nr0 = 1\nexit",
            after(5, 12),
            Code::BadInstruction,
        ),
        ("r0 = *(u64 *)(r10 - 8)\nr0 = 1\nexit", after(6, 3), Code::StackUninitialised),
        (
            "r1 = *(u32 *)(r1 + 12)\nr1 &= 7\nr2 = r10\nr2 += -16\nr2 += r1\n*(u8 *)(r2 + 0) = 1\nr0 = 1\nexit",
            after(5, 12),
            Code::PointerArithmetic,
        ),
    ] {
        for release in Release::LONGTERM {
            let wanted = (release < since).then_some(refused);
            assert_eq!(code(text, release), wanted, "on {release}:\n{text}");
        }
    }
}

#[test]
fn a_form_that_is_unknown_is_no_matter_where_nobody_comes() {
    // Old kernels took signed division for a division with a field set that must be 0.
    let text = "r0 = 1\nif r0 == 1 goto out\nr0 s/= 3\nout: exit";
    assert_eq!(code(text, Release::V5_4), None);
    // An opcode that they did not know they refused at once.
    let text = "r0 = 1\nif r0 == 1 goto out\nr0 = bswap32 r0\nout: exit";
    assert_eq!(code(text, Release::V5_4), Some(Code::BadInstruction));
}
