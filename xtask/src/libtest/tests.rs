//! The reader against outputs as cargo 1.95 prints them.

use super::*;
use crate::report::Format;

fn read(text: &str) -> serde_json::Value {
    let mut report = Report::new(Format::Json);
    let mut reader = Reader::default();
    for line in text.lines() {
        reader.line(line, &mut report);
    }
    reader.end(&mut report);
    report.json()
}

const MIXED: &str = "
     Running unittests src/lib.rs (target/debug/deps/skep_isa-0123456789abcdef)

running 4 tests
test a::quick ... ok
test a::live ... ok
test a::later ... ignored, needs a guest
test a::wrong ... FAILED

successes:

---- a::live stdout ----
SKIPPED live: no bpf(2): EPERM


successes:
    a::live
    a::quick

failures:

---- a::wrong stdout ----
thread 'a::wrong' panicked at src/lib.rs:1:1:
left: 1


failures:
    a::wrong

test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
";

#[test]
fn each_verdict_is_told_apart() {
    let got = read(MIXED);
    assert_eq!(got["passed"], 1);
    assert_eq!(got["failed"][0]["name"], "skep_isa: a::wrong");
    assert!(got["failed"][0]["output"].as_str().unwrap().contains("left: 1"));
    assert_eq!(got["skipped"][0]["name"], "skep_isa: a::live");
    assert_eq!(got["skipped"][0]["why"], "no bpf(2): EPERM");
    assert_eq!(got["skipped"][1]["why"], "needs a guest");
}

#[test]
fn a_binary_that_dies_is_a_failure_and_the_next_is_read() {
    let text = "
     Running tests/live.rs (target/debug/deps/live-01)

running 2 tests
test one ... ok
error: test failed, to rerun pass `-p x --test live`
   Doc-tests skep_isa

running 1 test
test src/lib.rs - (line 3) - compile ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s
";
    let got = read(text);
    assert_eq!(got["passed"], 1);
    assert_eq!(got["failed"][0]["name"], "tests/live");
    assert!(got["failed"][0]["output"].as_str().unwrap().contains("died"));
}

#[test]
fn the_counts_win_over_lines_that_were_torn() {
    let text = "
     Running unittests src/main.rs (target/debug/deps/skep-01)

running 3 tests
test one ... noise from a child
ok
test two ... ok
test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";
    let got = read(text);
    assert_eq!(got["passed"], 2);
    assert_eq!(got["failed"][0]["name"], "skep (program): a test (its line could not be read)");
}

#[test]
fn a_skip_printed_by_a_child_finds_its_test() {
    let text = "
     Running unittests src/lib.rs (target/debug/deps/x-01)

running 1 test
SKIPPED deep::live: no root
test deep::live ... ok
test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";
    assert_eq!(read(text)["skipped"][0]["why"], "no root");
}
