//! The header: where the two sections are.
//!
//! Offsets in it count from its own end. Newer headers may be longer than the one known here; what follows is left alone, as
//! Linux asks for.

use crate::error::{BtfError, Section};
use crate::parse::malformed;
use crate::wire::{ByteOrder, HEADER_LEN, MAGIC, VERSION};

/// Where the sections are, after the header's checks.
pub(super) struct Header {
    pub(super) order: ByteOrder,
    pub(super) types: std::ops::Range<usize>,
    pub(super) strings: std::ops::Range<usize>,
}

impl Header {
    pub(super) fn parse(data: &[u8]) -> Result<Self, BtfError> {
        let bad = |offset, expected: String, found: String| {
            malformed(Section::Header, offset, None, expected, found)
        };
        let Some(head) = data.get(..HEADER_LEN) else {
            return Err(bad(0, format!("a header of {HEADER_LEN} bytes"), format!("{} bytes", data.len())));
        };
        let order = match [head[0], head[1]] {
            m if m == MAGIC.to_le_bytes() => ByteOrder::Little,
            m if m == MAGIC.to_be_bytes() => ByteOrder::Big,
            [a, b] => {
                return Err(bad(
                    0,
                    format!("the magic number {MAGIC:#06x}"),
                    format!("bytes {a:02x} {b:02x}"),
                ));
            }
        };
        if head[2] != VERSION {
            return Err(bad(2, format!("version {VERSION}"), format!("{}", head[2])));
        }
        let field = |at: usize| order.u32([head[at], head[at + 1], head[at + 2], head[at + 3]]) as usize;
        let header_len = field(4);
        if header_len < HEADER_LEN || header_len > data.len() {
            let expected = format!("a header length of {HEADER_LEN} to {} (the end of the data)", data.len());
            return Err(bad(4, expected, format!("{header_len}")));
        }
        let body = data.len() - header_len;
        let section = |at: usize, what: &str| {
            let (start, len) = (field(at), field(at + 4));
            match start.checked_add(len) {
                Some(end) if end <= body => Ok(header_len + start..header_len + end),
                _ => {
                    let found = format!("offset {start}, length {len}");
                    Err(bad(at, format!("a {what} within {body} bytes"), found))
                }
            }
        };
        let (types, strings) = (section(8, "type section")?, section(16, "string section")?);
        if !(types.start - header_len).is_multiple_of(4) {
            return Err(bad(8, "an offset that 4 divides".into(), format!("{}", types.start - header_len)));
        }
        if !types.len().is_multiple_of(4) {
            return Err(bad(12, "a length that 4 divides".into(), format!("{}", types.len())));
        }
        Ok(Self { order, types, strings })
    }
}
