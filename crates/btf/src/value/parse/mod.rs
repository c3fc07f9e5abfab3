//! From text or JSON to bytes.
//!
//! Both forms become one tree of scalars, lists and named fields; the type then says what each scalar may be. Fields that
//! are not given stay zero. Any value may also be given as `0x…` with exactly its bytes in memory order, when it is not a
//! number.

mod fill;
mod scalar;
mod tree;

use std::fmt;

use serde_json::Value as Json;

use super::MAX_NODES;
use crate::MAX_DEPTH;
use crate::set::Btf;
use crate::types::TypeId;
use fill::Filler;
use tree::Tree;

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

/// The bytes of a value of the type from the form that [`super::Value`] prints as: `{ saddr = 10.0.0.1, ports = [1, 2] }`, `7`,
/// `0x1f`, `TCP_LISTEN`, `"text"`, `[0; 16]`. A field's name may be followed by `:` instead of `=`.
pub fn parse_text(btf: &Btf, id: TypeId, text: &str) -> Result<Vec<u8>, ParseError> {
    bytes_of(btf, id, &Tree::from_text(text)?)
}

/// The bytes of a value of the type from the form that [`super::Value::to_json`] gives.
pub fn parse_json(btf: &Btf, id: TypeId, json: &Json) -> Result<Vec<u8>, ParseError> {
    bytes_of(btf, id, &Tree::from_json(json))
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
