//! Generated programs in the live kernel.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use skep_fuzz::generate::{Generated, MapWanted, function_types};
use skep_fuzz::user::Ran;
use skep_isa::RawInsn;
use skep_linux::{
    LoadRefused, LoadRequest, MapRequest, RunRequest, btf_load, map_create, map_lookup, map_next_key,
    prog_load, prog_test_run,
};
use skep_platform::{Errno, ProgramType};

/// Why the kernel has no result.
#[derive(Debug)]
pub enum Refused {
    /// The verifier does not accept the program.
    Load(LoadRefused),
    /// Another call failed.
    Call(&'static str, Errno),
}

/// The opcode of `lddw`.
const LDDW: u8 = 0x18;

/// The log level of the verifier's figures alone: no walk is written down, which would take most of the time.
const STATISTICS: u32 = 4;

/// Pseudo sources of `lddw`: a map by index becomes a map by file descriptor.
const BY_INDEX: u8 = 5;
const BY_FD: u8 = 1;

/// Loads a program for XDP and runs it once on its packet.
///
/// # Errors
/// When the kernel refuses any of it.
pub fn run(program: &Generated) -> Result<Ran, Refused> {
    let maps: Vec<OwnedFd> = program.maps.iter().map(create).collect::<Result<_, _>>()?;
    let insns = with_maps(&program.insns, &maps);
    let loaded = prog_load(&LoadRequest::new(ProgramType::Xdp, &insns)).map_err(Refused::Load)?;
    let request = RunRequest { data: Some(&program.packet), ..RunRequest::default() };
    let result = prog_test_run(loaded.as_fd(), &request).map_err(|e| Refused::Call("test run", e))?;
    let maps =
        maps.iter().zip(program.maps).map(|(fd, wanted)| contents(fd, wanted)).collect::<Result<_, _>>()?;
    Ok(Ran { value: result.ret, packet: result.data, maps })
}

/// The maps of a program; the same will do for all programs with the same maps.
///
/// # Errors
/// When the kernel refuses one.
pub fn maps(program: &Generated) -> Result<Vec<OwnedFd>, Refused> {
    program.maps.iter().map(create).collect()
}

/// Whether the kernel's verifier takes the program; if not, its last words.
///
/// # Errors
/// Those words.
pub fn verdict(program: &Generated, maps: &[OwnedFd]) -> Result<(), String> {
    let insns = with_maps(&program.insns, maps);
    let (types, functions) = function_types(&program.insns);
    let btf = btf_load(&types).map_err(|errno| format!("types: {errno}"))?;
    let records = functions.iter().flat_map(|(start, id)| [*start as u32, *id]);
    let func_info: Vec<u8> = records.flat_map(u32::to_ne_bytes).collect();
    let request = LoadRequest {
        log_level: STATISTICS,
        btf: Some(btf.as_fd()),
        func_info: &func_info,
        ..LoadRequest::new(ProgramType::Xdp, &insns)
    };
    match prog_load(&request) {
        Ok(_) => Ok(()),
        Err(refused) => {
            let words =
                |line: &&str| !line.starts_with("processed ") && !line.starts_with("verification time");
            let words = refused.log.lines().rev().filter(|line| !line.starts_with("stack depth")).find(words);
            Err(words.unwrap_or("no words").to_owned())
        }
    }
}

fn create(wanted: &MapWanted) -> Result<OwnedFd, Refused> {
    let request =
        MapRequest::new(wanted.kind.map_type(), wanted.key_size, wanted.value_size, wanted.max_entries);
    map_create(&request).map_err(|e| Refused::Call("map creation", e))
}

/// The program with file descriptors in the place of map indices.
fn with_maps(insns: &[RawInsn], maps: &[OwnedFd]) -> Vec<RawInsn> {
    let mut insns = insns.to_vec();
    for slot in &mut insns {
        if slot.code == LDDW && slot.src == BY_INDEX {
            slot.src = BY_FD;
            // A changed program may name a map that is not there; nothing is behind this number.
            slot.imm = maps.get(slot.imm as usize).map_or(i32::MAX, |map| map.as_raw_fd());
        }
    }
    insns
}

fn contents(map: &OwnedFd, wanted: &MapWanted) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, Refused> {
    let mut found = BTreeMap::new();
    let mut key: Option<Vec<u8>> = None;
    loop {
        let next = map_next_key(map.as_fd(), key.as_deref(), wanted.key_size as usize);
        let Some(next) = next.map_err(|e| Refused::Call("next key", e))? else { return Ok(found) };
        let value = map_lookup(map.as_fd(), &next, wanted.value_size as usize);
        found.insert(next.clone(), value.map_err(|e| Refused::Call("look-up", e))?);
        key = Some(next);
    }
}
