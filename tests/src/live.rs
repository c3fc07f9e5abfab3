//! An object's programs in the live kernel, one by one, fitted as the verifier gets them.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use skep::verify::Case;
use skep_btf::{Btf, Kind};
use skep_isa::RawInsn;
use skep_linux::{
    LoadRefused, LoadRequest, MapRequest, btf_load, map_create, map_freeze, map_update, possible_cpus,
    prog_load,
};
use skep_object::{MapDef, MapOrigin, Object, Program};
use skep_platform::{AttachType, Errno, MapFlags, MapType, ProgramType};

/// Bytes of a stack trace where the loader chooses: 127 addresses.
const STACK_TRACE: u32 = 127 * 8;

/// An object's maps and types in the kernel.
pub struct Live {
    maps: Vec<OwnedFd>,
    btf: Option<OwnedFd>,
}

/// What the kernel says of a program.
pub enum Answer {
    /// It took it.
    Accepted,
    /// The verifier refused it; its last words.
    Rejected(String),
    /// It was not looked at: policy, or something around it that could not be made.
    Silent(String),
}

impl Live {
    /// Makes the maps. `case` says what they hold.
    ///
    /// # Errors
    /// The map that the kernel refuses, and its answer.
    pub fn new(object: &Object, case: &Case) -> Result<Self, String> {
        let btf = object.btf.as_ref().and_then(|btf| btf_load(&btf.to_bytes()).ok());
        let mut maps = Vec::new();
        for (definition, known) in object.maps.iter().zip(&case.input.maps) {
            let refused = |what: &str, errno: Errno| format!("map {}: {what}: {errno}", definition.name);
            let fd = create(definition, btf.as_ref()).map_err(|errno| refused("create", errno))?;
            if !known.value.is_empty() && definition.map_type == MapType::Array {
                map_update(fd.as_fd(), &[0; 4], &known.value, 0).map_err(|errno| refused("fill", errno))?;
            }
            if known.frozen {
                map_freeze(fd.as_fd()).map_err(|errno| refused("freeze", errno))?;
            }
            maps.push(fd);
        }
        Ok(Self { maps, btf })
    }

    /// Loads a program, and lets it go at once.
    pub fn load(&self, object: &Object, program: &Program, case: &Case) -> Answer {
        let input = &case.input;
        let insns = with_maps(&input.insns, &self.maps);
        let mut request = LoadRequest::new(input.program_type, &insns);
        request.attach = input.attach_type;
        request.license = &object.license;
        request.flags = input.flags;
        request.name = &program.name;
        let functions: Vec<u8> = input
            .functions
            .iter()
            .flat_map(|f| [f.start as u32, f.type_id.0])
            .flat_map(u32::to_ne_bytes)
            .collect();
        if let Some(btf) = &self.btf {
            request.btf = Some(btf.as_fd());
            request.func_info = &functions;
        }
        if let (Some(name), Some(kernel)) = (&input.attach_target, &input.kernel_btf) {
            request.attach_btf_id = target(kernel, input.program_type, input.attach_type, name);
        }
        match prog_load(&request) {
            Ok(_) => Answer::Accepted,
            Err(refused) if judged(&refused) => Answer::Rejected(refused.verdict().to_owned()),
            Err(refused) => Answer::Silent(refused.to_string()),
        }
    }
}

/// Whether the verifier has looked at the program: then its statistics end the log.
fn judged(refused: &LoadRefused) -> bool {
    refused.log.lines().any(|line| line.starts_with("processed "))
}

fn create(map: &MapDef, btf: Option<&OwnedFd>) -> Result<OwnedFd, Errno> {
    let entries = match map.map_type {
        MapType::PerfEventArray if map.max_entries == 0 => possible_cpus() as u32,
        // The loader chooses; any number will do for verification.
        _ => map.max_entries.max(1),
    };
    // Programs do not refer to struct_ops instances, which need the kernel's own layout; something must hold the place.
    if matches!(map.origin, MapOrigin::StructOps(_)) {
        return map_create(&MapRequest::new(MapType::Array, 4, 4, 1));
    }
    let value_size = match map.map_type {
        MapType::StackTrace if map.value_size == 0 => STACK_TRACE,
        _ => map.value_size,
    };
    let inner = map.inner.as_deref().map(|inner| create(inner, btf)).transpose()?;
    let mut request = MapRequest::new(map.map_type, map.key_size, value_size, entries);
    request.flags = MapFlags(map.flags);
    request.extra = map.extra;
    request.inner = inner.as_ref().map(AsFd::as_fd);
    if !map.fields.is_empty()
        && let (Some(btf), Some(key), Some(value)) = (btf, map.key_type, map.value_type)
    {
        request.btf = Some((btf.as_fd(), key.0, value.0));
    }
    map_create(&request)
}

/// The BTF id of what a program is for, by the name that the kernel has for it; 0 for types that need none.
fn target(kernel: &Btf, kind: ProgramType, attach: Option<AttachType>, name: &str) -> u32 {
    let func = |name: &str| kernel.find_func(name);
    let id = match (kind, attach) {
        (ProgramType::Tracing, Some(AttachType::TraceRawTp)) => {
            kernel.find(&format!("btf_trace_{name}"), Kind::Typedef)
        }
        (ProgramType::Tracing, Some(AttachType::TraceIter)) => func(&format!("bpf_iter_{name}")),
        (ProgramType::Tracing, _) => func(name),
        (ProgramType::Lsm, _) => func(&format!("bpf_lsm_{name}")),
        (ProgramType::StructOps, _) => kernel.find(name, Kind::Struct),
        _ => None,
    };
    id.map_or(0, |id| id.0)
}

/// File descriptors in the place of indices: pseudo sources 5 and 6 of `lddw` become 1 and 2.
fn with_maps(insns: &[RawInsn], maps: &[OwnedFd]) -> Vec<RawInsn> {
    let mut insns = insns.to_vec();
    for slot in insns.iter_mut().filter(|slot| slot.code == 0x18 && matches!(slot.src, 5 | 6)) {
        slot.src -= 4;
        slot.imm = maps[slot.imm as usize].as_raw_fd();
    }
    insns
}
