//! Filling the holes that only the machine can fill.
//!
//! Three kinds are left in a parsed program: numbers that follow from the kernel's types (CO-RE), addresses and ids of
//! kernel symbols (`__ksym`), and the kernel's configuration (`__kconfig`), which lies in a map and not in instructions.
//! All that is known about the machine comes in through [`Environment`], so relocating is as deterministic as parsing.

mod core;
mod environment;
mod error;
mod kconfig;
mod patch;
mod rust;
mod symbols;

pub use environment::{Environment, Kconfig, KernelFunction, KernelVariable, NoSymbols, Symbols, Target};
pub use error::{Reason, RelocateError};

use skep_isa::RawInsn;

use crate::{Object, Program};

/// A program whose holes are filled.
#[derive(Clone, Debug)]
pub struct Relocated {
    /// As long as [`Program::insns`], slot for slot.
    pub insns: Vec<RawInsn>,
    /// Instructions that no value exists for on this machine, by rising slot. They are calls of a helper that does not
    /// exist, so that a program may carry them behind a check but is rejected if it could reach one.
    pub poisoned: Vec<Poison>,
}

/// An instruction without a value on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poison {
    /// Its slot.
    pub at: usize,
    /// What was looked for and why it was not found, to tell the user when the verifier trips over it.
    pub reason: String,
}

impl Program {
    /// Fills the holes of this program, which must be one of `object`'s.
    ///
    /// Fails when a relocation is ambiguous or cannot be applied, when a strong extern has no value, and when types are
    /// needed that `environment` does not give.
    pub fn relocate(
        &self,
        object: &Object,
        environment: &Environment<'_>,
    ) -> Result<Relocated, RelocateError> {
        let mut insns = self.insns.clone();
        let mut poisoned = Vec::new();
        let local = object.btf.as_deref();
        core::relocate(self, local, environment.target, &mut insns, &mut poisoned)
            .and_then(|()| symbols::relocate(self, object, environment, &mut insns, &mut poisoned))
            .map_err(|(at, reason)| RelocateError {
                object: object.name.clone(),
                program: self.name.clone(),
                at: Some(at),
                reason,
            })?;
        poisoned.sort_by_key(|poison| poison.at);
        Ok(Relocated { insns, poisoned })
    }
}
