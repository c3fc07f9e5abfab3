//! The Internet checksum: sums, differences, and replacing a field without reading the rest.
//!
//! Values are 32-bit partial sums and 16-bit folded checksums *as they stand in memory*: one's-complement addition does
//! not mind the byte order as long as all parties read it the same way, so fields taken from a packet are
//! read in native order, and results are written back in native order.
//!
//! One's-complement zero has two forms, 0 and all ones. Which one comes out is visible to programs, so the order of
//! additions and complements below is Linux's.

use super::errno::{EINVAL, Errno};

/// A 32-bit one's-complement addition.
pub fn add(a: u32, b: u32) -> u32 {
    let (sum, carry) = a.overflowing_add(b);
    sum + u32::from(carry)
}

/// A 32-bit one's-complement subtraction.
pub fn sub(a: u32, b: u32) -> u32 {
    add(a, !b)
}

/// A 16-bit one's-complement addition.
pub fn add16(a: u16, b: u16) -> u16 {
    let (sum, carry) = a.overflowing_add(b);
    sum + u16::from(carry)
}

/// Brings a partial sum to 16 bits, without complementing it.
pub fn to16(sum: u32) -> u16 {
    add16((sum >> 16) as u16, sum as u16)
}

/// Brings a partial sum to the checksum that stands in a header.
pub fn fold(sum: u32) -> u16 {
    !to16(sum)
}

/// Adds `bytes` to a partial sum; an odd last byte counts as if a zero byte followed.
pub fn partial(bytes: &[u8], seed: u32) -> u32 {
    let mut chunks = bytes.chunks_exact(4);
    // 64 bits hold the carries of 2^32 words, more than a packet has.
    let mut sum = u64::from(seed);
    for word in &mut chunks {
        sum += u64::from(u32::from_ne_bytes([word[0], word[1], word[2], word[3]]));
    }
    let mut last = [0; 4];
    let rest = chunks.remainder();
    last[..rest.len()].copy_from_slice(rest);
    sum += u64::from(u32::from_ne_bytes(last));
    add((sum >> 32) as u32, sum as u32)
}

/// `bpf_csum_diff`: what a checksum changes by when `from` is replaced by `to`, added to `seed`; folded to 16 bits, as
/// Linux does since 6.13. Since then lengths need not be multiples of 4 either.
pub fn diff(from: &[u8], to: &[u8], seed: u32) -> u16 {
    let sum = match (from.is_empty(), to.is_empty()) {
        (false, false) => sub(partial(to, seed), partial(from, 0)),
        (true, false) => partial(to, seed),
        (false, true) => !partial(from, !seed),
        (true, true) => seed,
    };
    to16(sum)
}

/// The checksum `old` after a change worth `diff`.
pub fn replace_by_diff(old: u16, diff: u32) -> u16 {
    fold(add(diff, !u32::from(old)))
}

/// The checksum `old` after a 16-bit field changed.
pub fn replace2(old: u16, from: u16, to: u16) -> u16 {
    !add16(add16(!old, !from), to)
}

/// The checksum `old` after a 32-bit field changed.
pub fn replace4(old: u16, from: u32, to: u32) -> u16 {
    fold(add(sub(!u32::from(old), from), to))
}

/// The flags of the checksum helpers, with Linux's numbers.
pub mod flags {
    /// Mask of the width of the changed field: 0 (a difference is given), 2 or 4.
    pub const FIELD_MASK: u64 = 0x0f;
    /// The field is part of the pseudo header.
    pub const PSEUDO_HDR: u64 = 0x10;
    /// A checksum of 0 means "none" (UDP): leave it, and never produce it.
    pub const MARK_MANGLED_0: u64 = 0x20;
    /// With [`MARK_MANGLED_0`]: compute even where there was none.
    pub const MARK_ENFORCE: u64 = 0x40;
    /// The packet is IPv6 (since 6.16); changes nothing for a packet whose checksum no device vouches for.
    pub const IPV6: u64 = 0x80;
}

/// A field's change as the checksum helpers get it: the difference, or both values in two widths.
#[derive(Clone, Copy, Debug)]
enum Change {
    Diff(u32),
    Two(u16, u16),
    Four(u32, u32),
}

impl Change {
    fn new(from: u64, to: u64, flags: u64) -> Result<Self, Errno> {
        match flags & flags::FIELD_MASK {
            0 if from == 0 => Ok(Self::Diff(to as u32)),
            2 => Ok(Self::Two(from as u16, to as u16)),
            4 => Ok(Self::Four(from as u32, to as u32)),
            _ => Err(EINVAL),
        }
    }
}

/// `bpf_l3_csum_replace` on the checksum itself.
///
/// # Errors
/// `EINVAL` for unknown widths and for a `from` beside a difference.
pub fn l3_replace(old: u16, from: u64, to: u64, flags: u64) -> Result<u16, Errno> {
    Ok(match Change::new(from, to, flags)? {
        Change::Diff(diff) => replace_by_diff(old, diff),
        Change::Two(from, to) => replace2(old, from, to),
        Change::Four(from, to) => replace4(old, from, to),
    })
}

/// `bpf_l4_csum_replace` on the checksum itself, of a packet whose checksum no device is to finish
/// (`CHECKSUM_NONE`): with such a one the pseudo-header flag changes nothing.
///
/// # Errors
/// As [`l3_replace`].
pub fn l4_replace(old: u16, from: u64, to: u64, flags: u64) -> Result<u16, Errno> {
    let mangled = flags & flags::MARK_MANGLED_0 != 0;
    if mangled && flags & flags::MARK_ENFORCE == 0 && old == 0 {
        return Ok(old);
    }
    let new = match Change::new(from, to, flags)? {
        Change::Diff(diff) => replace_by_diff(old, diff),
        // The layer-4 form widens a 16-bit field before subtracting; the other zero may come out.
        Change::Two(from, to) => replace4(old, u32::from(from), u32::from(to)),
        Change::Four(from, to) => replace4(old, from, to),
    };
    Ok(if mangled && new == 0 { 0xffff } else { new })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The header of RFC 1071-style examples: its checksum is b861 in network order.
    const HEADER: [u8; 20] = [
        0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0,
        0xa8, 0x00, 0xc7,
    ];

    #[test]
    fn a_good_header_sums_to_nothing() {
        assert_eq!(fold(partial(&HEADER, 0)), 0);
        let mut zeroed = HEADER;
        zeroed[10..12].fill(0);
        assert_eq!(fold(partial(&zeroed, 0)).to_ne_bytes(), [0xb8, 0x61]);
    }

    #[test]
    fn replacing_a_field_is_summing_anew() {
        let old = u16::from_ne_bytes([HEADER[10], HEADER[11]]);
        let field = |b: &[u8]| u32::from_ne_bytes([b[0], b[1], b[2], b[3]]);
        let mut changed = HEADER;
        changed[16..20].copy_from_slice(&[10, 1, 2, 3]);
        changed[10..12].fill(0);
        let expected = fold(partial(&changed, 0));
        let (from, to) = (field(&HEADER[16..]), field(&changed[16..]));
        assert_eq!(replace4(old, from, to), expected);
        let by = diff(&HEADER[16..], &changed[16..], 0);
        assert_eq!(replace_by_diff(old, u32::from(by)), expected);
        assert_eq!(l3_replace(old, u64::from(from), u64::from(to), 4), Ok(expected));
        assert_eq!(l3_replace(old, 0, u64::from(by), 0), Ok(expected));
        assert_eq!(l3_replace(old, 1, u64::from(by), 0), Err(EINVAL));
        assert_eq!(l3_replace(old, 1, 1, 3), Err(EINVAL));
    }

    #[test]
    fn no_checksum_stays_none_unless_enforced() {
        use flags::{MARK_ENFORCE, MARK_MANGLED_0};
        assert_eq!(l4_replace(0, 1, 2, 2 | MARK_MANGLED_0), Ok(0));
        assert_ne!(l4_replace(0, 1, 2, 2 | MARK_MANGLED_0 | MARK_ENFORCE), Ok(0));
        // A computed zero becomes the other zero.
        assert_eq!(l4_replace(0xffff, 0, 0xffff, 2 | MARK_MANGLED_0), Ok(0xffff));
    }

    #[test]
    fn differences_of_nothing_give_the_seed() {
        assert_eq!(diff(&[], &[], 0x1_0000), 1);
        assert_eq!(diff(&[1], &[1, 0], 5), 5);
    }
}
