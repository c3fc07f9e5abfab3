//! Generated programs in the user engine's checking interpreter.

use std::collections::BTreeMap;

use skep_fuzz::generate::{Generated, MapKind, MapWanted};
use skep_maps::{Map, MapSpec};
use skep_platform::{MapType, ProgramType};
use skep_vm::context::{Context, Loaded, Packet as Place, Refusal};
use skep_vm::net::Packet;
use skep_vm::{Hook, Program, ProgramSpec};

use crate::Ran;

/// Loads a program and runs it once on its packet.
///
/// # Errors
/// In words, when the engine refuses the program or stops it.
pub fn run(program: &Generated) -> Result<Ran, String> {
    let maps: Vec<Map> = program.maps.iter().map(create).collect::<Result<_, _>>()?;
    let mut spec = ProgramSpec::new("generated", Hook::linux(ProgramType::Xdp), program.insns.clone());
    spec.maps = maps.clone();
    spec.license = "GPL".to_owned();
    let loaded = Program::load(spec).map_err(|e| format!("load: {e}"))?;
    let mut context = Xdp(Packet::new(&program.packet));
    let outcome = loaded.run(&mut context).map_err(|fault| format!("fault: {}", fault.detailed()))?;
    Ok(Ran {
        value: outcome.value as u32,
        packet: context.0.bytes().to_vec(),
        maps: maps.iter().map(contents).collect(),
    })
}

fn create(wanted: &MapWanted) -> Result<Map, String> {
    let kind = match wanted.kind {
        MapKind::Array => MapType::Array,
        MapKind::Hash => MapType::Hash,
    };
    Map::create(MapSpec::new(kind, wanted.key_size, wanted.value_size, wanted.max_entries))
        .map_err(|e| format!("map: {e}"))
}

fn contents(map: &Map) -> BTreeMap<Vec<u8>, Vec<u8>> {
    map.iter().collect()
}

/// `struct xdp_md` around a packet.
struct Xdp(Packet);

impl Context for Xdp {
    fn name(&self) -> &str {
        "xdp_md"
    }

    fn load(&mut self, off: i64, size: usize) -> Result<Loaded, Refusal> {
        match (off, size) {
            (0, 4) => Ok(Loaded::PacketData),
            (4, 4) => Ok(Loaded::PacketEnd),
            _ => Err(Refusal::no_field("xdp_md", off, size)),
        }
    }

    fn packet(&mut self) -> Option<Place> {
        let len = self.0.len();
        Some(Place { meta: self.0.meta_ptr(), data: self.0.data_ptr(), len, writable: true })
    }
}
