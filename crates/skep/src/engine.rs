//! Where programs run.
//!
//! An object is the same everywhere; an engine is where the environment enters. [`Engine::user`] runs programs inside this
//! process. What all its programs share (options, trace output, the network they believe in) is settled when it is built.

use std::sync::{Arc, OnceLock};

use skep_btf::Btf;
use skep_object::{Kconfig, Object};
use skep_platform::{ProgramType, Release};
use skep_vm::{Hook, Options, Runtime, Trace};

use crate::error::Error;
use crate::load::{Loaded, Loader};

/// Runs programs. Cheap to clone; clones are the same engine.
#[derive(Clone, Debug)]
pub struct Engine(Arc<Settings>);

/// What an [`Engine`] is built from; every part has a default.
#[derive(Clone, Debug, Default)]
pub struct EngineBuilder(Settings);

#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    pub(crate) runtime: Runtime,
    pub(crate) options: Options,
    pub(crate) hooks: Vec<Hook>,
    pub(crate) target: Option<Arc<Btf>>,
    pub(crate) kconfig: Kconfig,
    pub(crate) unproved: bool,
    /// The running kernel's types, read when a program first needs them.
    running: OnceLock<Option<Arc<Btf>>>,
}

impl Engine {
    /// The user engine with its defaults: trace output collected, Linux's leniency, no hooks but Linux's.
    pub fn user() -> Self {
        Self::builder().build()
    }

    /// The user engine with other settings.
    pub fn builder() -> EngineBuilder {
        EngineBuilder::default()
    }

    /// Loads all programs of an object that are marked for loading, with their maps.
    ///
    /// # Errors
    /// The first thing that stands in the way; nothing is left behind.
    pub fn load(&self, object: &Object) -> Result<Loaded, Error> {
        self.loader(object).load()
    }

    /// Loads an object with choices: which programs, which values for its variables.
    pub fn loader<'a>(&self, object: &'a Object) -> Loader<'a> {
        Loader::new(self.clone(), object)
    }

    /// Lines that programs have traced since the last call, oldest first.
    pub fn take_trace(&self) -> Vec<String> {
        self.0.runtime.take_trace()
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0
    }

    /// The kernel's types: those the engine was given, else the running kernel's, if it shows them.
    pub(crate) fn kernel_types(&self) -> Option<Arc<Btf>> {
        let running = || Btf::running().ok().map(Arc::new);
        self.0.target.clone().or_else(|| self.0.running.get_or_init(running).clone())
    }

    /// The hook that a program belongs to, by its section: one of the engine's own by name, else one of Linux's.
    pub(crate) fn hook(&self, section: &str, program_type: Option<ProgramType>) -> Option<Hook> {
        let own = self.0.hooks.iter().find(|hook| hook.name() == section);
        own.cloned().or_else(|| program_type.map(Hook::linux))
    }
}

impl EngineBuilder {
    /// Adds a hook of the application's own. Programs in a section of its name are loaded for it.
    #[must_use]
    pub fn hook(mut self, hook: Hook) -> Self {
        self.0.hooks.push(hook);
        self
    }

    /// Where `bpf_printk` goes.
    #[must_use]
    pub fn trace(mut self, trace: Trace) -> Self {
        self.0.options.trace = trace;
        self
    }

    /// All options of the runtime at once: budget, strictness, clock, trace.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.0.options = options;
        self
    }

    /// The kernel types that CO-RE relocations are matched against. The default is the object's own types, which is
    /// right for what user space shares with the kernel (`xdp_md`, `__sk_buff`).
    #[must_use]
    pub fn target(mut self, btf: Arc<Btf>) -> Self {
        self.0.target = Some(btf);
        self
    }

    /// What `__kconfig` variables are filled from. The default has no options, so that only weak ones load; a kernel version
    /// of 0 becomes the newest modelled.
    #[must_use]
    pub fn kconfig(mut self, config: Kconfig) -> Self {
        self.0.kconfig = config;
        self
    }

    /// Runs programs that nobody has proved to be safe: the verifier is not asked, the interpreter checks every step, and
    /// what breaks a rule ends with a [`Fault`](crate::Fault). For judging verifiers and for looking at faults; not for production.
    #[must_use]
    pub fn unproved(mut self) -> Self {
        self.0.unproved = true;
        self
    }

    /// The engine.
    #[must_use]
    pub fn build(mut self) -> Engine {
        let version = &mut self.0.kconfig.kernel_version;
        if *version == 0 {
            let (major, minor) = (Release::LATEST.major(), Release::LATEST.minor());
            *version = u32::from(major) << 16 | u32::from(minor) << 8;
        }
        self.0.runtime = Runtime::new(self.0.options.clone());
        Engine(Arc::new(self.0))
    }
}
