//! The commands that read files and the machine: what they show, and what they say of files that are nothing.

// A helper outside of #[test] functions may panic as well as they.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use common::{Scratch, fails, json, run, stdout, text};

const DOORMAN: &str = "examples/doorman.bpf.o";

fn doorman() -> Vec<u8> {
    std::fs::read(common::root().join(DOORMAN)).unwrap()
}

#[test]
fn inspect_shows_programs_maps_globals_and_instructions() {
    let shown = stdout(&["inspect", DOORMAN, "--disasm"]);
    for words in [
        "licence \"Dual MIT/GPL\"",
        "doorman  xdp",
        "visitors       lru_hash      4 __be32         40 struct visitor",
        ".rodata  burst ",
        "r0 = map visitors ll",
        "call bpf_map_lookup_elem#1",
        "; switch (bpf_ntohs(eth->h_proto)) {  @ doorman.bpf.c:",
    ] {
        let found =
            shown.contains(words) || (words.starts_with("r0 =") && shown.contains(" = map visitors ll"));
        assert!(found, "{words} in:\n{shown}");
    }
    let report = json(&["inspect", DOORMAN]);
    assert_eq!(report["license"], "Dual MIT/GPL");
    assert_eq!(report["programs"][0]["name"], "doorman");
}

#[test]
fn linked_objects_are_objects() {
    let out = Scratch::new("linked.o", "");
    stdout(&["link", DOORMAN, "-o", out.arg()]);
    let on = ["--on", "pcap:examples/evening.pcap"];
    let [alone, linked] = [DOORMAN, out.arg()].map(|object| json(&[&["run", object], &on[..]].concat()));
    assert_eq!((&alone["verdicts"], &alone["trace"]), (&linked["verdicts"], &linked["trace"]));
    fails(&["link", DOORMAN, DOORMAN, "-o", out.arg()], &["doorman"]);
    fails(&["link", DOORMAN, "-o", "/nowhere/out.o"], &["/nowhere/out.o"]);
}

#[test]
fn types_are_dumped_in_three_forms() {
    let c = stdout(&["btf", "dump", DOORMAN, "--format", "c"]);
    assert!(c.contains("struct visitor {\n\t__u64 packets;\n"), "{c}");
    assert!(stdout(&["btf", "dump", DOORMAN]).contains("STRUCT 'visitor' size=40"));
    let types: serde_json::Value =
        serde_json::from_str(&stdout(&["btf", "dump", DOORMAN, "--format", "json"])).unwrap();
    assert!(types.to_string().contains("\"visitor\""));
    let one = stdout(&["btf", "dump", DOORMAN, "--format", "c", "--type", "tally"]);
    assert!(one.contains("struct tally {") && !one.contains("struct visitor {"), "{one}");
    fails(&["btf", "dump", DOORMAN, "--type", "nobody"], &["`nobody`"]);
}

#[test]
fn features_are_those_of_a_release() {
    let new = stdout(&["features"]);
    let old = stdout(&["features", "--kernel", "5.4"]);
    assert!(new.contains("cgrp_storage") && !old.contains("cgrp_storage"));
    assert!(old.contains("lru_hash"));
    json(&["features", "--kernel", "6.18"]);
    for wrong in ["4.19", "7.0", "latest-and-greatest"] {
        assert_eq!(run(&["features", "--kernel", wrong]).status.code(), Some(2), "{wrong}");
    }
}

#[test]
fn files_that_are_nothing_are_named() {
    let object = doorman();
    let noise: Vec<u8> = (0..4096u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let bad = [
        Scratch::new("empty", ""),
        Scratch::new("noise", noise),
        Scratch::new("half.o", &object[..object.len() / 2]),
        Scratch::new("header.o", &object[..64]),
        Scratch::new("text", "hello\n"),
    ];
    let files = bad.iter().map(Scratch::arg).chain(["/tmp", "/nowhere/file"]);
    for file in files {
        for args in [
            &["inspect", file][..],
            &["run", file, "--on", "hex:00"],
            &["link", file, "-o", "/dev/null"],
            &["btf", "dump", file],
            &["run", DOORMAN, "--on", "hex:00", "--btf", file],
        ] {
            fails(args, &[file]);
        }
    }
    // An executable has no programs for eBPF's machine.
    fails(&["inspect", env!("CARGO_BIN_EXE_skep")], &["skep"]);
}

#[test]
fn arguments_that_make_no_sense_have_exit_code_2() {
    for args in [
        &["fly"][..],
        &["run"],
        &["run", DOORMAN, "--on", "nonsense"],
        &["run", DOORMAN, "--on", "hex:abc"],
        &["run", DOORMAN, "--on", "args:one"],
        &["run", DOORMAN, "--set", "burst"],
        &["run", DOORMAN, "--map", "visitors=4"],
        &["run", DOORMAN, "--entries", "many"],
        &["inspect"],
        &["link", DOORMAN],
        &["btf", "dump", "--format", "pascal"],
        &["completions", "tcsh"],
        &["--color", "blue", "features"],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", text(&output.stderr));
        assert_eq!(text(&output.stdout), "", "{args:?}");
        assert!(text(&output.stderr).starts_with("error: "), "{args:?}: {}", text(&output.stderr));
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let mut child = common::skep(&["features"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut line = String::new();
    let mut reader = BufReader::with_capacity(16, child.stdout.take().unwrap());
    reader.read_line(&mut line).unwrap();
    drop(reader);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    // And one that prints much more than a pipe holds, which cannot have ended before the reader left.
    if !std::path::Path::new("/sys/kernel/btf/vmlinux").exists() {
        return eprintln!("SKIPPED a_reader_that_leaves_early_is_no_error: the kernel has no BTF");
    }
    let mut child = common::skep(&["btf", "dump"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
}

#[test]
fn shells_complete_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = stdout(&["completions", shell]);
        for command in ["run", "inspect", "link", "disasm", "features"] {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
}

#[test]
fn help_names_every_command_and_the_version_is_one_line() {
    let help = stdout(&["--help"]);
    for command in ["run", "inspect", "link", "btf", "asm", "disasm", "features", "completions"] {
        assert!(help.contains(&format!("\n  {command} ")), "{command} in:\n{help}");
    }
    assert_eq!(stdout(&["--version"]).lines().count(), 1);
}
