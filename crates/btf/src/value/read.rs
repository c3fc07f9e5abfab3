//! From bytes to values.

use super::bits::{get, sign_extend};
use super::fields::fields;
use super::hint::{Hint, hint, is_text};
use super::{MAX_NODES, Value};
use crate::MAX_DEPTH;
use crate::set::Btf;
use crate::types::{Enum, Int, Type, TypeId};
use crate::wire::ByteOrder;

/// The bytes as a value of the type; those beyond the type's size are ignored. Numbers are in the byte order of `btf`.
pub fn format(btf: &Btf, id: TypeId, bytes: &[u8]) -> Value {
    format_named(btf, id, "", bytes)
}

/// [`format()`] with the name of what holds the value, a map's or variable's, which may tell that it is an address.
pub fn format_named(btf: &Btf, id: TypeId, name: &str, bytes: &[u8]) -> Value {
    Reader { btf, left: MAX_NODES + bytes.len() }.value(id, name, bytes, MAX_DEPTH)
}

struct Reader<'a> {
    btf: &'a Btf,
    /// How many more values the tree may have.
    left: usize,
}

fn unknown(bytes: &[u8]) -> Value {
    Value::Unknown(bytes.to_vec())
}

impl Reader<'_> {
    fn value(&mut self, id: TypeId, name: &str, bytes: &[u8], depth: usize) -> Value {
        self.left = self.left.saturating_sub(1);
        let size = self.btf.size_of(id).map_or(0, |size| size as usize);
        let bytes = match self.btf.get(id) {
            // Compilers leave a section's size to the loader.
            Some(Type::DataSec(_)) => bytes,
            _ => bytes.get(..size).unwrap_or(bytes),
        };
        let Some(depth) = depth.checked_sub(1).filter(|_| self.left > 0) else { return unknown(bytes) };
        if let Some(value) = self.hinted(id, name, bytes) {
            return value;
        }
        let resolved = self.btf.resolve(id);
        match self.btf.get(resolved) {
            Some(Type::Int(t)) => self.int(&t, bytes, usize::from(t.bit_offset), t.bits.into()),
            Some(Type::Enum(t) | Type::Enum64(t)) => self.enumeration(&t, bytes, 0, 8 * size),
            Some(Type::Ptr(_)) => match get(bytes, 0, 8 * size, self.btf.byte_order()) {
                Some(address) => Value::Ptr(address as u64),
                None => unknown(bytes),
            },
            Some(Type::Float(t)) => float(t.size, bytes, self.btf.byte_order()),
            Some(Type::Array(t)) => self.array(t.element, t.len, name, bytes, depth),
            Some(Type::Var(t)) => self.value(t.target, name, bytes, depth),
            Some(Type::Struct(_) | Type::Union(_) | Type::DataSec(_)) => {
                self.composite(resolved, bytes, depth)
            }
            _ => unknown(bytes),
        }
    }

    fn hinted(&self, id: TypeId, name: &str, bytes: &[u8]) -> Option<Value> {
        Some(match hint(self.btf, id, name) {
            Hint::None => return None,
            Hint::Ipv4 => Value::Ipv4(<[u8; 4]>::try_from(bytes).ok()?.into()),
            Hint::Ipv6 => Value::Ipv6(<[u8; 16]>::try_from(bytes).ok()?.into()),
            Hint::Mac => Value::Mac(bytes.try_into().ok()?),
            Hint::Port => Value::Int(u16::from_be_bytes(bytes.try_into().ok()?).into()),
        })
    }

    fn int(&self, int: &Int<'_>, bytes: &[u8], at: usize, width: usize) -> Value {
        let Some(number) = get(bytes, at, width, self.btf.byte_order()) else { return unknown(bytes) };
        if int.encoding.is_bool() {
            return Value::Bool(number != 0);
        }
        if width == 8 && (int.encoding.is_char() || int.name == "char") {
            return Value::Char(number as u8);
        }
        if int.encoding.is_signed() {
            return Value::Int(sign_extend(number, width));
        }
        i128::try_from(number).map_or_else(|_| unknown(bytes), Value::Int)
    }

    fn enumeration(&self, view: &Enum<'_>, bytes: &[u8], at: usize, width: usize) -> Value {
        let Some(number) = get(bytes, at, width, self.btf.byte_order()) else { return unknown(bytes) };
        let number = if view.signed { sign_extend(number, width) } else { number as i128 };
        let meaning = |value: u64| if view.signed { i128::from(value as i64) } else { i128::from(value) };
        // Compilers that do not record signedness store -1 as 0xffffffff, which then also matches.
        let name = view.variants.iter().find(|v| meaning(v.value) == number).map(|v| v.name.to_owned());
        Value::Enum(name, number)
    }

    fn array(&mut self, element: TypeId, len: u32, name: &str, bytes: &[u8], depth: usize) -> Value {
        if is_text(self.btf, element)
            && let Some(text) = text(bytes)
        {
            return Value::Str(text);
        }
        let size = self.btf.size_of(element).unwrap_or(0) as usize;
        if size == 0 {
            return Value::Array(Vec::new());
        }
        // Not more elements than there are bytes for, whatever the type says.
        let elements = bytes.chunks_exact(size).take(len as usize);
        Value::Array(elements.map(|part| self.value(element, name, part, depth)).collect())
    }

    fn composite(&mut self, id: TypeId, bytes: &[u8], depth: usize) -> Value {
        let fields = fields(self.btf, id).unwrap_or_default();
        let mut values = Vec::new();
        for field in fields {
            if self.left == 0 {
                break;
            }
            let value = if field.bit_size != 0 {
                self.left -= 1;
                match self.btf.get_resolved(field.type_id) {
                    Some(Type::Int(t)) => self.int(&t, bytes, field.bit_offset, field.bit_size),
                    Some(Type::Enum(t) | Type::Enum64(t)) => {
                        self.enumeration(&t, bytes, field.bit_offset, field.bit_size)
                    }
                    _ => unknown(&[]),
                }
            } else {
                let rest = bytes.get(field.bit_offset / 8..).unwrap_or(&[]);
                self.value(field.type_id, &field.name, rest, depth)
            };
            values.push((field.name.into_owned(), value));
        }
        Value::Struct(values)
    }
}

fn float(size: u32, bytes: &[u8], order: ByteOrder) -> Value {
    match (size, get(bytes, 0, 8 * bytes.len(), order)) {
        (4, Some(bits)) if bytes.len() == 4 => Value::Float(f32::from_bits(bits as u32).into()),
        (8, Some(bits)) if bytes.len() == 8 => Value::Float(f64::from_bits(bits as u64)),
        _ => unknown(bytes),
    }
}

/// The text before the first NUL, if it looks like text: valid, without control characters but white space, and not
/// empty before other bytes.
fn text(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    let (text, rest) = bytes.split_at(end);
    if text.is_empty() && rest.iter().any(|b| *b != 0) {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?;
    let odd = |c: char| c.is_control() && !matches!(c, '\n' | '\t' | '\r');
    (!text.chars().any(odd)).then(|| text.to_owned())
}
