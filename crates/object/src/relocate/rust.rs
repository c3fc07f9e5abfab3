//! Names that rustc leaves undefined, as a person reads them.
//!
//! No `core` is compiled for BPF: a program brings what it inlines, and the rest stays a call of a mangled name. Nearly always
//! it is a panic: an index, a division or an `unwrap` that the optimiser could not prove harmless, which no line of the
//! program calls. Only the path is of use to whoever has to find it, so crate and module names are all that is read here.

/// The crate's name as both manglings write it: length, then letters.
const CORE: &str = "4core";

/// The path `core::…` in a mangled name; none when it is not of that crate.
///
/// Both manglings write a path as identifiers after their lengths; the newer one puts a disambiguator before an
/// identifier where two items have one name, and the older one ends with `17h` and a hash.
pub(super) fn path_in_core(symbol: &str) -> Option<String> {
    let mangled = symbol.strip_prefix("_R").or_else(|| symbol.strip_prefix("_ZN"))?;
    let (_, mut rest) = mangled.split_once(CORE)?;
    let mut path = String::from("core");
    while let Some((name, after)) = identifier(rest) {
        if is_hash(name) {
            break;
        }
        path = format!("{path}::{name}");
        rest = after;
    }
    (path != "core").then_some(path)
}

/// Whether the function at this path only ever panics.
pub(super) fn panics(path: &str) -> bool {
    path.starts_with("core::panicking::") || path.ends_with("_fail") || path.ends_with("_failed")
}

/// The next identifier and what follows it.
fn identifier(text: &str) -> Option<(&str, &str)> {
    let text = match text.strip_prefix('s').and_then(|rest| rest.split_once('_')) {
        Some((number, rest)) if number.bytes().all(|byte| byte.is_ascii_alphanumeric()) => rest,
        _ => text,
    };
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (length, rest) = text.split_at(digits);
    let length: usize = length.parse().ok()?;
    // The newer mangling sets a `_` between the length and a name that begins with a digit or `_`.
    let separated = |rest: &&str| rest.starts_with(|c: char| c == '_' || c.is_ascii_digit());
    let rest = rest.strip_prefix('_').filter(separated).unwrap_or(rest);
    (length > 0).then(|| rest.split_at_checked(length))?
}

/// `h` and sixteen hexadecimal digits: the older mangling's last part.
fn is_hash(name: &str) -> bool {
    name.len() == 17
        && name.strip_prefix('h').is_some_and(|hash| hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::{panics, path_in_core};

    #[test]
    fn both_manglings_are_read() {
        for (symbol, path) in [
            (
                "_RNvNtCsgEmfK2I1SDS_4core9panicking18panic_bounds_check",
                Some("core::panicking::panic_bounds_check"),
            ),
            (
                "_RNvNtNtCsgEmfK2I1SDS_4core9panicking11panic_consts_23panic_const_div_by_zero",
                Some("core::panicking::panic_const::panic_const_div_by_zero"),
            ),
            ("_ZN4core9panicking5panic17h0123456789abcdefE", Some("core::panicking::panic")),
            ("_ZN4core6option13unwrap_failed17h0123456789abcdefE", Some("core::option::unwrap_failed")),
            ("_ZN5alloc5alloc17h0123456789abcdefE", None),
            ("_R4core", None),
            ("_R4core99short", None),
            ("_R4core99999999999999999999999short", None),
            ("_R4core2é", Some("core::é")),
            ("_R4core1é", None),
            ("bpf_something_4core3abc", None),
        ] {
            assert_eq!(path_in_core(symbol).as_deref(), path, "{symbol}");
        }
    }

    #[test]
    fn what_panics_is_told_from_what_is_only_missing() {
        assert!(panics("core::panicking::panic_fmt"));
        assert!(panics("core::slice::index::slice_index_fail"));
        assert!(panics("core::result::unwrap_failed"));
        assert!(!panics("core::str::converts::from_utf8"));
    }
}
