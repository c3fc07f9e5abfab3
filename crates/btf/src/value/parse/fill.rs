//! From a tree to the bytes of a type.
//!
//! Type and tree are walked together, each part of the value writing to its own part of the bytes, which start as zero. So
//! what is not given stays zero, and no part can write beyond itself.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::scalar::{mac, number, raw};
use super::tree::Tree;
use super::{ParseError, error};
use crate::set::Btf;
use crate::types::{Enum, Type, TypeId};
use crate::value::bits::set;
use crate::value::fields::{Field, fields};
use crate::value::hint::{Hint, hint, is_text};

pub(super) struct Filler<'a> {
    pub(super) btf: &'a Btf,
    /// How many more parts may be filled in.
    pub(super) left: usize,
}

impl Filler<'_> {
    /// Writes the tree as a value of the type to `bytes`, which are as many as the type has. `path` is for messages, `name`
    /// for guesses.
    pub(super) fn fill(
        &mut self,
        tree: &Tree,
        id: TypeId,
        path: &str,
        name: &str,
        bytes: &mut [u8],
        depth: usize,
    ) -> Result<(), ParseError> {
        self.left = self.left.saturating_sub(1);
        let Some(depth) = depth.checked_sub(1).filter(|_| self.left > 0) else {
            return error(path, "a smaller value", "too many parts");
        };
        if self.hinted(tree, id, name, bytes) {
            return Ok(());
        }
        let resolved = self.btf.resolve(id);
        match self.btf.get(resolved) {
            Some(Type::Int(t)) => {
                let width = usize::from(t.bits);
                self.number(tree, t.encoding.is_signed(), path, bytes, usize::from(t.bit_offset), width)
            }
            Some(Type::Enum(t) | Type::Enum64(t)) => {
                let width = 8 * bytes.len();
                self.constant(tree, &t, path, bytes, 0, width)
            }
            Some(Type::Ptr(_)) => {
                let width = 8 * bytes.len();
                self.number(tree, false, path, bytes, 0, width)
            }
            Some(Type::Float(t)) => self.float(tree, t.size, path, bytes),
            Some(Type::Array(t)) => self.array(tree, t.element, path, name, bytes, depth),
            Some(Type::Var(t)) => self.fill(tree, t.target, path, name, bytes, depth),
            Some(Type::Struct(_) | Type::Union(_) | Type::DataSec(_)) => {
                self.composite(tree, resolved, path, bytes, depth)
            }
            _ => error(path, "a type that holds a value", format!("type {resolved}")),
        }
    }

    /// Addresses; false if the text is none, which the plain meaning then judges.
    fn hinted(&self, tree: &Tree, id: TypeId, name: &str, bytes: &mut [u8]) -> bool {
        let (Tree::Word(text) | Tree::Quoted(text)) = tree else { return false };
        let octets = match hint(self.btf, id, name) {
            Hint::None => return false,
            Hint::Ipv4 => text.parse::<Ipv4Addr>().ok().map(|a| a.octets().to_vec()),
            Hint::Ipv6 => text.parse::<Ipv6Addr>().ok().map(|a| a.octets().to_vec()),
            Hint::Mac => mac(text),
            Hint::Port => number(text).and_then(|n| u16::try_from(n).ok()).map(|n| n.to_be_bytes().to_vec()),
        };
        match octets {
            Some(octets) if octets.len() == bytes.len() => {
                bytes.copy_from_slice(&octets);
                true
            }
            _ => false,
        }
    }

    fn number(
        &self,
        tree: &Tree,
        signed: bool,
        path: &str,
        bytes: &mut [u8],
        at: usize,
        width: usize,
    ) -> Result<(), ParseError> {
        let (Tree::Word(text) | Tree::Quoted(text)) = tree else {
            return error(path, "a number", tree.to_string());
        };
        let Some(value) = number(text) else { return error(path, "a number", tree.to_string()) };
        // A hexadecimal pattern of a signed number may use the sign's bit, and `char` takes both readings.
        let unsigned_end = 1i128.checked_shl(width as u32).filter(|_| width < 127).unwrap_or(i128::MAX);
        let lowest = if signed { -(unsigned_end / 2) } else { 0 };
        let pattern = !signed || width == 8 || text.starts_with("0x");
        let end = if pattern { unsigned_end } else { unsigned_end / 2 };
        if value < lowest || value >= end {
            return error(path, format!("a number from {lowest} to {}", end - 1), tree.to_string());
        }
        self.store(path, bytes, at, width, value)
    }

    fn store(
        &self,
        path: &str,
        bytes: &mut [u8],
        at: usize,
        width: usize,
        value: i128,
    ) -> Result<(), ParseError> {
        match set(bytes, at, width, self.btf.byte_order(), value as u128) {
            Some(()) => Ok(()),
            None => error(path, "a number of at most 128 bits within its struct", format!("{width} bits")),
        }
    }

    fn constant(
        &self,
        tree: &Tree,
        view: &Enum<'_>,
        path: &str,
        bytes: &mut [u8],
        at: usize,
        width: usize,
    ) -> Result<(), ParseError> {
        if let Tree::Word(text) | Tree::Quoted(text) = tree {
            if let Some(variant) = view.variants.iter().find(|v| v.name == text) {
                return self.store(path, bytes, at, width, i128::from(variant.value));
            }
            if number(text).is_some() {
                return self.number(tree, view.signed, path, bytes, at, width);
            }
        }
        let some: Vec<&str> = view.variants.iter().take(8).map(|v| v.name).collect();
        let more = if view.variants.len() > some.len() { ", …" } else { "" };
        error(path, format!("a number or one of {}{more}", some.join(", ")), tree.to_string())
    }

    fn float(&self, tree: &Tree, size: u32, path: &str, bytes: &mut [u8]) -> Result<(), ParseError> {
        let number = match tree {
            Tree::Word(text) | Tree::Quoted(text) => text.parse::<f64>().ok(),
            _ => None,
        };
        let bits = match (size, number) {
            (4, Some(x)) => u128::from((x as f32).to_bits()),
            (8, Some(x)) => u128::from(x.to_bits()),
            _ if raw(tree, bytes) => return Ok(()),
            _ => return error(path, "a number with a point", tree.to_string()),
        };
        self.store(path, bytes, 0, 8 * size as usize, bits as i128)
    }

    fn array(
        &mut self,
        tree: &Tree,
        element: TypeId,
        path: &str,
        name: &str,
        bytes: &mut [u8],
        depth: usize,
    ) -> Result<(), ParseError> {
        if let Tree::Quoted(text) = tree
            && is_text(self.btf, element)
        {
            return match bytes.get_mut(..text.len()) {
                Some(part) => {
                    part.copy_from_slice(text.as_bytes());
                    Ok(())
                }
                None => {
                    error(path, format!("at most {} bytes", bytes.len()), format!("{} bytes", text.len()))
                }
            };
        }
        if raw(tree, bytes) {
            return Ok(());
        }
        let size = self.btf.size_of(element).unwrap_or(0).max(1) as usize;
        let room = bytes.len() / size;
        let given = match tree {
            Tree::List(items) => items.len(),
            Tree::Repeated(_, times) => *times,
            _ => return error(path, format!("a list of {room}"), tree.to_string()),
        };
        if given > room {
            return error(path, format!("at most {room} elements"), format!("{given}"));
        }
        for (index, part) in bytes.chunks_exact_mut(size).take(given).enumerate() {
            let item = match tree {
                Tree::List(items) => &items[index],
                Tree::Repeated(item, _) => item,
                _ => break,
            };
            self.fill(item, element, &format!("{path}[{index}]"), name, part, depth)?;
        }
        Ok(())
    }

    fn composite(
        &mut self,
        tree: &Tree,
        id: TypeId,
        path: &str,
        bytes: &mut [u8],
        depth: usize,
    ) -> Result<(), ParseError> {
        if raw(tree, bytes) {
            return Ok(());
        }
        let Tree::Fields(given) = tree else {
            return error(path, "a struct in braces, or all its bytes as 0x…", tree.to_string());
        };
        let known = fields(self.btf, id).unwrap_or_default();
        for (name, value) in given {
            let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let Some(field) = known.iter().find(|f| f.name == *name) else {
                let names: Vec<&str> = known.iter().take(8).map(|f| &*f.name).collect();
                let more = if known.len() > names.len() { ", …" } else { "" };
                return error(
                    path,
                    format!("one of the fields {}{more}", names.join(", ")),
                    format!("`{name}`"),
                );
            };
            self.field(value, field, &inner, bytes, depth)?;
        }
        Ok(())
    }

    fn field(
        &mut self,
        tree: &Tree,
        field: &Field<'_>,
        path: &str,
        bytes: &mut [u8],
        depth: usize,
    ) -> Result<(), ParseError> {
        let (at, width) = (field.bit_offset, field.bit_size);
        if width != 0 {
            return match self.btf.get_resolved(field.type_id) {
                Some(Type::Enum(t) | Type::Enum64(t)) => self.constant(tree, &t, path, bytes, at, width),
                Some(Type::Int(t)) => self.number(tree, t.encoding.is_signed(), path, bytes, at, width),
                _ => error(path, "a bit-field of an integer", "another type"),
            };
        }
        let size = self.btf.size_of(field.type_id).unwrap_or(0) as usize;
        let end = (at / 8).checked_add(size);
        match end.and_then(|end| bytes.get_mut(at / 8..end)) {
            Some(part) => self.fill(tree, field.type_id, path, &field.name, part, depth),
            None => {
                error(path, format!("a field within {} bytes", bytes.len()), format!("offset {}", at / 8))
            }
        }
    }
}
