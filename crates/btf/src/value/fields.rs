//! The members of a struct as C names them: those of anonymous members are the outer one's.

use std::borrow::Cow;

use crate::MAX_DEPTH;
use crate::set::Btf;
use crate::types::{Type, TypeId};

/// Most fields of one struct, anonymous members' included.
const MAX_FIELDS: usize = 1 << 16;

/// A named part of a struct, union or section.
pub(super) struct Field<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) type_id: TypeId,
    /// Bits from the start of the outermost.
    pub(super) bit_offset: usize,
    /// 0 if it is no bit-field.
    pub(super) bit_size: usize,
}

/// The fields of a struct, union or section; `None` if the type, which must be resolved, is none of them.
pub(super) fn fields(btf: &Btf, id: TypeId) -> Option<Vec<Field<'_>>> {
    let mut found = Vec::new();
    match btf.get(id)? {
        Type::DataSec(section) => found.extend(section.vars.iter().take(MAX_FIELDS).map(|var| Field {
            name: btf.name_of(var.type_id).into(),
            type_id: var.type_id,
            bit_offset: 8 * var.offset as usize,
            bit_size: 0,
        })),
        Type::Struct(_) | Type::Union(_) => collect(btf, id, 0, MAX_DEPTH, &mut found),
        _ => return None,
    }
    Some(found)
}

fn collect<'a>(btf: &'a Btf, id: TypeId, base: usize, depth: usize, found: &mut Vec<Field<'a>>) {
    let Some(composite) = btf.get(id).and_then(|t| t.as_composite()) else { return };
    for (index, member) in composite.members.iter().enumerate() {
        if found.len() >= MAX_FIELDS {
            return;
        }
        let bit_offset = base + member.bit_offset as usize;
        let inner = btf.resolve(member.type_id);
        let is_composite = btf.get(inner).is_some_and(|t| t.as_composite().is_some());
        if member.name.is_empty() && is_composite {
            if depth > 0 {
                collect(btf, inner, bit_offset, depth - 1, found);
            }
            continue;
        }
        // Rust's tuples have members without names.
        let name = if member.name.is_empty() { format!("{index}").into() } else { member.name.into() };
        found.push(Field { name, type_id: member.type_id, bit_offset, bit_size: member.bit_size.into() });
    }
}
