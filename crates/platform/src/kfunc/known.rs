//! What the table says of a kfunc.

use super::table::{ELSEWHERE, SETS};
use crate::{ProgramType, Release};

/// What the verifier must do about a call. Linux keeps these beside the function, not in BTF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flag {
    /// The result is a reference that must be released.
    Acquire,
    /// The first pointer argument's reference ends.
    Release,
    /// The result may be NULL.
    RetNull,
    /// Pointer arguments must be trusted and unmodified.
    TrustedArgs,
    /// It may sleep.
    Sleepable,
    /// It may bring the system down; needs CAP_SYS_BOOT.
    Destructive,
    /// Pointer arguments may be RCU-protected instead of trusted.
    Rcu,
    /// Begins an iteration.
    IterNew,
    /// The next element.
    IterNext,
    /// Ends an iteration.
    IterDestroy,
    /// To be called within an RCU read section only.
    RcuProtected,
    /// Keeps the fastcall contract.
    Fastcall,
}

impl Flag {
    /// Its name in tables (`ret_null`).
    pub fn name(self) -> &'static str {
        match self {
            Flag::Acquire => "acquire",
            Flag::Release => "release",
            Flag::RetNull => "ret_null",
            Flag::TrustedArgs => "trusted_args",
            Flag::Sleepable => "sleepable",
            Flag::Destructive => "destructive",
            Flag::Rcu => "rcu",
            Flag::IterNew => "iter_new",
            Flag::IterNext => "iter_next",
            Flag::IterDestroy => "iter_destroy",
            Flag::RcuProtected => "rcu_protected",
            Flag::Fastcall => "fastcall",
        }
    }
}

/// A kfunc of 6.18.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// Its name.
    pub name: &'static str,
    /// The release that brought it.
    pub since: Release,
    /// What the verifier must do about a call.
    pub flags: &'static [Flag],
}

/// Kfuncs with the same callers.
#[derive(Debug, Clone, Copy)]
pub struct Set {
    /// Who may call them; empty means every program type.
    pub programs: &'static [ProgramType],
    /// Whether further conditions hold that the program type does not tell: an attach type, a certain hook.
    pub narrowed: bool,
    /// The functions.
    pub functions: &'static [Known],
}

impl Set {
    /// Whether programs of this type may call them, as far as the type decides.
    pub fn allows(&self, program: ProgramType) -> bool {
        self.programs.is_empty() || self.programs.contains(&program)
    }
}

impl Known {
    /// Whether the flag is set.
    pub fn has(&self, flag: Flag) -> bool {
        self.flags.contains(&flag)
    }
}

/// The kfunc of this name with its set.
pub fn by_name(name: &str) -> Option<(&'static Set, &'static Known)> {
    SETS.iter()
        .chain(ELSEWHERE)
        .find_map(|set| Some((set, set.functions.iter().find(|known| known.name == name)?)))
}

/// Types of kernel objects that a map's value may own, each with the kernel's function that lets go of one when the value goes
/// away. A kernel without the function (it may be in a module) does not let the type be owned.
#[rustfmt::skip] // A table.
pub const DESTROYED: &[(&str, &str)] = &[
    ("bpf_cpumask", "bpf_cpumask_release_dtor"),
    ("bpf_crypto_ctx", "bpf_crypto_ctx_release_dtor"),
    ("cgroup", "bpf_cgroup_release_dtor"),
    ("prog_test_member", "bpf_kfunc_call_memb_release_dtor"),
    ("prog_test_ref_kfunc", "bpf_kfunc_call_test_release_dtor"),
    ("sk_buff", "bpf_kfree_skb_dtor"),
    ("task_struct", "bpf_task_release_dtor"),
];
