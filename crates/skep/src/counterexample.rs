//! Inputs that make a rejected program do what it is rejected for.
//!
//! The failing path says which fields of the packet, of the context and of map values decide its branches, and what they should
//! be ([`Want`]). Packets are made from that, of the lengths that matter, with maps as they are created, with the values that the
//! path asks for and with maps that are filled, and each is run in the checking interpreter. Only what ends there with a fault at
//! the very instruction, with maps that no run before has touched, is a counterexample; that none is found proves nothing.

mod answers;
mod filling;

use std::sync::Arc;

use skep_object::Object;
use skep_platform::ProgramType;
use skep_verifier::explain::{Source, Trail, Want};
use skep_vm::net::{Environment, SkbContext, XdpContext};
use skep_vm::{Fault, FaultKind, Memory, Options, Program};

use crate::engine::Engine;
use crate::error::Error;
use crate::load::Loaded;
use crate::verify::Setting;

use answers::Script;
use filling::Filling;

/// Runs of one input, as helpers may return anything.
const REPEATS: usize = 8;
/// Instructions of a run after which a loop counts as one without end.
const BUDGET: u64 = 4_000_000;
/// The longest packet that is made.
const MOST: u32 = 9000;
/// The least packet that is tried where the length does not matter.
const USUAL: u32 = 64;
/// Bytes of contexts that are plain memory.
const CONTEXT: usize = 512;

/// An input that was seen to lead to the error.
#[derive(Clone, Debug)]
pub struct Counterexample {
    /// The packet, for programs that take packets.
    pub packet: Option<Vec<u8>>,
    /// The context's bytes, for programs whose context is plain memory.
    pub context: Option<Vec<u8>>,
    /// Fields of a packet program's context and their values, by offset.
    pub fields: Vec<(u32, u64)>,
    /// What maps hold.
    pub maps: Contents,
    /// The values that were put into maps for the path's sake.
    pub values: Vec<MapValue>,
    /// The bytes that decide: offset and length, in the packet or the context.
    pub marks: Vec<(usize, usize)>,
    /// Whether the run depends on what helpers returned, so that it took more than one.
    pub by_chance: bool,
    /// What helpers were made to return.
    pub answers: Vec<Answer>,
    /// What happened.
    pub fault: Fault,
}

/// A value that was put into a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapValue {
    /// The map's name in the object.
    pub map: String,
    /// Its key.
    pub key: Vec<u8>,
    /// Its bytes; those of one CPU in per-CPU maps, where all have the same.
    pub value: Vec<u8>,
    /// The bytes that decide: offset and length.
    pub marks: Vec<(usize, usize)>,
}

/// A number that a call of a helper was made to return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The helper's name without `bpf_`.
    pub helper: &'static str,
    /// How many calls of it come before in the run.
    pub before: usize,
    /// The number.
    pub value: u64,
}

/// What maps hold before the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// What the object says: nothing, or zeros.
    Initial,
    /// The same, and the path's [values](Counterexample::values).
    Values,
    /// Arrays hold ones in every bit; hashes an entry of ones under the keys of zeros and of ones.
    Ones,
}

/// What a search found.
#[derive(Clone, Debug)]
pub enum Search {
    /// This.
    Found(Box<Counterexample>),
    /// Nothing in so many runs.
    NotFound(usize),
    /// The program cannot be run, for this reason.
    Impossible(String),
}

/// Looks for an input that leads along `trail` to a fault at slot `at`.
pub fn search(object: &Object, program: &str, setting: &Setting, trail: &Trail, at: usize) -> Search {
    let script = Script::new(trail);
    let options = Options { budget: BUDGET, answers: script.answers(), ..Options::default() };
    let mut engine = Engine::builder().unproved().options(options).kconfig(setting.kconfig.clone());
    if let Some(kernel) = &setting.kernel {
        engine = engine.target(kernel.clone());
    }
    let engine = engine.build();
    let fresh = |filling: &Filling| -> Result<(Loaded, Vec<MapValue>), Error> {
        let mut loader = engine.loader(object).program(program);
        for (variable, value) in &setting.variables {
            loader = loader.set(variable, value);
        }
        let loaded = loader.load()?;
        let values = filling.apply(object, &loaded, trail);
        Ok((loaded, values))
    };
    let mut runs = 0;
    for filling in Filling::all(trail) {
        let (loaded, values) = match fresh(&filling) {
            Ok(fresh) => fresh,
            Err(error) => return Search::Impossible(error.to_string()),
        };
        let Ok(used) = loaded.program(program) else { continue };
        let before = runs;
        for candidate in candidates(trail) {
            for repeat in 0..REPEATS {
                runs += 1;
                script.start(repeat);
                let Some(fault) = candidate.fails(used, trail, at) else { continue };
                if runs == before + 1 {
                    let found = candidate.found(used, &filling, values, (repeat > 0, script.given()), fault);
                    return Search::Found(Box::new(found));
                }
                // Runs before have left their traces in the maps: once more, with maps that are new.
                for again in 0..=repeat {
                    runs += 1;
                    script.start(repeat);
                    let Ok((loaded, values)) = fresh(&filling) else { break };
                    let Ok(used) = loaded.program(program) else { break };
                    if let Some(fault) = candidate.fails(used, trail, at) {
                        let found = candidate.found(
                            used,
                            &filling,
                            values,
                            (repeat + again > 0, script.given()),
                            fault,
                        );
                        return Search::Found(Box::new(found));
                    }
                }
                break;
            }
        }
    }
    Search::NotFound(runs)
}

/// An input to try.
struct Candidate {
    bytes: Vec<u8>,
    wants: Vec<Want>,
}

/// Inputs that take the path as far as is known, of the lengths that matter.
fn candidates(trail: &Trail) -> Vec<Candidate> {
    let reach = trail.wants.iter().map(|want| match want.source {
        Source::Packet(at) => at.saturating_add(want.size),
        Source::Context(_) | Source::Value { .. } | Source::Helper { .. } => 0,
    });
    let reach = reach.max().unwrap_or(0).min(MOST);
    let proved = trail.packet.unwrap_or(0).min(MOST);
    let mut lengths = vec![proved.max(reach), USUAL.max(reach), proved, 0];
    lengths.dedup();
    let mut all = Vec::new();
    for length in lengths {
        // What nothing is asked of is zero in one packet and ones in the other.
        for rest in [0u8, 0xff] {
            let mut bytes = vec![rest; length as usize];
            for want in &trail.wants {
                if let Source::Packet(at) = want.source {
                    put(&mut bytes, at as usize, want);
                }
            }
            all.push(Candidate { bytes, wants: trail.wants.clone() });
        }
    }
    all
}

fn put(bytes: &mut [u8], at: usize, want: &Want) {
    for (index, byte) in want.value.to_le_bytes().iter().take(want.size as usize).enumerate() {
        if let Some(place) = bytes.get_mut(at + index) {
            *place = *byte;
        }
    }
}

impl Candidate {
    /// What the path asks of a context's field.
    fn field(&self, offset: u32) -> Option<u64> {
        let wanted = |want: &&Want| want.source == Source::Context(offset);
        self.wants.iter().rev().find(wanted).map(|want| want.value)
    }

    /// The fault, if a run ends at slot `at` or in a loop of the path.
    fn fails(&self, program: &Program, trail: &Trail, at: usize) -> Option<Fault> {
        let fault = self.run(program).err()?;
        let endless = fault.kind == FaultKind::Budget && trail.steps.contains(&fault.at);
        (fault.at == at || endless).then_some(fault)
    }

    fn run(&self, program: &Program) -> Result<(), Fault> {
        const XDP_IFINDEX: u32 = 12;
        const XDP_QUEUE: u32 = 16;
        const SKB_IFINDEX: u32 = 40;
        let environment = Arc::new(Environment::default());
        let field = |offset, usual: u32| self.field(offset).map_or(usual, |value| value as u32);
        let outcome = match program.hook().program_type() {
            Some(ProgramType::Xdp) => {
                let mut context = XdpContext::new(environment, None);
                context.ingress_ifindex = field(XDP_IFINDEX, 1);
                context.rx_queue_index = field(XDP_QUEUE, 0);
                context.reset(&self.bytes);
                program.run(&mut context)
            }
            Some(kind) if crate::replay::Replay::takes(kind) => {
                let mut context = SkbContext::new(kind, None, environment, field(SKB_IFINDEX, 1));
                context.reset(&self.bytes);
                program.run(&mut context)
            }
            _ => program.run(&mut Memory::new(&mut self.memory())),
        };
        outcome.map(drop)
    }

    /// A context that is plain memory.
    fn memory(&self) -> Vec<u8> {
        let mut bytes = vec![0; CONTEXT];
        for want in &self.wants {
            if let Source::Context(at) = want.source {
                put(&mut bytes, at as usize, want);
            }
        }
        bytes
    }

    fn found(
        &self,
        program: &Program,
        filling: &Filling,
        values: Vec<MapValue>,
        (by_chance, answers): (bool, Vec<Answer>),
        fault: Fault,
    ) -> Counterexample {
        let kind = program.hook().program_type();
        let packets = kind.is_some_and(crate::replay::Replay::takes);
        let mark = |want: &Want| match (want.source, packets) {
            (Source::Packet(at), true) | (Source::Context(at), false) => {
                Some((at as usize, want.size as usize))
            }
            _ => None,
        };
        let fields = self.wants.iter().filter_map(|want| match want.source {
            Source::Context(at) if packets => Some((at, want.value)),
            _ => None,
        });
        Counterexample {
            packet: packets.then(|| self.bytes.clone()),
            context: (!packets).then(|| self.memory()),
            fields: fields.collect(),
            maps: filling.contents(),
            values,
            marks: self.wants.iter().filter_map(mark).collect(),
            by_chance,
            answers,
            fault,
        }
    }
}
