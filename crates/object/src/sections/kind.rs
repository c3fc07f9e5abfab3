//! From a section's name to a kind of program.

use skep_platform::{AttachType, ProgramType};

use super::table::{Rule, TABLE};
use super::target::AttachTarget;

/// What a section's name says about the programs in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramKind {
    /// Program type; `None` for a name outside the convention: the caller has to say.
    pub program_type: Option<ProgramType>,
    /// `expected_attach_type` at load time, where the name fixes one.
    pub attach_type: Option<AttachType>,
    /// What it attaches to, as far as the name says.
    pub target: AttachTarget,
    /// Whether it may sleep (`BPF_F_SLEEPABLE`).
    pub sleepable: bool,
    /// Whether it takes multi-buffer packets (`BPF_F_XDP_HAS_FRAGS`).
    pub frags: bool,
    /// False when the name follows the looser habit of libbpf before 1.0 (`xdp_prog`, `classifier/from-netdev`),
    /// where any name that began with a known one counted.
    pub strict: bool,
}

impl ProgramKind {
    /// A program that its section's name says nothing about.
    pub const UNKNOWN: Self = Self {
        program_type: None,
        attach_type: None,
        target: AttachTarget::Unspecified,
        sleepable: false,
        frags: false,
        strict: true,
    };

    /// Reads a section's name without its leading `?`. Every name has an answer; [`ProgramKind::UNKNOWN`] for those
    /// outside the convention.
    pub fn from_section(name: &str) -> Self {
        if let Some((rule, extras)) = TABLE.iter().find_map(|rule| Some((rule, rule.matches(name)?))) {
            return Self::new(rule, extras, true);
        }
        let loose = TABLE.iter().filter(|rule| name.starts_with(rule.prefix));
        match loose.max_by_key(|rule| rule.prefix.len()) {
            Some(rule) => {
                let extras = name[rule.prefix.len()..].strip_prefix('/').unwrap_or_default();
                Self::new(rule, extras, false)
            }
            None => Self::UNKNOWN,
        }
    }

    fn new(rule: &Rule, extras: &str, strict: bool) -> Self {
        Self {
            program_type: Some(rule.program_type),
            attach_type: rule.attach_type,
            target: AttachTarget::parse(rule.syntax, extras),
            sleepable: rule.sleepable,
            frags: rule.prefix.starts_with("xdp.frags"),
            strict,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_names_win_over_their_prefixes() {
        let kind = ProgramKind::from_section("xdp/devmap");
        assert_eq!(kind.attach_type, Some(AttachType::XdpDevmap));
        assert!(kind.strict);
        let kind = ProgramKind::from_section("xdp.frags");
        assert_eq!((kind.attach_type, kind.frags), (Some(AttachType::Xdp), true));
    }

    #[test]
    fn old_habits_are_understood_and_marked() {
        for (name, expected) in [
            ("xdp_router", ProgramType::Xdp),
            ("classifier/from-netdev", ProgramType::SchedCls),
            ("socket1", ProgramType::SocketFilter),
            ("cgroup/connect4/mine", ProgramType::CgroupSockAddr),
        ] {
            let kind = ProgramKind::from_section(name);
            assert_eq!((kind.program_type, kind.strict), (Some(expected), false), "{name}");
        }
    }

    #[test]
    fn names_outside_the_convention_have_no_type() {
        for name in ["2/1", "from-container", "prog", ""] {
            assert_eq!(ProgramKind::from_section(name), ProgramKind::UNKNOWN, "{name}");
        }
    }

    #[test]
    fn sleepable_kinds_say_so() {
        for (name, sleepable) in
            [("fentry.s/x", true), ("fentry/x", false), ("syscall", true), ("lsm.s/x", true)]
        {
            assert_eq!(ProgramKind::from_section(name).sleepable, sleepable, "{name}");
        }
    }
}
