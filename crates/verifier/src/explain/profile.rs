//! Where the instructions go: how often each was processed, over all paths.

use crate::explore::{Next, Walk, Watch};
use crate::program::Input;
use crate::verdict::{Report, Stats, Stop, Verdict, Verified};

/// Verifies a program and counts. The second part says of every slot how often its instruction was processed; together they
/// are [`Stats::processed`](crate::Stats::processed).
pub fn profile(input: &Input) -> (Report, Vec<u64>) {
    let mut counter = Counter { counts: vec![0; input.insns.len()], running: false };
    let mut stats = Stats::default();
    let verdict = match crate::prove(input, &mut stats, Some(&mut counter)) {
        Ok(facts) => Verdict::Verified(Verified::new(facts, input)),
        Err(Stop::Reject(rejection)) => Verdict::Rejected(rejection),
        Err(Stop::Unsupported(what)) => Verdict::Unsupported(what),
    };
    (Report { verdict, stats }, counter.counts)
}

struct Counter {
    counts: Vec<u64>,
    /// Whether the instruction at which a failure comes up was counted.
    running: bool,
}

impl Counter {
    fn count(&mut self, at: usize) {
        if let Some(count) = self.counts.get_mut(at) {
            *count += 1;
        }
    }
}

impl Watch for Counter {
    fn step(&mut self, walk: &Walk<'_>) {
        self.count(walk.at);
        self.running = true;
    }

    fn stepped(&mut self, _walk: &Walk<'_>, _next: &Next) {
        self.running = false;
    }

    fn covered(&mut self, walk: &Walk<'_>) {
        self.count(walk.at);
    }

    fn fails(&mut self, walk: &mut Walk<'_>, stop: Stop) -> Result<Next, Stop> {
        if !self.running {
            self.count(walk.at);
        }
        Err(stop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skep_platform::ProgramType;

    #[test]
    fn counts_add_up() {
        for text in [
            "r0 = 0\nl:\nr0 += 1\nif r0 < 100 goto l\nexit",
            "r0 = 0\nl:\nif r0 == 0 goto l\nexit",
            "r0 = *(u32 *)(r1 +16)\nif r0 == 0 goto e\nr0 = 1\ne:\nr2 = r3\nexit",
        ] {
            let input = Input::new(ProgramType::Xdp, skep_isa::text::assemble(text).unwrap());
            let (report, counts) = profile(&input);
            assert_eq!(counts.iter().sum::<u64>(), report.stats.processed, "{text}");
        }
    }
}
