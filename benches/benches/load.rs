//! Loading a large object: reading it, and fitting every instruction to the running kernel's types.
//!
//! The object is half a megabyte with some seven thousand instructions, of which nearly seven hundred are relocated by CO-RE
//! against structures as large as `task_struct` and `net_device`. The goal is 50 ms with the kernel's types read,
//! too; a loader that loads several objects reads them and indexes their names once. The steps are timed by
//! the clock; whether the goal is met is decided by the mean processor time, in which other work on the machine does not
//! count. `cargo bench -p skep-benches --bench load`

use std::time::{Duration, Instant};

use skep_btf::{Btf, Kind};
use skep_object::{Environment, Object, Target};

const OBJECT: &[u8] = include_bytes!("../programs/load.bpf.o");

/// Times everything is done; the best and the middle one are shown.
const ROUNDS: usize = 41;

/// What all of it may take.
const GOAL: Duration = Duration::from_millis(50);

/// How long each step took, over all rounds.
#[derive(Default)]
struct Times {
    types: Vec<Duration>,
    parse: Vec<Duration>,
    index: Vec<Duration>,
    relocate: Vec<Duration>,
    all: Vec<Duration>,
}

fn main() {
    if let Err(error) = Btf::running() {
        println!("SKIPPED load: {error}");
        return;
    }
    let mut times = Times::default();
    let (clock, processor) = (Instant::now(), on_processor());
    for _ in 0..ROUNDS {
        round(&mut times);
    }
    let spent = match (processor, on_processor()) {
        (Some(before), Some(after)) => after - before,
        _ => clock.elapsed(),
    };
    describe();
    println!("{:<44} {:>9} {:>9}", "", "best", "median");
    // Before the steps are sorted, each by itself.
    let steps = times.parse.iter().zip(&times.index).zip(&times.relocate);
    let mut without: Vec<_> = steps.map(|((a, b), c)| *a + *b + *c).collect();
    row("read the kernel's types", &mut times.types);
    row("parse the object", &mut times.parse);
    row("index the kernel's names", &mut times.index);
    row("relocate the programs", &mut times.relocate);
    row("parse, index and relocate", &mut without);
    row("all of it", &mut times.all);
    let mean = spent / ROUNDS as u32;
    let verdict = if mean < GOAL { "met" } else { "missed" };
    println!("{:<44} {:>6.2} ms", "processor time of all of it, mean", mean.as_secs_f64() * 1e3);
    println!("goal: {} ms, {verdict}", GOAL.as_millis());
}

fn round(times: &mut Times) {
    let begin = Instant::now();
    let target = Btf::running().unwrap_or_else(|error| panic!("{error}"));
    times.types.push(begin.elapsed());
    let start = Instant::now();
    let object = Object::parse("load.bpf.o", OBJECT).unwrap_or_else(|error| panic!("{error}"));
    times.parse.push(start.elapsed());
    let start = Instant::now();
    // The first question by name makes the index.
    assert!(target.find("task_struct", Kind::Struct).is_some(), "the kernel has tasks");
    times.index.push(start.elapsed());
    let start = Instant::now();
    let environment = Environment::with_target(Target::Btf(&target));
    let mut poisoned = 0;
    for program in &object.programs {
        let done = program.relocate(&object, &environment).unwrap_or_else(|error| panic!("{error}"));
        poisoned += done.poisoned.len();
    }
    times.relocate.push(start.elapsed());
    times.all.push(begin.elapsed());
    // A field that this kernel lacks is no failure, but a benchmark in which most are missing measures nothing.
    let asked: usize = object.programs.iter().map(|program| program.core.len()).sum();
    assert!(poisoned * 2 < asked, "{poisoned} of {asked} fields are not in the running kernel");
}

/// Time that this thread was on a processor: the first number of the scheduler's statistics, in nanoseconds. It is brought
/// up to date every few milliseconds only, which is enough over many rounds.
fn on_processor() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

fn describe() {
    let object = Object::parse("load.bpf.o", OBJECT).unwrap_or_else(|error| panic!("{error}"));
    let insns: usize = object.programs.iter().map(|program| program.insns.len()).sum();
    let core: usize = object.programs.iter().map(|program| program.core.len()).sum();
    let (size, programs) = (OBJECT.len() / 1000, object.programs.len());
    println!("{size} KB, {programs} programs, {insns} instructions, {core} CO-RE relocations");
}

/// Prints a step.
fn row(name: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let (best, median) = (times[0], times[times.len() / 2]);
    println!("{name:<44} {:>6.2} ms {:>6.2} ms", best.as_secs_f64() * 1e3, median.as_secs_f64() * 1e3);
}
