//! Creating maps: Linux's checks, each with a message, and the choice of the structure.
//!
//! The numbers that need no machine are checked by the rules in `skep_platform`; what depends on other parts of the
//! description (special fields, the inner map) is checked here.

use std::sync::Arc;

use skep_platform::errno::{E2BIG, EINVAL, ENOTSUPP, EOPNOTSUPP};
use skep_platform::{Errno, MapFlags, MapType};

use crate::arena::Arena;
use crate::array::Array;
use crate::bloom::Bloom;
use crate::handles::{HandleArray, ProgramHandle, check_inner};
use crate::hash::Hash;
use crate::lpm::Lpm;
use crate::map::Map;
use crate::map_hash::MapHash;
use crate::perf::PerfArray;
use crate::queue::Queue;
use crate::ringbuf::RingBuf;
use crate::spec::{CreateError, FieldKind, MapSpec};
use crate::stacks::Stacks;
use crate::storage::Storage;
use crate::struct_ops::StructOps;
use crate::table::Table;
use crate::targets::Targets;
use crate::user_ring::UserRing;
use crate::value::Layout;

/// Flags that say where a description comes from and change nothing about the map.
const TRANSPORT: MapFlags = MapFlags::TOKEN_FD.union(MapFlags::VTYPE_BTF_OBJ_FD);

/// Checks a description as `BPF_MAP_CREATE` does.
pub(crate) fn check(spec: &MapSpec) -> Result<(), CreateError> {
    let flags = spec.flags.without(TRANSPORT);
    let rules = spec.map_type.rules();
    rules.check(spec.key_size, spec.value_size, spec.max_entries, flags, spec.map_extra).map_err(
        |errno| {
            let errno = blame(spec, flags, errno);
            let message = format!(
                "a {} map cannot have key size {}, value size {}, max_entries {}, flags {}, map_extra {:#x}",
                spec.map_type.name(),
                spec.key_size,
                spec.value_size,
                spec.max_entries,
                flags,
                spec.map_extra
            );
            CreateError::new(spec, errno, message)
        },
    )?;
    if rules.needs_inner {
        check_inner(spec)?;
    }
    check_fields(spec)
}

/// The errno of the mistake that Linux sees first, where two types look in an order of their own.
fn blame(spec: &MapSpec, flags: MapFlags, errno: Errno) -> Errno {
    let rules = spec.map_type.rules();
    let lru = matches!(spec.map_type, MapType::LruHash | MapType::LruPercpuHash);
    if lru && flags.contains(MapFlags::NO_PREALLOC) {
        // Unknown flags first, then this, then the sizes.
        let others = flags.without(MapFlags::NO_PREALLOC);
        return rules.check(4, 4, 1, others, 0).err().unwrap_or(ENOTSUPP);
    }
    if spec.map_type == MapType::Sockhash && errno == E2BIG {
        // A long key is looked at last.
        return rules
            .check(4, spec.value_size, spec.max_entries, flags, spec.map_extra)
            .err()
            .unwrap_or(errno);
    }
    errno
}

/// Special fields must lie in the value in order, aligned, apart, and make sense in the type.
fn check_fields(spec: &MapSpec) -> Result<(), CreateError> {
    let mut end = 0u64;
    let mut locks = 0;
    for field in &spec.fields {
        let start = u64::from(field.offset);
        if start < end || start % u64::from(field.kind.align()) != 0 {
            let message = format!("{:?} at offset {start} of the value is misplaced", field.kind);
            return Err(CreateError::new(spec, EINVAL, message));
        }
        end = start + u64::from(field.kind.size());
        if end > u64::from(spec.value_size) {
            let message = format!(
                "{:?} at offset {start} ends after the value's {} bytes",
                field.kind, spec.value_size
            );
            return Err(CreateError::new(spec, EINVAL, message));
        }
        locks += u32::from(field.kind.is_lock());
        if !field_allowed(spec.map_type, field.kind) {
            let message = format!("a {} map cannot hold {:?}", spec.map_type.name(), field.kind);
            return Err(CreateError::new(spec, EOPNOTSUPP, message));
        }
    }
    if locks > 1 {
        return Err(CreateError::new(spec, E2BIG, "a value can have one lock".to_owned()));
    }
    Ok(())
}

/// Which types may hold which special fields, as Linux's `map_check_btf` has it.
fn field_allowed(map_type: MapType, kind: FieldKind) -> bool {
    use MapType::*;
    let storage = matches!(map_type, SkStorage | InodeStorage | TaskStorage | CgrpStorage);
    match kind {
        FieldKind::SpinLock | FieldKind::ResSpinLock => {
            storage || matches!(map_type, Hash | Array | CgroupStorage)
        }
        FieldKind::Timer | FieldKind::Workqueue | FieldKind::TaskWork => {
            matches!(map_type, Hash | LruHash | Array)
        }
        FieldKind::KptrUnref | FieldKind::KptrRef | FieldKind::KptrPercpu | FieldKind::Refcount => {
            storage || matches!(map_type, Hash | PercpuHash | LruHash | LruPercpuHash | Array | PercpuArray)
        }
        FieldKind::Uptr => map_type == TaskStorage,
        FieldKind::ListHead | FieldKind::RbRoot => matches!(map_type, Hash | LruHash | Array),
        FieldKind::ListNode | FieldKind::RbNode => matches!(map_type, Hash | LruHash | Array),
    }
}

/// Whether a map may be frozen.
pub(crate) fn can_freeze(spec: &MapSpec) -> Result<(), Errno> {
    if spec.map_type == MapType::StructOps || !spec.fields.is_empty() { Err(ENOTSUPP) } else { Ok(()) }
}

/// Builds the structure for a checked description.
pub(crate) fn table(spec: &MapSpec, layout: &Arc<Layout>) -> Result<Box<dyn Table>, CreateError> {
    let layout = layout.clone();
    let built: Result<Box<dyn Table>, Errno> = match spec.map_type {
        MapType::Array | MapType::PercpuArray => Array::new(spec, layout).map(|table| Box::new(table) as _),
        MapType::Hash | MapType::PercpuHash | MapType::LruHash | MapType::LruPercpuHash => {
            Hash::new(spec, layout).map(|table| Box::new(table) as _)
        }
        MapType::Queue | MapType::Stack => Queue::new(spec, layout).map(|table| Box::new(table) as _),
        MapType::BloomFilter => Bloom::new(spec).map(|table| Box::new(table) as _),
        MapType::Ringbuf => RingBuf::new(spec).map(|table| Box::new(table) as _),
        MapType::UserRingbuf => UserRing::new(spec).map(|table| Box::new(table) as _),
        MapType::PerfEventArray => Ok(Box::new(PerfArray::new(spec))),
        MapType::LpmTrie => Lpm::new(spec, layout).map(|table| Box::new(table) as _),
        MapType::ProgArray => HandleArray::<ProgramHandle>::new(spec).map(|table| Box::new(table) as _),
        MapType::ArrayOfMaps => HandleArray::<Map>::new(spec).map(|table| Box::new(table) as _),
        MapType::HashOfMaps => MapHash::new(spec).map(|table| Box::new(table) as _),
        MapType::Devmap
        | MapType::DevmapHash
        | MapType::Cpumap
        | MapType::Xskmap
        | MapType::Sockmap
        | MapType::Sockhash
        | MapType::ReuseportSockarray
        | MapType::CgroupArray => Targets::new(spec).map(|table| Box::new(table) as _),
        MapType::SkStorage
        | MapType::InodeStorage
        | MapType::TaskStorage
        | MapType::CgrpStorage
        | MapType::CgroupStorage
        | MapType::PercpuCgroupStorage => Ok(Box::new(Storage::new(spec, layout))),
        MapType::StackTrace => Stacks::new(spec).map(|table| Box::new(table) as _),
        MapType::Arena => Arena::new(spec).map(|table| Box::new(table) as _),
        MapType::StructOps => Ok(Box::new(StructOps)),
    };
    built.map_err(|errno| CreateError::new(spec, errno, format!("no room for {} entries", spec.max_entries)))
}
