//! The log of a walk against the live kernel's own, line by line, on programs that both refuse.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::HashMap;

use skep_verifier::explain::{Fields, LogOptions, log};
use skep_verifier::{Input, verify};

/// Least share of our lines that must stand in the kernel's log too, in percent.
const LEAST: usize = 85;

/// Instructions processed of the longest log that is compared.
const MOST: u64 = 2000;

fn ours(input: &Input) -> String {
    let mut text = Vec::new();
    let options = LogOptions { level: 2, fields: Fields::ALL, source: &|_| None };
    log(input, &options, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

/// The lines of instructions, without what is a matter of numbering: names of values and addresses of maps.
fn lines(log: &str) -> Vec<String> {
    let plain = |line: &str| {
        let mut text = line.to_owned();
        for name in ["(id=", ",id=", "ref_obj_id=", "refs=", "map="] {
            while let Some(start) = text.find(name) {
                let end = text[start + 1..].find([',', ')', ' ']).map_or(text.len(), |end| start + 1 + end);
                let keep = if name.starts_with('(') { 1 } else { 0 };
                text.replace_range(start + keep..end, "");
            }
        }
        text.replace("(,", "(")
            .replace("Pscalar", "scalar")
            .replace('P', "")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    let number = |line: &str| line.split_once(": ").and_then(|(at, _)| at.parse::<usize>().ok());
    let mut steps: Vec<String> = Vec::new();
    // Where the kernel wrote of something else in between, the state comes in a line of its own.
    let mut open = false;
    for line in log.lines() {
        if line.starts_with("mark_precise") {
            continue;
        }
        let step = number(line).is_some() && line.contains(": (");
        if step {
            steps.push(line.to_owned());
        } else if open
            && number(line).is_some()
            && let (Some(last), Some((_, state))) = (steps.last_mut(), line.split_once(": "))
        {
            last.push_str(" ; ");
            last.push_str(state);
        }
        open = step && !line.contains(" ; ");
    }
    steps.iter().filter(|line| !line.contains("(18)")).map(|line| plain(line)).collect()
}

#[test]
fn the_log_is_the_kernels() {
    if !common::live("the_log_is_the_kernels") {
        return;
    }
    let (mut same, mut all, mut shown) = (0, 0, 0);
    for input in common::by_hand() {
        // A log that is too long is cut by the kernel.
        if verify(&input).stats.processed > MOST {
            continue;
        }
        let Some(Err(refused)) = common::ask(&input, 2) else { continue };
        let theirs = refused.log;
        let mut known: HashMap<String, usize> = HashMap::new();
        for line in lines(&theirs) {
            *known.entry(line).or_default() += 1;
        }
        for line in lines(&ours(&input)) {
            all += 1;
            match known.get_mut(&line).filter(|count| **count > 0) {
                Some(count) => {
                    *count -= 1;
                    same += 1;
                }
                None if shown < 20 => {
                    shown += 1;
                    let at = line.split(':').next().unwrap_or_default();
                    let other = lines(&theirs).into_iter().find(|other| other.split(':').next() == Some(at));
                    eprintln!(
                        "{}: ours   {line}\n{}: kernel {}",
                        input.name,
                        input.name,
                        other.unwrap_or_default()
                    );
                }
                None => {}
            }
        }
    }
    eprintln!("log: {same} of {all} lines are the kernel's");
    assert!(all > 0 && same * 100 >= all * LEAST, "{same} of {all}");
}
