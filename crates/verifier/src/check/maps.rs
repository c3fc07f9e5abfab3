//! Which maps a program may name at all, whatever it does with them.
//!
//! Decided before the walk, of every map that an instruction names, reached or not: some managed fields are not for programs that may
//! run anywhere, programs that sleep take only maps that can bear it, and some maps come once in a program.

use skep_isa::{Imm64, Insn};
use skep_platform::{MapType, ProgramType};

use crate::Code;
use crate::program::{Input, flags};
use crate::record::{FieldKind, Map};
use crate::shape::Shape;
use crate::verdict::{Checked, reject};

/// Most maps that a program names.
const MOST_MAPS: usize = 64;

/// Managed fields that programs of these types must not meet, with the release that first let them.
#[rustfmt::skip] // A table.
static NOT_FOR_TRACING: &[FieldKind] = &[
    FieldKind::ListHead, FieldKind::RbRoot, FieldKind::SpinLock, FieldKind::Timer, FieldKind::Workqueue,
];

/// Maps that programs which may sleep can use.
#[rustfmt::skip] // A table.
static FOR_SLEEPERS: &[MapType] = &[
    MapType::Hash, MapType::LruHash, MapType::Array, MapType::PercpuHash, MapType::PercpuArray, MapType::LruPercpuHash,
    MapType::ArrayOfMaps, MapType::HashOfMaps, MapType::Ringbuf, MapType::UserRingbuf, MapType::InodeStorage, MapType::SkStorage,
    MapType::TaskStorage, MapType::CgrpStorage, MapType::Queue, MapType::Stack, MapType::Arena,
];

/// Checks every map that the program names; whether one is an arena.
pub(crate) fn check(input: &Input, shape: &Shape, maps: &[Map<'_>]) -> Checked<bool> {
    let mut named: Vec<u32> = Vec::new();
    for (at, insn) in shape.insns.iter().enumerate() {
        let Some(Insn::LoadImm64 { value, .. }) = *insn else { continue };
        let Some(index) = index_of(value).filter(|&index| (index as usize) < input.maps.len()) else {
            continue;
        };
        if named.contains(&index) {
            continue;
        }
        if named.len() >= MOST_MAPS {
            return reject(Code::BadProgram, at, None, format!("more than {MOST_MAPS} maps"));
        }
        let map = &maps[index as usize];
        fits(input, at, map)?;
        once(at, map, named.iter().map(|&other| &maps[other as usize]))?;
        named.push(index);
    }
    Ok(named.iter().any(|&index| maps[index as usize].map_type == MapType::Arena))
}

/// The map that an immediate names.
fn index_of(value: Imm64) -> Option<u32> {
    match value {
        Imm64::MapFd(fd) | Imm64::MapFdValue { fd, .. } => fd.try_into().ok(),
        Imm64::MapIndex(index) | Imm64::MapIndexValue { index, .. } => Some(index),
        _ => None,
    }
}

/// Whether programs of this type run where the kernel may hold any lock.
fn traces(program: ProgramType) -> bool {
    use ProgramType::{Kprobe, PerfEvent, RawTracepoint, RawTracepointWritable, Tracepoint};
    matches!(program, Kprobe | Tracepoint | PerfEvent | RawTracepoint | RawTracepointWritable)
}

fn fits(input: &Input, at: usize, map: &Map<'_>) -> Checked {
    let program = input.program_type;
    let refuse = |what: String| reject(Code::MapMismatch, at, None, what);
    let record = &map.record;
    let unfit = NOT_FOR_TRACING.iter().find(|&&kind| {
        let locks = kind == FieldKind::SpinLock && program == ProgramType::SocketFilter;
        (traces(program) || locks) && record.first(kind).is_some()
    });
    if let Some(kind) = unfit {
        return refuse(format!("{} programs cannot use maps with a {}", program.name(), kind.name()));
    }
    if program == ProgramType::SocketFilter && record.has_lock() {
        return refuse(format!("{} programs cannot use maps with a lock", program.name()));
    }
    if map.map_type == MapType::StructOps {
        return refuse("a struct_ops map is not for programs to use".to_owned());
    }
    if input.has(flags::SLEEPABLE) && !FOR_SLEEPERS.contains(&map.map_type) {
        return refuse(format!("programs that may sleep cannot use maps of type {}", map.map_type.name()));
    }
    if map.map_type == MapType::Arena && input.unprivileged {
        return refuse("arenas are for the privileged".to_owned());
    }
    Ok(())
}

/// Of some types a program has but one map.
fn once<'m>(at: usize, map: &Map<'_>, mut others: impl Iterator<Item = &'m Map<'m>>) -> Checked {
    let alone =
        matches!(map.map_type, MapType::Arena | MapType::CgroupStorage | MapType::PercpuCgroupStorage);
    if alone && others.any(|other| other.map_type == map.map_type) {
        let message = format!("a second map of type {}; a program has one", map.map_type.name());
        return reject(Code::MapMismatch, at, None, message);
    }
    Ok(())
}
