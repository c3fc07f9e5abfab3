//! The forms that text may take: each line means the same as the line beside it.

use skep_isa::text::{AsmError, Names, assemble, assemble_with, disassemble};
use skep_isa::{Call, Imm64, Insn, RawInsn, decode};

/// How a one-line program is printed.
fn canonical(source: &str) -> Result<String, AsmError> {
    assemble(source)
        .map(|slots| disassemble(&slots).map(|line| line.to_string()).collect::<Vec<_>>().join(" / "))
}

#[test]
fn other_spellings_are_read_and_the_kernels_is_printed() {
    let cases = [
        // Logs, dumps and comments.
        ("12: (b7) r0 = 1                  ; R0_w=1", "r0 = 1"),
        ("  0:\tr6 = r2", "r6 = r2"),
        ("2: if r6 == 0x0 goto +0x4 <main_+0x38>", "if r6 == 0x0 goto pc+4"),
        ("3: (0f) r1 += r2 // sum", "r1 += r2"),
        ("exit # over", "exit"),
        ("exit#over", "exit"),
        ("/* one */ r0 = /* two */ 1 /* three", "r0 = 1"),
        // Numbers.
        ("r1 = -0x10", "r1 = -16"),
        ("w1 = 0xffffffff", "w1 = -1"),
        ("*(u32 *)(r1) = 0xfffffffe", "*(u32 *)(r1 +0) = -2"),
        ("if r1 s> 0xfffffffb goto +1", "if r1 s> 0xfffffffb goto pc+1"),
        ("r1 = -1 ll", "r1 = 0xffffffffffffffff ll"),
        ("r1 = 18446744073709551615 ll", "r1 = 0xffffffffffffffff ll"),
        // Memory.
        ("r2 = *(u8 *)(r1 + 0x4)", "r2 = *(u8 *)(r1 +4)"),
        ("w2 = *(u16*)(r1 - 4)", "r2 = *(u16 *)(r1 -4)"),
        ("*(u32 *)(r1 +4)=w2", "*(u32 *)(r1 +4) = r2"),
        ("r0 = *(u16 *)skb[r1 - 4]", "r0 = *(u16 *)skb[r1 + -4]"),
        ("r0 = *(u16 *)skb[r1]", "r0 = *(u16 *)skb[r1 + 0]"),
        // Atomics.
        ("lock *(u32 *)(r1 + 0) += w2", "lock *(u32 *)(r1 +0) += r2"),
        ("r2 = atomic_fetch_add((u64 *)(r1 + 0x0), r2)", "r2 = atomic64_fetch_add((u64 *)(r1 +0), r2)"),
        ("w2 = atomic_fetch_xor((u32 *)(r1 + 4), w2)", "r2 = atomic_fetch_xor((u32 *)(r1 +4), r2)"),
        ("r3 = xchg_64(r1 + 8, r3)", "r3 = atomic64_xchg((u64 *)(r1 +8), r3)"),
        ("w0 = cmpxchg32_32(r1 + 8, w0, w3)", "r0 = atomic_cmpxchg((u32 *)(r1 +8), r0, r3)"),
        ("w2 = load_acquire((u8 *)(r1 + 1))", "r2 = load_acquire((u8 *)(r1 +1))"),
        ("store_release((u16 *)(r1 + 1), w2)", "store_release((u16 *)(r1 +1), r2)"),
        // Two-slot loads and calls.
        ("r1 = map_fd_value[3]", "r1 = map_fd_value[3]+0"),
        ("r1 = map_idx_value[2] + 0x10", "r1 = map_idx_value[2]+16"),
        ("r1 = btf_id[9,1]", "r1 = btf_id[9, 1]"),
        ("r1 = func[pc+5]", "r1 = func[+5]"),
        ("call bpf_map_lookup_elem#1", "call 1"),
        ("call whatever#kfunc[7]", "call kfunc[7]"),
        ("call whatever#pc+7", "call pc+7"),
        ("call +7", "call 7"),
        (".byte 0x95,0,0,0,0,0,0,0,  0xb7,0,0,0,1,0,0,0", "exit / r0 = 1"),
        (".raw 0xff, 15, 15, -1, 0xffffffff", ".raw 0xff, 15, 15, -1, -1"),
    ];
    for (source, printed) in cases {
        assert_eq!(canonical(source).as_deref(), Ok(printed), "{source}");
    }
}

#[test]
fn labels_count_from_the_slot_after_the_first_of_the_instruction() {
    let source = "
        start: r1 = 5 ll        /* two slots,
                                   which labels have to count */
        loop:  r1 += -1
               if r1 != 0 goto loop
               r2 = func[callback]
               call callback
               goto out; never back
               may_goto start
        out:   exit
        callback: aka: exit
        end:";
    let assembly = assemble_with(source, &()).unwrap();
    let insns: Vec<Insn> =
        disassemble(&assembly.slots).map(|line| line.insn.expect("all instructions")).collect();
    assert_eq!(insns[2].jump_offset(), Some(-2));
    assert_eq!(insns[3].call_target(4), Some(10));
    assert_eq!(insns[4].call_target(6), Some(10));
    assert_eq!(insns[5].jump_target(7), Some(9));
    assert_eq!(insns[6].jump_target(8), Some(0));
    assert_eq!(assembly.labels["loop"], 2);
    assert_eq!(assembly.labels["aka"], 10);
    assert_eq!(assembly.labels["end"], 11);
    assert_eq!(assembly.lines, [2, 2, 4, 5, 6, 6, 7, 8, 9, 10, 11]);
}

/// Knows one helper and one kernel function.
struct Known;

impl Names for Known {
    fn name(&self, call: Call) -> Option<String> {
        match call {
            Call::Helper(5) => Some("bpf_ktime_get_ns".into()),
            Call::Kfunc { id: 70, .. } => Some("bpf_throw".into()),
            _ => None,
        }
    }

    fn call(&self, name: &str) -> Option<Call> {
        match name {
            "bpf_ktime_get_ns" => Some(Call::Helper(5)),
            "bpf_throw" => Some(Call::Kfunc { id: 70, module: 0 }),
            _ => None,
        }
    }
}

#[test]
fn calls_by_name_prefer_labels_and_come_back() {
    let assembly =
        assemble_with("call bpf_ktime_get_ns\ncall bpf_throw\ncall bpf_sub\nbpf_sub: exit", &Known).unwrap();
    let text: Vec<String> = disassemble(&assembly.slots)
        .map(|line| line.insn.expect("all instructions").named(&Known).to_string())
        .collect();
    assert_eq!(text, ["call bpf_ktime_get_ns#5", "call bpf_throw#kfunc[70]", "call pc+0", "exit"]);
    assert_eq!(assemble(&text.join("\n")), Ok(assembly.slots));

    let shadowed = assemble_with("call bpf_throw\nbpf_throw: exit", &Known).unwrap();
    assert_eq!(decode(&shadowed.slots, 0), Ok(Insn::Call(Call::Local(0))));
}

#[test]
fn hand_made_instructions_without_an_encoding_become_equals_or_are_refused() {
    use skep_isa::{AtomicOp, Reg, Size, Width};
    let wide = Insn::Load { size: Size::Dw, signed: true, dst: Reg::R1, src: Reg::R2, off: 4 };
    assert!(!wide.is_encodable());
    assert_eq!(decode(wide.encode().as_slice(), 0).unwrap().to_string(), "r1 = *(u64 *)(r2 +4)");
    let far = Insn::Jump { off: 100_000, long: false };
    assert_eq!(decode(far.encode().as_slice(), 0), Ok(Insn::Jump { off: 100_000, long: true }));
    let same = Insn::MovSx { width: Width::W32, from: Size::W, dst: Reg::R1, src: Reg::R2 };
    assert_eq!(decode(same.encode().as_slice(), 0).unwrap().to_string(), "w1 = w2");
    let narrow = Insn::Atomic {
        op: AtomicOp::Add { fetch: false },
        size: Size::B,
        dst: Reg::R1,
        off: 0,
        src: Reg::R2,
    };
    assert!(decode(narrow.encode().as_slice(), 0).is_err());
}

/// The registers of a set, as digits.
fn digits(set: skep_isa::RegSet) -> String {
    set.iter().map(|reg| reg.number().to_string()).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_instructions_read_and_write() {
    let cases = [
        ("r1 = r2", "1", "2"),
        ("r1 = 5", "1", ""),
        ("r1 += r2", "1", "1 2"),
        ("r1 += 2", "1", "1"),
        ("r1 = -r1", "1", "1"),
        ("r1 = be16 r1", "1", "1"),
        ("r1 = (s8)r2", "1", "2"),
        ("r1 = 5 ll", "1", ""),
        ("r1 = *(u8 *)(r2 +0)", "1", "2"),
        ("*(u8 *)(r1 +0) = r2", "", "1 2"),
        ("*(u8 *)(r1 +0) = 2", "", "1"),
        ("lock *(u64 *)(r1 +0) += r2", "", "1 2"),
        ("r2 = atomic64_fetch_add((u64 *)(r1 +0), r2)", "2", "1 2"),
        ("r2 = atomic64_xchg((u64 *)(r1 +0), r2)", "2", "1 2"),
        ("r0 = atomic64_cmpxchg((u64 *)(r1 +0), r0, r2)", "0", "0 1 2"),
        ("r1 = load_acquire((u32 *)(r2 +0))", "1", "2"),
        ("store_release((u32 *)(r1 +0), r2)", "", "1 2"),
        ("r0 = *(u8 *)skb[0]", "0 1 2 3 4 5", "6"),
        ("r0 = *(u8 *)skb[r9 + 0]", "0 1 2 3 4 5", "6 9"),
        ("goto +0", "", ""),
        ("if r1 > r2 goto +0", "", "1 2"),
        ("if w1 > 2 goto +0", "", "1"),
        ("may_goto +0", "", ""),
        ("call 1", "0 1 2 3 4 5", "1 2 3 4 5"),
        ("callx r7", "0 1 2 3 4 5", "1 2 3 4 5 7"),
        ("exit", "", "0"),
    ];
    for (source, defs, uses) in cases {
        let insn = decode(&assemble(source).unwrap(), 0).unwrap();
        assert_eq!((digits(insn.defs()).as_str(), digits(insn.uses()).as_str()), (defs, uses), "{source}");
        let ends = matches!(source, "exit" | "goto +0");
        assert_eq!(insn.is_terminator(), ends, "{source}");
    }
    assert_eq!(Insn::Jump { off: -2, long: false }.jump_target(0), None);
    let callback = Insn::LoadImm64 { dst: skep_isa::Reg::R1, value: Imm64::Func(3) };
    assert_eq!(callback.call_target(usize::MAX), None);
}

#[test]
fn empty_sources_and_programs() {
    assert_eq!(assemble(""), Ok(Vec::<RawInsn>::new()));
    assert_eq!(assemble("\n; nothing\n\n/* still\nnothing */"), Ok(Vec::new()));
    assert_eq!(disassemble(&[]).count(), 0);
}
