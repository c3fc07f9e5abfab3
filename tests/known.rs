//! Programs on which skep and Linux differ, and Linux is at fault.

use skep_fuzz::generate::Generated;
use skep_fuzz::user;
use skep_isa::text::assemble;
use skep_linux::live_bpf;
use skep_tests::kernel;

fn program(source: &str) -> Generated {
    let insns = assemble(source).unwrap_or_else(|e| panic!("{e}\n{source}"));
    Generated { insns, maps: &[], packet: vec![0; 64] }
}

/// The upper half of r0 after a 32-bit compare-and-exchange that finds what it compares with. r0 and the memory begin with the
/// same lower half, so the exchange takes place; an instruction with a 32-bit result clears the upper half of its register.
fn compare_and_exchange(before: &str) -> Generated {
    program(&format!(
        "r6 = *(u32 *)(r1 + 0)
         r7 = *(u32 *)(r1 + 4)
         r2 = r6
         r2 += 14
         r0 = 1
         if r2 > r7 goto out
         r3 = *(u8 *)(r6 + 0)
         r1 = 7
         r0 = 0xd20934a582bae364 ll
         *(u64 *)(r10 - 8) = r0
         {before}
         r0 = atomic_cmpxchg((u32 *)(r10 - 8), r0, r1)
         join:
         r0 >>= 32
         out:
         exit"
    ))
}

/// The packet begins with a zero byte, so the exchange happens in both programs. In the second, Linux's verifier reaches `join` first without it, finds the state at `join` the same the second time, and does
/// not look further: that is how it forgets that the upper half is read and leaves the clearing out. x86-64 does not clear it.
#[test]
fn an_exchange_clears_the_upper_half() {
    let straight = compare_and_exchange("");
    let joined = compare_and_exchange("if r3 == 0 goto do\n goto join\n do:");
    for program in [&straight, &joined] {
        assert_eq!(user::run(program).expect("runs").value, 0);
    }
    if let Err(why) = live_bpf() {
        eprintln!("SKIPPED an_exchange_clears_the_upper_half: {why}");
        return;
    }
    let kernel = |program| kernel::run(program).map(|ran| ran.value).expect("Linux takes the program");
    assert_eq!(kernel(&straight), 0);
    // 0 where the fault is mended, the old upper half where it is not.
    let joined = kernel(&joined);
    println!("Linux leaves {joined:#x}");
    assert!(joined == 0 || joined == 0xd209_34a5, "{joined:#x}");
}
