//! Rules of the verifier that changed between releases.
//!
//! What a release knows as an object (a helper, a map type, an instruction) stands with that object's `since`. What is here is how the same
//! thing is judged. Sources: the release notes of kernelnewbies.org, the documentation of each release, and the UAPI header, whose comments say
//! what a load flag is for.

use crate::Release;

/// A freedom that programs have since some release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// What is allowed, in a few words.
    pub name: &'static str,
    /// The first release that allows it.
    pub since: Release,
}

impl Rule {
    const fn new(name: &'static str, major: u8, minor: u8) -> Rule {
        Rule { name, since: Release::new(major, minor) }
    }

    /// Whether a release allows it.
    pub fn holds(self, release: Release) -> bool {
        self.since <= release
    }
}

/// Functions with a signature of their own are verified once; before, every function was walked at each call.
pub const GLOBAL_FUNCTIONS: Rule = Rule::new("global functions", 5, 6);
/// A program with functions may have tail calls.
pub const TAIL_CALLS_WITH_FUNCTIONS: Rule = Rule::new("tail calls beside functions", 5, 10);
/// The privileged may read and write the stack at an offset that varies.
pub const VARIABLE_STACK: Rule = Rule::new("a stack offset that varies", 5, 12);
/// The privileged may read stack bytes that were not written.
pub const UNWRITTEN_STACK: Rule = Rule::new("reading stack bytes that were not written", 6, 3);
/// All of them, oldest first.
pub const ALL: &[Rule] = &[GLOBAL_FUNCTIONS, TAIL_CALLS_WITH_FUNCTIONS, VARIABLE_STACK, UNWRITTEN_STACK];

/// Load flags by bit, with the release that brought each.
pub const LOAD_FLAGS: &[(u32, Rule)] = &[
    (1, Rule::new("BPF_F_STRICT_ALIGNMENT", 4, 12)),
    (2, Rule::new("BPF_F_ANY_ALIGNMENT", 5, 0)),
    (4, Rule::new("BPF_F_TEST_RND_HI32", 5, 3)),
    (8, Rule::new("BPF_F_TEST_STATE_FREQ", 5, 4)),
    (16, Rule::new("BPF_F_SLEEPABLE", 5, 10)),
    (32, Rule::new("BPF_F_XDP_HAS_FRAGS", 5, 18)),
    (64, Rule::new("BPF_F_XDP_DEV_BOUND_ONLY", 6, 3)),
    (128, Rule::new("BPF_F_TEST_REG_INVARIANTS", 6, 8)),
];

/// The first of the load flags that a release does not know; unknown bits have no name.
pub fn unknown_flag(flags: u32, release: Release) -> Option<Option<&'static str>> {
    let known = LOAD_FLAGS.iter().fold(0, |all, (bit, _)| all | bit);
    if flags & !known != 0 {
        return Some(None);
    }
    let newer = LOAD_FLAGS.iter().find(|(bit, rule)| flags & bit != 0 && !rule.holds(release));
    newer.map(|(_, rule)| Some(rule.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_belong_to_releases() {
        assert_eq!(unknown_flag(1 | 8, Release::V5_4), None);
        assert_eq!(unknown_flag(16, Release::V5_4), Some(Some("BPF_F_SLEEPABLE")));
        assert_eq!(unknown_flag(16, Release::V5_10), None);
        assert_eq!(unknown_flag(0xff, Release::LATEST), None);
        assert_eq!(unknown_flag(0x200, Release::LATEST), Some(None));
        assert!(ALL.windows(2).all(|pair| pair[0].since <= pair[1].since));
    }
}
