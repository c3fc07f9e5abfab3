//! Fuzz targets: functions that take any bytes and must neither panic, nor hang, nor take memory without bound.
//!
//! A target is an entry of [`TARGETS`]; two drivers share it. `cargo xtask fuzz` (the `skep-fuzz` program here) mutates
//! the target's seeds in a fixed order for a fixed number of inputs, on stable Rust, so that the test command can run it and
//! two runs see the same. `cargo xtask fuzz NAME --libfuzzer` (cargo-fuzz on nightly, `fuzz/libfuzzer`) looks for new paths without end.
//!
//! A target checks more than that it comes back: what is decoded must encode to the same bytes, what is printed must
//! assemble to the same program, what is stored must be found. Such a check panics when it fails.
//!
//! [`generate`] makes programs that are valid by construction; the differential tests use it too.

pub mod generate;
pub mod map_ops;
pub mod mutate;
pub mod rng;
mod targets;
pub mod user;

/// A fuzz target and its budget in the test command.
pub struct Target {
    /// What the command line calls it.
    pub name: &'static str,
    /// What is under test, in a few words.
    pub about: &'static str,
    /// Takes any bytes; panics when what it checks does not hold.
    pub run: fn(&[u8]),
    /// Inputs to start from, with which mutation gets past the first check of a format.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Words of a textual format, put in now and then; empty for a binary one.
    pub words: &'static [&'static str],
    /// How many inputs the test command runs.
    pub inputs: u64,
    /// Longest input, in bytes.
    pub max_len: usize,
}

/// All targets, by name.
pub const TARGETS: &[Target] = targets::ALL;

/// The target of that name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// Runs the target of that name on one input, for drivers that know targets by name only.
///
/// # Panics
/// When there is no such target, and when what the target checks does not hold.
pub fn run(name: &str, data: &[u8]) {
    match target(name) {
        Some(target) => (target.run)(data),
        None => panic!("no fuzz target `{name}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_can_be_run_by_libfuzzer() {
        let manifest = include_str!("../libfuzzer/Cargo.toml");
        for target in TARGETS {
            assert!(
                manifest.contains(&format!("name = \"{}\"", target.name)),
                "{} is not in it",
                target.name
            );
        }
    }

    #[test]
    fn every_target_takes_its_seeds() {
        for target in TARGETS {
            let seeds = (target.seeds)();
            assert!(!seeds.is_empty(), "{} has no seeds", target.name);
            for seed in seeds {
                assert!(
                    seed.len() <= target.max_len,
                    "a seed of {} is longer than its inputs may be",
                    target.name
                );
                (target.run)(&seed);
            }
        }
    }
}
