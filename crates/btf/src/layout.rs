//! Sizes and alignments, and the way through typedefs and qualifiers.

use std::collections::HashMap;

use crate::MAX_DEPTH;
use crate::set::Btf;
use crate::types::{Composite, Kind, Type, TypeId};

/// Names under which compilers record `unsigned long` and `long`, whose size is a pointer's.
const LONG_NAMES: [&str; 6] =
    ["long unsigned int", "unsigned long", "long int", "long", "unsigned long int", "long signed int"];

impl Btf {
    /// The type behind typedefs, qualifiers and type tags. A chain longer than [`MAX_DEPTH`] ends where it is.
    pub fn resolve(&self, id: TypeId) -> TypeId {
        self.peel(id, true)
    }

    /// The type behind qualifiers and type tags, but not behind typedefs.
    pub fn strip_qualifiers(&self, id: TypeId) -> TypeId {
        self.peel(id, false)
    }

    fn peel(&self, mut id: TypeId, typedefs: bool) -> TypeId {
        for _ in 0..MAX_DEPTH {
            match self.get(id) {
                Some(Type::Volatile(next) | Type::Const(next) | Type::Restrict(next)) => id = next,
                Some(Type::TypeTag(t)) => id = t.target,
                Some(Type::Typedef(t)) if typedefs => id = t.target,
                _ => break,
            }
        }
        id
    }

    /// [`Btf::resolve`] and then [`Btf::get`].
    pub fn get_resolved(&self, id: TypeId) -> Option<Type<'_>> {
        self.get(self.resolve(id))
    }

    /// Bytes a value of the type takes. `None` for `void`, functions, forward declarations, tags, unknown ids, and
    /// arrays of 4 GiB and more.
    pub fn size_of(&self, id: TypeId) -> Option<u32> {
        let mut id = id;
        let mut times: u32 = 1;
        for _ in 0..MAX_DEPTH {
            let size = match self.get(id)? {
                Type::Int(t) => t.size,
                Type::Ptr(_) => self.pointer_size(),
                Type::Struct(t) | Type::Union(t) => t.size,
                Type::Enum(t) | Type::Enum64(t) => t.size,
                Type::Float(t) => t.size,
                Type::DataSec(t) => t.size,
                Type::Array(t) => {
                    times = times.checked_mul(t.len)?;
                    id = t.element;
                    continue;
                }
                Type::Typedef(t) => {
                    id = t.target;
                    continue;
                }
                Type::TypeTag(t) => {
                    id = t.target;
                    continue;
                }
                Type::Var(t) => {
                    id = t.target;
                    continue;
                }
                Type::Volatile(next) | Type::Const(next) | Type::Restrict(next) => {
                    id = next;
                    continue;
                }
                Type::Void | Type::Fwd(_) | Type::Func(_) | Type::FuncProto(_) | Type::DeclTag(_) => {
                    return None;
                }
            };
            return times.checked_mul(size);
        }
        None
    }

    /// The alignment C gives the type on the machine the BTF was made for: a power of two, 1 for a struct that is
    /// packed. `None` where [`Btf::size_of`] says so too.
    pub fn align_of(&self, id: TypeId) -> Option<u32> {
        Alignments::default().of(self, id)
    }

    /// Bytes of a pointer: what `long` takes in this BTF, 8 where it has no `long`.
    pub fn pointer_size(&self) -> u32 {
        *self.pointer_size.get_or_init(|| {
            let sizes = LONG_NAMES.iter().filter_map(|name| match self.get(self.find(name, Kind::Int)?) {
                Some(Type::Int(int)) => Some(int.size),
                _ => None,
            });
            sizes.into_iter().find(|size| matches!(size, 4 | 8)).unwrap_or(8)
        })
    }
}

/// Alignments found so far. Structs repeat each other's members over and over; remembering keeps that linear.
#[derive(Default)]
pub(crate) struct Alignments(HashMap<TypeId, Option<u32>>);

impl Alignments {
    /// See [`Btf::align_of`].
    pub(crate) fn of(&mut self, btf: &Btf, id: TypeId) -> Option<u32> {
        self.within(btf, id, MAX_DEPTH)
    }

    fn within(&mut self, btf: &Btf, id: TypeId, depth: usize) -> Option<u32> {
        let depth = depth.checked_sub(1)?;
        let id = btf.resolve(id);
        match btf.get(id)? {
            Type::Int(t) => Some(natural(t.size, 16)),
            Type::Enum(t) | Type::Enum64(t) => Some(natural(t.size, 8)),
            Type::Float(t) => Some(natural(t.size, 16)),
            Type::Ptr(_) => Some(btf.pointer_size()),
            Type::Array(t) => self.within(btf, t.element, depth),
            Type::Var(t) => self.within(btf, t.target, depth),
            Type::Struct(t) | Type::Union(t) => {
                if let Some(known) = self.0.get(&id) {
                    return *known;
                }
                // Until it is known, a struct inside itself has none.
                self.0.insert(id, None);
                let align = self.composite(btf, &t, depth);
                self.0.insert(id, align);
                align
            }
            _ => None,
        }
    }

    /// The largest alignment of a member; 1 if a member lies off its alignment, a bit-field crosses its word, or the size
    /// is no multiple: all three need `packed`.
    fn composite(&mut self, btf: &Btf, composite: &Composite<'_>, depth: usize) -> Option<u32> {
        let mut align = 1;
        let mut packed = false;
        for member in composite.members {
            let own = self.within(btf, member.type_id, depth)?;
            if member.bit_size == 0 {
                packed |= member.bit_offset % own.saturating_mul(8) != 0;
            } else {
                let word = btf.size_of(member.type_id)?.max(1).saturating_mul(8);
                packed |= member.bit_offset % word + u32::from(member.bit_size) > word;
            }
            align = align.max(own);
        }
        Some(if packed || !composite.size.is_multiple_of(align) { 1 } else { align })
    }
}

/// The largest power of two that divides the size, but at most `max`.
fn natural(size: u32, max: u32) -> u32 {
    if size == 0 { 1 } else { (1 << size.trailing_zeros()).min(max) }
}
