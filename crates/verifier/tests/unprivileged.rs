//! Programs of loaders without capabilities, with the verdicts of Linux 6.18 with mitigations on.
//!
//! Most machines refuse such loads altogether (`kernel.unprivileged_bpf_disabled`), and the setting is the system's, so the verdicts stand in the file: each
//! was given by a 6.18.15 guest with the setting at 0, to a thread without capabilities, on maps made with them.

mod common;

use skep_platform::ProgramType;
use skep_verifier::{Input, verify};

/// The load behind the comparison never runs, but a processor may guess that it does; the store could be overtaken.
#[test]
fn barriers_stand_where_a_guess_would_do_harm() {
    let text =
        "*(u64 *)(r10 - 8) = r10\nr2 = 1\nr0 = 0\nif r2 == 1 goto out\nr0 = *(u64 *)(r2 + 0)\nout: exit";
    let insns = skep_isa::text::assemble(text).unwrap_or_else(|error| panic!("{error}"));
    let mut input = Input::new(ProgramType::SocketFilter, insns);
    let facts = |input: &Input| match verify(input).verdict {
        skep_verifier::Verdict::Verified(verified) => verified.facts().clone(),
        other => panic!("{other}"),
    };
    assert!(facts(&input).barriers_before.is_empty() && facts(&input).barriers_behind.is_empty());
    input.unprivileged = true;
    let facts = facts(&input);
    assert_eq!((facts.barriers_before, facts.barriers_behind), (vec![4], vec![0]));
}

#[test]
fn verdicts_of_the_unprivileged() {
    let text = include_str!("unprivileged.txt");
    let mut wrong = Vec::new();
    for part in text.trim_start_matches("== ").split("\n== ") {
        let (head, body) = part.split_once('\n').unwrap_or((part, ""));
        let mut words = head.splitn(3, ' ');
        let mut word = || words.next().unwrap_or_default();
        let (program, wanted, name) = (word(), word(), word());
        let program_type =
            ProgramType::from_name(program).unwrap_or_else(|| panic!("program type {program}"));
        let insns = skep_isa::text::assemble(body).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut input = Input::new(program_type, insns);
        input.maps = common::maps();
        input.unprivileged = true;
        let verdict = verify(&input).verdict;
        if verdict.word() != wanted {
            wrong.push(format!("{name}: {wanted} is Linux's verdict, ours is {verdict}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
