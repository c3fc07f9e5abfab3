//! What a map is made from, and why making one can fail.

use std::fmt;
use std::sync::Arc;

use skep_platform::{Errno, MapFlags, MapType};

/// The description of a map: what `BPF_MAP_CREATE` takes, with the special fields that BTF tells of found already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapSpec {
    /// The name in messages and listings. May be empty.
    pub name: String,
    /// The kind of map.
    pub map_type: MapType,
    /// Size of a key in bytes.
    pub key_size: u32,
    /// Size of a value in bytes, of one CPU's where each CPU has its own.
    pub value_size: u32,
    /// The most entries; bytes for ring buffers, pages for arenas.
    pub max_entries: u32,
    /// The UAPI's `map_flags`.
    pub flags: MapFlags,
    /// The UAPI's `map_extra`: the hash functions of a bloom filter, the address of an arena.
    pub map_extra: u64,
    /// What the maps in a map of maps look like.
    pub inner: Option<Arc<MapSpec>>,
    /// The fields of a value that are not plain bytes, in ascending order of offset.
    pub fields: Vec<SpecialField>,
}

impl MapSpec {
    /// A description with sizes only: no flags, nothing special.
    pub fn new(map_type: MapType, key_size: u32, value_size: u32, max_entries: u32) -> MapSpec {
        MapSpec {
            name: String::new(),
            map_type,
            key_size,
            value_size,
            max_entries,
            flags: MapFlags::NONE,
            map_extra: 0,
            inner: None,
            fields: Vec::new(),
        }
    }

    /// The same with a name.
    pub fn named(mut self, name: impl Into<String>) -> MapSpec {
        self.name = name.into();
        self
    }

    /// The same with these flags added.
    pub fn with_flags(mut self, flags: MapFlags) -> MapSpec {
        self.flags |= flags;
        self
    }

    /// The same with these special fields in its values.
    pub fn with_fields(mut self, fields: Vec<SpecialField>) -> MapSpec {
        self.fields = fields;
        self
    }

    /// The same with this `map_extra`.
    pub fn with_extra(mut self, extra: u64) -> MapSpec {
        self.map_extra = extra;
        self
    }

    /// The same, holding maps that look like `inner`.
    pub fn with_inner(mut self, inner: MapSpec) -> MapSpec {
        self.inner = Some(Arc::new(inner));
        self
    }
}

/// A part of a value that the application neither reads nor writes: it reads as zero and survives writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpecialField {
    /// Bytes from the start of the value.
    pub offset: u32,
    /// What is there.
    pub kind: FieldKind,
    /// The BTF type that a kptr points to, or that a list or tree holds; 0 where there is none.
    pub type_id: u32,
}

/// The kinds of special fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FieldKind {
    /// `struct bpf_spin_lock`.
    SpinLock,
    /// `struct bpf_res_spin_lock`.
    ResSpinLock,
    /// `struct bpf_timer`.
    Timer,
    /// `struct bpf_wq`.
    Workqueue,
    /// `struct bpf_task_work`.
    TaskWork,
    /// A kptr without a reference (`__kptr_untrusted`).
    KptrUnref,
    /// A kptr that owns a reference (`__kptr`).
    KptrRef,
    /// A kptr to per-CPU memory (`__percpu_kptr`).
    KptrPercpu,
    /// A pointer into the memory of the owning task (`__uptr`).
    Uptr,
    /// `struct bpf_list_head`.
    ListHead,
    /// `struct bpf_list_node`.
    ListNode,
    /// `struct bpf_rb_root`.
    RbRoot,
    /// `struct bpf_rb_node`.
    RbNode,
    /// `struct bpf_refcount`.
    Refcount,
}

/// Size and alignment in bytes of each kind in the UAPI header.
const FIELD_SHAPES: &[(FieldKind, u32, u32)] = &[
    (FieldKind::SpinLock, 4, 4),
    (FieldKind::ResSpinLock, 4, 4),
    (FieldKind::Timer, 16, 8),
    (FieldKind::Workqueue, 16, 8),
    (FieldKind::TaskWork, 8, 8),
    (FieldKind::KptrUnref, 8, 8),
    (FieldKind::KptrRef, 8, 8),
    (FieldKind::KptrPercpu, 8, 8),
    (FieldKind::Uptr, 8, 8),
    (FieldKind::ListHead, 16, 8),
    (FieldKind::ListNode, 24, 8),
    (FieldKind::RbRoot, 16, 8),
    (FieldKind::RbNode, 32, 8),
    (FieldKind::Refcount, 4, 4),
];

impl FieldKind {
    /// Bytes that the field takes in a value.
    pub fn size(self) -> u32 {
        self.shape().0
    }

    /// The alignment its offset must have.
    pub fn align(self) -> u32 {
        self.shape().1
    }

    /// Whether the field is a lock, which is nobody's to release.
    pub fn is_lock(self) -> bool {
        matches!(self, FieldKind::SpinLock | FieldKind::ResSpinLock)
    }

    fn shape(self) -> (u32, u32) {
        let row = FIELD_SHAPES.iter().find(|row| row.0 == self);
        row.map_or((8, 8), |row| (row.1, row.2))
    }
}

/// Why a map could not be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateError {
    /// The map's name.
    pub map: String,
    /// The error of `BPF_MAP_CREATE`.
    pub errno: Errno,
    /// What was expected and what was found.
    pub message: String,
}

impl CreateError {
    pub(crate) fn new(spec: &MapSpec, errno: Errno, message: impl Into<String>) -> CreateError {
        CreateError { map: spec.name.clone(), errno, message: message.into() }
    }
}

impl fmt::Display for CreateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.map.is_empty() { "(unnamed)" } else { &self.map };
        write!(f, "map {name}: {}: {}", self.message, self.errno)
    }
}

impl std::error::Error for CreateError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_kind_has_a_shape() {
        for &(kind, size, align) in FIELD_SHAPES {
            assert_eq!((kind.size(), kind.align()), (size, align));
            assert_eq!(size % align, 0);
        }
        assert_eq!(FIELD_SHAPES.len(), FieldKind::Refcount as usize + 1);
    }
}
