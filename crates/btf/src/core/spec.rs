//! Paths: reading them on the program's type and finding them again in the target's.

use super::{CoreError, RelocationKind, compat};
use crate::MAX_DEPTH;
use crate::lookup::essential_name;
use crate::set::Btf;
use crate::types::{Array, Kind, Member, Type, TypeId};

/// Longest path, in numbers. Linux has the same limit.
const MAX_PATH: usize = 64;

/// One step that has a meaning of its own; passing into an anonymous member has none.
#[derive(Clone, Copy)]
pub(super) struct Access<'a> {
    /// The struct of a named step; the element's type of an index.
    pub(super) type_id: TypeId,
    /// Which member, element or constant.
    pub(super) index: u32,
    /// The member's or constant's name; `None` for an index.
    pub(super) name: Option<&'a str>,
}

/// A path on one type.
pub(super) struct Spec<'a> {
    /// The type it starts from.
    pub(super) root: TypeId,
    /// Empty for questions about a whole type.
    pub(super) accesses: Vec<Access<'a>>,
    /// Bits from the start of the root to what it leads to.
    pub(super) bit_offset: u64,
}

/// `struct name` for messages.
pub(super) fn name_with_kind(btf: &Btf, id: TypeId) -> String {
    let kind = btf.kind_of(id).unwrap_or(Kind::Void).name().to_ascii_lowercase();
    let name = btf.name_of(id);
    format!("{kind} {}", if name.is_empty() { "(anonymous)" } else { name })
}

impl<'a> Spec<'a> {
    /// Reads a record's path on the program's own type.
    pub(super) fn read(
        local: &'a Btf,
        id: TypeId,
        text: &str,
        kind: RelocationKind,
    ) -> Result<Self, CoreError> {
        let bad = |reason: String| CoreError::BadSpec { id, spec: text.into(), reason };
        let path = numbers(text).map_err(bad)?;
        if !matches!(local.get(id), Some(ty) if ty.kind() != Kind::Void) {
            return Err(bad(format!("expected a type id from 1 to {}, found {id}", local.len() - 1)));
        }
        let mut spec = Self { root: id, accesses: Vec::with_capacity(path.len()), bit_offset: 0 };
        if kind.is_type() {
            return if path == [0] { Ok(spec) } else { Err(bad(format!("expected `0` for {kind}"))) };
        }
        let start = local.resolve(id);
        if kind.is_enumval() {
            spec.read_constant(local, start, &path).map_err(bad)?;
        } else {
            spec.read_field(local, start, &path).map_err(bad)?;
        }
        Ok(spec)
    }

    fn read_constant(&mut self, local: &'a Btf, id: TypeId, path: &[u32]) -> Result<(), String> {
        let Some(view) = local.get(id).and_then(|t| t.as_enum()) else {
            return Err(format!("expected an enum, found {}", name_with_kind(local, id)));
        };
        let [index] = *path else { return Err(format!("expected one number, found {}", path.len())) };
        let Some(variant) = view.variants.get(index as usize) else {
            return Err(format!("expected a constant below {}, found {index}", view.variants.len()));
        };
        self.accesses.push(Access { type_id: id, index, name: Some(variant.name) });
        Ok(())
    }

    fn read_field(&mut self, local: &'a Btf, start: TypeId, path: &[u32]) -> Result<(), String> {
        let mut id = start;
        let (first, rest) = path.split_first().ok_or("expected a number")?;
        self.push_index(local, id, *first)?;
        for index in rest {
            id = local.resolve(id);
            match local.get(id) {
                Some(Type::Struct(composite) | Type::Union(composite)) => {
                    let Some(member) = composite.members.get(*index as usize) else {
                        let (len, name) = (composite.members.len(), name_with_kind(local, id));
                        return Err(format!("expected a member of {name} below {len}, found {index}"));
                    };
                    self.bit_offset += u64::from(member.bit_offset);
                    if !member.name.is_empty() {
                        self.accesses.push(Access { type_id: id, index: *index, name: Some(member.name) });
                    }
                    id = member.type_id;
                }
                Some(Type::Array(array)) => {
                    if *index >= array.len && !self.ends_in_flexible(local, array) {
                        return Err(format!("expected an index below {}, found {index}", array.len));
                    }
                    id = local.resolve(array.element);
                    self.push_index(local, id, *index)?;
                }
                _ => {
                    let name = name_with_kind(local, id);
                    return Err(format!("expected a struct, union or array at `:{index}`, found {name}"));
                }
            }
        }
        Ok(())
    }

    /// Steps to an element of a type.
    fn push_index(&mut self, btf: &Btf, element: TypeId, index: u32) -> Result<(), String> {
        let Some(size) = btf.size_of(element) else {
            return Err(format!("expected a type with a size, found {}", name_with_kind(btf, element)));
        };
        self.accesses.push(Access { type_id: element, index, name: None });
        let bits = u64::from(index) * u64::from(size);
        self.bit_offset = bits
            .checked_mul(8)
            .and_then(|b| b.checked_add(self.bit_offset))
            .ok_or("an offset beyond 2^64")?;
        Ok(())
    }

    /// Is the array that the path has just reached the open end of its struct, where any index is fine?
    fn ends_in_flexible(&self, btf: &Btf, array: Array) -> bool {
        let Some(last) = self.accesses.last().filter(|a| a.name.is_some() && array.len == 0) else {
            return false;
        };
        let composite = btf.get(last.type_id).and_then(|t| t.as_composite());
        composite.is_some_and(|c| c.members.len() == last.index as usize + 1)
    }

    /// Finds the same thing from a type of the target that has the right name. `None` if it is not there.
    pub(super) fn find_in<'t>(
        &self,
        local: &Btf,
        target: &'t Btf,
        root: TypeId,
        kind: RelocationKind,
        steps: &mut u32,
    ) -> Option<Spec<'t>> {
        let mut found = Spec { root, accesses: Vec::with_capacity(self.accesses.len()), bit_offset: 0 };
        if kind.is_type() {
            let agrees = match kind {
                RelocationKind::TypeMatches => compat::types_match(local, self.root, target, root, steps),
                _ => compat::types_compatible(local, self.root, target, root, steps),
            };
            return agrees.then_some(found);
        }
        if kind.is_enumval() {
            let id = target.resolve(root);
            let wanted = essential_name(self.accesses.first()?.name?);
            let mut variants = target.get(id)?.as_enum()?.variants.iter().enumerate();
            let (index, variant) = variants.find(|(_, v)| essential_name(v.name) == wanted)?;
            found.accesses.push(Access { type_id: id, index: index as u32, name: Some(variant.name) });
            return Some(found);
        }
        let mut id = root;
        for (at, access) in self.accesses.iter().enumerate() {
            id = target.resolve(id);
            if access.name.is_some() {
                let wanted = local.get(access.type_id)?.as_composite()?.members.get(access.index as usize)?;
                let member = found.find_member(local, &wanted, target, id, MAX_DEPTH, steps)?;
                id = member.type_id;
                continue;
            }
            // The first index counts whole roots; each later one is into an array.
            if at > 0 {
                let Some(Type::Array(array)) = target.get(id) else { return None };
                if access.index >= array.len && !found.ends_in_flexible(target, array) {
                    return None;
                }
                id = target.resolve(array.element);
            }
            found.push_index(target, id, access.index).ok()?;
        }
        Some(found)
    }

    /// Steps to the member of that name, in the type itself or in its anonymous members. A member of that name whose type
    /// cannot stand for the program's ends the search.
    fn find_member<'t>(
        &mut self,
        local: &Btf,
        wanted: &Member<'_>,
        target: &'t Btf,
        id: TypeId,
        depth: usize,
        steps: &mut u32,
    ) -> Option<Member<'t>>
    where
        't: 'a,
    {
        let depth = depth.checked_sub(1)?;
        let id = target.resolve(id);
        for (index, member) in target.get(id)?.as_composite()?.members.iter().enumerate() {
            *steps = steps.checked_sub(1)?;
            if member.name == wanted.name {
                let fits = compat::fields_compatible(local, wanted.type_id, target, member.type_id);
                if !fits || self.accesses.len() >= MAX_PATH {
                    return None;
                }
                self.bit_offset += u64::from(member.bit_offset);
                self.accesses.push(Access { type_id: id, index: index as u32, name: Some(member.name) });
                return Some(member);
            }
            if member.name.is_empty() {
                let before = self.bit_offset;
                self.bit_offset += u64::from(member.bit_offset);
                if let Some(inner) = self.find_member(local, wanted, target, member.type_id, depth, steps) {
                    return Some(inner);
                }
                self.bit_offset = before;
            }
        }
        None
    }

    /// The path in C's words.
    pub(super) fn describe(&self, btf: &Btf) -> String {
        let mut text = name_with_kind(btf, self.root);
        for (at, access) in self.accesses.iter().enumerate() {
            match access.name {
                Some(name)
                    if btf
                        .kind_of(access.type_id)
                        .is_some_and(|k| matches!(k, Kind::Enum | Kind::Enum64)) =>
                {
                    text += "::";
                    text += name;
                }
                Some(name) => {
                    text += ".";
                    text += name;
                }
                None if at == 0 && access.index == 0 => {}
                None => text += &format!("[{}]", access.index),
            }
        }
        text
    }
}

fn numbers(text: &str) -> Result<Vec<u32>, String> {
    let mut path = Vec::new();
    for part in text.split(':') {
        if path.len() == MAX_PATH {
            return Err(format!("expected at most {MAX_PATH} numbers"));
        }
        let digits = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        match part.parse() {
            Ok(number) if digits => path.push(number),
            _ => return Err(format!("expected numbers separated by colons, found `{part}`")),
        }
    }
    Ok(path)
}
