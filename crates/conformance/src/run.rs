//! From bytes to `r0`: the engine, and the ELF reader in front of it.

use skep_isa::{ByteOrder, from_bytes};
use skep_maps::{Map, MapSpec};
use skep_object::{MapDef, Object};
use skep_platform::MapFlags;
use skep_vm::{Hook, Memory, Options, Program, ProgramSpec, Runtime, Strictness};

use crate::args::Job;

/// What messages call the program.
const NAME: &str = "program";

/// The program's memory starts at a multiple of this many bytes.
const ALIGNMENT: usize = 16;

/// How many instructions a run may take: less than a second's worth, and far more than any program of the suite needs.
const BUDGET: u64 = 1 << 26;

/// Runs the program that the job's bytes hold, once.
pub(crate) fn run(job: &Job, bytes: &[u8]) -> Result<u64, String> {
    let spec = if job.elf { from_elf(bytes)? } else { from_slots(bytes)? };
    // Atomic operations need aligned addresses, which a vector of bytes does not promise.
    let mut buffer = vec![0; job.memory.len() + ALIGNMENT];
    let start = buffer.as_ptr().align_offset(ALIGNMENT);
    let memory = &mut buffer[start..start + job.memory.len()];
    memory.copy_from_slice(&job.memory);
    execute(spec, memory, job.debug)
}

/// A program given as its slots.
fn from_slots(bytes: &[u8]) -> Result<ProgramSpec, String> {
    let insns = from_bytes(bytes, ByteOrder::NATIVE).map_err(|e| format!("{NAME}: {e}"))?;
    if insns.is_empty() {
        return Err(format!("{NAME}: expected instructions, found none"));
    }
    Ok(ProgramSpec::new(NAME, Hook::memory(), insns))
}

/// The first program of an object, with the object's maps.
///
/// The suite's objects hold plain maps and no holes for a kernel to fill, so there is nothing of the machine to ask:
/// a program that still refers to something outside is refused when it is loaded.
fn from_elf(bytes: &[u8]) -> Result<ProgramSpec, String> {
    let object = Object::parse(NAME, bytes).map_err(|e| e.to_string())?;
    if object.order != ByteOrder::NATIVE {
        return Err(format!("{NAME}: expected an object in this machine's byte order, found the other"));
    }
    let program =
        object.programs.first().ok_or_else(|| format!("{NAME}: expected a program in the object"))?;
    let maps = object.maps.iter().map(map).collect::<Result<_, _>>()?;
    Ok(ProgramSpec { maps, ..ProgramSpec::new(&program.name, Hook::memory(), program.insns.clone()) })
}

/// A map as its definition has it, with its contents.
fn map(definition: &MapDef) -> Result<Map, String> {
    let MapDef { map_type, key_size, value_size, max_entries, flags, extra, .. } = *definition;
    let spec = MapSpec::new(map_type, key_size, value_size, max_entries)
        .named(definition.name.clone())
        .with_flags(MapFlags(flags))
        .with_extra(extra);
    let refused = |why: String| format!("{NAME}: map {}: {why}", definition.name);
    let map = Map::create(spec).map_err(|e| refused(e.to_string()))?;
    if !definition.initial.is_empty() {
        // Global variables are an array of one value.
        map.update(&0_u32.to_ne_bytes(), &definition.initial, 0).map_err(|e| refused(e.to_string()))?;
    }
    Ok(map)
}

/// Loads and runs.
fn execute(spec: ProgramSpec, memory: &mut [u8], debug: bool) -> Result<u64, String> {
    let runtime =
        Runtime::new(Options { budget: BUDGET, strictness: Strictness::Runtime, ..Options::default() });
    let program = Program::unproved(ProgramSpec { runtime, ..spec }).map_err(|e| e.to_string())?;
    match program.run(&mut Memory::new(memory)) {
        Ok(outcome) => Ok(outcome.value),
        Err(fault) if debug => Err(fault.detailed().to_string()),
        Err(fault) => Err(fault.to_string()),
    }
}
