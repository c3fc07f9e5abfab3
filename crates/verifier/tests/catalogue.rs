//! The catalogue's programs: what it says is rejected is rejected with that code, and its repair is accepted, by the
//! verifier and by the live kernel. Every code has both; what is said of the rejected ones is tested with the command that says it.

#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use common::examples::{examples, input};
use skep_btf::Btf;
use skep_verifier::{Verdict, verify};

#[test]
fn the_verifier_says_what_the_catalogue_says() {
    let kernel = Btf::running().ok().map(Arc::new);
    let (mut wrong, mut undecided, mut right) = (Vec::new(), 0, 0);
    for example in examples() {
        let Some(input) = input(&example.text, kernel.as_ref()) else { continue };
        let verdict = verify(&input).verdict;
        let agrees = match &verdict {
            Verdict::Verified(_) => example.accepted,
            Verdict::Rejected(rejection) => !example.accepted && rejection.code == example.code,
            Verdict::Unsupported(what) => {
                undecided += 1;
                eprintln!("UNSUPPORTED {} accepted={}: {what}", example.code, example.accepted);
                continue;
            }
        };
        right += u32::from(agrees);
        if !agrees {
            let expected = if example.accepted { "accept" } else { "reject" };
            wrong.push(format!("{}: expected {expected}, found {verdict}", example.code));
        }
    }
    eprintln!("catalogue: {right} programs as it says, {} not, {undecided} unsupported", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_kernel_says_what_the_catalogue_says() {
    if !common::live("the_kernel_says_what_the_catalogue_says") {
        return;
    }
    let kernel = Btf::running().ok().map(Arc::new);
    let (mut wrong, mut asked) = (Vec::new(), 0);
    for example in examples() {
        let input = input(&example.text, kernel.as_ref()).expect("there is a kernel");
        // Whoever may ask at all is privileged, and the kernel judges by that.
        if input.unprivileged {
            continue;
        }
        asked += 1;
        let Some(answer) = common::ask(&input, 0) else { continue };
        if answer.is_ok() != example.accepted {
            let answer = answer.err().map_or_else(|| "accepted".to_owned(), |refused| refused.to_string());
            wrong.push(format!("{} accepted={}: the kernel says: {answer}", example.code, example.accepted));
        }
    }
    eprintln!("catalogue: the kernel was asked about {asked} programs, {} answers differ", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
