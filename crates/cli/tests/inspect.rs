//! `skep inspect` and `skep link` on the example that ships: no compiler is needed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::process::{Command, Output};

/// The example, as seen from this crate.
const DOORMAN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/doorman.bpf.o");

fn skep(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_skep")).args(arguments).output().unwrap()
}

/// What a command that succeeds writes.
fn output(arguments: &[&str]) -> String {
    let run = skep(arguments);
    assert!(run.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

#[test]
fn text_shows_programs_maps_and_globals() {
    let text = output(&["inspect", DOORMAN]);
    for line in ["programs", "maps", "globals"] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
    let row = |name: &str| -> Vec<_> {
        let found = text.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
        found.split_whitespace().map(str::to_owned).collect()
    };
    assert_eq!(row("doorman")[..2], ["doorman", "xdp"]);
    assert_eq!(row("visitors")[..2], ["visitors", "lru_hash"]);
    assert!(row(".rodata").contains(&"burst".to_owned()));
    assert!(!text.contains('\u{1b}'), "no colour when it is not a terminal");
}

#[test]
fn disassembly_names_maps_functions_and_lines() {
    let text = output(&["inspect", DOORMAN, "--disasm"]);
    assert!(text.contains("= map visitors ll"));
    assert!(text.contains("call bpf_map_lookup_elem#1"));
    assert!(text.contains("@ doorman.bpf.c:"));
    assert!(text.lines().any(|line| line == "doorman:"), "the function's label");
}

#[test]
fn json_holds_the_same() {
    let value: serde_json::Value =
        serde_json::from_str(&output(&["inspect", DOORMAN, "--format", "json", "--disasm"])).unwrap();
    let program = &value["programs"][0];
    assert_eq!(program["name"], "doorman");
    assert_eq!(program["type"], "xdp");
    let lines = program["disassembly"].as_array().unwrap();
    assert!(
        lines
            .iter()
            .any(|line| line["source"]["file"].as_str().is_some_and(|file| file.ends_with("doorman.bpf.c")))
    );
    assert_eq!(lines.last().unwrap()["text"], "exit");
    let maps = value["maps"].as_array().unwrap();
    let visitors = maps.iter().find(|map| map["name"] == "visitors").unwrap();
    assert_eq!((&visitors["type"], &visitors["max_entries"]), (&"lru_hash".into(), &4096.into()));
}

#[test]
fn what_is_linked_alone_shows_the_same_programs() {
    let path = std::env::temp_dir().join(format!("skep-link-{}.o", std::process::id()));
    let linked = path.to_str().unwrap();
    output(&["link", DOORMAN, "-o", linked]);
    let listing = |file: &str| {
        let text = output(&["inspect", file, "--disasm"]);
        text.split_once("\ndoorman: ").unwrap().1.to_owned()
    };
    let same = listing(DOORMAN) == listing(linked);
    std::fs::remove_file(&path).unwrap();
    assert!(same);
}

#[test]
fn failures_are_one_line_and_exit_with_1() {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    for arguments in [
        &["inspect", source][..],
        &["inspect", "/nowhere"],
        &["inspect", DOORMAN, "--program", "absent"],
        &["link", DOORMAN, DOORMAN, "-o", "/dev/null"],
    ] {
        let run = skep(arguments);
        assert_eq!(run.status.code(), Some(1), "{arguments:?}");
        let text = String::from_utf8(run.stderr).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(run.stdout.is_empty());
    }
}
