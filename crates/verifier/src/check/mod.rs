//! The rules, one file per family of instructions. Each takes the walk at an instruction and leaves it after it.

mod access;
mod alu;
mod arena;
mod arguments;
mod call;
mod context;
mod dynptr;
mod exit;
pub(crate) mod extension;
mod format;
mod global;
mod host;
mod jump;
pub(crate) mod kfunc;
mod later;
mod load;
mod made;
pub(crate) mod maps;
mod memory;
mod object;
mod pointer;
mod returns;
mod signature;
mod special;
mod speculation;
mod stack;
mod typed;
mod variable;

use skep_isa::{Call, Imm64, Insn};

use crate::explore::{Next, Walk};
use crate::verdict::Checked;

pub(crate) use exit::entry;
pub(crate) use later::Later;
pub(crate) use speculation::Speculation;

impl Walk<'_> {
    /// Runs the instruction on what is known.
    pub(crate) fn check(&mut self, insn: &Insn) -> Checked<Next> {
        let next = self.shape.next(self.at);
        match *insn {
            Insn::Alu { width, op, dst, src } => self.alu(width, op, dst, src)?,
            Insn::Neg { width, dst } => self.negate(width, dst)?,
            Insn::MovSx { width, from, dst, src } => self.extend(width, from, dst, src)?,
            Insn::Endian { kind, size, dst } => self.swap(kind, size, dst)?,
            Insn::AddrSpaceCast { cast, dst, src } => self.cast(cast, dst, src)?,
            Insn::LoadImm64 { dst, value } => self.load_imm(dst, value)?,
            Insn::Load { size, signed, dst, src, off } => self.load(size, signed, dst, src, off)?,
            Insn::LoadAcquire { size, dst, src, off } => self.load_acquire(size, dst, src, off)?,
            Insn::Store { size, dst, off, src } => self.store(size, dst, off, src)?,
            Insn::StoreRelease { size, dst, off, src } => self.store_release(size, dst, off, src)?,
            Insn::Atomic { op, size, dst, off, src } => self.atomic(op, size, dst, off, src)?,
            Insn::LegacyLoad { mode, .. } => return self.legacy_load(mode, next),
            Insn::Jump { .. } => return Ok(Next::At(insn.jump_target(self.at).unwrap_or(next))),
            Insn::JumpIf { width, cond, dst, src, .. } => {
                let target = insn.jump_target(self.at).unwrap_or(next);
                return self.jump_if(width, cond, dst, src, next, target);
            }
            Insn::MayGoto { .. } => return self.may_goto(next, insn.jump_target(self.at).unwrap_or(next)),
            Insn::Call(call) => return self.call(call, next),
            Insn::CallReg(_) => return self.fail(crate::Code::BadInstruction, "a call through a register"),
            Insn::Exit => return self.exit(),
        }
        Ok(Next::At(next))
    }

    fn call(&mut self, call: Call, next: usize) -> Checked<Next> {
        if let Some(helper) = self.host_helper(call) {
            return self.call_host(helper).map(|()| Next::At(next));
        }
        match call {
            Call::Helper(id) => self.call_helper(id, next),
            Call::Local(_) => self.call_local(next),
            Call::Kfunc { .. } => self.call_kfunc(next),
        }
    }

    fn load_imm(&mut self, dst: skep_isa::Reg, value: Imm64) -> Checked {
        let reg = self.immediate(value)?;
        self.write(dst, reg)
    }
}
