//! Programs in text, run on plain memory.

use skep_vm::{FaultKind, Hook, Memory, Program, ProgramSpec};

fn run(text: &str, memory: &mut [u8]) -> Result<u64, skep_vm::Fault> {
    let insns = skep_isa::text::assemble(text).expect("assembles");
    let program = Program::load(ProgramSpec::new("test", Hook::memory(), insns)).expect("loads");
    program.run(&mut Memory::new(memory)).map(|o| o.value)
}

#[test]
fn sums_memory() {
    let text = "
        r0 = 0
        r2 += r1
    loop:
        if r1 == r2 goto done
        r3 = *(u8 *)(r1 + 0)
        r0 += r3
        r1 += 1
        goto loop
    done:
        exit
    ";
    assert_eq!(run(text, &mut [1, 2, 3, 4]).unwrap(), 10);
}

#[test]
fn leaves_memory() {
    let fault = run("r0 = *(u32 *)(r1 + 2)\nexit", &mut [0; 4]).unwrap_err();
    assert_eq!(fault.kind, FaultKind::OutOfBounds);
    assert_eq!(
        fault.to_string(),
        "test: insn 0 (r0 = *(u32 *)(r1 +2)): 4-byte load through r1 ends 2 bytes past the end of 4 bytes of the application's"
    );
}
