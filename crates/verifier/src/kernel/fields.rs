//! Walks through the fields of a struct to what an access finds there.
//!
//! An access is an offset and a size. It must lie within one member, down through nested structs, unions, arrays; a pointer can only be
//! read whole. The walk goes down until it meets a pointer or a number. Beyond the end of a struct it goes on only where the last
//! member is an array without a length.
//!
//! Two things are remembered on the way: whether a union was passed (nobody knows which of its members is alive), and which member
//! gave the pointer (some are known to be safe, see [`super::safe`]).

use skep_btf::{Btf, Member, Type, TypeId};

/// Most structs that one walk goes down through. Real ones nest less than 20 deep; a type inside itself would go on for ever.
const MAX_STEPS: usize = 64;

/// What lies at an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// A number, or a part of one.
    Number,
    /// A pointer to a struct or union.
    Object {
        /// The struct, behind typedefs and qualifiers.
        target: TypeId,
        /// What the pointer's declaration says of it.
        tag: Tag,
        /// The member that holds the pointer.
        field: &'a str,
        /// Whether a union of several members lies on the way.
        through_union: bool,
    },
    /// A pointer to anything else: a number, nothing, a function, another pointer, a struct that is only declared.
    Memory,
}

/// The tag of a pointer's declaration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tag {
    /// No tag that matters.
    #[default]
    Plain,
    /// `__rcu`
    Rcu,
    /// `__percpu`
    Percpu,
    /// `__user`
    User,
}

/// One step of a walk: down to a member that is a struct and begins just there, or to the end.
enum Step<'a> {
    Into(TypeId),
    End(Found<'a>),
}

/// What an access of `size` bytes at `off` of a struct finds; the error says why it may not be made.
pub(crate) fn field_at(btf: &Btf, id: TypeId, off: u32, size: u32) -> Result<Found<'_>, String> {
    let (mut id, mut off, mut through_union) = (id, off, false);
    for _ in 0..MAX_STEPS {
        match step(btf, id, off, size, &mut through_union)? {
            Step::Into(next) => (id, off) = (next, 0),
            Step::End(found) => return Ok(found),
        }
    }
    Err("types nested without end".into())
}

/// Whether an object of type `have`, entered at `off`, is or begins with an object of type `want`. With `strict`, only if it is
/// that itself.
pub(crate) fn embeds(btf: &Btf, have: TypeId, off: u32, want: TypeId, strict: bool) -> bool {
    if off == 0 && have == want {
        return true;
    }
    let (mut id, mut off) = (have, off);
    for _ in 0..MAX_STEPS {
        match step(btf, id, off, 1, &mut false) {
            Ok(Step::Into(next)) if !strict => (id, off) = (next, 0),
            _ => return false,
        }
        if id == want {
            return true;
        }
    }
    false
}

/// Goes down from one struct to the member that holds the offset, and on through members that begin before it.
fn step<'a>(
    btf: &'a Btf,
    id: TypeId,
    off: u32,
    size: u32,
    through_union: &mut bool,
) -> Result<Step<'a>, String> {
    let (mut id, mut off) = (btf.resolve(id), off);
    for _ in 0..MAX_STEPS {
        let Some(composite) = btf.get(id).and_then(|found| found.as_composite()) else {
            return Err(format!("type {id} is no struct"));
        };
        let name = if composite.name.is_empty() { "(anon)" } else { composite.name };
        if u64::from(off) + u64::from(size) > u64::from(composite.size) {
            let beyond =
                || format!("bytes {off} to {} are beyond struct {name}", off.saturating_add(size) - 1);
            match behind(btf, id, off).ok_or_else(beyond)? {
                Some(inner) => (id, off) = inner,
                None => return Ok(Step::End(Found::Number)),
            }
            continue;
        }
        *through_union |= matches!(btf.get(id), Some(Type::Union(union)) if union.members.len() != 1);
        let Some(place) = member_at(btf, id, off, size) else {
            return Err(format!("struct {name} has no field of {size} bytes at {off}"));
        };
        match place {
            Place::Bits => return Ok(Step::End(Found::Number)),
            Place::Struct(inner, 0) => return Ok(Step::Into(inner)),
            Place::Struct(inner, within) => (id, off) = (inner, within),
            Place::Pointer(member, within, to) => {
                if within != 0 || size != btf.pointer_size() {
                    return Err(format!("{} of struct {name} is a pointer: read it whole", member.name));
                }
                return Ok(Step::End(pointer(btf, member.name, to, *through_union)));
            }
            Place::Number(member, left) => {
                // In a union nothing is trusted anyway, and reads are caught.
                if size > left && !*through_union {
                    return Err(format!(
                        "{size} bytes at {off} reach beyond {} of struct {name}",
                        member.name
                    ));
                }
                return Ok(Step::End(Found::Number));
            }
        }
    }
    Err("types nested without end".into())
}

/// What is behind a struct that ends in an array without a length: a place in an element, or (`None` within) a number.
fn behind(btf: &Btf, id: TypeId, off: u32) -> Option<Option<(TypeId, u32)>> {
    let composite = btf.get(id)?.as_composite()?;
    let last = composite.members.iter().last()?;
    let Some(Type::Array(array)) = btf.get_resolved(last.type_id) else { return None };
    let start = last.bit_offset / 8;
    if array.len != 0 || off < start {
        return None;
    }
    let element = btf.resolve(array.element);
    match btf.get(element)? {
        Type::Int(_) => Some(None),
        Type::Struct(inner) | Type::Union(inner) if inner.size > 0 => {
            Some(Some((element, (off - start) % inner.size)))
        }
        _ => None,
    }
}

/// Where in a struct an access falls.
enum Place<'a> {
    /// Into a bit-field, as a whole.
    Bits,
    /// Into a struct, so far from its start.
    Struct(TypeId, u32),
    /// Into a pointer, so far from its start, and what it points to.
    Pointer(Member<'a>, u32, TypeId),
    /// Into a number or an array of them, with so many bytes left in it.
    Number(Member<'a>, u32),
}

fn member_at(btf: &Btf, id: TypeId, off: u32, size: u32) -> Option<Place<'_>> {
    let members = btf.get(id)?.as_composite()?.members;
    let reach = off.checked_add(size)?;
    for member in members {
        let start = member.bit_offset / 8;
        if reach <= start {
            return None;
        }
        if member.bit_size != 0 {
            let end = (member.bit_offset + u32::from(member.bit_size)).div_ceil(8);
            // Anonymous bit-fields leave no member: what reaches over one from before is let through.
            if off <= start && end <= reach {
                return Some(Place::Bits);
            }
            continue;
        }
        if off < start {
            return None;
        }
        let Some(bytes) = btf.size_of(member.type_id) else { continue };
        let end = start.saturating_add(bytes);
        if off >= end {
            continue;
        }
        let (element, each) = element(btf, member.type_id, bytes);
        let within = (off - start) % each.max(1);
        return Some(match btf.get(element)? {
            Type::Struct(_) | Type::Union(_) => Place::Struct(element, within),
            Type::Ptr(to) => Place::Pointer(member, within, to),
            _ => Place::Number(member, end - off),
        });
    }
    None
}

/// The element of an array of any number of dimensions, and its size; the type itself if it is none.
fn element(btf: &Btf, id: TypeId, bytes: u32) -> (TypeId, u32) {
    let (mut id, mut each) = (btf.resolve(id), bytes);
    for _ in 0..skep_btf::MAX_DEPTH {
        let Some(Type::Array(array)) = btf.get(id) else { break };
        id = btf.resolve(array.element);
        each = btf.size_of(id).unwrap_or(each);
    }
    (id, each)
}

fn pointer<'a>(btf: &'a Btf, field: &'a str, to: TypeId, through_union: bool) -> Found<'a> {
    let target = btf.resolve(to);
    match btf.get(target) {
        Some(Type::Struct(_) | Type::Union(_)) => {
            Found::Object { target, tag: tag_of(btf, to), field, through_union }
        }
        _ => Found::Memory,
    }
}

/// The tag that a pointer's target begins with.
pub(crate) fn tag_of(btf: &Btf, to: TypeId) -> Tag {
    match btf.get(to) {
        Some(Type::TypeTag(tag)) if !tag.attribute => match tag.name {
            "rcu" => Tag::Rcu,
            "percpu" => Tag::Percpu,
            "user" => Tag::User,
            _ => Tag::Plain,
        },
        _ => Tag::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skep_btf::{Builder, IntEncoding};

    fn sample() -> (Btf, TypeId, TypeId) {
        let mut b = Builder::new();
        let int = b.int("int", 4, IntEncoding::SIGNED);
        let long = b.int("long", 8, IntEncoding::SIGNED);
        let inner = b.structure("inner", 16, &[("a", long, 0), ("b", int, 64)]);
        let inner_ptr = b.ptr(inner);
        let int_ptr = b.ptr(int);
        let pair = b.array(inner, int, 2);
        let tail = b.array(inner, int, 0);
        let outer = b.structure(
            "outer",
            64,
            &[
                ("first", inner, 0),
                ("to", inner_ptr, 128),
                ("num", int_ptr, 192),
                ("pair", pair, 256),
                ("tail", tail, 512),
            ],
        );
        let btf = Btf::parse(&b.build()).unwrap_or_else(|error| panic!("{error}"));
        (btf, inner, outer)
    }

    #[test]
    fn numbers_pointers_and_arrays() {
        let (btf, inner, outer) = sample();
        assert_eq!(field_at(&btf, outer, 0, 8), Ok(Found::Number));
        assert_eq!(field_at(&btf, outer, 8, 4), Ok(Found::Number));
        assert!(field_at(&btf, outer, 8, 8).is_err(), "beyond b");
        assert!(field_at(&btf, outer, 12, 4).is_err(), "a hole");
        let Ok(Found::Object { target, field, .. }) = field_at(&btf, outer, 16, 8) else {
            panic!("a pointer")
        };
        assert_eq!((target, field), (inner, "to"));
        assert!(field_at(&btf, outer, 16, 4).is_err(), "half a pointer");
        assert_eq!(field_at(&btf, outer, 24, 8), Ok(Found::Memory));
        assert_eq!(field_at(&btf, outer, 48, 8), Ok(Found::Number), "the second of the pair");
    }

    #[test]
    fn arrays_without_a_length_go_on() {
        let (btf, _, outer) = sample();
        assert_eq!(field_at(&btf, outer, 64 + 160, 8), Ok(Found::Number));
        assert!(field_at(&btf, outer, 64 + 12, 4).is_err());
    }

    #[test]
    fn first_members_are_what_they_are_in() {
        let (btf, inner, outer) = sample();
        assert!(embeds(&btf, outer, 0, inner, false));
        assert!(!embeds(&btf, outer, 0, inner, true));
        assert!(embeds(&btf, outer, 32, inner, false), "an element of the pair");
        assert!(!embeds(&btf, outer, 40, inner, false));
        assert!(!embeds(&btf, inner, 0, outer, false));
    }
}
