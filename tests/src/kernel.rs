//! Generated programs in the live kernel.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use skep_fuzz::generate::{Generated, MapKind, MapWanted};
use skep_fuzz::user::Ran;
use skep_isa::RawInsn;
use skep_linux::{
    LoadRefused, LoadRequest, MapRequest, RunRequest, map_create, map_lookup, map_next_key, prog_load,
    prog_test_run,
};
use skep_platform::{Errno, MapType, ProgramType};

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

fn create(wanted: &MapWanted) -> Result<OwnedFd, Refused> {
    let kind = match wanted.kind {
        MapKind::Array => MapType::Array,
        MapKind::Hash => MapType::Hash,
    };
    let request = MapRequest::new(kind, wanted.key_size, wanted.value_size, wanted.max_entries);
    map_create(&request).map_err(|e| Refused::Call("map creation", e))
}

/// The program with file descriptors in the place of map indices.
fn with_maps(insns: &[RawInsn], maps: &[OwnedFd]) -> Vec<RawInsn> {
    let mut insns = insns.to_vec();
    for slot in &mut insns {
        if slot.code == LDDW && slot.src == BY_INDEX {
            slot.src = BY_FD;
            slot.imm = maps[slot.imm as usize].as_raw_fd();
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
