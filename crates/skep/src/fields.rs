//! Special fields of map values: what the object says of them, in the terms of the maps crate.

use skep_maps::{FieldKind as Held, SpecialField as Part};
use skep_object::{FieldKind, KptrTag, SpecialField};

/// The field as maps know it; `None` for what cannot be in a value.
pub(crate) fn convert(field: &SpecialField) -> Option<Part> {
    let (kind, type_id) = match &field.kind {
        FieldKind::SpinLock => (Held::SpinLock, 0),
        FieldKind::ResilientSpinLock => (Held::ResSpinLock, 0),
        FieldKind::Timer => (Held::Timer, 0),
        FieldKind::Workqueue => (Held::Workqueue, 0),
        FieldKind::TaskWork => (Held::TaskWork, 0),
        FieldKind::Refcount => (Held::Refcount, 0),
        FieldKind::Kptr { tag, pointee } => {
            let kind = match tag {
                KptrTag::Untrusted => Held::KptrUnref,
                KptrTag::Referenced => Held::KptrRef,
                KptrTag::PerCpu => Held::KptrPercpu,
                KptrTag::User => Held::Uptr,
            };
            (kind, pointee.0)
        }
        FieldKind::ListHead { .. } => (Held::ListHead, 0),
        FieldKind::ListNode => (Held::ListNode, 0),
        FieldKind::RbRoot { .. } => (Held::RbRoot, 0),
        FieldKind::RbNode => (Held::RbNode, 0),
        FieldKind::Dynptr => return None,
    };
    Some(Part { offset: field.offset, kind, type_id })
}
