//! From bytes to a checked [`Btf`].
//!
//! Two passes: the first finds where each type starts (a type's length follows from its kind and its count of items),
//! the second checks every name offset and every reference, which needs the number of types. After that, decoding
//! cannot fail. No length from the file allocates anything before it was compared with the file's size.

mod check;
mod header;

use std::sync::{Arc, OnceLock};

use crate::error::{BtfError, Malformed, Section};
use crate::set::Btf;
use crate::types::{Kind, TypeId};
use crate::wire::{Info, RECORD_WORDS, tail_words};
use check::Checker;
use header::Header;

/// Ids above this are refused by Linux.
const MAX_TYPE: usize = 0xf_ffff;
/// String offsets above this are refused by Linux.
const MAX_STRINGS: usize = 0xff_ffff;
/// Where the kernel publishes its own types.
const RUNNING: &str = "/sys/kernel/btf/vmlinux";

fn malformed(
    section: Section,
    offset: usize,
    type_id: Option<u32>,
    expected: impl Into<String>,
    found: impl Into<String>,
) -> BtfError {
    let type_id = type_id.map(TypeId);
    let (expected, found) = (expected.into(), found.into());
    BtfError::Malformed(Box::new(Malformed { section, offset, type_id, expected, found }))
}

impl Btf {
    /// Reads a BTF blob of either byte order and checks all of it.
    pub fn parse(data: &[u8]) -> Result<Self, BtfError> {
        Self::parse_on(data, None)
    }

    /// Reads a split BTF blob: its ids and string offsets go on where those of `base` end.
    pub fn parse_split(data: &[u8], base: Arc<Btf>) -> Result<Self, BtfError> {
        Self::parse_on(data, Some(base))
    }

    /// The running kernel's types, from `/sys/kernel/btf/vmlinux`.
    pub fn running() -> Result<Self, BtfError> {
        match std::fs::read(RUNNING) {
            Ok(data) => Self::parse(&data),
            Err(e) => Err(BtfError::Unreadable { path: RUNNING.into(), reason: e.to_string() }),
        }
    }

    fn parse_on(data: &[u8], base: Option<Arc<Btf>>) -> Result<Self, BtfError> {
        let header = Header::parse(data)?;
        let strings = read_strings(data, &header, base.is_some())?;
        let order = header.order;
        let words: Vec<u32> =
            data[header.types.clone()].chunks_exact(4).map(|b| order.u32([b[0], b[1], b[2], b[3]])).collect();
        let (first_id, first_string) = base.as_ref().map_or((1, 0), |b| (b.len() as u32, b.strings_end()));
        let starts = find_starts(&words, header.types.start, first_id)?;
        let btf = Self {
            words,
            starts,
            strings,
            base,
            first_id,
            first_string,
            order,
            names: OnceLock::new(),
            pointer_size: OnceLock::new(),
        };
        Checker { btf: &btf, section: header.types.start, end: btf.len() as u32 }.check()?;
        Ok(btf)
    }
}

fn read_strings(data: &[u8], header: &Header, split: bool) -> Result<Box<str>, BtfError> {
    let at = header.strings.start;
    let bytes = &data[header.strings.clone()];
    let bad =
        |offset, expected: &str, found: String| malformed(Section::Strings, offset, None, expected, found);
    if bytes.len() > MAX_STRINGS {
        return Err(bad(at, &format!("at most {MAX_STRINGS} bytes"), format!("{}", bytes.len())));
    }
    match (bytes.first(), bytes.last()) {
        (None, _) if !split => return Err(bad(at, "at least the empty string", "no bytes".into())),
        (Some(first), _) if *first != 0 && !split => {
            return Err(bad(at, "the empty string first (a NUL byte)", format!("byte {first:#04x}")));
        }
        (_, Some(last)) if *last != 0 => {
            return Err(bad(header.strings.end - 1, "a NUL byte at the end", format!("byte {last:#04x}")));
        }
        _ => {}
    }
    match std::str::from_utf8(bytes) {
        Ok(strings) => Ok(strings.into()),
        Err(e) => {
            let from = e.valid_up_to();
            Err(bad(at + from, "UTF-8 text", format!("byte {:#04x}", bytes.get(from).copied().unwrap_or(0))))
        }
    }
}

/// First pass: where each type starts.
fn find_starts(words: &[u32], section: usize, first_id: u32) -> Result<Vec<u32>, BtfError> {
    // A record has at least three words, and few types have none beyond.
    let mut starts = Vec::with_capacity(words.len() / 4);
    let mut at = 0;
    while at < words.len() {
        let id = first_id + starts.len() as u32;
        let bad = |word: usize, expected: String, found: String| {
            malformed(Section::Types, section + 4 * word, Some(id), expected, found)
        };
        if id as usize > MAX_TYPE {
            return Err(bad(at, format!("at most {MAX_TYPE} types"), "more".into()));
        }
        let left = words.len() - at;
        if left < RECORD_WORDS {
            return Err(bad(at, "a record of 12 bytes".into(), format!("{} bytes", 4 * left)));
        }
        let info = Info::new(words[at + 1]);
        let Some(kind) = info.kind.filter(|k| *k != Kind::Void) else {
            return Err(bad(at + 1, "a kind from 1 to 19".into(), format!("{}", words[at + 1] >> 24 & 0x1f)));
        };
        let len = RECORD_WORDS + tail_words(kind, info.items);
        if len > left {
            let expected = format!("{} bytes for a {kind} with {} items", 4 * len, info.items);
            return Err(bad(at, expected, format!("{} bytes", 4 * left)));
        }
        starts.push(at as u32);
        at += len;
    }
    Ok(starts)
}
