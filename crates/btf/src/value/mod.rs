//! Bytes of a type as a tree of values, and back.
//!
//! # Problem
//!
//! A map's value is bytes; its BTF says what they mean. Shown as C says, `saddr = 16777226` helps nobody: what people want
//! to read, and to type, is `10.0.0.1`.
//!
//! # Idea
//!
//! [`format()`] walks type and bytes together into a [`Value`], which prints as compact text (`{ saddr = 10.0.0.1, hits = 3 }`)
//! or as JSON. What BTF cannot say (that a `__u32` is an address) is guessed from names and shapes, in one table.
//! [`parse_text`] and [`parse_json`] read both forms back, under the same guesses.
//!
//! # Invariants
//!
//! * Formatting never fails: what the bytes or the types do not give is [`Value::Unknown`].
//! * The tree has at most as many values as there are bytes, and [`MAX_NODES`] more.
//! * What was formatted parses to the same bytes, except for padding, what stands behind a string's end, and
//!   bit patterns of floats that are no numbers.

mod bits;
mod fields;
mod hint;
mod parse;
mod read;
mod show;
#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, Ipv6Addr};

pub use parse::{ParseError, parse_json, parse_text};
pub use read::{format, format_named};

/// How many values a tree may have beyond one for each byte. Unions show their bytes once for each member, so nested ones
/// could ask for endless trees.
pub const MAX_NODES: usize = 1 << 16;

/// What some bytes mean.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// An integer of any size, already in its byte order.
    Int(i128),
    /// A lone `char`.
    Char(u8),
    /// A `bool`: anything but 0 counts as true.
    Bool(bool),
    /// An enum's value, with the name of the first constant that has it.
    Enum(Option<String>, i128),
    /// A floating-point number of 4 or 8 bytes.
    Float(f64),
    /// An address in memory.
    Ptr(u64),
    /// A `char` array that holds text, up to its first NUL.
    Str(String),
    /// An IPv4 address, which is stored in network order.
    Ipv4(Ipv4Addr),
    /// An IPv6 address, likewise.
    Ipv6(Ipv6Addr),
    /// An Ethernet address.
    Mac([u8; 6]),
    /// The elements of an array.
    Array(Vec<Value>),
    /// The members of a struct or union, or the variables of a section, in the order of the source. Those of anonymous members
    /// count as the outer one's, as in C.
    Struct(Vec<(String, Value)>),
    /// Bytes of a type that has no meaning here or of which too few bytes were given.
    Unknown(Vec<u8>),
}

impl Value {
    /// The member of that name, of a struct.
    pub fn field(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Struct(fields) => fields.iter().find(|(own, _)| own == name).map(|(_, value)| value),
            _ => None,
        }
    }
}
