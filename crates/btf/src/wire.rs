//! The format as bytes: what reader and writer have in common.
//!
//! A blob is a header, a section of types and a section of strings. All of the header but its magic number and all of the types are
//! 32-bit words in one byte order. A type is a *record* of three words (name, info, size or reference), followed by what
//! its kind asks for: the length of a record follows from its kind and its count of items.

use crate::types::Kind;

/// First two bytes of every BTF blob, in the byte order of the rest.
pub(crate) const MAGIC: u16 = 0xeb9f;
/// The one version there is.
pub(crate) const VERSION: u8 = 1;
/// Bytes of the header that every version has.
pub(crate) const HEADER_LEN: usize = 24;
/// Words of a type's record before its items.
pub(crate) const RECORD_WORDS: usize = 3;

/// Which end of a number comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ByteOrder {
    /// `bpfel`.
    Little,
    /// `bpfeb`.
    Big,
}

impl ByteOrder {
    /// This machine's.
    pub const NATIVE: Self = if cfg!(target_endian = "big") { Self::Big } else { Self::Little };

    pub(crate) fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    pub(crate) fn bytes(self, word: u32) -> [u8; 4] {
        match self {
            Self::Little => word.to_le_bytes(),
            Self::Big => word.to_be_bytes(),
        }
    }
}

/// Words after the record, of a type of that kind with that many items.
pub(crate) fn tail_words(kind: Kind, items: usize) -> usize {
    match kind {
        Kind::Int | Kind::Var | Kind::DeclTag => 1,
        Kind::Array => 3,
        Kind::Struct | Kind::Union | Kind::DataSec | Kind::Enum64 => 3 * items,
        Kind::Enum | Kind::FuncProto => 2 * items,
        _ => 0,
    }
}

/// The second word of a record, taken apart.
#[derive(Clone, Copy)]
pub(crate) struct Info {
    pub(crate) kind: Option<Kind>,
    pub(crate) items: usize,
    pub(crate) flag: bool,
}

impl Info {
    pub(crate) fn new(word: u32) -> Self {
        Self {
            kind: Kind::from_number(word >> 24 & 0x1f),
            items: (word & 0xffff) as usize,
            flag: word >> 31 != 0,
        }
    }
}

/// Puts header, types and strings together.
pub(crate) fn write(words: &[u32], strings: &[u8], order: ByteOrder) -> Vec<u8> {
    let types_len = words.len() * 4;
    let mut out = Vec::with_capacity(HEADER_LEN + types_len + strings.len());
    out.extend(match order {
        ByteOrder::Little => MAGIC.to_le_bytes(),
        ByteOrder::Big => MAGIC.to_be_bytes(),
    });
    out.extend([VERSION, 0]);
    for field in [HEADER_LEN, 0, types_len, types_len, strings.len()] {
        out.extend(order.bytes(field as u32));
    }
    for word in words {
        out.extend(order.bytes(*word));
    }
    out.extend(strings);
    out
}
