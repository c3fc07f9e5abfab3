//! Arguments of a kernel function.

use crate::exec::{Run, Who};
use crate::fault::{Fault, FaultKind};
use crate::prov::{Kind, Reg};

/// r1 to r5 of one call; those that count are initialised.
pub(crate) struct Args {
    /// Name of the function.
    pub(crate) name: &'static str,
    regs: [Reg; 5],
}

impl Args {
    pub(super) fn new(run: &Run<'_>, name: &'static str, arity: usize) -> Result<Self, Fault> {
        let regs = std::array::from_fn(|n| run.m_ref().reg(n + 1));
        let args = Self { name, regs };
        match args.regs.iter().take(arity).position(|r| r.prov.kind == Kind::Uninit) {
            Some(n) => Err(run.fault(FaultKind::UninitRegister, format!("{} is uninitialised", args.who(n)))),
            None => Ok(args),
        }
    }

    /// What a fault calls argument `n`, counting from 0.
    pub(crate) fn who(&self, n: usize) -> Who<'static> {
        Who::Argument(n as u8 + 1, self.name)
    }

    pub(crate) fn reg(&self, n: usize) -> &Reg {
        &self.regs[n]
    }

    /// A number.
    pub(crate) fn number(&self, run: &Run<'_>, n: usize) -> Result<u64, Fault> {
        run.check_kind(&self.regs[n], Kind::Scalar, "a number", &self.who(n))?;
        Ok(self.regs[n].val)
    }

    /// `len` bytes to read, copied.
    pub(crate) fn read(&self, run: &mut Run<'_>, n: usize, len: u64) -> Result<Vec<u8>, Fault> {
        run.check_bytes(&self.regs[n], len, false, false, &self.who(n))?;
        // SAFETY: just checked.
        Ok(unsafe { std::slice::from_raw_parts(self.regs[n].val as *const u8, len as usize) }.to_vec())
    }
}
