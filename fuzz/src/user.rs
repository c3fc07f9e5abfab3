//! Programs in the user engine's checking interpreter.

use std::collections::BTreeMap;
use std::sync::Arc;

use skep_maps::{Map, MapSpec};
use skep_platform::{MapType, ProgramType};
use skep_vm::net::{Environment, XdpContext};
use skep_vm::{Fault, Hook, Options, Program, ProgramSpec, Runtime, Trace};

use crate::generate::{Generated, MapKind, MapWanted};

/// What can be seen of a run from outside. Two engines that agree have equal ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// The verdict: the lower half of r0.
    pub value: u32,
    /// The packet afterwards, its metadata in front, as Linux's test run gives it.
    pub packet: Vec<u8>,
    /// What is in each map afterwards, by key.
    pub maps: Vec<BTreeMap<Vec<u8>, Vec<u8>>>,
}

/// Why there is no result.
#[derive(Debug)]
pub enum Refused {
    /// The program, or one of its maps, cannot be loaded: one line.
    Load(String),
    /// The engine stopped the run.
    Fault(Fault),
}

/// Instructions in loops and calls that a run may spend. Generated programs need a few hundred.
const BUDGET: u64 = 20_000;

/// Loads a program for XDP and runs it once on its packet.
///
/// # Errors
/// When the engine refuses the program or stops it.
pub fn run(program: &Generated) -> Result<Ran, Refused> {
    let maps: Vec<Map> = program.maps.iter().map(create).collect::<Result<_, _>>()?;
    let mut spec = ProgramSpec::new("generated", Hook::linux(ProgramType::Xdp), program.insns.clone());
    spec.maps = maps.clone();
    spec.license = "GPL".to_owned();
    spec.runtime = Runtime::new(Options { budget: BUDGET, trace: Trace::Drop, ..Options::default() });
    let loaded = Program::unproved(spec).map_err(|e| Refused::Load(e.to_string()))?;
    let mut context = XdpContext::new(Arc::new(Environment::default()), None);
    context.reset(&program.packet);
    let outcome = loaded.run(&mut context).map_err(Refused::Fault)?;
    Ok(Ran {
        value: outcome.value as u32,
        packet: [context.packet.meta(), context.packet.bytes()].concat(),
        maps: maps.iter().map(contents).collect(),
    })
}

fn create(wanted: &MapWanted) -> Result<Map, Refused> {
    let kind = match wanted.kind {
        MapKind::Array => MapType::Array,
        MapKind::Hash => MapType::Hash,
    };
    Map::create(MapSpec::new(kind, wanted.key_size, wanted.value_size, wanted.max_entries))
        .map_err(|e| Refused::Load(e.to_string()))
}

fn contents(map: &Map) -> BTreeMap<Vec<u8>, Vec<u8>> {
    map.iter().collect()
}
