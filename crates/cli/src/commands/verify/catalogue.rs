//! The catalogue's diagnostics: what `skep verify` says of each rejected program stands in the catalogue, word by word.
//!
//! `BLESS=1 cargo test -p skep-cli catalogue` writes what is said now into crates/verifier/catalogue.

#[path = "../../../../verifier/tests/common/mod.rs"]
mod common;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use common::examples::{Example, examples, input};
use skep_btf::Btf;
use skep_verifier::Code;

use super::finding::Finding;
use super::text;

/// What is said of a program; `None` when it needs a kernel that is not there.
fn diagnostic(example: &Example, kernel: Option<&Arc<Btf>>) -> Option<String> {
    let input = input(&example.text, kernel)?;
    let explanation = skep::verify::explain(&input);
    let said: Vec<String> = explanation
        .errors
        .iter()
        .map(|error| anstream::adapter::strip_str(&text::render(&Finding::bare(&input, error))).to_string())
        .collect();
    let lines = said.join("\n\n");
    Some(lines.lines().map(|line| line.trim_end().to_owned() + "\n").collect())
}

#[test]
fn the_catalogue_says_what_is_said() {
    let kernel = Btf::running().ok().map(Arc::new);
    let bless = std::env::var_os("BLESS").is_some();
    let mut wrong = Vec::new();
    for example in examples().iter().filter(|example| !example.accepted) {
        let Some(said) = diagnostic(example, kernel.as_ref()) else {
            eprintln!("SKIPPED the_catalogue_says_what_is_said: {} needs a kernel's types", example.code);
            continue;
        };
        if example.diagnostic.as_ref() == Some(&said) {
            continue;
        }
        if bless {
            write(example, &said);
        } else {
            wrong.push(format!(
                "{}: expected\n{}found\n{said}",
                example.code,
                example.diagnostic.as_deref().unwrap_or("")
            ));
        }
    }
    let hint = "BLESS=1 cargo test -p skep-cli catalogue takes what is said now";
    assert!(wrong.is_empty(), "{}\n{hint}", wrong.join("\n"));
}

/// Puts a diagnostic behind its program.
fn write(example: &Example, said: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../verifier/catalogue");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let content = fs::read_to_string(&path).unwrap();
        if let Some(new) = with_diagnostic(&content, example.code, &example.text, said) {
            fs::write(path, new).unwrap();
            return;
        }
    }
    panic!("{} is in no file of the catalogue", example.code);
}

fn with_diagnostic(content: &str, code: Code, program: &str, said: &str) -> Option<String> {
    let section = content.find(&format!("## {code}\n"))?;
    let block = section + content[section..].find(&format!("```asm\n{program}```\n"))?;
    let end = block + "```asm\n".len() + program.len() + "```\n".len();
    let mut rest = &content[end..];
    if let Some(old) = rest.strip_prefix("\n```text\n") {
        rest = &old[old.find("```\n")? + 4..];
    }
    Some(format!("{}\n```text\n{said}```\n{rest}", &content[..end]))
}

/// The kernel's words for each rejected program are those of the rule that the program breaks.
#[test]
fn the_kernels_words_are_known() {
    if !common::live("the_kernels_words_are_known") {
        return;
    }
    let kernel = Btf::running().ok().map(Arc::new);
    let (mut asked, mut other) = (0, Vec::new());
    let quick = |code: Code| !matches!(code, Code::TooComplex | Code::TooManyBranches);
    for example in examples().iter().filter(|example| !example.accepted && quick(example.code)) {
        let Some(input) = input(&example.text, kernel.as_ref()).filter(|input| !input.unprivileged) else {
            continue;
        };
        let Some(Err(refused)) = common::ask(&input, 1) else { continue };
        if refused.log.is_empty() {
            continue;
        }
        asked += 1;
        match super::kernel_log::code_of(&refused.log) {
            Some(code) if code == example.code => {}
            found => other.push(format!("{}: {found:?}: {}", example.code, refused.verdict())),
        }
    }
    eprintln!("kernel's words: {asked} logs, {} under another code\n{}", other.len(), other.join("\n"));
    assert!(other.len() * 10 <= asked, "{} of {asked}", other.len());
}
