//! Which part of a source line an instruction comes from.
//!
//! The compiler records where an expression *begins*. Where it ends is guessed from the text: an identifier with what is
//! applied to it (`skb->len`, `bpf_map_lookup_elem(&map, &key)`), else the rest of the statement. A wrong guess
//! underlines too much or too little of the right line, no more.

use std::ops::Range;

/// The part of `text` that begins at `column` (from 1; 0 or beyond the end means the whole line without its blanks).
pub(super) fn at(text: &str, column: usize) -> Range<usize> {
    let whole = text.len() - text.trim_start().len()..text.trim_end().len();
    let Some(start) = column.checked_sub(1).filter(|&at| at < whole.end && text.is_char_boundary(at)) else {
        return whole.start..whole.end.max(whole.start);
    };
    let tail = &text[start..whole.end];
    let end = match tail.chars().next() {
        Some(c) if is_word(c) => expression(tail),
        // An operator: the instruction is what it does to both sides.
        _ => statement(tail),
    };
    start..start + end.max(1)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Bytes of an identifier and what is applied to it. Keywords that begin a statement take the statement.
fn expression(text: &str) -> usize {
    const STATEMENTS: [&str; 8] = ["return", "if", "for", "while", "switch", "do", "goto", "else"];
    let word = text.find(|c| !is_word(c)).unwrap_or(text.len());
    if STATEMENTS.contains(&&text[..word]) {
        return statement(text);
    }
    let mut end = word;
    loop {
        let rest = &text[end..];
        let more = if rest.starts_with(['(', '[']) {
            group(rest)
        } else {
            let step = ["->", ".", "::"].iter().find(|step| rest.starts_with(**step)).map_or(0, |s| s.len());
            let name = rest[step..].find(|c| !is_word(c)).unwrap_or(rest.len() - step);
            if step > 0 && name > 0 { step + name } else { 0 }
        };
        if more == 0 {
            return end;
        }
        end += more;
    }
}

/// Bytes of a group in brackets; all when it does not end on this line.
fn group(text: &str) -> usize {
    let mut depth = 0usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + c.len_utf8();
        }
    }
    text.len()
}

/// Bytes up to the end of the statement.
fn statement(text: &str) -> usize {
    text.trim_end_matches(['{', ';', ' ', '\t']).len().max(text.chars().next().map_or(0, char::len_utf8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_end_where_a_reader_would_end_them() {
        let cases = [
            ("    int x = skb->data[3] + 1;", 13, "skb->data[3]"),
            ("    v = bpf_map_lookup_elem(&m, &key(1));", 9, "bpf_map_lookup_elem(&m, &key(1))"),
            ("    if (*p > 3) {", 5, "if (*p > 3)"),
            ("    return eth->h_proto;", 5, "return eth->h_proto"),
            ("    *value += 1;", 5, "*value += 1"),
            ("    x = a.b.c;", 9, "a.b.c"),
            ("\tcall(a,", 2, "call(a,"),
            ("   whole line;  ", 0, "whole line;"),
            ("   whole line;  ", 99, "whole line;"),
        ];
        for (text, column, expected) in cases {
            assert_eq!(&text[at(text, column)], expected, "{text:?} column {column}");
        }
    }

    #[test]
    fn any_text_and_column_have_a_span() {
        for text in ["", " ", "é", "  é;é", "(", ";", "a->", "\u{1F41D}()"] {
            for column in 0..10 {
                assert!(text.get(at(text, column)).is_some() || text.is_empty(), "{text:?} {column}");
            }
        }
    }
}
