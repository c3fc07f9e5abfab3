//! From bytes to `r0`: the engine, and the ELF reader in front of it.

use skep_isa::{ByteOrder, RawInsn, from_bytes};
use skep_object::Object;
use skep_vm::{Hook, Memory, Options, Program, ProgramSpec, Runtime};

use crate::args::Job;

/// What messages call the program.
const NAME: &str = "program";

/// The program's memory starts at a multiple of this many bytes.
const ALIGNMENT: usize = 16;

/// How many instructions a run may take: less than a second's worth, and far more than any program of the suite needs.
const BUDGET: u64 = 1 << 26;

/// Runs the program that the job's bytes hold, once.
pub(crate) fn run(job: &Job, bytes: &[u8]) -> Result<u64, String> {
    let insns = if job.elf { from_elf(bytes)? } else { from_slots(bytes)? };
    // Atomic operations need aligned addresses, which a vector of bytes does not promise.
    let mut buffer = vec![0; job.memory.len() + ALIGNMENT];
    let start = buffer.as_ptr().align_offset(ALIGNMENT);
    let memory = &mut buffer[start..start + job.memory.len()];
    memory.copy_from_slice(&job.memory);
    execute(insns, memory, job.debug)
}

/// The slots of a program given as such.
fn from_slots(bytes: &[u8]) -> Result<Vec<RawInsn>, String> {
    let insns = from_bytes(bytes, ByteOrder::NATIVE).map_err(|e| format!("{NAME}: {e}"))?;
    if insns.is_empty() {
        return Err(format!("{NAME}: expected instructions, found none"));
    }
    Ok(insns)
}

/// The first program of an object.
fn from_elf(bytes: &[u8]) -> Result<Vec<RawInsn>, String> {
    let object = Object::parse(NAME, bytes).map_err(|e| e.to_string())?;
    let program =
        object.programs.first().ok_or_else(|| format!("{NAME}: expected a program in the object"))?;
    Ok(program.insns.clone())
}

/// Loads and runs.
fn execute(insns: Vec<RawInsn>, memory: &mut [u8], debug: bool) -> Result<u64, String> {
    let runtime = Runtime::new(Options { budget: BUDGET, ..Options::default() });
    let spec = ProgramSpec { runtime, ..ProgramSpec::new(NAME, Hook::memory(), insns) };
    let program = Program::load(spec).map_err(|e| e.to_string())?;
    match program.run(&mut Memory::new(memory)) {
        Ok(outcome) => Ok(outcome.value),
        Err(fault) if debug => Err(fault.detailed().to_string()),
        Err(fault) => Err(fault.to_string()),
    }
}
