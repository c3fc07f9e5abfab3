//! When two types of different BTFs count as the same.
//!
//! Three rules, from loose to strict: a *field* of the target may stand for the program's if a load of it means the same; a
//! *type* exists if its name and the shape down to the next struct agree; it *matches* if all that the program knows of it is
//! there. Each function counts down `steps` and says no when they run out.

use crate::MAX_DEPTH;
use crate::lookup::essential_name;
use crate::set::Btf;
use crate::types::{Composite, Enum, Kind, Type, TypeId};

/// Enums of both widths are one kind here.
pub(super) fn kinds_agree(a: Option<Kind>, b: Option<Kind>) -> bool {
    let is_enum = |kind| matches!(kind, Some(Kind::Enum | Kind::Enum64));
    a == b && a.is_some() || is_enum(a) && is_enum(b)
}

fn spend(steps: &mut u32) -> bool {
    *steps = steps.saturating_sub(1);
    *steps > 0
}

/// May the target's field type stand for the program's?
pub(super) fn fields_compatible(local: &Btf, mut a: TypeId, target: &Btf, mut b: TypeId) -> bool {
    for _ in 0..MAX_DEPTH {
        let (Some(la), Some(tb)) = (local.get_resolved(a), target.get_resolved(b)) else { return false };
        if la.as_composite().is_some() && tb.as_composite().is_some() {
            return true;
        }
        if !kinds_agree(Some(la.kind()), Some(tb.kind())) {
            return false;
        }
        match (la, tb) {
            (Type::Ptr(_), _) | (Type::Float(_), _) => return true,
            (Type::Fwd(_) | Type::Enum(_) | Type::Enum64(_), _) => {
                let (x, y) = (essential_name(la.name()), essential_name(tb.name()));
                return x.is_empty() || y.is_empty() || x == y;
            }
            // Integers of any size and sign stand for each other; the loader looks at both when it patches. Those of old
            // tools that start within a byte do not.
            (Type::Int(x), Type::Int(y)) => return x.bit_offset == 0 && y.bit_offset == 0,
            (Type::Array(x), Type::Array(y)) => (a, b) = (x.element, y.element),
            _ => return false,
        }
    }
    false
}

/// Is it the same type as far as names and kinds tell, without looking into structs?
pub(super) fn types_compatible(local: &Btf, a: TypeId, target: &Btf, b: TypeId, steps: &mut u32) -> bool {
    kinds_agree(local.kind_of(a), target.kind_of(b))
        && shapes_compatible(local, a, target, b, steps, MAX_DEPTH)
}

fn shapes_compatible(local: &Btf, a: TypeId, target: &Btf, b: TypeId, steps: &mut u32, depth: usize) -> bool {
    let (mut a, mut b) = (a, b);
    for left in (0..depth).rev() {
        if !spend(steps) {
            return false;
        }
        let (Some(la), Some(tb)) = (local.get_resolved(a), target.get_resolved(b)) else { return false };
        if !kinds_agree(Some(la.kind()), Some(tb.kind())) {
            return false;
        }
        match (la, tb) {
            (
                Type::Void
                | Type::Struct(_)
                | Type::Union(_)
                | Type::Enum(_)
                | Type::Enum64(_)
                | Type::Fwd(_),
                _,
            ) => {
                return true;
            }
            (Type::Int(x), Type::Int(y)) => return x.bit_offset == 0 && y.bit_offset == 0,
            (Type::Ptr(x), Type::Ptr(y)) => (a, b) = (x, y),
            (Type::Array(x), Type::Array(y)) => (a, b) = (x.element, y.element),
            (Type::FuncProto(x), Type::FuncProto(y)) => {
                let params = x.params.len() == y.params.len()
                    && x.params
                        .iter()
                        .zip(y.params)
                        .all(|(p, q)| shapes_compatible(local, p.type_id, target, q.type_id, steps, left));
                if !params {
                    return false;
                }
                (a, b) = (x.result, y.result);
            }
            _ => return false,
        }
    }
    false
}

/// Has the target's type everything that the program knows of its own?
pub(super) fn types_match(local: &Btf, a: TypeId, target: &Btf, b: TypeId, steps: &mut u32) -> bool {
    Matcher { local, target, steps }.types(a, b, false, MAX_DEPTH)
}

struct Matcher<'a, 's> {
    local: &'a Btf,
    target: &'a Btf,
    steps: &'s mut u32,
}

impl Matcher<'_, '_> {
    fn types(&mut self, a: TypeId, b: TypeId, behind_pointer: bool, depth: usize) -> bool {
        let (mut a, mut b, mut behind) = (a, b, behind_pointer);
        for left in (0..depth).rev() {
            if !spend(self.steps) {
                return false;
            }
            let (Some(la), Some(tb)) = (self.local.get_resolved(a), self.target.get_resolved(b)) else {
                return false;
            };
            if essential_name(la.name()) != essential_name(tb.name()) {
                return false;
            }
            match (la, tb) {
                (Type::Void, Type::Void) => return true,
                (Type::Fwd(x), Type::Fwd(y)) => return x.is_union == y.is_union,
                // Behind a pointer a declaration stands for the definition, in both directions.
                (Type::Fwd(x), Type::Struct(_)) | (Type::Struct(_), Type::Fwd(x)) => {
                    return behind && !x.is_union;
                }
                (Type::Fwd(x), Type::Union(_)) | (Type::Union(_), Type::Fwd(x)) => {
                    return behind && x.is_union;
                }
                (Type::Struct(x), Type::Struct(y)) | (Type::Union(x), Type::Union(y)) => {
                    return behind || self.members(x, y, left);
                }
                (Type::Enum(x) | Type::Enum64(x), Type::Enum(y) | Type::Enum64(y)) => {
                    return self.variants(x, y);
                }
                (Type::Int(x), Type::Int(y)) => {
                    return x.size == y.size && x.encoding.is_signed() == y.encoding.is_signed();
                }
                (Type::Ptr(x), Type::Ptr(y)) => (a, b, behind) = (x, y, true),
                (Type::Array(x), Type::Array(y)) if x.len == y.len => (a, b) = (x.element, y.element),
                (Type::FuncProto(x), Type::FuncProto(y)) => {
                    let params = x.params.len() == y.params.len()
                        && x.params
                            .iter()
                            .zip(y.params)
                            .all(|(p, q)| self.types(p.type_id, q.type_id, false, left));
                    if !params {
                        return false;
                    }
                    (a, b) = (x.result, y.result);
                }
                _ => return false,
            }
        }
        false
    }

    fn members(&mut self, a: Composite<'_>, b: Composite<'_>, depth: usize) -> bool {
        a.members.len() <= b.members.len()
            && a.members.iter().all(|x| {
                b.members.iter().any(|y| {
                    spend(self.steps)
                        && essential_name(x.name) == essential_name(y.name)
                        && self.types(x.type_id, y.type_id, false, depth)
                })
            })
    }

    fn variants(&mut self, a: Enum<'_>, b: Enum<'_>) -> bool {
        a.variants.len() <= b.variants.len()
            && a.variants.iter().all(|x| {
                b.variants
                    .iter()
                    .any(|y| spend(self.steps) && essential_name(x.name) == essential_name(y.name))
            })
    }
}
