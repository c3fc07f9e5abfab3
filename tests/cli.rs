//! The `skep` command with what it is not meant to get: exit codes and messages.

use std::process::Output;

use skep_fuzz::{mutate, target};
use skep_tests::cli::{Scratch, run, text};

/// Damaged files tried for each command: a process each, so not many.
const DAMAGED: u64 = 25;

/// Failed work: exit code 1, nothing on standard output, one line on standard error that names the file.
fn assert_one_line(output: &Output, about: &str, case: &str) {
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{case}: {stderr}");
    assert_eq!(stderr.lines().count(), 1, "{case}: {stderr}");
    assert!(stderr.starts_with("error: "), "{case}: {stderr}");
    assert!(stderr.contains(about), "{case}: the message names {about}: {stderr}");
}

/// Commands that read one file, which stands where `FILE` is.
const READERS: &[(&str, &[&str])] = &[
    ("inspect", &["inspect", "FILE"]),
    ("inspect --disasm", &["inspect", "FILE", "--disasm"]),
    ("inspect --format json", &["inspect", "FILE", "--format", "json"]),
    ("btf dump", &["btf", "dump", "FILE"]),
    ("run", &["run", "FILE", "--on", "pcap:examples/evening.pcap"]),
    ("run on", &["run", "examples/doorman.bpf.o", "--on", "pcap:FILE"]),
    ("link", &["link", "FILE", "-o", "/dev/null"]),
];

fn with_file(args: &[&str], file: &str) -> Output {
    let args: Vec<String> = args.iter().map(|arg| arg.replace("FILE", file)).collect();
    run(&args.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn what_is_no_such_file_at_all() {
    let cases: &[(&str, &[u8])] = &[
        ("empty", b""),
        ("text", b"int main(void) { return 0; }\n"),
        ("only-magic", b"\x7fELF"),
        ("zeros", &[0; 4096]),
        ("other-machine", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x01\0\x3e\0\x01\0\0\0"),
    ];
    for (name, args) in READERS {
        for (what, bytes) in cases {
            let file = Scratch::new(&format!("{}-{what}", name.replace(' ', "")), bytes);
            assert_one_line(&with_file(args, file.arg()), file.arg(), &format!("{name} on {what}"));
        }
    }
}

#[test]
fn a_file_that_is_not_there() {
    for (name, args) in READERS {
        assert_one_line(&with_file(args, "/nowhere/x.o"), "/nowhere/x.o", name);
    }
}

#[test]
fn a_folder_is_no_file() {
    for (name, args) in READERS {
        assert_one_line(&with_file(args, "/tmp"), "/tmp", name);
    }
}

/// Whatever a damaged object does, it ends with 0 or with a message; never with a panic (101) or a signal.
#[test]
fn damaged_objects() {
    let object = target("object").expect("there is such a target");
    let seeds = (object.seeds)();
    for (name, args) in READERS {
        for index in 0..DAMAGED {
            let bytes = mutate::input(object, &seeds, 77, index);
            let file = Scratch::new(&format!("{}-{index}", name.replace(' ', "")), &bytes);
            let output = with_file(args, file.arg());
            match output.status.code() {
                Some(0) => {}
                // A program that loads and then faults: the report on standard output says so.
                Some(1) if *name == "run" && output.stderr.is_empty() => assert!(!output.stdout.is_empty()),
                // A program that is refused: the explanation, and at its end why it was not run.
                Some(1) if *name == "run" && text(&output.stderr).starts_with("error[E") => {
                    assert!(text(&output.stderr).contains("is not safe, so it was not run"));
                }
                _ => assert_one_line(&output, file.arg(), &format!("{name} on damaged object {index}")),
            }
        }
    }
}

/// The same for assembly: it assembles, or a message names file and line.
#[test]
fn damaged_assembly() {
    let asm = target("isa_asm").expect("there is such a target");
    let seeds = (asm.seeds)();
    for index in 0..DAMAGED {
        let bytes = mutate::input(asm, &seeds, 78, index);
        let file = Scratch::new(&format!("{index}.s"), &bytes);
        let output = run(&["asm", file.arg()]);
        match output.status.code() {
            Some(0) => {}
            _ => assert_one_line(&output, file.arg(), &format!("asm on damaged text {index}")),
        }
    }
}

#[test]
fn arguments_that_make_no_sense() {
    let cases: &[&[&str]] =
        &[&["fly"], &["inspect"], &["--no-such-option"], &["inspect", "a", "--format", "prose"], &["run"]];
    for args in cases {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty(), "{args:?} says something on standard output");
        assert!(text(&output.stderr).contains("--help"), "{args:?}: {}", text(&output.stderr));
    }
}
