//! Calls of kernel functions against the live kernel: the programs of `kfuncs.txt`, `dynptrs.txt` and `exceptions.txt`, where `call %name` is a kernel function.
//!
//! `SKEP_SHOW=text` prints the kernel's log and our verdict for the programs whose name has the text.

#![allow(clippy::unwrap_used)] // A test may panic.

mod common;

use std::sync::Arc;

use common::{Agreement, live, maps};
use skep_btf::Btf;
use skep_platform::ProgramType;
use skep_verifier::{Input, verify};

/// `BPF_F_SLEEPABLE`.
const SLEEPABLE: u32 = 16;

/// The programs: `== TYPE[@SIGNATURES] NAME`, then the text.
fn programs(btf: &Arc<Btf>) -> Vec<Input> {
    let text =
        [include_str!("kfuncs.txt"), include_str!("dynptrs.txt"), include_str!("exceptions.txt")].concat();
    let parts = text.split("\n== ").skip(1);
    parts
        .map(|part| {
            let (head, body) = part.split_once('\n').unwrap();
            let (kind, name) = head.split_once(' ').unwrap();
            program(btf, kind, name, body)
        })
        .collect()
}

fn program(btf: &Arc<Btf>, kind: &str, name: &str, body: &str) -> Input {
    let mut text = String::new();
    for word in body.split_inclusive(char::is_whitespace) {
        match word.strip_prefix('%') {
            Some(function) => {
                let function = function.trim_end();
                let id = btf.find_func(function).unwrap_or_else(|| panic!("{name}: no kfunc {function}"));
                text.push_str(&format!("kfunc[{}]\n", id.0));
            }
            None => text.push_str(word),
        }
    }
    let (kind, signatures) = kind.split_once('@').unwrap_or((kind, ""));
    let program_type = ProgramType::from_name(kind).unwrap_or_else(|| panic!("program type {kind}"));
    let insns = skep_isa::text::assemble(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut input = Input::new(program_type, insns);
    input.name = name.into();
    input.maps = maps();
    if !signatures.is_empty() {
        common::with_types(&mut input, signatures);
    }
    input.kernel_btf = Some(Arc::clone(btf));
    if program_type == ProgramType::Syscall {
        input.flags = SLEEPABLE;
    }
    input
}

#[test]
fn kernel_functions_are_judged_as_the_kernel_does() {
    if !live("kernel_functions_are_judged_as_the_kernel_does") {
        return;
    }
    let Ok(btf) = Btf::running().map(Arc::new) else {
        eprintln!("SKIPPED kernel_functions_are_judged_as_the_kernel_does: no BTF");
        return;
    };
    let show = std::env::var("SKEP_SHOW").ok();
    let mut agreement = Agreement::default();
    for input in programs(&btf) {
        if show.as_ref().is_some_and(|show| input.name.contains(show.as_str())) {
            eprintln!(
                "==== {}\n{}\nours: {}",
                input.name,
                common::kernel_log(&input),
                verify(&input).verdict
            );
        }
        agreement.add(&input);
    }
    agreement.print("kernel functions");
    assert_eq!((agreement.only_we_accept, agreement.only_kernel_accepts), (0, 0));
}
