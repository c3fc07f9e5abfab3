//! Helpers: what a program calls by number.
//!
//! The prototypes are Linux's own table ([`skep_platform::helper`]); one checker ([`check`]) holds every call against its
//! prototype, so that an implementation sees arguments that are what they claim to be. The implementations are
//! [`Row`]s in tables, one table per subject; a helper that makes no sense outside a kernel is a row as well, with the
//! error it returns and the reason. `docs/helpers.md` is written from the same rows.
//!
//! To add helpers: write `fn(&mut Run, &Call) -> Result<Reg, Fault>`, put a row into a table, and the table into [`rows`].

mod call;
mod check;
mod current;
#[cfg(test)]
mod docs;
pub(crate) mod dynptr;
mod flow;
mod format;
mod hook;
mod kptr;
mod locks;
mod map;
pub(crate) mod net;
pub(crate) mod objects;
mod output;
mod probe;
mod refused;
pub(crate) mod state;
mod storage;
mod strings;
mod time;
mod timer;

use std::sync::OnceLock;

use skep_platform::Errno;
use skep_platform::helper::{self as platform, Arg, RetKind};

use crate::code::Op;
use crate::exec::{Run, Step};
use crate::fault::{Fault, FaultKind};
use crate::hook::{FIRST_HELPER_ID, Hook, HookHelper};
use crate::prov::Reg;

pub(crate) use call::Call;
pub(crate) use map::errno;
pub(crate) use probe::peek;

/// An implementation. Its arguments have been checked against the prototype.
pub(crate) type HelperFn = fn(&mut Run<'_>, &Call) -> Result<Reg, Fault>;

/// What a helper does here.
#[derive(Clone, Copy)]
pub(crate) enum Action {
    /// Runs this.
    Run(HelperFn),
    /// Returns minus this errno.
    Refuse(Errno),
}

/// One helper in a table.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    /// Linux's name without `bpf_`.
    pub(crate) name: &'static str,
    pub(crate) action: Action,
    /// For the docs: where it differs from Linux, or why it is refused. May be empty.
    #[cfg_attr(not(test), expect(dead_code, reason = "read by the test that keeps docs/helpers.md in step"))]
    pub(crate) note: &'static str,
}

/// A helper that runs.
pub(crate) const fn row(name: &'static str, run: HelperFn, note: &'static str) -> Row {
    Row { name, action: Action::Run(run), note }
}

/// A helper that is refused.
pub(crate) const fn refuse(name: &'static str, errno: Errno, why: &'static str) -> Row {
    Row { name, action: Action::Refuse(errno), note: why }
}

/// All tables.
pub(crate) fn rows() -> impl Iterator<Item = &'static Row> {
    [
        map::ROWS,
        time::ROWS,
        current::ROWS,
        format::ROWS,
        strings::ROWS,
        probe::ROWS,
        output::ROWS,
        dynptr::ROWS,
        flow::ROWS,
        storage::ROWS,
        locks::ROWS,
        kptr::ROWS,
        timer::ROWS,
        net::ROWS,
        refused::ROWS,
    ]
    .into_iter()
    .flatten()
}

/// A helper that a loaded program calls.
#[derive(Clone)]
pub(crate) struct Resolved {
    target: Target,
    /// Prototype; the application's own helpers check theirs.
    args: [Arg; 5],
}

#[derive(Clone)]
enum Target {
    Linux(&'static platform::Helper, Action),
    Hook(HookHelper),
    /// Not to be reached, and why.
    Poison(String),
}

impl std::fmt::Debug for Resolved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match &self.target {
            Target::Linux(helper, _) => helper.name,
            Target::Hook(helper) => helper.name(),
            Target::Poison(reason) => reason,
        })
    }
}

/// The rows by helper number.
fn table() -> &'static [Option<&'static Row>] {
    static TABLE: OnceLock<Vec<Option<&'static Row>>> = OnceLock::new();
    TABLE.get_or_init(|| platform::ALL.iter().map(|h| rows().find(|row| row.name == h.name)).collect())
}

/// The helper of this number for a program of this hook.
pub(crate) fn resolve(hook: &Hook, id: i32) -> Option<Resolved> {
    let id = u32::try_from(id).ok()?;
    if let Some(index) = id.checked_sub(FIRST_HELPER_ID) {
        let helper = hook.helpers().get(index as usize)?.clone();
        return Some(Resolved { target: Target::Hook(helper), args: [Arg::UNUSED; 5] });
    }
    let helper = platform::by_id(id)?;
    let row = table().get(id as usize - 1).copied().flatten()?;
    Some(Resolved { target: Target::Linux(helper, row.action), args: helper.args })
}

/// Stops the run with this reason.
pub(crate) fn poisoned(reason: &str) -> Resolved {
    Resolved { target: Target::Poison(reason.to_owned()), args: [Arg::UNUSED; 5] }
}

/// What may be called while a spin lock is held.
const UNDER_LOCK: [&str; 2] = ["spin_unlock", "kptr_xchg"];

/// Helpers that return any number of 64 bits, or of 32.
const ANY_64: [&str; 8] = [
    "ktime_get_ns",
    "ktime_get_boot_ns",
    "ktime_get_coarse_ns",
    "ktime_get_tai_ns",
    "jiffies64",
    "get_current_pid_tgid",
    "get_current_uid_gid",
    "get_current_cgroup_id",
];
const ANY_32: [&str; 1] = ["get_prandom_u32"];

impl Run<'_> {
    /// What the application has this helper return.
    fn answered(&self, name: &'static str) -> Option<u64> {
        let answers = self.runtime().options().answers.as_ref()?;
        if ANY_32.contains(&name) {
            return (answers.0)(name).map(|number| number & u64::from(u32::MAX));
        }
        ANY_64.contains(&name).then(|| (answers.0)(name))?
    }

    /// `call` of a helper.
    pub(crate) fn call_helper(&mut self, op: Op) -> Result<Step, Fault> {
        let resolved: *const Resolved = &raw const self.program().helpers[op.imm as usize];
        // SAFETY: the program stays alive and unmoved until the run is over, even if this call leaves it.
        let resolved = unsafe { &*resolved };
        let programs = self.programs();
        let result = match &resolved.target {
            Target::Hook(helper) => self.call_hook(helper)?,
            Target::Poison(reason) => {
                let message = format!("nothing could be relocated to here: {reason}");
                return Err(self.fault(FaultKind::Unsupported, message));
            }
            Target::Linux(helper, action) => {
                if self.state.lock_held() && !UNDER_LOCK.contains(&helper.name) {
                    let message = format!("call of {} while a spin lock is held", helper.name);
                    return Err(self.fault(FaultKind::Locking, message));
                }
                let call = self.check_call(helper, &resolved.args)?;
                match action {
                    Action::Run(run) => match self.answered(helper.name) {
                        Some(number) => Reg::scalar(number),
                        None => run(self, &call)?,
                    },
                    // Where a pointer is expected, the error is null.
                    Action::Refuse(errno) if helper.ret.kind == RetKind::Integer => Reg::errno(errno.0),
                    Action::Refuse(_) => Reg::ZERO,
                }
            }
        };
        if self.programs() != programs {
            return Ok(Step::Program);
        }
        self.clobber();
        let void = matches!(&resolved.target, Target::Linux(helper, _) if helper.ret.kind == RetKind::Void);
        self.m().set_reg(0, if void { Reg::UNINIT } else { result });
        Ok(Step::Next)
    }
}
