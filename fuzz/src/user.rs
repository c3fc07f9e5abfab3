//! Programs in the user engine's checking interpreter.

use std::collections::BTreeMap;
use std::sync::Arc;

use skep_maps::{Map, MapSpec};
use skep_platform::ProgramType;
use skep_vm::net::{Environment, XdpContext};
use skep_vm::{Fault, Hook, Moment, Options, Program, ProgramSpec, Runtime, Trace};

use crate::generate::{Generated, MapWanted};
use crate::rng::Rng;

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
    Loaded::new(program)?.run(&program.packet, None)
}

/// A program that is loaded once and run often.
pub struct Loaded {
    program: Program,
    maps: Vec<Map>,
}

impl Loaded {
    /// Loads it for XDP, with maps of its own.
    ///
    /// # Errors
    /// When the engine refuses it.
    pub fn new(program: &Generated) -> Result<Self, Refused> {
        let maps: Vec<Map> = program.maps.iter().map(create).collect::<Result<_, _>>()?;
        let mut spec = ProgramSpec::new("generated", Hook::linux(ProgramType::Xdp), program.insns.clone());
        spec.maps = maps.clone();
        spec.license = "GPL".to_owned();
        spec.runtime = Runtime::new(Options { budget: BUDGET, trace: Trace::Drop, ..Options::default() });
        let program = Program::unproved(spec).map_err(|e| Refused::Load(e.to_string()))?;
        Ok(Self { program, maps })
    }

    /// Runs it on a packet; `watch` is shown the registers before every instruction.
    ///
    /// # Errors
    /// When the engine stops it.
    pub fn run(&self, packet: &[u8], watch: Option<&mut dyn FnMut(&Moment<'_>)>) -> Result<Ran, Refused> {
        let mut context = XdpContext::new(Arc::new(Environment::default()), None);
        context.reset(packet);
        let outcome = match watch {
            Some(watch) => self.program.run_observed(&mut context, watch),
            None => self.program.run(&mut context),
        };
        let outcome = outcome.map_err(Refused::Fault)?;
        Ok(Ran {
            value: outcome.value as u32,
            packet: [context.packet.meta(), context.packet.bytes()].concat(),
            maps: self.maps.iter().map(contents).collect(),
        })
    }

    /// Puts other bytes into the values of its maps.
    pub fn refill(&self, rng: &mut Rng) {
        for map in &self.maps {
            let spec = map.spec();
            if spec.value_size == 0 {
                continue;
            }
            for key in 0..spec.max_entries.min(4) {
                let mut bytes = vec![0; spec.key_size as usize];
                bytes[..4].copy_from_slice(&key.to_le_bytes());
                let mut value = rng.bytes(spec.value_size as usize);
                // Small numbers and edges come in ranges that programs check.
                for word in value.chunks_exact_mut(8) {
                    if rng.one_in(2) {
                        word.copy_from_slice(&rng.interesting().to_le_bytes());
                    }
                }
                // A per-CPU map may want more bytes; then its values stay as they are.
                let _ = map.update(&bytes, &value, 0);
            }
        }
    }
}

fn create(wanted: &MapWanted) -> Result<Map, Refused> {
    Map::create(MapSpec::new(wanted.kind.map_type(), wanted.key_size, wanted.value_size, wanted.max_entries))
        .map_err(|e| Refused::Load(e.to_string()))
}

fn contents(map: &Map) -> BTreeMap<Vec<u8>, Vec<u8>> {
    map.iter().collect()
}
