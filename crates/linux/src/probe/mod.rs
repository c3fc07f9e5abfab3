//! Asking the live kernel what it supports, feature by feature.
//!
//! A [`Probe`] is data: a name, the release that brought the feature, and a function that tries it in the smallest way
//! there is. The tables of `skep_platform` say what a release has; the probes say what this kernel has; a test holds
//! the one against the other.
//!
//! "No" has three meanings that must not be mixed up, so [`Answer`] keeps them apart: the kernel does not know the
//! feature, the kernel's policy refuses it (lockdown and its like answer EPERM before the verifier has written a word),
//! or this process may not ask.

mod btf;
mod contexts;
mod helpers;
mod instructions;
mod kfuncs;
mod maps;
mod shape;

pub use btf::BTF_KINDS;
pub use contexts::context_access;
pub use helpers::{helper, may_be_missing};
pub use instructions::INSTRUCTIONS;
pub use kfuncs::kfunc;
pub use maps::map_type;
pub use shape::{attach_type, program_type};

use skep_platform::Release;

use crate::LoadRefused;

/// What the kernel says of a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It is there.
    Yes,
    /// It is not.
    No,
    /// It may be there, but the kernel's policy refuses to anyone.
    Policy,
    /// It may be there, but this process may not use it.
    NoPrivilege,
    /// There is no way to try it alone.
    Unknown,
}

impl Answer {
    /// The word for it in tables.
    pub fn word(self) -> &'static str {
        match self {
            Answer::Yes => "yes",
            Answer::No => "no",
            Answer::Policy => "refused by policy",
            Answer::NoPrivilege => "no privilege",
            Answer::Unknown => "unknown",
        }
    }

    /// Reads the answer off a load that was refused, when the words of the verifier do not matter.
    fn of_refusal(refused: &LoadRefused) -> Answer {
        if refused.is_policy() { Answer::Policy } else { Answer::No }
    }
}

/// A feature that can be tried alone.
#[derive(Clone, Copy)]
pub struct Probe {
    /// Its name.
    pub name: &'static str,
    /// The release that brought it.
    pub since: Release,
    /// Tries it.
    pub run: fn() -> Answer,
}

#[cfg(test)]
mod prototypes;
#[cfg(test)]
mod tests;
