//! Numbers in bytes: any width from a bit to 16 bytes, either byte order, at any bit.

use crate::wire::ByteOrder;

/// Widest number: an `__int128` that is no bit-field.
pub(super) const MAX_BITS: usize = 128;

/// The bytes that the bits `at..at + width` touch, and how far the number must be shifted within them.
fn window(at: usize, width: usize, order: ByteOrder) -> Option<(std::ops::Range<usize>, usize)> {
    if width == 0 || width > MAX_BITS {
        return None;
    }
    let end_bit = at.checked_add(width)?;
    let bytes = at / 8..end_bit.div_ceil(8);
    // Bits count from the least significant end in little-endian order and from the most significant in big-endian.
    let shift = match order {
        ByteOrder::Little => at % 8,
        ByteOrder::Big => 8 * bytes.end - end_bit,
    };
    Some((bytes, shift))
}

fn mask(width: usize) -> u128 {
    if width >= MAX_BITS { u128::MAX } else { (1 << width) - 1 }
}

/// The number in the bits `at..at + width`; `None` beyond the end. An unaligned one of more than 120 bits, which would
/// touch a seventeenth byte, is refused too; C has no such bit-field.
pub(super) fn get(bytes: &[u8], at: usize, width: usize, order: ByteOrder) -> Option<u128> {
    let (range, shift) = window(at, width, order)?;
    let part = bytes.get(range).filter(|p| p.len() <= MAX_BITS / 8)?;
    let join = |number: u128, byte: &u8| number << 8 | u128::from(*byte);
    let number = match order {
        ByteOrder::Little => part.iter().rev().fold(0, join),
        ByteOrder::Big => part.iter().fold(0, join),
    };
    Some(number >> shift & mask(width))
}

/// Stores the number there and leaves the other bits alone. `None`, and nothing done, where [`get`] gives `None`.
pub(super) fn set(bytes: &mut [u8], at: usize, width: usize, order: ByteOrder, value: u128) -> Option<()> {
    let (range, shift) = window(at, width, order)?;
    let part = bytes.get_mut(range).filter(|p| p.len() <= MAX_BITS / 8)?;
    let (value, keep) = ((value & mask(width)) << shift, !(mask(width) << shift));
    let last = part.len() - 1;
    for (index, byte) in part.iter_mut().enumerate() {
        let place = 8 * if order == ByteOrder::Little { index } else { last - index };
        *byte = *byte & (keep >> place) as u8 | (value >> place) as u8;
    }
    Some(())
}

/// The number as a signed one of that width.
pub(super) fn sign_extend(value: u128, width: usize) -> i128 {
    let unused = MAX_BITS - width.clamp(1, MAX_BITS);
    (value << unused) as i128 >> unused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_got_and_nothing_else_moves() {
        for order in [ByteOrder::Little, ByteOrder::Big] {
            for (at, width) in [(0, 1), (3, 13), (7, 2), (0, 64), (5, 59), (8, 32), (0, 128), (60, 64)] {
                for fill in [0u8, 0xff] {
                    let mut bytes = [fill; 20];
                    let value = 0x1234_5678_9abc_def0_0fed_cba9_8765_4321 & mask(width);
                    set(&mut bytes, at, width, order, value).unwrap();
                    assert_eq!(get(&bytes, at, width, order), Some(value));
                    set(&mut bytes, at, width, order, mask(width) * u128::from(fill & 1)).unwrap();
                    assert_eq!(bytes, [fill; 20]);
                }
            }
            assert_eq!(get(&[0; 4], 1, 32, order), None);
            assert_eq!(get(&[0; 40], 1, 128, order), None);
        }
        assert_eq!(get(&[0x12, 0x34], 4, 8, ByteOrder::Big), Some(0x23));
        assert_eq!(get(&[0x12, 0x34], 4, 8, ByteOrder::Little), Some(0x41));
        assert_eq!(sign_extend(0b101, 3), -3);
    }
}
