//! What names and shapes say beyond BTF: which numbers are addresses and ports.
//!
//! The kernel's own habit is to store them in network order, and to say so by the typedefs `__be16` and `__be32`. Programs often
//! write `__u32` instead; then the member's name decides. A wrong guess shows a number in an odd way, so the names are few.

use crate::MAX_DEPTH;
use crate::set::Btf;
use crate::types::{Type, TypeId};

/// How to show bytes that BTF calls a number, an array or a struct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hint {
    /// As BTF says.
    None,
    Ipv4,
    Ipv6,
    Mac,
    /// A 16-bit number in network order.
    Port,
}

/// Parts of a name, between underscores and without digits at the end, that mean an IP address.
const ADDRESS_WORDS: &[&str] = &[
    "addr", "saddr", "daddr", "address", "ip", "sip", "dip", "vip", "ipv", "srcip", "dstip", "ipaddr", "gw",
    "gateway", "nexthop",
];
/// Likewise, an Ethernet address.
const MAC_WORDS: &[&str] = &[
    "mac", "smac", "dmac", "eth", "dest", "source", "addr", "saddr", "daddr", "lladdr", "hwaddr", "ether",
    "address",
];
/// Words that mean that a `__be32` is no address.
const NUMBER_WORDS: &[&str] =
    &["seq", "ack", "spi", "label", "flowlabel", "vni", "id", "key", "len", "flags", "proto", "mark"];

fn has_word(name: &str, words: &[&str]) -> bool {
    name.split('_').any(|part| {
        let part = part.trim_end_matches(|c: char| c.is_ascii_digit()).to_ascii_lowercase();
        words.contains(&part.as_str())
    })
}

/// The typedef of big-endian numbers that the type goes through, if any.
fn big_endian_typedef(btf: &Btf, id: TypeId) -> Option<u32> {
    let mut id = id;
    for _ in 0..MAX_DEPTH {
        id = btf.strip_qualifiers(id);
        let Some(Type::Typedef(t)) = btf.get(id) else { return None };
        match t.name {
            "__be16" | "be16" => return Some(2),
            "__be32" | "be32" => return Some(4),
            _ => id = t.target,
        }
    }
    None
}

/// How to show the type, as member of that name.
pub(super) fn hint(btf: &Btf, id: TypeId, name: &str) -> Hint {
    match (btf.get_resolved(id), btf.size_of(id)) {
        (Some(Type::Int(t)), Some(size)) if !t.encoding.is_signed() => {
            match (big_endian_typedef(btf, id), size) {
                (Some(2), 2) => Hint::Port,
                (Some(4), 4) if !has_word(name, NUMBER_WORDS) => Hint::Ipv4,
                (None, 4) if has_word(name, ADDRESS_WORDS) => Hint::Ipv4,
                _ => Hint::None,
            }
        }
        (Some(Type::Struct(t)), Some(4)) if t.name == "in_addr" => Hint::Ipv4,
        (Some(Type::Struct(t)), Some(16)) if t.name == "in6_addr" => Hint::Ipv6,
        (Some(Type::Array(array)), Some(size)) => match btf.get_resolved(array.element) {
            Some(Type::Int(element)) if !element.encoding.is_signed() => match (size, element.size) {
                (4, 1) if has_word(name, ADDRESS_WORDS) => Hint::Ipv4,
                (6, 1) if has_word(name, MAC_WORDS) => Hint::Mac,
                (16, 1 | 4) if has_word(name, ADDRESS_WORDS) => Hint::Ipv6,
                (16, 4) if big_endian_typedef(btf, array.element) == Some(4) => Hint::Ipv6,
                _ => Hint::None,
            },
            _ => Hint::None,
        },
        _ => Hint::None,
    }
}

/// Is it an array of plain `char`, which C uses for text?
pub(super) fn is_text(btf: &Btf, element: TypeId) -> bool {
    matches!(btf.get_resolved(element), Some(Type::Int(t)) if t.size == 1 && (t.name == "char" || t.encoding.is_char()))
}
