//! Special fields: parts of a map's value that only helpers may touch, found by their types' names and tags.

use std::cell::RefCell;
use std::collections::HashMap;

use skep_btf::{Btf, Composite, Type, TypeId};

use crate::limits::{SPECIAL_FIELDS, TYPE_DEPTH};
use crate::{FieldKind, KptrTag, SpecialField};

/// Structs that are special as a whole.
const STRUCTS: &[(&str, FieldKind)] = &[
    ("bpf_spin_lock", FieldKind::SpinLock),
    ("bpf_res_spin_lock", FieldKind::ResilientSpinLock),
    ("bpf_timer", FieldKind::Timer),
    ("bpf_wq", FieldKind::Workqueue),
    ("bpf_task_work", FieldKind::TaskWork),
    ("bpf_refcount", FieldKind::Refcount),
    ("bpf_list_node", FieldKind::ListNode),
    ("bpf_rb_node", FieldKind::RbNode),
    ("bpf_dynptr", FieldKind::Dynptr),
];

/// Type tags that make a pointer special.
const TAGS: &[(&str, KptrTag)] = &[
    ("kptr_untrusted", KptrTag::Untrusted),
    ("kptr", KptrTag::Referenced),
    ("percpu_kptr", KptrTag::PerCpu),
    ("uptr", KptrTag::User),
];

/// The object's types with the look-ups that special fields need.
pub(super) struct Types<'b> {
    pub(super) btf: &'b Btf,
    /// Declaration tags of members.
    tags: HashMap<(TypeId, u32), &'b str>,
    /// Whether a type has special fields anywhere inside. Without it, structs nested in structs many times over
    /// would be searched as often as they occur.
    holds: RefCell<HashMap<TypeId, bool>>,
}

impl<'b> Types<'b> {
    pub(super) fn new(btf: &'b Btf) -> Self {
        let tags = btf.types().filter_map(|(_, ty)| match ty {
            Type::DeclTag(tag) => Some(((tag.target, tag.component?), tag.name)),
            _ => None,
        });
        Self { btf, tags: tags.collect(), holds: RefCell::default() }
    }

    /// The special fields of a value of that type, by rising offset.
    pub(super) fn special_fields(&self, value: TypeId) -> Vec<SpecialField> {
        let mut found = Vec::new();
        self.search(value, 0, None, TYPE_DEPTH, &mut found);
        found.sort_by_key(|field| field.offset);
        found
    }

    /// What a type itself is, as the member that `member` names (struct and index).
    fn special(&self, id: TypeId, member: Option<(TypeId, u32)>) -> Option<FieldKind> {
        match self.btf.get_resolved(id)? {
            Type::Struct(item) => {
                if let Some((_, kind)) = STRUCTS.iter().find(|(name, _)| *name == item.name) {
                    return Some(kind.clone());
                }
                let (contains, node) = match item.name {
                    "bpf_list_head" | "bpf_rb_root" => self.contains(member),
                    _ => return None,
                };
                Some(match item.name {
                    "bpf_list_head" => FieldKind::ListHead { contains, node },
                    _ => FieldKind::RbRoot { contains, node },
                })
            }
            Type::Ptr(target) => {
                let Some(Type::TypeTag(tag)) = self.btf.get(target) else { return None };
                let &(_, tag_kind) = TAGS.iter().find(|(name, _)| *name == tag.name)?;
                Some(FieldKind::Kptr { tag: tag_kind, pointee: self.btf.resolve(tag.target) })
            }
            _ => None,
        }
    }

    /// What `contains:STRUCT:NODE` on a list or tree says; empty names when there is no such tag.
    fn contains(&self, member: Option<(TypeId, u32)>) -> (String, String) {
        let text = member.and_then(|key| self.tags.get(&key)).copied().unwrap_or_default();
        let rest = text.strip_prefix("contains:").unwrap_or_default();
        let (contains, node) = rest.split_once(':').unwrap_or((rest, ""));
        (contains.to_owned(), node.to_owned())
    }

    /// Whether there is anything to find in a type.
    fn holds(&self, id: TypeId, depth: usize) -> bool {
        let id = self.btf.resolve(id);
        if let Some(&known) = self.holds.borrow().get(&id) {
            return known;
        }
        if depth == 0 {
            return false;
        }
        // Set first, so that a cycle of types ends.
        self.holds.borrow_mut().insert(id, false);
        let inside =
            |item: Composite<'_>| item.members.iter().any(|member| self.holds(member.type_id, depth - 1));
        let answer = self.special(id, None).is_some()
            || match self.btf.get(id) {
                Some(Type::Struct(item) | Type::Union(item)) => inside(item),
                Some(Type::Array(array)) => self.holds(array.element, depth - 1),
                _ => false,
            };
        self.holds.borrow_mut().insert(id, answer);
        answer
    }

    fn search(
        &self,
        id: TypeId,
        offset: u32,
        member: Option<(TypeId, u32)>,
        depth: usize,
        found: &mut Vec<SpecialField>,
    ) {
        if depth == 0 || found.len() >= SPECIAL_FIELDS || !self.holds(id, depth) {
            return;
        }
        let id = self.btf.resolve(id);
        if let Some(kind) = self.special(id, member) {
            let size = self.btf.size_of(id).unwrap_or_default();
            found.push(SpecialField { offset, size, kind });
            return;
        }
        match self.btf.get(id) {
            Some(Type::Struct(item) | Type::Union(item)) => {
                for (index, part) in item.members.iter().enumerate() {
                    let at = offset.saturating_add(part.bit_offset / 8);
                    self.search(part.type_id, at, Some((id, index as u32)), depth - 1, found);
                }
            }
            Some(Type::Array(array)) => {
                let size = self.btf.size_of(array.element).unwrap_or_default();
                // Each element holds a field, so this ends at the limit above.
                for index in 0..array.len.min(SPECIAL_FIELDS as u32) {
                    let at = offset.saturating_add(size.saturating_mul(index));
                    self.search(array.element, at, member, depth - 1, found);
                }
            }
            _ => {}
        }
    }
}
