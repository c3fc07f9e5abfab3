//! A loaded program: immutable, shared, run from any number of threads at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use skep_btf::Btf;
use skep_isa::RawInsn;
use skep_maps::{Map, ProgramHandle};
use skep_platform::Errno;
use skep_verifier::Verified;

use crate::code::Op;
use crate::context::Context;
use crate::fault::Fault;
use crate::hook::Hook;
use crate::load_error::LoadError;
use crate::runtime::Runtime;
use crate::{helper, kfunc};

/// Everything a program is made of.
#[derive(Clone, Debug)]
pub struct ProgramSpec {
    /// Its name, for faults and events.
    pub name: String,
    /// What it is to be attached to.
    pub hook: Hook,
    /// Main function first, then each subprogram; map references are `lddw` with pseudo source 5 or 6.
    pub insns: Vec<RawInsn>,
    /// The maps that the references count.
    pub maps: Vec<Map>,
    /// Kernel functions called, by name: index of the `call` slot.
    pub kfuncs: Vec<(usize, String)>,
    /// Calls that stand where nothing could be put (a field that the target's types lack), with the reason: a program may
    /// carry them behind a check, and is stopped when it reaches one.
    pub poisoned: Vec<(usize, String)>,
    /// Types of the program, for the objects it allocates.
    pub btf: Option<Arc<Btf>>,
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
            maps: Vec::new(),
            kfuncs: Vec::new(),
            poisoned: Vec::new(),
            btf: None,
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
    pub(crate) maps: Vec<Map>,
    pub(crate) runtime: Runtime,
    pub(crate) license: String,
    pub(crate) btf: Option<Arc<Btf>>,
    /// One for each slot of `insns`.
    pub(crate) ops: Vec<Op>,
    /// In ascending order; together they cover all slots.
    pub(crate) functions: Vec<Function>,
    /// What `CallHelper` ops count.
    pub(crate) helpers: Vec<helper::Resolved>,
    /// What `CallKfunc` ops count.
    pub(crate) kfuncs: Vec<kfunc::Resolved>,
}

/// A function of a program: slots `start..end`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// First slot.
    pub start: usize,
    /// Slot after the last.
    pub end: usize,
    /// Name, `func_<start>` where nobody gave one.
    pub name: String,
}

impl Inner {
    /// The function that holds slot `at`.
    pub(crate) fn function(&self, at: usize) -> &Function {
        let index = self.functions.partition_point(|f| f.start <= at);
        &self.functions[index.saturating_sub(1)]
    }
}

impl Program {
    /// Loads what was proved to be safe.
    ///
    /// # Errors
    /// [`LoadProblem::NotWhatWasProved`](crate::LoadProblem::NotWhatWasProved) when `spec` is another program than the proof is
    /// about, or its maps are others; and whatever the engine lacks for it.
    pub fn load(proof: &Verified, spec: ProgramSpec) -> Result<Self, LoadError> {
        crate::proof::covers(proof, &spec)?;
        crate::load::load(spec)
    }

    /// Loads a program that nobody has proved: to judge a verifier or a compiler by, or to see a fault. Its shape is checked here,
    /// and every step when it runs.
    pub fn unproved(spec: ProgramSpec) -> Result<Self, LoadError> {
        crate::load::load(spec)
    }

    /// Runs it once.
    pub fn run(&self, context: &mut dyn Context) -> Result<Outcome, Fault> {
        crate::exec::run(self, context)
    }

    /// Runs it once and shows `watch` the registers before every instruction.
    ///
    /// # Errors
    /// As [`Program::run`].
    pub fn run_observed<'c>(
        &'c self,
        context: &'c mut dyn Context,
        watch: &'c mut (dyn FnMut(&crate::Moment<'_>) + 'c),
    ) -> Result<Outcome, Fault> {
        crate::exec::run_observed(self, context, watch)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What it was loaded for.
    pub fn hook(&self) -> &Hook {
        &self.0.hook
    }

    /// Puts it into a slot of a program array, where tail calls find it: the handle's `program` is an `Arc<Program>`.
    ///
    /// # Errors
    /// As [`Map::set_program`]: `EINVAL` if `array` is no program array, `E2BIG` for a slot outside of it.
    pub fn put_into(&self, array: &Map, slot: u32) -> Result<(), Errno> {
        static NEXT_ID: AtomicU32 = AtomicU32::new(1);
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        array.set_program(slot, ProgramHandle { id, program: Arc::new(self.clone()) })
    }

    /// Its instructions as they were loaded.
    pub fn insns(&self) -> &[RawInsn] {
        &self.0.insns
    }

    /// Its maps, in the order its instructions count them.
    pub fn maps(&self) -> &[Map] {
        &self.0.maps
    }

    /// Its functions, main first.
    pub fn functions(&self) -> &[Function] {
        &self.0.functions
    }

    /// The licence it declared.
    pub fn license(&self) -> &str {
        &self.0.license
    }

    /// What it shares with other programs.
    pub fn runtime(&self) -> &Runtime {
        &self.0.runtime
    }
}
