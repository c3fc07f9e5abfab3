//! The rows of the helper table, in the order of their numbers, which is the order of their releases.

mod until_4_18;
mod until_5_14;
mod until_5_7;
mod until_6_2;
mod words;

use super::Helper;

/// How many helpers the UAPI lists, "unspecified" (0) left out. The list is closed: newer functions are kfuncs.
const COUNT: usize = 211;

static ROWS: [Helper; COUNT] = joined();

pub(super) static HELPERS: &[Helper] = &ROWS;

/// The eras' rows, one after the other.
const fn joined() -> [Helper; COUNT] {
    let eras: [&[Helper]; 4] = [&until_4_18::ROWS, &until_5_7::ROWS, &until_5_14::ROWS, &until_6_2::ROWS];
    let mut out = [until_4_18::ROWS[0]; COUNT];
    let (mut era, mut to) = (0, 0);
    while era < eras.len() {
        let mut from = 0;
        while from < eras[era].len() {
            out[to] = eras[era][from];
            from += 1;
            to += 1;
        }
        era += 1;
    }
    assert!(to == COUNT, "a row is missing");
    out
}

#[cfg(test)]
mod tests {
    use super::super::ArgKind;
    use super::*;
    use crate::Release;

    #[test]
    fn ids_are_rows_and_releases_rise() {
        for (row, helper) in HELPERS.iter().enumerate() {
            assert_eq!(helper.id as usize, row + 1);
            assert!(!helper.doc.is_empty() && helper.doc.ends_with('.'), "{}", helper.name);
        }
        assert!(HELPERS.windows(2).all(|pair| pair[0].since <= pair[1].since));
        assert_eq!(HELPERS[COUNT - 1].since, Release::new(6, 2));
    }

    #[test]
    fn sizes_follow_what_they_measure() {
        for helper in HELPERS {
            let is_size = |k: ArgKind| matches!(k, ArgKind::Size | ArgKind::SizeOrZero);
            for pair in helper.args.windows(2) {
                if is_size(pair[1].kind) {
                    assert_eq!(pair[0].kind, ArgKind::Mem, "{}", helper.name);
                }
                if pair[0].kind == ArgKind::Unused {
                    assert_eq!(pair[1].kind, ArgKind::Unused, "{}", helper.name);
                }
            }
            assert!(!is_size(helper.args[0].kind));
        }
    }
}
