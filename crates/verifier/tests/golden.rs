//! What is said of each small program, word for word; `SKEP_BLESS=1` writes the file anew.

mod common;

use std::path::Path;

use skep_verifier::verify;

#[test]
fn verdicts_by_hand() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verdicts.txt");
    let lines = common::by_hand().into_iter().map(|input| {
        let report = verify(&input);
        format!("{}: {}\n", input.name, report.verdict)
    });
    let found: String = lines.collect();
    if std::env::var_os("SKEP_BLESS").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    for (found, expected) in found.lines().zip(expected.lines()) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.lines().count(), expected.lines().count(), "SKEP_BLESS=1 writes the file anew");
}
