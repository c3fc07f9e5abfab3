//! Bytes as hexadecimal text.

/// Reads bytes in hex: `b7 00 1`, `b70001`, or any mixture. Blanks separate; a digit alone between them is a byte.
///
/// `what` names the text in messages, whose offsets count characters.
pub(crate) fn decode(what: &str, text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    // The first digit of a byte whose second may follow, and how many digits the run of digits has had before it.
    let mut pending: Option<u8> = None;
    let mut in_run = 0;
    for (offset, c) in text.chars().chain([' ']).enumerate() {
        if c.is_whitespace() {
            match (pending.take(), in_run) {
                (Some(digit), 0) => bytes.push(digit),
                (Some(_), _) => {
                    return Err(format!(
                        "{what}: offset {offset}: expected another digit, found the byte's end"
                    ));
                }
                (None, _) => {}
            }
            in_run = 0;
            continue;
        }
        let digit = c.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let digit = digit
            .ok_or_else(|| format!("{what}: offset {offset}: expected a hexadecimal digit, found `{c}`"))?;
        match pending.take() {
            None => pending = Some(digit),
            Some(high) => {
                bytes.push(high << 4 | digit);
                in_run += 2;
            }
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn bytes_with_and_without_blanks() {
        for (text, bytes) in [
            ("", &[][..]),
            ("  \n", &[]),
            ("b7 00 01", &[0xb7, 0, 1]),
            ("b70001", &[0xb7, 0, 1]),
            (" B7  00\t0 1\n", &[0xb7, 0, 0, 1]),
            ("b700 01", &[0xb7, 0, 1]),
        ] {
            assert_eq!(decode("test", text).as_deref(), Ok(bytes), "{text:?}");
        }
    }

    #[test]
    fn half_a_byte_and_other_letters() {
        assert_eq!(
            decode("m", "b70"),
            Err("m: offset 3: expected another digit, found the byte's end".into())
        );
        assert_eq!(decode("m", "0x12"), Err("m: offset 1: expected a hexadecimal digit, found `x`".into()));
        assert_eq!(decode("m", "é"), Err("m: offset 0: expected a hexadecimal digit, found `é`".into()));
    }
}
