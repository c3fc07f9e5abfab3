//! The same programs in skep and in the live kernel.
//!
//! The kernel is the oracle: what its verifier accepts must run in the checking interpreter without a fault, and both must
//! come to the same verdict, packet and maps.

use skep_fuzz::generate::{Features, Generated, xdp};
use skep_fuzz::rng::Rng;
use skep_fuzz::user;
use skep_linux::live_bpf;
use skep_tests::kernel::{self, Refused};
use skep_tests::shrink::shrink;
use skep_tests::{differences, listing};

/// How many programs are made.
const PROGRAMS: u64 = 3000;

/// The generator promises programs that Linux accepts. A few are too complex for its verifier; no more than one in so many.
const REFUSED_ONE_IN: u64 = 50;

/// Names the sequence of programs; `SKEP_SEED` overrides it, for longer searches.
fn seed() -> u64 {
    std::env::var("SKEP_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(2026)
}

fn program(index: u64) -> Generated {
    xdp(&mut Rng::new(seed(), index), Features::ALL)
}

#[test]
fn the_interpreter_runs_what_the_generator_makes() {
    for index in 0..PROGRAMS {
        let program = program(index);
        if let Err(why) = user::run(&program) {
            panic!("program {index}: {}\n{}", told(&why), listing(&program));
        }
    }
}

/// Why skep has no result, with all it knows.
fn told(why: &user::Refused) -> String {
    match why {
        user::Refused::Load(text) => text.clone(),
        user::Refused::Fault(fault) => fault.detailed().to_string(),
    }
}

/// What is different between skep and Linux; `None` when nothing is, and where Linux does not take the program.
fn disagreement(program: &Generated) -> Option<String> {
    let kernel = kernel::run(program).ok()?;
    match user::run(program) {
        Ok(user) => Some(differences(&user, &kernel)).filter(|text| !text.is_empty()),
        Err(why) => Some(told(&why)),
    }
}

#[test]
fn the_interpreter_agrees_with_the_kernel() {
    if let Err(why) = live_bpf() {
        eprintln!("SKIPPED the_interpreter_agrees_with_the_kernel: {why}");
        return;
    }
    for index in 0..PROGRAMS {
        let program = program(index);
        if disagreement(&program).is_some() {
            let small = shrink(&program, |candidate| disagreement(candidate).is_some());
            let different = disagreement(&small).unwrap_or_default();
            panic!("program {index}, skep and Linux: {different}\n{}", listing(&small));
        }
    }
    println!("{PROGRAMS} programs compared");
}

#[test]
fn the_kernel_accepts_what_the_generator_makes() {
    if let Err(why) = live_bpf() {
        eprintln!("SKIPPED the_kernel_accepts_what_the_generator_makes: {why}");
        return;
    }
    let mut refused = 0;
    let mut last = String::new();
    for index in 0..PROGRAMS {
        match kernel::run(&program(index)) {
            Ok(_) => {}
            Err(Refused::Load(why)) => {
                refused += 1;
                last = format!("program {index}: {why}");
                if std::env::var_os("SKEP_SHOW").is_some() {
                    println!("{last}\n{}", listing(&program(index)));
                }
            }
            Err(other) => panic!("program {index}: {other:?}\n{}", listing(&program(index))),
        }
    }
    println!("{PROGRAMS} programs, {refused} refused by the kernel");
    assert!(refused <= PROGRAMS / REFUSED_ONE_IN, "{refused} of {PROGRAMS} refused; the last: {last}");
}
