//! What the fields of a value demand of each other, and which maps may have which.

use skep_platform::MapType::{self, *};

use super::find::{Faulty, faulty};
use super::{FieldKind as K, Record};

/// The fields of one record fit together.
pub(super) fn check(record: &Record) -> Result<(), Faulty> {
    let overlap = record.fields.windows(2).any(|pair| pair[0].offset + pair[0].size > pair[1].offset);
    if overlap {
        return faulty("managed fields that overlap");
    }
    if record.has(K::ListHead.bit() | K::RbRoot.bit()) && !record.has_lock() {
        return faulty("a list or tree without a lock beside it");
    }
    if record.has(K::SpinLock.bit()) && record.has(K::ResilientSpinLock.bit()) {
        return faulty("two sorts of lock");
    }
    if record.has(K::ListNode.bit()) && record.has(K::RbNode.bit()) && !record.has(K::Refcount.bit()) {
        return faulty("nodes of a list and of a tree without a bpf_refcount");
    }
    Ok(())
}

/// Which types of map may have fields of these kinds.
#[rustfmt::skip] // A table.
static MAPS: &[(&[K], &[MapType])] = &[
    (&[K::SpinLock, K::ResilientSpinLock],
        &[Hash, Array, CgroupStorage, SkStorage, InodeStorage, TaskStorage, CgrpStorage]),
    (&[K::Timer, K::Workqueue, K::TaskWork], &[Hash, LruHash, Array]),
    (&[K::KptrUntrusted, K::Kptr, K::KptrPercpu, K::Refcount],
        &[Hash, PercpuHash, LruHash, LruPercpuHash, Array, PercpuArray, SkStorage, InodeStorage, TaskStorage, CgrpStorage]),
    (&[K::Uptr], &[TaskStorage]),
    (&[K::ListHead, K::RbRoot], &[Hash, LruHash, Array]),
];

/// The first field that a map of this type must not have.
pub(super) fn misplaced(record: &Record, map: MapType) -> Option<K> {
    let allowed = |kind: K| MAPS.iter().any(|(kinds, maps)| kinds.contains(&kind) && maps.contains(&map));
    record.fields.iter().map(|field| field.kind).find(|&kind| !allowed(kind))
}
