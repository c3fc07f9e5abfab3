//! Bytes as text.

/// Hexadecimal digits, two a byte, without anything between them.
pub(super) fn hex(text: &str) -> Result<Vec<u8>, String> {
    let digit = |c: u8| char::from(c).to_digit(16).map(|digit| digit as u8);
    if !text.len().is_multiple_of(2) {
        return Err(format!("expected two hexadecimal digits a byte, found {} digits", text.len()));
    }
    let mut bytes = Vec::with_capacity(text.len() / 2);
    for (at, pair) in text.as_bytes().chunks_exact(2).enumerate() {
        let (Some(high), Some(low)) = (digit(pair[0]), digit(pair[1])) else {
            return Err(format!("expected hexadecimal digits, found something else at byte {at}"));
        };
        bytes.push(high << 4 | low);
    }
    Ok(bytes)
}

/// Base 64 as of RFC 4648, with or without padding.
pub(super) fn base64(text: &str) -> Result<Vec<u8>, String> {
    let digits = text.trim_end_matches('=').as_bytes();
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    let (mut bits, mut count) = (0u32, 0);
    for (at, &digit) in digits.iter().enumerate() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return Err(format!("expected base 64, found something else at character {at}")),
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_from_text() {
        assert_eq!(hex("00ff1A").unwrap(), [0, 255, 26]);
        assert!(hex("").unwrap().is_empty());
        assert!(hex("0").unwrap_err().contains("found 1 digits"));
        assert!(hex("0é").is_err() && hex("0g").is_err());
        for (text, bytes) in
            [("", &b""[..]), ("Zg==", b"f"), ("Zm8=", b"fo"), ("Zm9v", b"foo"), ("Zm9vYg", b"foob")]
        {
            assert_eq!(base64(text).unwrap(), bytes);
        }
        assert!(base64("Z*==").unwrap_err().contains("character 1"));
    }
}
