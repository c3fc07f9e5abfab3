//! A checked set of types, and how to get at one.
//!
//! # Idea
//!
//! The type section stays as it is in the file, in native words; `starts` says where each type begins, and a type is decoded
//! when it is asked for. Split BTF (a kernel module's) continues the numbers of types and strings of its base, so each
//! look-up first asks whose the number is.
//!
//! # Invariant
//!
//! Only [`crate::parse`] makes one, after it has checked every length, name and reference: decoding relies on that.

use std::sync::{Arc, OnceLock};

use crate::lookup::NameIndex;
use crate::types::*;
use crate::wire::{ByteOrder, Info, RECORD_WORDS, write};

/// A checked set of types.
pub struct Btf {
    /// The type section, in native order.
    pub(crate) words: Vec<u32>,
    /// Where in `words` each type starts; the first entry is the type `first_id`.
    pub(crate) starts: Vec<u32>,
    /// The string section. Ends with a NUL unless it is empty, which only split BTF may have.
    pub(crate) strings: Box<str>,
    /// What a split BTF continues.
    pub(crate) base: Option<Arc<Btf>>,
    /// Id of the first type in `starts`: 1, or what follows the base's last.
    pub(crate) first_id: u32,
    /// Offset of the first string: 0, or the length of the base's strings.
    pub(crate) first_string: u32,
    pub(crate) order: ByteOrder,
    /// Made at the first look-up.
    pub(crate) names: OnceLock<NameIndex>,
    /// Found at the first use.
    pub(crate) pointer_size: OnceLock<u32>,
}

impl std::fmt::Debug for Btf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Btf({} types)", self.len())
    }
}

impl Btf {
    /// How many ids there are, `void` and the base's included: ids are below it.
    pub fn len(&self) -> usize {
        self.first_id as usize + self.starts.len()
    }

    /// Is there nothing but `void`?
    pub fn is_empty(&self) -> bool {
        self.len() <= 1
    }

    /// The first id that is this BTF's own rather than its base's: 1 if there is no base.
    pub fn first_id(&self) -> TypeId {
        TypeId(self.first_id)
    }

    /// What a split BTF continues.
    pub fn base(&self) -> Option<&Arc<Btf>> {
        self.base.as_ref()
    }

    /// The byte order it was written in, which is also that of the values it describes.
    pub fn byte_order(&self) -> ByteOrder {
        self.order
    }

    /// The string at that offset of the string section; in split BTF offsets go on where the base's end. `None` beyond
    /// the end.
    pub fn string(&self, offset: u32) -> Option<&str> {
        let Some(own) = offset.checked_sub(self.first_string) else {
            return self.base.as_ref()?.string(offset);
        };
        let rest = self.strings.get(own as usize..)?;
        let end = rest.bytes().position(|b| b == 0)?;
        rest.get(..end)
    }

    /// The string of an offset that was checked when the BTF was read.
    pub(crate) fn name_at(&self, offset: u32) -> &str {
        self.string(offset).unwrap_or("")
    }

    pub(crate) fn strings_end(&self) -> u32 {
        self.first_string + self.strings.len() as u32
    }

    /// The words of a type's record and items.
    pub(crate) fn record(&self, id: TypeId) -> Option<&[u32]> {
        let Some(own) = id.0.checked_sub(self.first_id) else {
            return self.base.as_ref()?.record(id);
        };
        let start = *self.starts.get(own as usize)? as usize;
        let end = self.starts.get(own as usize + 1).map_or(self.words.len(), |e| *e as usize);
        self.words.get(start..end)
    }

    /// The name offset and kind of an own or base type, without decoding the rest.
    pub(crate) fn name_and_kind(&self, id: TypeId) -> Option<(u32, Kind)> {
        let record = self.record(id)?;
        Some((record[0], Info::new(record[1]).kind?))
    }

    /// The type of that id; `None` if there is none.
    pub fn get(&self, id: TypeId) -> Option<Type<'_>> {
        if id == TypeId::VOID {
            return Some(Type::Void);
        }
        let record = self.record(id)?;
        let (head, tail) = record.split_at_checked(RECORD_WORDS)?;
        let info = Info::new(head[1]);
        let (name, last, flag) = (self.name_at(head[0]), head[2], info.flag);
        let target = TypeId(last);
        Some(match info.kind? {
            Kind::Void => return None,
            Kind::Int => {
                let word = *tail.first()?;
                Type::Int(Int {
                    name,
                    size: last,
                    bits: word as u8,
                    bit_offset: (word >> 16) as u8,
                    encoding: IntEncoding((word >> 24) as u8 & 0xf),
                })
            }
            Kind::Ptr => Type::Ptr(target),
            Kind::Array => {
                Type::Array(Array { element: TypeId(tail[0]), index: TypeId(tail[1]), len: tail[2] })
            }
            kind @ (Kind::Struct | Kind::Union) => {
                let members = Members { btf: self, words: tail, flag };
                let composite = Composite { name, size: last, members };
                if kind == Kind::Struct { Type::Struct(composite) } else { Type::Union(composite) }
            }
            kind @ (Kind::Enum | Kind::Enum64) => {
                let wide = kind == Kind::Enum64;
                let variants = Variants { btf: self, words: tail, signed: flag, wide };
                let view = Enum { name, size: last, signed: flag, variants };
                if wide { Type::Enum64(view) } else { Type::Enum(view) }
            }
            Kind::Fwd => Type::Fwd(Fwd { name, is_union: flag }),
            Kind::Typedef => Type::Typedef(Typedef { name, target }),
            Kind::Volatile => Type::Volatile(target),
            Kind::Const => Type::Const(target),
            Kind::Restrict => Type::Restrict(target),
            Kind::Func => Type::Func(Func { name, proto: target, linkage: Linkage(info.items as u32) }),
            Kind::FuncProto => {
                Type::FuncProto(FuncProto { result: target, params: Params { btf: self, words: tail, flag } })
            }
            Kind::Var => Type::Var(Var { name, target, linkage: Linkage(*tail.first()?) }),
            Kind::DataSec => {
                Type::DataSec(DataSec { name, size: last, vars: SecVars { btf: self, words: tail, flag } })
            }
            Kind::Float => Type::Float(Float { name, size: last }),
            Kind::DeclTag => {
                let component = u32::try_from(*tail.first()? as i32).ok();
                Type::DeclTag(DeclTag { name, target, component, attribute: flag })
            }
            Kind::TypeTag => Type::TypeTag(TypeTag { name, target, attribute: flag }),
        })
    }

    /// All types with their ids, the base's first, without `void`.
    pub fn types(&self) -> impl Iterator<Item = (TypeId, Type<'_>)> {
        self.ids_from(1)
    }

    /// Only the types that are not the base's.
    pub fn own_types(&self) -> impl Iterator<Item = (TypeId, Type<'_>)> {
        self.ids_from(self.first_id)
    }

    fn ids_from(&self, first: u32) -> impl Iterator<Item = (TypeId, Type<'_>)> {
        (first..self.len() as u32).filter_map(|id| Some((TypeId(id), self.get(TypeId(id))?)))
    }

    /// The blob again, with the same types, strings and byte order, and the header every tool knows.
    pub fn to_bytes(&self) -> Vec<u8> {
        write(&self.words, self.strings.as_bytes(), self.order)
    }
}
