//! Managed fields, found by the names of structs and the tags of pointers.

use std::collections::HashSet;
use std::fmt;

use skep_btf::{Btf, Composite, Kind, Type, TypeId};

use super::{Field, FieldKind, Record, Target, graph, rules};

/// Most managed fields of a value.
const MOST_FIELDS: usize = 11;
/// Most members that are looked at: more than any value has.
const MOST_MEMBERS: usize = 1_000_000;
/// Deepest nesting of structs that is searched.
const DEEPEST: usize = 32;

/// Why the kernel would not take a type with such fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faulty(pub(super) String);

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(super) fn faulty<T>(text: impl Into<String>) -> Result<T, Faulty> {
    Err(Faulty(text.into()))
}

/// Structs that are managed as a whole: name, kind, size, alignment, and whether a value has at most one.
#[rustfmt::skip] // A table.
pub(super) static STRUCTS: &[(&str, FieldKind, u32, u32, bool)] = &[
    ("bpf_spin_lock",     FieldKind::SpinLock,          4,  4, true),
    ("bpf_res_spin_lock", FieldKind::ResilientSpinLock, 4,  4, true),
    ("bpf_timer",         FieldKind::Timer,             16, 8, true),
    ("bpf_wq",            FieldKind::Workqueue,         16, 8, true),
    ("bpf_task_work",     FieldKind::TaskWork,          8,  8, true),
    ("bpf_refcount",      FieldKind::Refcount,          4,  4, true),
    ("bpf_list_head",     FieldKind::ListHead,          16, 8, false),
    ("bpf_list_node",     FieldKind::ListNode,          24, 8, false),
    ("bpf_rb_root",       FieldKind::RbRoot,            16, 8, false),
    ("bpf_rb_node",       FieldKind::RbNode,            32, 8, false),
];

/// The record of a type.
pub(super) fn record(btf: &Btf, kernel: Option<&Btf>, id: TypeId, kinds: u16) -> Result<Record, Faulty> {
    let mut search = Search {
        btf,
        kernel,
        kinds,
        seen: 0,
        fields: Vec::new(),
        barren: HashSet::new(),
        met: 0,
        left: MOST_MEMBERS,
    };
    match btf.get(id) {
        Some(Type::Struct(item)) => search.members(id, item, 0, 0)?,
        Some(Type::DataSec(section)) => {
            for variable in section.vars {
                let Some(Type::Var(var)) = btf.get(variable.type_id) else { continue };
                let place = Place {
                    offset: variable.offset,
                    expected: variable.size,
                    tagged: (variable.type_id, None),
                    depth: 0,
                };
                search.one(var.target, place)?;
            }
        }
        _ => return Ok(Record::default()),
    }
    let mut record = Record { fields: search.fields };
    record.fields.sort_by_key(|field| field.offset);
    rules::check(&record)?;
    Ok(record)
}

struct Search<'b> {
    btf: &'b Btf,
    kernel: Option<&'b Btf>,
    kinds: u16,
    /// Kinds of which there is one already.
    seen: u16,
    fields: Vec<Field>,
    /// Members that may still be looked at.
    left: usize,
    /// Members met that would be managed at the right place.
    met: usize,
    /// Structs with none of those in them: types that repeat each other many times over are searched once.
    barren: HashSet<TypeId>,
}

/// Where a member or variable lies.
#[derive(Clone, Copy)]
struct Place {
    offset: u32,
    /// Bytes that it must take; 0 for any.
    expected: u32,
    /// What a declaration tag on it names.
    tagged: (TypeId, Option<u32>),
    depth: usize,
}

impl Search<'_> {
    fn members(&mut self, id: TypeId, item: Composite<'_>, base: u32, depth: usize) -> Result<(), Faulty> {
        for (index, member) in item.members.iter().enumerate() {
            if member.bit_offset % 8 != 0 || member.bit_size != 0 {
                continue;
            }
            let offset = base.saturating_add(member.bit_offset / 8);
            let place = Place { offset, expected: 0, tagged: (id, Some(index as u32)), depth };
            self.one(member.type_id, place)?;
        }
        Ok(())
    }

    /// A member or variable, which may be an array of what is looked for.
    fn one(&mut self, id: TypeId, place: Place) -> Result<(), Faulty> {
        let mut id = self.btf.strip_qualifiers(id);
        let mut count = 1u32;
        self.left -= 1;
        if self.left == 0 {
            return faulty("too many members to look at");
        }
        while let Some(Type::Array(array)) = self.btf.get(id) {
            count = count.saturating_mul(array.len);
            id = self.btf.strip_qualifiers(array.element);
        }
        if count == 0 {
            return Ok(());
        }
        let Some(item) = self.btf.get(id) else { return Ok(()) };
        let Some(size) = self.btf.size_of(id) else { return Ok(()) };
        if place.expected != 0 && u64::from(place.expected) != u64::from(size) * u64::from(count) {
            return Ok(());
        }
        let first = self.fields.len();
        if let Type::Ptr(target) = item
            && let Some(Type::TypeTag(_)) = self.btf.get(target)
        {
            self.met += 1;
        }
        match item {
            Type::Struct(found) => {
                let known = STRUCTS.iter().find(|row| row.0 == found.name && row.1.bit() & self.kinds != 0);
                match known {
                    Some(&(_, kind, bytes, align, once)) => {
                        self.met += 1;
                        if once && self.seen & kind.bit() != 0 {
                            return faulty(format!("more than one {}", kind.name()));
                        }
                        self.seen |= kind.bit();
                        if !place.offset.is_multiple_of(align) || found.size != bytes {
                            return Ok(());
                        }
                        self.whole(kind, bytes, place)?;
                    }
                    None if self.barren.contains(&id) => return Ok(()),
                    None if place.depth + 1 < DEEPEST => {
                        let met = self.met;
                        self.members(id, found, place.offset, place.depth + 1)?;
                        if self.met == met {
                            self.barren.insert(id);
                        }
                    }
                    None => return faulty(format!("structs nested more than {DEEPEST} deep")),
                }
            }
            Type::Ptr(target) if self.kinds & super::POINTERS != 0 && place.offset.is_multiple_of(8) => {
                let Some(kind) = self.pointer(target)? else { return Ok(()) };
                self.kptr(kind, target, place)?;
            }
            _ => return Ok(()),
        }
        self.repeat(first, count, size)
    }

    /// The other elements of an array.
    fn repeat(&mut self, first: usize, count: u32, size: u32) -> Result<(), Faulty> {
        let found = self.fields.len() - first;
        if count == 1 || found == 0 {
            return Ok(());
        }
        let repeatable = |field: &Field| {
            field.kind.is_pointer() || matches!(field.kind, FieldKind::ListHead | FieldKind::RbRoot)
        };
        if let Some(field) = self.fields[first..].iter().find(|field| !repeatable(field)) {
            return faulty(format!("an array of {}", field.kind.name()));
        }
        if found.saturating_mul(count as usize) > MOST_FIELDS - first.min(MOST_FIELDS) {
            return faulty(format!("more than {MOST_FIELDS} managed fields"));
        }
        for element in 1..count {
            for index in first..first + found {
                let field = self.fields[index];
                self.fields.push(Field { offset: field.offset + element * size, ..field });
            }
        }
        Ok(())
    }

    fn add(&mut self, field: Field) -> Result<(), Faulty> {
        if self.fields.len() >= MOST_FIELDS {
            return faulty(format!("more than {MOST_FIELDS} managed fields"));
        }
        self.fields.push(field);
        Ok(())
    }

    fn whole(&mut self, kind: FieldKind, size: u32, place: Place) -> Result<(), Faulty> {
        let target = match kind {
            FieldKind::ListHead => graph::elements(self.btf, place.tagged, FieldKind::ListNode)?,
            FieldKind::RbRoot => graph::elements(self.btf, place.tagged, FieldKind::RbNode)?,
            _ => Target::None,
        };
        self.add(Field { offset: place.offset, size, kind, target })
    }

    /// Which sort of managed pointer a pointer to `target` is.
    fn pointer(&self, target: TypeId) -> Result<Option<FieldKind>, Faulty> {
        let Some(Type::TypeTag(tag)) = self.btf.get(target) else { return Ok(None) };
        if let Some(Type::TypeTag(_)) = self.btf.get(tag.target) {
            return faulty("a pointer with two tags");
        }
        let kind = match tag.name {
            "kptr_untrusted" => FieldKind::KptrUntrusted,
            "kptr" => FieldKind::Kptr,
            "percpu_kptr" => FieldKind::KptrPercpu,
            "uptr" => FieldKind::Uptr,
            other => return faulty(format!("a pointer with the tag {other}")),
        };
        if kind.bit() & self.kinds == 0 {
            return Ok(None);
        }
        Ok(Some(kind))
    }

    fn kptr(&mut self, kind: FieldKind, target: TypeId, place: Place) -> Result<(), Faulty> {
        let pointee = self.btf.resolve(target);
        let Some(Type::Struct(item)) = self.btf.get(pointee) else {
            return faulty("a managed pointer to something that is no struct");
        };
        let target = match self.kernel {
            _ if kind == FieldKind::Uptr => Target::Local(pointee),
            None => Target::Unknown,
            Some(kernel) => match kernel.find(item.name, Kind::Struct) {
                Some(id) => Target::Kernel(id),
                None => Target::Local(pointee),
            },
        };
        if kind == FieldKind::Kptr
            && matches!(target, Target::Kernel(_))
            && !self.kernel.is_some_and(|kernel| is_destroyed(kernel, item.name))
        {
            return faulty(format!("a __kptr to struct {}, which the kernel cannot let go of", item.name));
        }
        self.add(Field { offset: place.offset, size: 8, kind, target })
    }
}

/// Whether the kernel can let go of an object of this type.
fn is_destroyed(kernel: &Btf, name: &str) -> bool {
    let row = skep_platform::kfunc::DESTROYED.iter().find(|row| row.0 == name);
    row.is_some_and(|&(_, function)| kernel.find_func(function).is_some())
}
