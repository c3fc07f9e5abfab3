//! Names to types.
//!
//! One index serves exact names and CO-RE's "essential" names (`task_struct___old` means `task_struct`): it holds the
//! hash of each type's essential name beside its id, sorted, so that all candidates for a name are neighbours. Building
//! it for the kernel's 72,000 named types costs a few milliseconds, once; it borrows no names and so needs no second copy of
//! them.

use std::collections::BTreeSet;

use crate::set::Btf;
use crate::types::{Kind, Type, TypeId};

/// Hash of essential name in the upper half, id in the lower; sorted.
pub(crate) struct NameIndex(Vec<u64>);

/// The name without the flavour that CO-RE programs add behind three underscores: `foo___v2` is `foo`. A name that
/// begins with them keeps all.
pub fn essential_name(name: &str) -> &str {
    let bytes = name.as_bytes();
    // Three underscores in a row cover every third byte; most names have none there and need no closer look.
    if !bytes.iter().skip(2).step_by(3).any(|&byte| byte == b'_') {
        return name;
    }
    // The last place with three underscores between other characters decides, as with `a___b___c` → `a___b`.
    let mut at = bytes.len();
    while at >= 5 {
        at -= 1;
        if bytes[at] != b'_' && at >= 4 && bytes[at - 4] != b'_' && bytes[at - 3..at] == *b"___" {
            return &name[..at - 3];
        }
    }
    name
}

/// FNV-1a, eight bytes a step: only spread matters here, and names are short.
fn hash(name: &str) -> u32 {
    let mut state: u64 = 0xcbf2_9ce4_8422_2325;
    for chunk in name.as_bytes().chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        state = (state ^ u64::from_le_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        state ^= state >> 29;
    }
    (state >> 32) as u32
}

impl NameIndex {
    fn build(btf: &Btf) -> Self {
        let mut entries = Vec::new();
        for id in btf.first_id().0..btf.len() as u32 {
            let Some((offset, _)) = btf.name_and_kind(TypeId(id)) else { continue };
            let name = btf.name_at(offset);
            if !name.is_empty() {
                entries.push(u64::from(hash(essential_name(name))) << 32 | u64::from(id));
            }
        }
        entries.sort_unstable();
        Self(entries)
    }

    fn candidates(&self, name: &str) -> impl Iterator<Item = TypeId> {
        let wanted = hash(name);
        let from = self.0.partition_point(|e| ((e >> 32) as u32) < wanted);
        self.0[from..].iter().take_while(move |e| (**e >> 32) as u32 == wanted).map(|e| TypeId(*e as u32))
    }
}

impl Btf {
    /// All types whose essential name is that one's, lowest id first, the base's before the own ones. `name` must be
    /// essential already.
    pub fn find_essential<'a>(&'a self, name: &'a str) -> impl Iterator<Item = TypeId> + 'a {
        let chain = [self.base().map(|b| &**b), Some(self)];
        chain
            .into_iter()
            .flatten()
            .flat_map(move |btf| btf.names.get_or_init(|| NameIndex::build(btf)).candidates(name))
            .filter(move |id| essential_name(self.name_of(*id)) == name)
    }

    /// All types of that name, of any kind, lowest id first.
    pub fn find_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = TypeId> + 'a {
        self.find_essential(essential_name(name)).filter(move |id| self.name_of(*id) == name)
    }

    /// The first type of that name and kind.
    pub fn find(&self, name: &str, kind: Kind) -> Option<TypeId> {
        self.find_all(name).find(|id| self.kind_of(*id) == Some(kind))
    }

    /// The name of a type; empty if it has none or does not exist.
    pub fn name_of(&self, id: TypeId) -> &str {
        self.name_and_kind(id).map_or("", |(offset, _)| self.name_at(offset))
    }

    /// The kind of a type.
    pub fn kind_of(&self, id: TypeId) -> Option<Kind> {
        if id == TypeId::VOID { Some(Kind::Void) } else { self.name_and_kind(id).map(|(_, kind)| kind) }
    }

    /// The type of a function or variable by its name.
    pub fn find_func(&self, name: &str) -> Option<TypeId> {
        self.find(name, Kind::Func)
    }

    /// The given types and all they refer to, in the order of their ids.
    pub fn closure(&self, roots: &[TypeId]) -> Vec<TypeId> {
        let mut needed = BTreeSet::new();
        let mut left = roots.to_vec();
        while let Some(id) = left.pop() {
            let Some(ty) = self.get(id).filter(|_| id != TypeId::VOID && needed.insert(id)) else { continue };
            left.extend(ty.target());
            match ty {
                Type::Struct(t) | Type::Union(t) => left.extend(t.members.iter().map(|m| m.type_id)),
                Type::FuncProto(t) => left.extend(t.params.iter().map(|p| p.type_id)),
                Type::DataSec(t) => left.extend(t.vars.iter().map(|v| v.type_id)),
                Type::Array(t) => left.push(t.index),
                _ => {}
            }
        }
        needed.into_iter().collect()
    }

    /// The section of that name.
    pub fn find_section(&self, name: &str) -> Option<crate::DataSec<'_>> {
        match self.get(self.find(name, Kind::DataSec)?)? {
            Type::DataSec(section) => Some(section),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::essential_name;

    #[test]
    fn flavours_are_cut_off() {
        for (name, essential) in [
            ("task_struct", "task_struct"),
            ("task_struct___old", "task_struct"),
            ("a___b___c", "a___b"),
            ("___a", "___a"),
            ("a____b", "a____b"),
            ("a___", "a___"),
            ("", ""),
            ("ü___ü", "ü"),
        ] {
            assert_eq!(essential_name(name), essential);
        }
    }
}
