//! Fields of kernel objects that some programs may write.

use skep_btf::{Btf, Kind, TypeId};
use skep_platform::typed::{StructOpsRules, WritableField};

/// What the name of an object that nobody else sees yet ends in.
const UNPUBLISHED: &str = "___init";

/// Whether programs under these rules may write `size` bytes at `off` of an object of type `object`.
pub(crate) fn may_write(btf: &Btf, rules: &StructOpsRules, object: TypeId, off: u32, size: u32) -> bool {
    let name = btf.name_of(object);
    rules.writable.iter().filter(|field| field.object == name).any(|field| {
        let Some((start, end)) = place(btf, field) else { return false };
        // A number is written from its first byte; what is an array or struct may be written anywhere.
        let within = off >= start && off.saturating_add(size) <= end;
        within && (off == start || spacious(btf, field))
    })
}

/// First byte and end of a field.
fn place(btf: &Btf, field: &WritableField) -> Option<(u32, u32)> {
    let mut id = btf.find(field.object, Kind::Struct)?;
    let mut start = 0u32;
    let mut size = 0;
    for &step in field.path {
        let (offset, inner) = member(btf, id, step, 0)?;
        start = start.checked_add(offset)?;
        size = btf.size_of(inner)?;
        id = btf.resolve(inner);
    }
    let end = match field.reach {
        Some(reach) => start.checked_add(field.skip)?.checked_add(reach)?,
        None => start.checked_add(size)?,
    };
    Some((start.checked_add(field.skip)?, end))
}

/// A member by name, also of anonymous structs within, and its offset.
fn member(btf: &Btf, id: TypeId, name: &str, depth: usize) -> Option<(u32, TypeId)> {
    if depth > skep_btf::MAX_DEPTH {
        return None;
    }
    let members = btf.get_resolved(id)?.as_composite()?.members;
    members.iter().find_map(|member| {
        let here = member.bit_offset / 8;
        if member.name == name {
            return Some((here, member.type_id));
        }
        let (offset, inner) =
            member.name.is_empty().then(|| self::member(btf, member.type_id, name, depth + 1)).flatten()?;
        Some((here + offset, inner))
    })
}

fn spacious(btf: &Btf, field: &WritableField) -> bool {
    field.anywhere || place(btf, field).is_some_and(|(start, end)| end - start > 8)
}

/// Whether the access is to the field (struct and member), from its first byte and within it.
pub(crate) fn is_field(btf: &Btf, field: (&str, &str), object: TypeId, off: u32, size: u32) -> bool {
    // An object that was made and is not published yet has a name of its own.
    let name = btf.name_of(object);
    if name.strip_suffix(UNPUBLISHED).unwrap_or(name) != field.0 {
        return false;
    }
    let holder = btf.find(field.0, Kind::Struct);
    let Some((start, id)) = holder.and_then(|holder| member(btf, holder, field.1, 0)) else { return false };
    off == start && btf.size_of(id).is_some_and(|bytes| size <= bytes)
}
