//! `docs/helpers.md`, from the tables.

use std::fmt::Write;
use std::path::Path;

use skep_platform::helper::ALL;

use super::{Action, table};

fn page() -> String {
    let mut page = String::from(
        "# Helpers in the user engine\n\n\
         Written from the tables in `crates/vm`; `SKEP_BLESS=1 cargo test -p skep-vm docs` writes it anew.\n\n\
         Arguments and results are Linux's; each call is held against the prototype before the helper runs. *Runs* means that the\n\
         helper does what it does in Linux, with the note's reservation. The others return the error named (or null, where a\n\
         pointer is expected) and do nothing.\n\n\
         | number | helper | here | note |\n|---|---|---|---|\n",
    );
    for helper in ALL {
        let (here, note) = match table()[helper.id as usize - 1] {
            Some(row) => match row.action {
                Action::Run(_) => ("runs".to_owned(), row.note),
                Action::Refuse(errno) => (format!("-{}", errno.name().unwrap_or("?")), row.note),
            },
            None => ("not loaded".to_owned(), ""),
        };
        let _ = writeln!(page, "| {} | `{}` | {here} | {note} |", helper.id, helper.name);
    }
    page
}

#[test]
fn docs_are_in_step() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/helpers.md");
    let page = page();
    if std::env::var_os("SKEP_BLESS").is_some() {
        std::fs::create_dir_all(file.parent().expect("folder")).expect("folder");
        std::fs::write(&file, page).expect("writable");
        return;
    }
    let old = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(old == page, "docs/helpers.md is not what the tables say: run with SKEP_BLESS=1");
}

#[test]
fn every_row_names_a_helper_once() {
    let mut seen = std::collections::BTreeSet::new();
    let refused = super::refused::ROWS;
    for row in super::rows() {
        assert!(ALL.iter().any(|h| h.name == row.name), "no helper is called {}", row.name);
        let fallback = refused.iter().any(|r| std::ptr::eq(r, row));
        assert!(seen.insert(row.name) || fallback, "{} has two rows", row.name);
    }
}

#[test]
fn every_helper_has_a_row() {
    let missing: Vec<_> =
        ALL.iter().filter(|h| table()[h.id as usize - 1].is_none()).map(|h| h.name).collect();
    assert!(missing.is_empty(), "no row for {missing:?}");
}
