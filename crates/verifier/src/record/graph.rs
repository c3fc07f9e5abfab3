//! What the lists and trees in a value hold: `contains:STRUCT:NODE` tags.

use skep_btf::{Btf, Kind, Type, TypeId};

use super::find::{Faulty, STRUCTS, faulty};
use super::{FieldKind, Target};

/// The elements of the list or tree that a declaration tag describes: `tagged` is the struct and the member's index, or a variable.
pub(super) fn elements(btf: &Btf, tagged: (TypeId, Option<u32>), node: FieldKind) -> Result<Target, Faulty> {
    let tag = btf.types().find_map(|(_, item)| match item {
        Type::DeclTag(tag) if (tag.target, tag.component) == tagged => tag.name.strip_prefix("contains:"),
        _ => None,
    });
    let Some((name, member)) = tag.and_then(|tag| tag.split_once(':')) else {
        return faulty("a list or tree without a tag contains:STRUCT:NODE");
    };
    let Some(element) = btf.find(name, Kind::Struct) else {
        return faulty(format!("a list or tree of struct {name}, which is not in the types"));
    };
    let Some(Type::Struct(item)) = btf.get(element) else { return faulty("a list or tree of no struct") };
    let Some(found) = item.members.iter().find(|candidate| candidate.name == member) else {
        return faulty(format!("struct {name} has no member {member}"));
    };
    let offset = found.bit_offset / 8;
    let kind = match btf.get(found.type_id) {
        Some(Type::Struct(item)) => STRUCTS.iter().find(|row| row.0 == item.name),
        _ => None,
    };
    match kind {
        Some(row) if row.1 == node && found.bit_offset % (8 * row.3) == 0 => {
            Ok(Target::Graph { element, node: offset })
        }
        _ => faulty(format!("{name}.{member} is no {}", node.name())),
    }
}
