//! Kernel functions: what a program calls by name.
//!
//! A loader passes the names of the externs that a program calls; here each is a row of a table. Kernel functions have no prototypes
//! outside of the kernel's own BTF, so each implementation checks its arguments with the small vocabulary of [`Args`].

mod arena;
mod args;
mod dynptr;
mod iterators;
mod net;
pub(crate) mod objects;
mod sections;
mod workqueue;

use crate::code::Op;
use crate::exec::{Run, Step};
use crate::fault::{Fault, FaultKind};
use crate::prov::Reg;

pub(crate) use args::Args;

/// An implementation.
pub(crate) type KfuncFn = fn(&mut Run<'_>, &Args) -> Result<Reg, Fault>;

/// A kernel function.
#[derive(Clone, Copy)]
pub(crate) struct Resolved {
    /// Its name.
    pub(crate) name: &'static str,
    run: KfuncFn,
    /// How many arguments it takes.
    arity: usize,
    /// Whether it may be called while a spin lock is held.
    under_lock: bool,
}

impl std::fmt::Debug for Resolved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// A row.
pub(crate) const fn kfunc(name: &'static str, arity: usize, run: KfuncFn) -> Resolved {
    Resolved { name, run, arity, under_lock: false }
}

impl Resolved {
    /// May be called while a spin lock is held.
    pub(crate) const fn under_lock(self) -> Self {
        Self { under_lock: true, ..self }
    }
}

/// All tables.
pub(crate) fn all() -> impl Iterator<Item = &'static Resolved> {
    [iterators::ROWS, sections::ROWS, dynptr::ROWS, arena::ROWS, workqueue::ROWS, objects::ROWS, net::ROWS]
        .into_iter()
        .flatten()
}

/// The kernel function of this name.
pub(crate) fn resolve(name: &str) -> Option<Resolved> {
    all().find(|row| row.name == name).copied()
}

/// Whether the user engine has a kernel function of this name, for loaders that must tell a missing symbol from a present one.
pub fn has_kfunc(name: &str) -> bool {
    resolve(name).is_some()
}

impl Run<'_> {
    /// `call` of a kernel function.
    pub(crate) fn call_kfunc(&mut self, op: Op) -> Result<Step, Fault> {
        let kfunc = self.program().kfuncs[op.imm as usize];
        if self.state.lock_held() && !kfunc.under_lock {
            let message = format!("call of {} while a spin lock is held", kfunc.name);
            return Err(self.fault(FaultKind::Locking, message));
        }
        let args = Args::new(self, kfunc.name, kfunc.arity)?;
        let result = (kfunc.run)(self, &args)?;
        self.clobber();
        self.m().set_reg(0, result);
        Ok(Step::Next)
    }
}
