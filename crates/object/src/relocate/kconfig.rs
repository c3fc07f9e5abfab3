//! The values of `__kconfig` externs.

use skep_isa::ByteOrder;

use super::{Kconfig, Reason, RelocateError};
use crate::{Extern, ExternKind, KconfigType, Object};

/// The extern that is the kernel's version and not an option.
const VERSION: &str = "LINUX_KERNEL_VERSION";
/// What the other externs that are no options begin with; they are 0 or 1.
const FEATURE: &str = "LINUX_HAS_";

impl Object {
    /// The value of the `.kconfig` map on a machine with that configuration; empty when the object has none.
    ///
    /// Fails when a strong extern is missing from the configuration or its value does not fit its declared type.
    pub fn kconfig(&self, config: &Kconfig) -> Result<Vec<u8>, RelocateError> {
        let map = self.maps.iter().find(|map| map.origin == crate::MapOrigin::Kconfig);
        let mut value = vec![0; map.map_or(0, |map| map.value_size as usize)];
        for item in &self.externs {
            let ExternKind::Kconfig { offset, size, value: shape } = item.kind else { continue };
            let place = value.get_mut(offset as usize..).and_then(|tail| tail.get_mut(..size as usize));
            let Some(place) = place else { continue };
            fill(item, shape, config, self.order, place).map_err(|reason| RelocateError {
                object: self.name.clone(),
                program: String::new(),
                at: None,
                reason,
            })?;
        }
        Ok(value)
    }
}

/// Writes one extern's value.
fn fill(
    item: &Extern,
    shape: KconfigType,
    config: &Kconfig,
    order: ByteOrder,
    place: &mut [u8],
) -> Result<(), Reason> {
    let number = |value: u64, place: &mut [u8]| put(value, order, place);
    if item.name == VERSION {
        number(config.kernel_version.into(), place);
        return Ok(());
    }
    if item.name.starts_with(FEATURE) {
        number(config.features.contains(&item.name).into(), place);
        return Ok(());
    }
    let Some(text) = config.options.get(&item.name) else {
        if item.weak {
            return Ok(());
        }
        let looked_in = "the kernel's configuration".to_owned();
        return Err(Reason::MissingExtern { name: item.name.clone(), looked_in });
    };
    let bad = |expected: &str| Reason::BadValue {
        name: item.name.clone(),
        expected: expected.to_owned(),
        found: text.clone(),
    };
    match (shape, text.as_str()) {
        (KconfigType::Bool, "y") => number(1, place),
        (KconfigType::Bool, "n") => number(0, place),
        (KconfigType::Bool, _) => return Err(bad("y or n")),
        (KconfigType::Tristate, "n") => number(0, place),
        (KconfigType::Tristate, "y") => number(1, place),
        (KconfigType::Tristate, "m") => number(2, place),
        (KconfigType::Tristate, _) => return Err(bad("y, m or n")),
        (KconfigType::Char, "y" | "m" | "n") => number(text.as_bytes()[0].into(), place),
        (KconfigType::Char, _) => {
            let value =
                integer(text, place.len(), true).ok_or_else(|| bad("y, m, n or a number of one byte"))?;
            number(value, place);
        }
        (KconfigType::Integer { signed }, _) => {
            let sign = if signed { "a signed" } else { "an unsigned" };
            let value = integer(text, place.len(), signed)
                .ok_or_else(|| bad(&format!("{sign} number of {} bytes", place.len())))?;
            number(value, place);
        }
        (KconfigType::Text, _) => {
            let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
            let inner = inner.ok_or_else(|| bad("text in quotation marks"))?;
            // The last byte stays zero, whatever the length.
            let room = place.len().saturating_sub(1).min(inner.len());
            place[..room].copy_from_slice(&inner.as_bytes()[..room]);
        }
    }
    Ok(())
}

/// A decimal or hexadecimal number that fits, as its bits.
fn integer(text: &str, size: usize, signed: bool) -> Option<u64> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let magnitude = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    let value = if negative { -i128::from(magnitude) } else { i128::from(magnitude) };
    let bits = size as u32 * 8;
    let range = if signed { -(1i128 << (bits - 1))..1i128 << (bits - 1) } else { 0..1i128 << bits };
    range.contains(&value).then_some(value as u64)
}

/// Writes the low bytes of a number.
fn put(value: u64, order: ByteOrder, place: &mut [u8]) {
    let bytes = match order {
        ByteOrder::Little => value.to_le_bytes().to_vec(),
        ByteOrder::Big => {
            value.to_be_bytes().iter().skip(8usize.saturating_sub(place.len())).copied().collect()
        }
    };
    for (to, from) in place.iter_mut().zip(bytes) {
        *to = from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_must_fit_their_type() {
        assert_eq!(integer("250", 4, true), Some(250));
        assert_eq!(integer("0xff", 1, false), Some(255));
        assert_eq!(integer("0xff", 1, true), None);
        assert_eq!(integer("-1", 4, true), Some(u64::MAX));
        assert_eq!(integer("-1", 4, false), None);
        assert_eq!(integer("18446744073709551615", 8, false), Some(u64::MAX));
        assert_eq!(integer("y", 4, true), None);
    }

    #[test]
    fn both_byte_orders() {
        let mut place = [0; 2];
        put(0x1234, ByteOrder::Big, &mut place);
        assert_eq!(place, [0x12, 0x34]);
        put(0x1234, ByteOrder::Little, &mut place);
        assert_eq!(place, [0x34, 0x12]);
    }

    #[test]
    fn options_are_read_as_their_declaration_says() {
        let config =
            Kconfig::parse("# CONFIG_A is not set\nCONFIG_B=m\nCONFIG_S=\"6.18-x\"\nCONFIG_HZ=250\n");
        let run = |name: &str, shape, size: usize, weak| {
            let kind = ExternKind::Kconfig { offset: 0, size: size as u32, value: shape };
            let item = Extern { name: name.into(), weak, kind };
            let mut place = vec![0; size];
            fill(&item, shape, &config, ByteOrder::Little, &mut place).map(|()| place)
        };
        assert_eq!(run("CONFIG_B", KconfigType::Tristate, 4, false), Ok(vec![2, 0, 0, 0]));
        assert_eq!(run("CONFIG_B", KconfigType::Char, 1, false), Ok(vec![b'm']));
        assert!(run("CONFIG_B", KconfigType::Bool, 1, false).is_err());
        assert_eq!(run("CONFIG_A", KconfigType::Bool, 1, true), Ok(vec![0]));
        assert!(run("CONFIG_A", KconfigType::Bool, 1, false).is_err());
        assert_eq!(run("CONFIG_S", KconfigType::Text, 4, false), Ok(b"6.1\0".to_vec()));
        assert_eq!(run("CONFIG_HZ", KconfigType::Integer { signed: true }, 4, false), Ok(vec![250, 0, 0, 0]));
    }
}
