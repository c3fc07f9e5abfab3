//! Looking on while a program runs: what is in every register before each instruction.
//!
//! For holding what a verifier claims against what happens. The inner loop exists twice, with and without an observer, so that
//! a run without one pays nothing.

use super::Run;
use super::machine::Machine;
use crate::fault::Fault;
use crate::prov::Reg;

/// The state of a run before an instruction.
pub struct Moment<'m> {
    machine: &'m Machine,
    program: u32,
}

impl Moment<'_> {
    /// Slot of the instruction that is about to run.
    pub fn at(&self) -> usize {
        self.machine.pc
    }

    /// How many frames lie below the current one.
    pub fn depth(&self) -> usize {
        self.machine.depth
    }

    /// Whether the program that was loaded is running, and not one that it has called at its tail.
    pub fn in_first_program(&self) -> bool {
        self.program == 0
    }

    /// A register of the current frame, 0 to 10.
    pub fn register(&self, number: usize) -> Reg {
        self.machine.reg(number.min(10))
    }
}

/// Who looks on.
pub(crate) type Observer<'c> = dyn FnMut(&Moment<'_>) + 'c;

impl Run<'_> {
    /// Shows the observer the machine, whose `pc` stands at the instruction.
    pub(super) fn observe(&mut self) -> Result<(), Fault> {
        let Some(watch) = self.watch.take() else { return Ok(()) };
        watch(&Moment { machine: self.m_ref(), program: self.current });
        self.watch = Some(watch);
        Ok(())
    }
}
