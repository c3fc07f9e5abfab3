//! Words as numbers and bytes: decimal and hexadecimal numbers, Ethernet addresses, bytes as they lie in memory.

use super::tree::Tree;

/// Fills in bytes given as `0x…`, if they are as many.
pub(super) fn raw(tree: &Tree, bytes: &mut [u8]) -> bool {
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

/// Octets in hexadecimal between colons; how many, the caller checks.
pub(super) fn mac(text: &str) -> Option<Vec<u8>> {
    let octets = text.split(':').map(|part| match *part.as_bytes() {
        [low] => nibble(low),
        [high, low] => Some(nibble(high)? << 4 | nibble(low)?),
        _ => None,
    });
    octets.collect()
}

/// Decimal, `0x`, `0b`, with a sign; `true` and `false`.
pub(super) fn number(text: &str) -> Option<i128> {
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
