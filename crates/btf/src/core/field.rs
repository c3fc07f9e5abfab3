//! From a path to the number that is asked for.

use super::{RelocationKind, Resize, spec::Spec};
use crate::set::Btf;
use crate::types::{Type, TypeId};
use crate::wire::ByteOrder;

/// What one side, program or target, answers.
#[derive(Default)]
pub(super) struct Answer {
    /// `None` is poison.
    pub(super) value: Option<u64>,
    /// May the instruction be checked for holding the value?
    pub(super) checked: bool,
    /// Size and type of what is loaded, for an offset of a field that is no bit-field.
    pub(super) loaded: Option<(u32, TypeId)>,
}

impl Answer {
    fn checked(value: u64) -> Self {
        Self { value: Some(value), checked: true, loaded: None }
    }
    fn unchecked(value: u64) -> Self {
        Self { value: Some(value), ..Self::default() }
    }
}

/// The answer for a path that was found, or for none.
pub(super) fn answer(btf: &Btf, spec: Option<&Spec<'_>>, kind: RelocationKind) -> Result<Answer, String> {
    use RelocationKind::*;
    Ok(match (kind, spec) {
        (FieldExists | TypeExists | TypeMatches | EnumvalExists, spec) => {
            Answer { value: Some(u64::from(spec.is_some())), checked: true, loaded: None }
        }
        // A type that is not there has size and id 0; programs ask `bpf_core_type_exists` first.
        (TypeIdTarget | TypeSize, None) => Answer::checked(0),
        (_, None) => Answer::default(),
        (TypeIdLocal | TypeIdTarget, Some(spec)) => Answer::unchecked(u64::from(spec.root.0)),
        (TypeSize, Some(spec)) => {
            let size = btf.size_of(spec.root).ok_or("expected a type with a size")?;
            Answer::checked(u64::from(size))
        }
        (EnumvalValue, Some(spec)) => {
            let access = spec.accesses.first().ok_or("expected a constant")?;
            let view = btf.get(access.type_id).and_then(|t| t.as_enum()).ok_or("expected an enum")?;
            let variant =
                view.variants.get(access.index as usize).ok_or("expected a constant of the enum")?;
            Answer::checked(variant.value)
        }
        (_, Some(spec)) => field(btf, spec, kind)?,
    })
}

/// The word a field is loaded from.
struct Place {
    /// Bytes from the start of the root.
    offset: u64,
    /// Bytes of the word: the field's own size, or for a bit-field the smallest aligned word that holds all of it.
    size: u32,
    bit_size: u32,
    is_bit_field: bool,
}

fn field(btf: &Btf, spec: &Spec<'_>, kind: RelocationKind) -> Result<Answer, String> {
    use RelocationKind::*;
    let last = spec.accesses.last().ok_or("expected a field")?;
    let Some(_) = last.name else {
        let size = btf.size_of(last.type_id).ok_or("expected an element with a size")?;
        return match kind {
            FieldByteOffset => {
                let loaded = Some((size, last.type_id));
                Ok(Answer { loaded, ..Answer::checked(spec.bit_offset / 8) })
            }
            FieldByteSize => Ok(Answer::checked(u64::from(size))),
            _ => Err("expected a path that ends in a named field, found one that ends in an index".into()),
        };
    };
    let composite =
        btf.get(last.type_id).and_then(|t| t.as_composite()).ok_or("expected a struct or union")?;
    let member = composite.members.get(last.index as usize).ok_or("expected a member")?;
    let resolved = btf.resolve(member.type_id);
    if kind == FieldSigned {
        let signed = match btf.get(resolved) {
            Some(Type::Int(t)) => t.encoding.is_signed(),
            Some(Type::Enum(t) | Type::Enum64(t)) => t.signed,
            _ => false,
        };
        return Ok(Answer::unchecked(u64::from(signed)));
    }
    let place = place(btf, spec, member.type_id, member.bit_size)?;
    let first_bit = spec.bit_offset - 8 * place.offset;
    // Which word a bit-field is loaded from is the compiler's choice: it may differ from ours and still be right.
    let checked = !place.is_bit_field;
    Ok(match kind {
        FieldByteOffset => {
            let loaded = if place.is_bit_field { None } else { loaded(btf, member.type_id) };
            Answer { value: Some(place.offset), checked, loaded }
        }
        FieldByteSize => Answer { value: Some(u64::from(place.size)), checked, loaded: None },
        FieldLshiftU64 => {
            let shift = match btf.byte_order() {
                ByteOrder::Little => 64u64.checked_sub(first_bit + u64::from(place.bit_size)),
                ByteOrder::Big => 8u64.checked_sub(u64::from(place.size)).map(|bytes| 8 * bytes + first_bit),
            };
            let shift = shift.ok_or("expected a field of at most 64 bits")?;
            Answer { value: Some(shift), checked, loaded: None }
        }
        FieldRshiftU64 => {
            let shift = 64u32.checked_sub(place.bit_size).ok_or("expected a field of at most 64 bits")?;
            Answer::unchecked(u64::from(shift))
        }
        _ => return Err(format!("expected a question about a field, found {kind}")),
    })
}

fn place(btf: &Btf, spec: &Spec<'_>, type_id: TypeId, member_bits: u8) -> Result<Place, String> {
    let resolved = btf.get_resolved(type_id);
    // Old tools describe a bit-field by an integer of few bits instead of the kind flag.
    let bit_size = match resolved {
        Some(Type::Int(t)) if member_bits == 0 && (t.bit_offset != 0 || u32::from(t.bits) != 8 * t.size) => {
            t.bits
        }
        _ => member_bits,
    };
    let mut size = btf.size_of(type_id).ok_or("expected a field with a size")?;
    if bit_size == 0 {
        // Shifts of larger fields are refused by their subtraction.
        let bits = size.saturating_mul(8);
        return Ok(Place { offset: spec.bit_offset / 8, size, bit_size: bits, is_bit_field: false });
    }
    let end = spec.bit_offset + u64::from(bit_size);
    size = size.max(1);
    loop {
        let word = u64::from(size);
        let offset = spec.bit_offset / 8 / word * word;
        if end <= 8 * (offset + word) {
            return Ok(Place { offset, size, bit_size: bit_size.into(), is_bit_field: true });
        }
        size = size.saturating_mul(2);
        if size > 8 {
            return Err("expected a bit-field within one aligned word of 8 bytes".into());
        }
    }
}

/// Size and type of what a load of the field takes: of an array, one element.
fn loaded(btf: &Btf, type_id: TypeId) -> Option<(u32, TypeId)> {
    let mut id = btf.resolve(type_id);
    for _ in 0..crate::MAX_DEPTH {
        let Some(Type::Array(array)) = btf.get(id) else { break };
        id = btf.resolve(array.element);
    }
    Some((btf.size_of(id)?, btf.resolve(type_id)))
}

/// Compares what both sides load.
pub(super) fn resize(local: &Btf, own: &Answer, target: &Btf, found: &Answer) -> Option<Resize> {
    let ((from, a), (to, b)) = (own.loaded?, found.loaded?);
    if from == to {
        return None;
    }
    let allowed = match (local.get_resolved(a), target.get_resolved(b)) {
        (Some(Type::Ptr(_)), Some(Type::Ptr(_))) => true,
        (Some(Type::Int(x)), Some(Type::Int(y))) => !x.encoding.is_signed() && !y.encoding.is_signed(),
        _ => false,
    };
    Some(Resize { local: from, target: to, allowed })
}
