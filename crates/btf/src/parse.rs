//! From bytes to a checked [`Btf`].
//!
//! Two passes: the first finds where each type starts (a type's length follows from its kind and its count of items),
//! the second checks every name offset and every reference, which needs the number of types. After that, decoding
//! cannot fail. No length from the file allocates anything before it was compared with the file's size.

use std::sync::{Arc, OnceLock};

use crate::error::{BtfError, Malformed, Section};
use crate::lookup::NameIndex;
use crate::types::*;

/// First two bytes of every BTF blob, in the byte order of the rest.
pub(crate) const MAGIC: u16 = 0xeb9f;
/// The one version there is.
pub(crate) const VERSION: u8 = 1;
/// Bytes of the header that every version has.
pub(crate) const HEADER_LEN: usize = 24;
/// Words of a type's record before its items.
pub(crate) const RECORD_WORDS: usize = 3;
/// Ids above this are refused by Linux.
const MAX_TYPE: usize = 0xf_ffff;
/// String offsets above this are refused by Linux.
const MAX_STRINGS: usize = 0xff_ffff;
/// Where the kernel publishes its own types.
const RUNNING: &str = "/sys/kernel/btf/vmlinux";

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

/// A checked set of types.
pub struct Btf {
    /// The type section, in native order.
    words: Vec<u32>,
    /// Where in `words` each type starts; the first entry is the type `first_id`.
    starts: Vec<u32>,
    /// The string section. Ends with a NUL unless it is empty, which only split BTF may have.
    strings: Box<str>,
    /// What a split BTF continues.
    base: Option<Arc<Btf>>,
    /// Id of the first type in `starts`: 1, or what follows the base's last.
    first_id: u32,
    /// Offset of the first string: 0, or the length of the base's strings.
    first_string: u32,
    order: ByteOrder,
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

/// Where the sections are, after the header's checks.
struct Header {
    order: ByteOrder,
    types: std::ops::Range<usize>,
    strings: std::ops::Range<usize>,
}

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

impl Header {
    fn parse(data: &[u8]) -> Result<Self, BtfError> {
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

/// Second pass: names and references.
struct Checker<'a> {
    btf: &'a Btf,
    /// Offset of the type section, for messages.
    section: usize,
    /// The first id that does not exist.
    end: u32,
}

impl Checker<'_> {
    fn check(&self) -> Result<(), BtfError> {
        for (index, start) in self.btf.starts.iter().enumerate() {
            let id = self.btf.first_id + index as u32;
            let start = *start as usize;
            let end = self.btf.starts.get(index + 1).map_or(self.btf.words.len(), |e| *e as usize);
            self.check_type(id, start, &self.btf.words[start..end])?;
        }
        Ok(())
    }

    fn check_type(&self, id: u32, at: usize, w: &[u32]) -> Result<(), BtfError> {
        self.name(id, at, w[0])?;
        let Some(kind) = Info::new(w[1]).kind else { return Ok(()) };
        match kind {
            Kind::Ptr
            | Kind::Typedef
            | Kind::Volatile
            | Kind::Const
            | Kind::Restrict
            | Kind::Var
            | Kind::DeclTag
            | Kind::TypeTag => self.reference(id, at + 2, w[2])?,
            Kind::Func => {
                self.reference(id, at + 2, w[2])?;
                self.prototype(id, at + 2, w[2])?;
            }
            Kind::FuncProto => self.reference(id, at + 2, w[2])?,
            Kind::Array => {
                self.reference(id, at + 3, w[3])?;
                self.reference(id, at + 4, w[4])?;
            }
            _ => {}
        }
        let tail = at + RECORD_WORDS;
        let items = &w[RECORD_WORDS..];
        match kind {
            Kind::Struct | Kind::Union => self.items::<3>(id, tail, items, Some(0), Some(1)),
            Kind::FuncProto => self.items::<2>(id, tail, items, Some(0), Some(1)),
            Kind::Enum => self.items::<2>(id, tail, items, Some(0), None),
            Kind::Enum64 => self.items::<3>(id, tail, items, Some(0), None),
            Kind::DataSec => self.items::<3>(id, tail, items, None, Some(0)),
            _ => Ok(()),
        }
    }

    /// Items of `N` words, with a name and a reference at those places.
    fn items<const N: usize>(
        &self,
        id: u32,
        at: usize,
        items: &[u32],
        name: Option<usize>,
        reference: Option<usize>,
    ) -> Result<(), BtfError> {
        for (index, item) in items.chunks_exact(N).enumerate() {
            if let Some(word) = name {
                self.name(id, at + N * index + word, item[word])?;
            }
            if let Some(word) = reference {
                self.reference(id, at + N * index + word, item[word])?;
            }
        }
        Ok(())
    }

    fn reference(&self, id: u32, word: usize, target: u32) -> Result<(), BtfError> {
        if target < self.end {
            return Ok(());
        }
        let expected = format!("a type id below {}", self.end);
        Err(malformed(Section::Types, self.section + 4 * word, Some(id), expected, format!("{target}")))
    }

    /// A function's type is a prototype and nothing else; every reader may rely on it.
    fn prototype(&self, id: u32, word: usize, target: u32) -> Result<(), BtfError> {
        let kind = self.btf.name_and_kind(TypeId(target)).map_or(Kind::Void, |(_, kind)| kind);
        if kind == Kind::FuncProto {
            return Ok(());
        }
        let at = self.section + 4 * word;
        Err(malformed(Section::Types, at, Some(id), "the id of a FUNC_PROTO", format!("{target}, a {kind}")))
    }

    fn name(&self, id: u32, word: usize, offset: u32) -> Result<(), BtfError> {
        let ok = match offset.checked_sub(self.btf.first_string) {
            Some(own) if (own as usize) < self.btf.strings.len() => {
                self.btf.strings.is_char_boundary(own as usize)
            }
            // A split BTF without strings of its own may still say "no name".
            Some(_) => false,
            None => self.btf.base.as_ref().is_some_and(|base| base.string(offset).is_some()),
        };
        if ok {
            return Ok(());
        }
        let expected =
            format!("a name offset below {:#x}, at the start of a character", self.btf.strings_end());
        Err(malformed(Section::Types, self.section + 4 * word, Some(id), expected, format!("{offset:#x}")))
    }
}
