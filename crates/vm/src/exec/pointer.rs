//! Arithmetic with pointers, and the other places where a register turns out not to be a number.

use super::Run;
use crate::code::{Code, Op};
use crate::fault::{Fault, FaultKind};
use crate::prov::{Kind, Reg};

impl Run<'_> {
    /// Sorts out what `dst` will be when an operand is not a number; the inner loop then computes its bits as always.
    ///
    /// A pointer stays one under addition of a number and subtraction of a number. Whatever else is computed from pointers is a number.
    #[cold]
    pub(super) fn alu_tags(&mut self, op: Op) -> Result<(), Fault> {
        if self.m_ref().tagged & self.m_ref().uninit & u32::from(op.mask) != 0 {
            self.uninit_operand(op)?;
        }
        let m = self.m();
        let left = m.reg(op.dst.into());
        let keeps = match op.code {
            Code::Add64I | Code::Sub64I => !left.is_scalar(),
            Code::Sub64R => !left.is_scalar() && m.reg(op.src.into()).is_scalar(),
            Code::Add64R => {
                let right = m.reg(op.src.into());
                if left.is_scalar() && !right.is_scalar() {
                    // number + pointer: the bits are added by the loop.
                    m.set_reg(op.dst.into(), Reg { val: left.val, prov: right.prov });
                    true
                } else {
                    !left.is_scalar() && right.is_scalar()
                }
            }
            _ => false,
        };
        if !keeps {
            m.tagged &= !(1 << op.dst);
        }
        Ok(())
    }

    /// Some register of the instruction is uninitialised.
    #[cold]
    pub(super) fn uninit_operand(&mut self, op: Op) -> Result<(), Fault> {
        let bits = self.m_ref().tagged & self.m_ref().uninit & u32::from(op.mask);
        if bits == 0 {
            return Ok(());
        }
        let n = bits.trailing_zeros();
        let message = match op.code {
            Code::Exit => "r0, the return value, is uninitialised".to_owned(),
            _ => format!("r{n} is uninitialised"),
        };
        Err(self.fault(FaultKind::UninitRegister, message))
    }

    /// The budget ran out at a jump.
    #[cold]
    pub(super) fn out_of_budget(&mut self) -> Result<(), Fault> {
        let budget = self.first.0.runtime.options().budget;
        Err(self.fault(FaultKind::Budget, format!("the budget of {budget} instructions is used up")))
    }

    /// Takes `cost` instructions from the budget.
    #[inline]
    pub(crate) fn pay(&mut self, cost: usize) -> Result<(), Fault> {
        let m = self.m();
        m.budget = m.budget.saturating_sub(i64::try_from(cost).unwrap_or(i64::MAX));
        if m.budget < 0 { self.out_of_budget() } else { Ok(()) }
    }

    /// The second slot of a pair was reached: the loader does not let that happen.
    #[cold]
    pub(super) fn hole(&mut self) -> Result<(), Fault> {
        Err(self.fault(FaultKind::Engine, "no instruction begins here"))
    }

    /// What a register must be to be called or to be a callback: a function of the running program.
    pub(crate) fn function_of(&self, reg: &Reg, what: &str) -> Result<usize, Fault> {
        if reg.prov.kind != Kind::Func || u32::from(reg.prov.index) != self.current & 0xffff {
            let message = format!("{what} is {}, not a function of this program", reg.prov.kind.name());
            return Err(self.fault(FaultKind::Argument, message));
        }
        Ok(reg.prov.base as usize)
    }
}
