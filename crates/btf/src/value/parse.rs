//! From text or JSON to bytes.
//!
//! Both forms become one tree of scalars, lists and named fields; the type then says what each scalar may be. Fields that
//! are not given stay zero. Any value may also be given as `0x…` with exactly its bytes in memory order, when it is not a
//! number.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::Value as Json;

use super::MAX_NODES;
use super::bits::set;
use super::fields::{Field, fields};
use super::hint::{Hint, hint, is_text};
use crate::MAX_DEPTH;
use crate::parse::Btf;
use crate::types::{Enum, Type, TypeId};

/// Largest type that is filled in. A map's value is at most 4 GiB for Linux too, but nobody types such.
const MAX_SIZE: usize = 1 << 28;

/// Why text is no value of the type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Which part: `saddr`, `ports[2]`; empty for the whole. For text that cannot be read at all, the place in it.
    pub path: String,
    /// What could stand there.
    pub expected: String,
    /// What does.
    pub found: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "value" } else { &self.path };
        write!(f, "{path}: expected {}, found {}", self.expected, self.found)
    }
}

impl std::error::Error for ParseError {}

fn error<T>(path: &str, expected: impl Into<String>, found: impl Into<String>) -> Result<T, ParseError> {
    Err(ParseError { path: path.into(), expected: expected.into(), found: found.into() })
}

/// What was written, before the type is known.
enum Tree {
    /// A bare word or number.
    Word(String),
    /// In double quotes.
    Quoted(String),
    List(Vec<Tree>),
    /// `[value; times]`
    Repeated(Box<Tree>, usize),
    Fields(Vec<(String, Tree)>),
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => write!(f, "`{word}`"),
            Self::Quoted(text) => write!(f, "\"{}\"", text.escape_debug()),
            Self::List(items) => write!(f, "a list of {}", items.len()),
            Self::Repeated(_, times) => write!(f, "a list of {times}"),
            Self::Fields(_) => f.write_str("a struct"),
        }
    }
}

/// The bytes of a value of the type from the form that [`super::Value`] prints as: `{ saddr = 10.0.0.1, ports = [1, 2] }`, `7`,
/// `0x1f`, `TCP_LISTEN`, `"text"`, `[0; 16]`. A field's name may be followed by `:` instead of `=`.
pub fn parse_text(btf: &Btf, id: TypeId, text: &str) -> Result<Vec<u8>, ParseError> {
    let mut reader = Reader { text, at: 0 };
    let tree = reader.tree(MAX_DEPTH)?;
    reader.skip_space();
    if reader.at < text.len() {
        return reader.error("the end");
    }
    bytes_of(btf, id, &tree)
}

/// The bytes of a value of the type from the form that [`super::Value::to_json`] gives.
pub fn parse_json(btf: &Btf, id: TypeId, json: &Json) -> Result<Vec<u8>, ParseError> {
    bytes_of(btf, id, &from_json(json))
}

fn from_json(json: &Json) -> Tree {
    match json {
        Json::String(text) => Tree::Quoted(text.clone()),
        Json::Array(items) => Tree::List(items.iter().map(from_json).collect()),
        Json::Object(fields) => {
            Tree::Fields(fields.iter().map(|(name, value)| (name.clone(), from_json(value))).collect())
        }
        other => Tree::Word(other.to_string()),
    }
}

fn bytes_of(btf: &Btf, id: TypeId, tree: &Tree) -> Result<Vec<u8>, ParseError> {
    let size = match btf.size_of(id) {
        Some(size) if (size as usize) <= MAX_SIZE => size as usize,
        Some(size) => return error("", format!("a type of at most {MAX_SIZE} bytes"), format!("{size}")),
        None => return error("", "a type with a size", format!("type {id}")),
    };
    let mut bytes = vec![0; size];
    Filler { btf, left: MAX_NODES + size }.fill(tree, id, "", "", &mut bytes, MAX_DEPTH)?;
    Ok(bytes)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn peek(&mut self) -> Option<char> {
        self.skip_space();
        self.rest().chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        let there = self.peek() == Some(wanted);
        if there {
            self.at += wanted.len_utf8();
        }
        there
    }

    fn error<T>(&self, expected: &str) -> Result<T, ParseError> {
        let found = self.rest().chars().next().map_or("the end".into(), |c| format!("`{c}`"));
        error(&format!("column {}", self.at + 1), expected, found)
    }

    fn tree(&mut self, depth: usize) -> Result<Tree, ParseError> {
        let Some(depth) = depth.checked_sub(1) else { return self.error("fewer brackets in each other") };
        match self.peek() {
            Some('{') => self.fields(depth),
            Some('[') => self.list(depth),
            Some('"') => self.quoted(),
            Some('\'') => self.character(),
            _ => self.word(),
        }
    }

    fn fields(&mut self, depth: usize) -> Result<Tree, ParseError> {
        self.take('{');
        let mut fields = Vec::new();
        while !self.take('}') {
            let name = match self.peek() {
                Some('"') => self.quoted()?,
                _ => self.word()?,
            };
            let (Tree::Word(name) | Tree::Quoted(name)) = name else { return self.error("a field's name") };
            if !self.take('=') && !self.take(':') {
                return self.error("`=` after a field's name");
            }
            fields.push((name, self.tree(depth)?));
            if !self.take(',') && self.peek() != Some('}') {
                return self.error("`,` or `}`");
            }
        }
        Ok(Tree::Fields(fields))
    }

    fn list(&mut self, depth: usize) -> Result<Tree, ParseError> {
        self.take('[');
        let mut items = Vec::new();
        while !self.take(']') {
            let item = self.tree(depth)?;
            if items.is_empty() && self.take(';') {
                let at = self.at;
                let Tree::Word(times) = self.word()? else { return self.error("a number") };
                let Ok(times) = times.parse() else {
                    self.at = at;
                    return self.error("how many times");
                };
                return if self.take(']') {
                    Ok(Tree::Repeated(item.into(), times))
                } else {
                    self.error("`]`")
                };
            }
            items.push(item);
            if !self.take(',') && self.peek() != Some(']') {
                return self.error("`,` or `]`");
            }
        }
        Ok(Tree::List(items))
    }

    /// JSON's strings, so that every escape has one meaning.
    fn quoted(&mut self) -> Result<Tree, ParseError> {
        let mut escaped = false;
        let end = self.rest().bytes().skip(1).position(|b| {
            let end = b == b'"' && !escaped;
            escaped = b == b'\\' && !escaped;
            end
        });
        let Some(end) = end else { return self.error("a closing `\"`") };
        match serde_json::from_str(&self.rest()[..end + 2]) {
            Ok(text) => {
                self.at += end + 2;
                Ok(Tree::Quoted(text))
            }
            Err(_) => self.error("a string with JSON's escapes"),
        }
    }

    fn character(&mut self) -> Result<Tree, ParseError> {
        match *self.rest().as_bytes() {
            [b'\'', c, b'\'', ..] if c.is_ascii() => {
                self.at += 3;
                Ok(Tree::Word(c.to_string()))
            }
            _ => self.error("one ASCII character between quotes"),
        }
    }

    fn word(&mut self) -> Result<Tree, ParseError> {
        self.skip_space();
        let rest = self.rest();
        // A colon is part of a word (`::1`, a MAC) unless it separates a name, and then a space follows.
        let mut end =
            rest.find(|c: char| c.is_whitespace() || "{}[],;=\"'".contains(c)).unwrap_or(rest.len());
        if rest[..end].ends_with(':') && !rest[..end].ends_with("::") {
            end -= 1;
        }
        if end == 0 {
            return self.error("a value");
        }
        let word = rest[..end].to_owned();
        self.at += end;
        Ok(Tree::Word(word))
    }
}

struct Filler<'a> {
    btf: &'a Btf,
    left: usize,
}

impl Filler<'_> {
    /// Writes the tree as a value of the type to `bytes`, which are as many as the type has. `path` is for messages, `name`
    /// for guesses.
    fn fill(
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

/// Fills in bytes given as `0x…`, if they are as many.
fn raw(tree: &Tree, bytes: &mut [u8]) -> bool {
    let (Tree::Word(text) | Tree::Quoted(text)) = tree else { return false };
    let Some(digits) = text.strip_prefix("0x").filter(|d| d.len() == 2 * bytes.len() && d.is_ascii()) else {
        return false;
    };
    let read: Option<Vec<u8>> = digits
        .as_bytes()
        .chunks_exact(2)
        .map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?))
        .collect();
    read.is_some_and(|read| {
        bytes.copy_from_slice(&read);
        true
    })
}

fn nibble(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).map(|d| d as u8)
}

fn mac(text: &str) -> Option<Vec<u8>> {
    let octets = text.split(':').map(|part| match *part.as_bytes() {
        [low] => nibble(low),
        [high, low] => Some(nibble(high)? << 4 | nibble(low)?),
        _ => None,
    });
    octets.collect()
}

/// Decimal, `0x`, `0b`, with a sign; `true` and `false`.
fn number(text: &str) -> Option<i128> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let value = match digits {
        "true" => 1,
        "false" => 0,
        _ => match digits.get(..2) {
            Some("0x" | "0X") => i128::from_str_radix(&digits[2..], 16).ok()?,
            Some("0b" | "0B") => i128::from_str_radix(&digits[2..], 2).ok()?,
            _ => digits.parse().ok()?,
        },
    };
    Some(if negative { -value } else { value })
}
