//! What the README shows: the doorman on an evening's packets.

// A helper outside of #[test] functions may panic as well as they.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Scratch, checksum, frames, json, run, stdout, text};
use serde_json::Value;

const RUN: [&str; 4] = ["run", "examples/doorman.bpf.o", "--on", "pcap:examples/evening.pcap"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&RUN[..], more].concat()
}

fn verdict(report: &Value, name: &str) -> u64 {
    let verdicts = report["verdicts"].as_array().unwrap();
    let found = verdicts.iter().find(|verdict| verdict["name"] == name);
    found.unwrap_or_else(|| panic!("{name} in {verdicts:?}"))["packets"].as_u64().unwrap()
}

fn map<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["maps"].as_array().unwrap().iter().find(|map| map["name"] == name).unwrap()
}

/// The line that begins with this word, its cells.
fn row<'a>(report: &'a str, first: &str) -> Vec<&'a str> {
    let mut rows = report.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.find(|cells| cells.first() == Some(&first)).unwrap_or_else(|| panic!("{first} in:\n{report}"))
}

#[test]
fn the_report_shows_verdicts_maps_variables_and_trace() {
    let report = stdout(&RUN);
    assert!(report.starts_with("doorman (xdp) on examples/evening.pcap\n2,264 packets, "), "{report}");
    assert_eq!(row(&report, "XDP_DROP"), ["XDP_DROP", "1,260", "55.7", "%", "67,996"]);
    assert_eq!(row(&report, "XDP_PASS"), ["XDP_PASS", "972", "42.9", "%", "144,436"]);
    assert_eq!(row(&report, "XDP_TX"), ["XDP_TX", "32", "1.4", "%", "2,368"]);
    assert!(report.contains("\n  32 rewritten on the way\n"), "{report}");
    // A key of type __be32 is an address, members of the value have their names.
    assert_eq!(
        row(&report, "key"),
        ["key", "packets", "bytes", "second", "opened", "refused", "banned_until"]
    );
    assert_eq!(row(&report, "198.51.100.23")[..3], ["198.51.100.23", "1200", "64800"]);
    // Enumerators by name, CPU slots summed.
    assert!(report.contains("\ntallies percpu_array, 5 of 6 entries, summed over CPUs\n"), "{report}");
    assert_eq!(row(&report, "TCP"), ["TCP", "808", "1259", "0"]);
    assert!(report.contains("\n.bss variables\n  bans = 3\n"), "{report}");
    assert!(report.contains("\ntrace 3 lines\n   12.100000 198.51.100.23 opened 21 connections"), "{report}");
    assert!(report.contains("\n  … 104 more (--entries 0 shows all)\n"), "{report}");
}

#[test]
fn json_says_what_the_text_says() {
    let report = json(&RUN);
    assert_eq!((report["program"].as_str(), report["hook"].as_str()), (Some("doorman"), Some("xdp")));
    assert_eq!(report["packets"], 2264);
    let verdicts = ["XDP_DROP", "XDP_PASS", "XDP_TX"].map(|name| verdict(&report, name));
    assert_eq!(verdicts, [1260, 972, 32]);
    assert_eq!(report["faults"]["packets"], 0);
    let visitors = map(&report, "visitors");
    assert_eq!((&visitors["type"], &visitors["entries"]), (&"lru_hash".into(), &11.into()));
    let rows = visitors["rows"].as_array().unwrap();
    let scanner = rows.iter().find(|row| row["key"] == "198.51.100.23").unwrap();
    assert_eq!(scanner["value"]["refused"], 1160);
    // What the map counted of each source is what the capture has of IPv4.
    let counted: u64 = rows.iter().map(|row| row["value"]["packets"].as_u64().unwrap()).sum();
    assert_eq!(counted, 2195);
    let tallies = map(&report, "tallies")["rows"].as_array().unwrap();
    let dropped: u64 = tallies.iter().map(|row| row["sum"]["dropped"].as_u64().unwrap()).sum();
    assert_eq!(dropped, 1260);
    assert_eq!(report["trace"]["total"], 3);
    assert!(report["trace"]["lines"][0]["text"].as_str().unwrap().starts_with("198.51.100.23 opened 21"));
    assert_eq!(map(&report, ".bss")["rows"][0]["value"]["bans"], 3);
}

#[test]
fn out_holds_what_was_passed_and_answered() {
    let out = Scratch::new("kept.pcap", "");
    let report = stdout(&with(&["--out", out.arg()]));
    assert!(report.contains("\n  1,004 written to "), "{report}");
    let kept = frames(&out.read());
    assert_eq!(kept.len(), 972 + 32);
    // Frames in, so that what came out can be told from what went in.
    let came = frames(&std::fs::read(common::root().join("examples/evening.pcap")).unwrap());
    let answers: Vec<_> = kept.iter().filter(|frame| !came.contains(frame)).collect();
    assert_eq!(answers.len(), 32);
    for answer in answers {
        let ip = &answer[14..];
        let header = usize::from(ip[0] & 15) * 4;
        let total = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
        let icmp = &ip[header..total];
        assert_eq!((ip[9], icmp[0], icmp[1]), (1, 0, 0), "an echo reply");
        assert_eq!((checksum(&ip[..header]), checksum(icmp)), (0, 0), "both checksums are right");
        // The request: addresses of both layers the other way round, everything else the same.
        let request = came.iter().find(|frame| {
            frame.len() == answer.len()
                && frame[..6] == answer[6..12]
                && frame[6..12] == answer[..6]
                && frame[26..30] == answer[30..34]
                && frame[30..34] == answer[26..30]
                && frame[14 + header + 4..] == answer[14 + header + 4..]
        });
        assert_eq!(request.map(|frame| frame[14 + header]), Some(8), "an echo request");
    }
    // And skep reads what it wrote: nothing left to drop but what the door is still shut to.
    let again = json(&["run", "examples/doorman.bpf.o", "--on", &format!("pcap:{}", out.arg())]);
    assert_eq!(again["packets"], 1004);
}

#[test]
fn variables_set_before_the_start_change_what_it_does() {
    let strict = json(&with(&["--set", "burst=5"]));
    let open = json(&with(&["--set", "burst=100000", "--set", "answer_pings=0"]));
    assert_eq!(["XDP_DROP", "XDP_PASS"].map(|name| verdict(&strict, name)), [1305, 927]);
    assert_eq!(["XDP_DROP", "XDP_PASS"].map(|name| verdict(&open, name)), [1, 2263]);
    assert_eq!(open["rewritten"], 0);
    assert_eq!(open["trace"]["total"], 0);
    common::fails(&with(&["--set", "burts=5"]), &["examples/doorman.bpf.o", "`burts`", "burst, ban_ns"]);
    common::fails(&with(&["--set", "burst=lots"]), &["`burst`", "expected a number, found `lots`"]);
    common::fails(&with(&["--set", "answer_pings=256"]), &["`answer_pings`"]);
}

#[test]
fn entries_lines_and_cpus_are_shown_as_asked() {
    let short = stdout(&with(&["--entries", "2", "--lines", "1"]));
    assert!(short.contains("\n  … 9 more (--entries 0 shows all)\n"), "{short}");
    assert!(short.contains("\n  … 2 more (--lines 0 shows all)\n"), "{short}");
    let all = stdout(&with(&["--entries", "0"]));
    assert!(!all.contains(" more ("), "{all}");
    assert_eq!(json(&with(&["--entries", "0"]))["maps"][2]["rows"].as_array().unwrap().len(), 120);
    let split = stdout(&with(&["--per-cpu"]));
    assert!(split.contains("\n  key    cpu  passed  dropped  answered\n"), "{split}");
    let sum: u64 = split
        .lines()
        .filter(|line| line.trim_start().starts_with("TCP "))
        .map(|line| line.split_whitespace().nth(2).unwrap().parse::<u64>().unwrap())
        .sum();
    assert_eq!(sum, 808);
}

#[test]
fn going_over_the_capture_again_counts_again() {
    let twice = json(&with(&["--repeat", "2"]));
    assert_eq!(twice["packets"], 2 * 2264);
    assert_eq!(verdict(&twice, "XDP_TX"), 64);
}

#[test]
fn one_packet_is_shown_as_it_leaves() {
    let came = frames(&std::fs::read(common::root().join("examples/evening.pcap")).unwrap());
    let ping = came.iter().find(|frame| frame[12..14] == [8, 0] && frame[23] == 1 && frame[34] == 8).unwrap();
    let hex: String = ping.iter().map(|byte| format!("{byte:02x}")).collect();
    let input = format!("hex:{hex}");
    let report = json(&["run", "examples/doorman.bpf.o", "--on", &input]);
    assert_eq!(verdict(&report, "XDP_TX"), 1);
    let leaving = report["leaving"][0].as_str().unwrap();
    assert_eq!((leaving.len(), &leaving[..12], &leaving[12..24]), (hex.len(), &hex[12..24], &hex[..12]));
    let shown = stdout(&["run", "examples/doorman.bpf.o", "--on", &input]);
    assert!(shown.contains(&format!("\nleaving, {} bytes\n  0000  ", ping.len())), "{shown}");
}

#[test]
fn colours_come_when_asked_for_and_not_otherwise() {
    for never in [&["--color", "never"][..], &[]] {
        assert!(!stdout(&with(never)).contains('\x1b'), "{never:?}");
    }
    assert!(stdout(&with(&["--color", "always"])).contains("\x1b["));
    let failed = run(&["run", "/nowhere", "--color", "never"]);
    assert!(!text(&failed.stderr).contains('\x1b'));
}
