//! Running a program once, on a context that is plain memory.

use skep_vm::{Fault, Memory, Outcome, Program};

/// Runs a program whose context is memory (a syscall program's, a test's): `r1` points to `bytes`, which it may change.
///
/// # Errors
/// The fault, when it breaks a rule.
pub fn run_on_bytes(program: &Program, bytes: &mut [u8]) -> Result<Outcome, Fault> {
    program.run(&mut Memory::new(bytes))
}

/// Runs a raw tracepoint's program on its arguments.
///
/// # Errors
/// The fault, when it breaks a rule.
pub fn run_on_arguments(program: &Program, arguments: &[u64]) -> Result<Outcome, Fault> {
    let mut bytes: Vec<u8> = arguments.iter().flat_map(|argument| argument.to_ne_bytes()).collect();
    run_on_bytes(program, &mut bytes)
}
