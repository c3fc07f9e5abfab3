//! `--counterexample`: what was found, as a hex dump with the bytes that decide marked.

use std::fmt::Write;

use serde_json::{Value, json};
use skep::counterexample::{Contents, Counterexample, Search};

/// Bytes of a line of the dump.
const ROW: usize = 16;
/// Lines of the dump.
const ROWS: usize = 64;

/// The search's result in words.
pub(super) fn text(search: &Search) -> String {
    match search {
        Search::Impossible(why) => format!("no counterexample was looked for: {why}\n"),
        Search::NotFound(runs) => {
            format!(
                "no counterexample was found in {runs} runs in the checking interpreter, which proves nothing\n"
            )
        }
        Search::Found(found) => describe(found),
    }
}

fn describe(found: &Counterexample) -> String {
    let mut text = "counterexample, seen in the checking interpreter:\n".to_owned();
    if let Some(packet) = &found.packet {
        let _ = writeln!(
            text,
            "  a packet of {} bytes{}",
            packet.len(),
            if packet.is_empty() { "" } else { ":" }
        );
        dump(&mut text, packet, &found.marks);
    }
    if let Some(context) = &found.context {
        let _ = writeln!(text, "  a context of {} bytes, zero where nothing is shown:", context.len());
        dump(&mut text, shown(context, &found.marks), &found.marks);
    }
    for (offset, value) in &found.fields {
        let _ = writeln!(text, "  the context's field at {offset} is {value:#x}");
    }
    for value in &found.values {
        let key: Vec<String> = value.key.iter().map(|byte| format!("{byte:02x}")).collect();
        let shown = shown(&value.value, &value.marks);
        let _ = writeln!(
            text,
            "  map {} holds, under the key {}, {} bytes{}:",
            value.map,
            key.join(" "),
            value.value.len(),
            if shown.len() < value.value.len() { ", zero where nothing is shown" } else { "" }
        );
        dump(&mut text, shown, &value.marks);
    }
    text += match found.maps {
        Contents::Values => {
            "  all else in maps is as the object makes it: arrays hold zeros, hashes nothing\n"
        }
        Contents::Initial => "  maps are as the object makes them: arrays hold zeros, hashes nothing\n",
        Contents::Ones => "  maps are filled with ones, under the keys of zeros and of ones\n",
    };
    for answer in &found.answers {
        let which = match answer.before {
            0 => String::new(),
            before => format!(", after {before} other call{} of it,", if before == 1 { "" } else { "s" }),
        };
        let _ = writeln!(text, "  bpf_{}(){which} returns {:#x}", answer.helper, answer.value);
    }
    if found.by_chance {
        text += "  what helpers returned decides as well: this took more than one run\n";
    }
    let _ = writeln!(
        text,
        "  then at instruction {}, `{}`: {}",
        found.fault.at, found.fault.insn, found.fault.message
    );
    text
}

/// The bytes up to the last line that is not all zeros or has a mark.
fn shown<'a>(bytes: &'a [u8], marks: &[(usize, usize)]) -> &'a [u8] {
    let data = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    let marked = marks.iter().map(|&(start, length)| start + length).max().unwrap_or(0);
    let end = data.max(marked).max(1).next_multiple_of(ROW);
    &bytes[..end.min(bytes.len())]
}

/// A hex dump; a line of `^` under the bytes that decide.
fn dump(text: &mut String, bytes: &[u8], marks: &[(usize, usize)]) {
    let marked = |at: usize| marks.iter().any(|&(start, length)| (start..start + length).contains(&at));
    for (row, chunk) in bytes.chunks(ROW).enumerate().take(ROWS) {
        let base = row * ROW;
        let hex: Vec<String> = chunk.iter().map(|byte| format!("{byte:02x}")).collect();
        let _ = writeln!(text, "    {base:04x}  {}", hex.join(" "));
        if (base..base + chunk.len()).any(marked) {
            let under: Vec<&str> =
                (base..base + chunk.len()).map(|at| if marked(at) { "^^" } else { "  " }).collect();
            let _ = writeln!(text, "          {}", under.join(" ").trim_end());
        }
    }
    if bytes.len() > ROW * ROWS {
        let _ = writeln!(text, "    … and {} bytes more", bytes.len() - ROW * ROWS);
    }
}

/// The search's result as data.
pub(super) fn json(search: &Search) -> Value {
    let marks = |marks: &[(usize, usize)]| {
        marks.iter().map(|(offset, size)| json!({ "offset": offset, "size": size })).collect::<Vec<_>>()
    };
    let hex = |bytes: &Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    match search {
        Search::Impossible(why) => json!({ "found": false, "runs": 0, "reason": why }),
        Search::NotFound(runs) => json!({ "found": false, "runs": runs, "reason": null }),
        Search::Found(found) => json!({
            "found": true,
            "packet": found.packet.as_ref().map(hex),
            "context": found.context.as_ref().map(hex),
            "fields": found.fields.iter().map(|(offset, value)| json!({ "offset": offset, "value": value })).collect::<Vec<_>>(),
            "maps": match found.maps {
                Contents::Initial => "initial",
                Contents::Values => "values",
                Contents::Ones => "ones",
            },
            "values": found.values.iter().map(|value| json!({
                "map": value.map,
                "key": hex(&value.key),
                "value": hex(&value.value),
                "marks": marks(&value.marks),
            })).collect::<Vec<_>>(),
            "marks": marks(&found.marks),
            "helpers": found.answers.iter().map(|answer| json!({
                "helper": answer.helper,
                "before": answer.before,
                "value": answer.value,
            })).collect::<Vec<_>>(),
            "by_chance": found.by_chance,
            "fault": { "kind": found.fault.kind.name(), "insn": found.fault.at, "message": found.fault.message },
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_that_decide_are_marked() {
        let mut text = String::new();
        dump(&mut text, &[0u8; 18], &[(12, 2), (17, 1)]);
        let expected = "    0000  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
                                              ^^ ^^
    0010  00 00
             ^^
";
        assert_eq!(text, expected);
    }
}
