//! Kernel functions: what a program calls by name.

use crate::code::Op;
use crate::exec::{Run, Step};
use crate::fault::{Fault, FaultKind};

/// A kernel function that a loaded program calls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resolved {
    /// Its name.
    pub(crate) name: &'static str,
}

/// The kernel function of this name.
pub(crate) fn resolve(_name: &str) -> Option<Resolved> {
    None
}

/// Whether the user engine has a kernel function of this name, for loaders that must tell a missing symbol from a present one.
pub fn has_kfunc(name: &str) -> bool {
    resolve(name).is_some()
}

impl Run<'_> {
    /// `call` of a kernel function.
    pub(crate) fn call_kfunc(&mut self, op: Op) -> Result<Step, Fault> {
        let name = self.program().kfuncs[op.imm as usize].name;
        Err(self.fault(FaultKind::Unsupported, name))
    }
}
