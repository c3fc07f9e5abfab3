//! Running a program.
//!
//! * [`machine`]: registers, stack and lives; [`dispatch`]: the inner loop; [`moment`]: what an observer sees.
//! * [`access`]: accesses that are not plain; [`check`]: the exact reason for each that is refused.
//! * [`constants`]: pointers that instructions carry; [`arena`]: arena pointers.
//! * [`pointer`]: arithmetic with pointers; [`atomic`]: atomic operations.
//! * [`frames`]: calls, returns, callbacks, tail calls, exceptions.
//! * [`run`]: what helpers see of all this.

mod access;
mod arena;
mod atomic;
mod check;
mod constants;
mod dispatch;
mod frames;
mod life;
mod machine;
mod moment;
mod pointer;
mod run;

use skep_maps::{Map, pin};

use crate::context::{Context, Entry};
use crate::fault::{Fault, FaultKind};
use crate::program::{Outcome, Program};
use crate::prov::{Kind, Life, Perm, Reg};

pub(crate) use check::{Who, field_name};
pub(crate) use constants::{map_reg, map_value_exists, value_pointer};
pub(crate) use life::Undo;
pub(crate) use machine::OBJECT;
pub use moment::Moment;
pub(crate) use moment::Observer;
pub use run::Run;

/// `may_goto`s per frame, iterations of `bpf_loop` and of the number iterator.
pub const MAX_LOOPS: u32 = 8 * 1024 * 1024;

/// How the inner loop goes on after a call or an exit.
pub(crate) enum Step {
    /// At the machine's `pc`.
    Next,
    /// As `Next`, in another program.
    Program,
    /// Not at all: the frame it was asked to run has exited.
    Done,
}

/// See [`Program::run`].
pub(crate) fn run(program: &Program, context: &mut dyn Context) -> Result<Outcome, Fault> {
    run_main(Run::new(program, context, pin()))
}

/// See [`Program::run_observed`].
pub(crate) fn run_observed<'c>(
    program: &'c Program,
    context: &'c mut dyn Context,
    watch: &'c mut Observer<'c>,
) -> Result<Outcome, Fault> {
    let mut run = Run::new(program, context, pin());
    run.watch = Some(watch);
    run_main(run)
}

fn run_main(mut run: Run<'_>) -> Result<Outcome, Fault> {
    run.enter_main();
    let entry = run.context.entry();
    let (r1, r2) = match entry {
        Entry::Context => (run.context_reg(), Reg::UNINIT),
        Entry::Memory(lent) => (run.lent(Kind::App, lent), Reg::scalar(lent.len as u64)),
    };
    run.m().set_reg(1, r1);
    run.m().set_reg(2, r2);
    let value = run.finish(0)?;
    if let Some(range) = run.first.hook().return_range()
        && !range.contains(&(value as i64))
    {
        let message =
            format!("returned {}, the hook allows {} to {}", value as i64, range.start(), range.end());
        return Err(run.fault(FaultKind::ReturnValue, message));
    }
    Ok(Outcome { value, spent: run.spent() })
}

/// Runs one function of a program on its own: the callback of a timer or a work queue.
pub(crate) fn run_function(
    program: &Program,
    entry: usize,
    arguments: impl FnOnce(&mut Run<'_>) -> [Reg; 3],
) -> Result<u64, Fault> {
    let mut nothing = Nothing;
    let mut run = Run::new(program, &mut nothing, pin());
    run.enter_main();
    let arguments = arguments(&mut run);
    for (n, reg) in arguments.into_iter().enumerate() {
        run.m().set_reg(n + 1, reg);
    }
    run.finish(entry)
}

/// The context of what has none.
struct Nothing;

impl Context for Nothing {
    fn name(&self) -> &str {
        "void"
    }

    fn load(&mut self, off: i64, size: usize) -> Result<crate::context::Loaded, crate::context::Refusal> {
        Err(crate::context::Refusal::no_field("void", off, size))
    }
}

impl Run<'_> {
    /// A fresh frame, all registers uninitialised.
    fn enter_main(&mut self) {
        let m = self.m();
        m.tagged = 0x7ff;
        m.uninit = 0x7ff;
        m.enter_frame(0);
    }

    /// Runs from `entry` until the main function exits, and looks for what it has left behind.
    fn finish(&mut self, entry: usize) -> Result<u64, Fault> {
        self.m().pc = entry;
        let result = self.execute(0);
        if let Some(cookie) = self.thrown.take() {
            return Ok(cookie);
        }
        result?;
        self.check_nothing_held("at exit")?;
        Ok(self.m().vals[0])
    }

    /// Memory that a context lends.
    pub(crate) fn lent(&self, kind: Kind, lent: crate::context::Lent) -> Reg {
        if lent.ptr.is_null() {
            return Reg::ZERO;
        }
        let perm = if lent.writable { Perm::READ_WRITE } else { Perm::READ };
        Reg::pointer(kind, lent.ptr as u64, lent.len, perm, Life::RUN)
    }

    /// The number of this map in the run, adding it when it is new: inner maps, maps of programs called by tail call.
    pub(crate) fn map_number(&mut self, map: &Map) -> Result<u16, Fault> {
        let known = self.first.0.maps.iter().chain(&self.more_maps).position(|m| m.id() == map.id());
        let number = known.unwrap_or_else(|| {
            self.more_maps.push(map.clone());
            self.first.0.maps.len() + self.more_maps.len() - 1
        });
        u16::try_from(number)
            .map_err(|_| self.fault(FaultKind::Engine, "one run reached more than 65,536 maps".to_owned()))
    }
}
