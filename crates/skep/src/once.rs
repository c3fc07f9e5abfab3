//! Running a program once, on a context that is no packet.

use std::sync::Arc;

use skep_platform::ProgramType;
use skep_vm::net::{Environment, SkLookupContext, Tuple};
use skep_vm::{Fault, Memory, Outcome, Program, RawTracepoint, Syscall};

/// Runs a program on bytes: the context of a `syscall` program, or for programs of no Linux type memory that `r1` points to and
/// whose length is in `r2`. The program may change them.
///
/// # Errors
/// The fault, when it breaks a rule.
pub fn run_on_bytes(program: &Program, bytes: &mut [u8]) -> Result<Outcome, Fault> {
    match program.hook().program_type() {
        Some(ProgramType::Syscall) => program.run(&mut Syscall::new(bytes)),
        _ => program.run(&mut Memory::new(bytes)),
    }
}

/// Runs a raw tracepoint's program on its arguments, of which it sees the first [`RawTracepoint::MAX_ARGS`].
///
/// # Errors
/// The fault, when it breaks a rule.
pub fn run_on_arguments(program: &Program, arguments: &[u64]) -> Result<Outcome, Fault> {
    program.run(&mut RawTracepoint::new(arguments))
}

/// Runs a program that chooses the socket for a connection or datagram that arrives. Beside the outcome, the number of the
/// socket it chose in the environment's table.
///
/// # Errors
/// The fault, when it breaks a rule.
pub fn run_on_lookup(
    program: &Program,
    environment: Arc<Environment>,
    tuple: Tuple,
) -> Result<(Outcome, Option<usize>), Fault> {
    let mut context = SkLookupContext::new(environment, tuple);
    let outcome = program.run(&mut context)?;
    Ok((outcome, context.selected))
}
