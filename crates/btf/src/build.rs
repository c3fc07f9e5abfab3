//! The writer.
//!
//! Types are appended in the order of the calls and numbered from 1 (or from the base's end), so a type may refer to one
//! that is added later if the caller knows its id: [`Builder::next_id`]. Strings are stored once.

use std::collections::HashMap;
use std::sync::Arc;

use crate::set::Btf;
use crate::types::*;
use crate::wire::{ByteOrder, write};

/// Collects types; [`Builder::build`] gives the blob.
#[derive(Default)]
pub struct Builder {
    words: Vec<u32>,
    count: u32,
    strings: Vec<u8>,
    offsets: HashMap<String, u32>,
    base: Option<Arc<Btf>>,
}

/// The kind flag's bit in a record's second word.
const FLAG: u32 = 1 << 31;

impl Builder {
    /// An empty set of types.
    pub fn new() -> Self {
        let mut builder = Self::default();
        builder.strings.push(0);
        builder
    }

    /// A set that continues `base`: ids and string offsets go on where the base's end.
    pub fn split(base: Arc<Btf>) -> Self {
        Self { base: Some(base), ..Self::default() }
    }

    /// The id that the next added type will have.
    pub fn next_id(&self) -> TypeId {
        TypeId(self.base.as_ref().map_or(1, |b| b.len() as u32) + self.count)
    }

    /// The offset of a string, which is stored at the first call with it. A NUL in it ends it.
    pub fn string(&mut self, text: &str) -> u32 {
        let text = text.split('\0').next().unwrap_or("");
        if text.is_empty() {
            return 0;
        }
        if let Some(offset) = self.offsets.get(text) {
            return *offset;
        }
        let offset = self.base.as_ref().map_or(0, |b| b.strings_end()) + self.strings.len() as u32;
        self.strings.extend(text.as_bytes());
        self.strings.push(0);
        self.offsets.insert(text.to_owned(), offset);
        offset
    }

    fn record(&mut self, name: &str, kind: Kind, flag: bool, items: usize, last: u32) -> TypeId {
        let id = self.next_id();
        let name = self.string(name);
        let flag = if flag { FLAG } else { 0 };
        self.words.extend([name, flag | (kind as u32) << 24 | (items as u32 & 0xffff), last]);
        self.count += 1;
        id
    }

    /// An integer that uses all bits of `size` bytes.
    pub fn int(&mut self, name: &str, size: u32, encoding: IntEncoding) -> TypeId {
        self.int_bits(name, size, encoding, 0, (8 * size).min(255) as u8)
    }

    /// An integer in some bits of `size` bytes.
    pub fn int_bits(&mut self, name: &str, size: u32, encoding: IntEncoding, offset: u8, bits: u8) -> TypeId {
        let id = self.record(name, Kind::Int, false, 0, size);
        self.words.push(u32::from(encoding.0 & 0xf) << 24 | u32::from(offset) << 16 | u32::from(bits));
        id
    }

    /// A pointer.
    pub fn ptr(&mut self, target: TypeId) -> TypeId {
        self.record("", Kind::Ptr, false, 0, target.0)
    }

    /// A `const`, `volatile` or `restrict` type; any other kind is taken as `const`.
    pub fn qualified(&mut self, kind: Kind, target: TypeId) -> TypeId {
        let kind = if matches!(kind, Kind::Volatile | Kind::Restrict) { kind } else { Kind::Const };
        self.record("", kind, false, 0, target.0)
    }

    /// An array.
    pub fn array(&mut self, element: TypeId, index: TypeId, len: u32) -> TypeId {
        let id = self.record("", Kind::Array, false, 0, 0);
        self.words.extend([element.0, index.0, len]);
        id
    }

    /// A struct without bit-fields; each member is its name, type and offset in bits.
    pub fn structure(&mut self, name: &str, size: u32, members: &[(&str, TypeId, u32)]) -> TypeId {
        self.plain(Kind::Struct, name, size, members)
    }

    /// A union without bit-fields.
    pub fn union(&mut self, name: &str, size: u32, members: &[(&str, TypeId, u32)]) -> TypeId {
        self.plain(Kind::Union, name, size, members)
    }

    fn plain(&mut self, kind: Kind, name: &str, size: u32, members: &[(&str, TypeId, u32)]) -> TypeId {
        let id = self.record(name, kind, false, members.len(), size);
        for (name, type_id, offset) in members {
            let name = self.string(name);
            self.words.extend([name, type_id.0, *offset]);
        }
        id
    }

    /// A struct or union with the kind flag, whose members may be bit-fields.
    pub fn composite<'m>(
        &mut self,
        is_union: bool,
        name: &str,
        size: u32,
        members: impl ExactSizeIterator<Item = Member<'m>>,
    ) -> TypeId {
        let kind = if is_union { Kind::Union } else { Kind::Struct };
        let id = self.record(name, kind, true, members.len(), size);
        for member in members {
            let name = self.string(member.name);
            self.words.extend([
                name,
                member.type_id.0,
                u32::from(member.bit_size) << 24 | member.bit_offset & 0xff_ffff,
            ]);
        }
        id
    }

    /// An enum of at most 4 bytes.
    pub fn enumeration(&mut self, name: &str, size: u32, signed: bool, variants: &[(&str, i32)]) -> TypeId {
        let id = self.record(name, Kind::Enum, signed, variants.len(), size);
        for (name, value) in variants {
            let name = self.string(name);
            self.words.extend([name, *value as u32]);
        }
        id
    }

    /// An enum of 8 bytes.
    pub fn enumeration64(&mut self, name: &str, size: u32, signed: bool, variants: &[(&str, u64)]) -> TypeId {
        let id = self.record(name, Kind::Enum64, signed, variants.len(), size);
        for (name, value) in variants {
            let name = self.string(name);
            self.words.extend([name, *value as u32, (*value >> 32) as u32]);
        }
        id
    }

    /// A forward declaration.
    pub fn forward(&mut self, name: &str, is_union: bool) -> TypeId {
        self.record(name, Kind::Fwd, is_union, 0, 0)
    }

    /// A typedef.
    pub fn typedef(&mut self, name: &str, target: TypeId) -> TypeId {
        self.record(name, Kind::Typedef, false, 0, target.0)
    }

    /// A function of a type that [`Builder::func_proto`] made.
    pub fn func(&mut self, name: &str, proto: TypeId, linkage: Linkage) -> TypeId {
        self.record(name, Kind::Func, false, linkage.0 as usize, proto.0)
    }

    /// The type of a function.
    pub fn func_proto(&mut self, result: TypeId, params: &[(&str, TypeId)]) -> TypeId {
        let id = self.record("", Kind::FuncProto, false, params.len(), result.0);
        for (name, type_id) in params {
            let name = self.string(name);
            self.words.extend([name, type_id.0]);
        }
        id
    }

    /// A variable.
    pub fn var(&mut self, name: &str, target: TypeId, linkage: Linkage) -> TypeId {
        let id = self.record(name, Kind::Var, false, 0, target.0);
        self.words.push(linkage.0);
        id
    }

    /// A section of variables.
    pub fn section(&mut self, name: &str, size: u32, vars: &[SecVar]) -> TypeId {
        let id = self.record(name, Kind::DataSec, false, vars.len(), size);
        self.words.extend(vars.iter().flat_map(|v| [v.type_id.0, v.offset, v.size]));
        id
    }

    /// A floating-point type.
    pub fn float(&mut self, name: &str, size: u32) -> TypeId {
        self.record(name, Kind::Float, false, 0, size)
    }

    /// A tag on a declaration or, with `component`, on one of its members or parameters.
    pub fn decl_tag(
        &mut self,
        text: &str,
        target: TypeId,
        component: Option<u32>,
        attribute: bool,
    ) -> TypeId {
        let id = self.record(text, Kind::DeclTag, attribute, 0, target.0);
        self.words.push(component.unwrap_or(u32::MAX));
        id
    }

    /// A tag on a type.
    pub fn type_tag(&mut self, text: &str, target: TypeId, attribute: bool) -> TypeId {
        self.record(text, Kind::TypeTag, attribute, 0, target.0)
    }

    /// A copy of a type of another BTF, its references translated by `map`. `void` is not copied and keeps its id.
    pub fn copy(&mut self, from: &Type<'_>, mut map: impl FnMut(TypeId) -> TypeId) -> TypeId {
        match *from {
            Type::Void => TypeId::VOID,
            Type::Int(t) => self.int_bits(t.name, t.size, t.encoding, t.bit_offset, t.bits),
            Type::Ptr(to) => self.ptr(map(to)),
            Type::Array(t) => {
                let (element, index) = (map(t.element), map(t.index));
                self.array(element, index, t.len)
            }
            Type::Struct(t) | Type::Union(t) => {
                let id =
                    self.record(t.name, from.kind(), t.members.has_bit_fields(), t.members.len(), t.size);
                for member in t.members {
                    let name = self.string(member.name);
                    let offset = u32::from(member.bit_size) << 24 | member.bit_offset;
                    self.words.extend([name, map(member.type_id).0, offset]);
                }
                id
            }
            Type::Enum(t) | Type::Enum64(t) => {
                let id = self.record(t.name, from.kind(), t.signed, t.variants.len(), t.size);
                for variant in t.variants.iter() {
                    let name = self.string(variant.name);
                    self.words.extend([name, variant.value as u32]);
                    if matches!(from, Type::Enum64(_)) {
                        self.words.push((variant.value >> 32) as u32);
                    }
                }
                id
            }
            Type::Fwd(t) => self.forward(t.name, t.is_union),
            Type::Typedef(t) => self.typedef(t.name, map(t.target)),
            Type::Volatile(to) | Type::Const(to) | Type::Restrict(to) => self.qualified(from.kind(), map(to)),
            Type::Func(t) => self.func(t.name, map(t.proto), t.linkage),
            Type::FuncProto(t) => {
                let id = self.record("", Kind::FuncProto, false, t.params.len(), map(t.result).0);
                for param in t.params {
                    let name = self.string(param.name);
                    self.words.extend([name, map(param.type_id).0]);
                }
                id
            }
            Type::Var(t) => self.var(t.name, map(t.target), t.linkage),
            Type::DataSec(t) => {
                let id = self.record(t.name, Kind::DataSec, false, t.vars.len(), t.size);
                for var in t.vars {
                    self.words.extend([map(var.type_id).0, var.offset, var.size]);
                }
                id
            }
            Type::Float(t) => self.float(t.name, t.size),
            Type::DeclTag(t) => self.decl_tag(t.name, map(t.target), t.component, t.attribute),
            Type::TypeTag(t) => self.type_tag(t.name, map(t.target), t.attribute),
        }
    }

    /// The words that [`Builder::copy`] would add, of which only the strings stay.
    pub(crate) fn signature(&mut self, of: &Type<'_>, map: impl FnMut(TypeId) -> TypeId) -> Vec<u32> {
        let (start, count) = (self.words.len(), self.count);
        self.copy(of, map);
        self.count = count;
        self.words.split_off(start)
    }

    /// The blob, in this machine's byte order.
    pub fn build(&self) -> Vec<u8> {
        self.build_as(ByteOrder::NATIVE)
    }

    /// The blob in the given byte order.
    pub fn build_as(&self, order: ByteOrder) -> Vec<u8> {
        write(&self.words, &self.strings, order)
    }
}
