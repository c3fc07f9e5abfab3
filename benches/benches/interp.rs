//! The checking interpreter against rbpf's interpreter, which checks addresses against two ranges and nothing else.
//!
//! Both run the same bytes on the same input in interleaved rounds; the best round counts, so that a busy machine
//! disturbs both alike. `cargo bench -p skep-benches --bench interp`

use std::hint::black_box;
use std::time::{Duration, Instant};

use skep_vm::{Hook, Memory, Program, ProgramSpec};

/// Name, program text, bytes of input.
const WORKLOADS: [(&str, &str, usize); 10] = [
    ("fnv", include_str!("../programs/fnv.s"), 1500),
    ("siphash", include_str!("../programs/siphash.s"), 1496),
    ("sieve", include_str!("../programs/sieve.s"), 1024),
    ("bsearch", include_str!("../programs/bsearch.s"), 512),
    ("parser", include_str!("../programs/parser.s"), 1500),
    ("memcpy", include_str!("../programs/memcpy.s"), 2048),
    ("divmod", include_str!("../programs/divmod.s"), 8),
    ("calls", include_str!("../programs/calls.s"), 8),
    ("log2", include_str!("../programs/log2.s"), 8),
    ("strcmp", include_str!("../programs/strcmp.s"), 1024),
];

/// Interleaved rounds per workload.
const ROUNDS: usize = 60;
/// How long one engine runs in a round, about.
const ROUND: Duration = Duration::from_micros(400);

fn main() {
    println!("{:<10} {:>12} {:>12} {:>8}", "workload", "skep ns", "rbpf ns", "ratio");
    let mut product = 1.0;
    for (name, text, input) in WORKLOADS {
        let (skep, rbpf) = measure(name, text, input);
        let ratio = skep / rbpf;
        product *= ratio;
        println!("{name:<10} {skep:>12.0} {rbpf:>12.0} {ratio:>8.2}");
    }
    println!("geometric mean of skep / rbpf: {:.2}", product.powf(1.0 / WORKLOADS.len() as f64));
}

fn measure(name: &str, text: &str, input: usize) -> (f64, f64) {
    // rbpf does not pass the length, so the program says it itself.
    let text = format!("r2 = {input}\n{text}");
    let insns = skep_isa::text::assemble(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
    let bytes: Vec<u8> = insns.iter().flat_map(|i| i.to_le_bytes()).collect();
    let ours =
        Program::unproved(ProgramSpec::new(name, Hook::memory(), insns)).unwrap_or_else(|e| panic!("{e}"));
    let theirs = rbpf::EbpfVmRaw::new(Some(&bytes)).unwrap_or_else(|e| panic!("{name}: {e}"));
    let fresh: Vec<u8> = (0..input).map(|i| (i * 37 + i / 7) as u8).collect();
    let (mut a, mut b) = (fresh.clone(), fresh);
    let mut skep = || ours.run(&mut Memory::new(&mut a)).unwrap_or_else(|e| panic!("{e}")).value;
    let mut rbpf = || theirs.execute_program(&mut b).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!(skep(), rbpf(), "{name}: the engines disagree");
    let mut best = [f64::MAX; 2];
    for _ in 0..ROUNDS {
        best[0] = best[0].min(round(&mut skep));
        best[1] = best[1].min(round(&mut rbpf));
    }
    (best[0], best[1])
}

/// Nanoseconds per run over one round.
fn round(run: &mut impl FnMut() -> u64) -> f64 {
    let start = Instant::now();
    let mut runs = 0u32;
    while start.elapsed() < ROUND {
        black_box(run());
        runs += 1;
    }
    start.elapsed().as_nanos() as f64 / f64::from(runs)
}
