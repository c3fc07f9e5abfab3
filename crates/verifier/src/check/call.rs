//! Calls: of helpers by their prototypes, of functions of the program by walking into them.

use skep_isa::{Insn, Reg as Number};
use skep_platform::ProgramType;
use skep_platform::helper::{ArgFlags, ArgKind, Helper, Privilege};

use super::arguments::Given;
use crate::Code;
use crate::analysis::{self, TAIL_CALL};
use crate::explore::{MAX_FRAMES, Next, Walk};
use crate::state::{DynptrSort, Flags, Frame, FrameKind, Reg, RegKind};
use crate::verdict::Checked;

impl Walk<'_> {
    pub(crate) fn call_helper(&mut self, id: i32, next: usize) -> Checked<Next> {
        let helper = self.allowed_helper(id)?;
        let helper = &Helper { args: helper.args_for(self.input.program_type), ..*helper };
        let given = self.arguments(helper)?;
        super::special::map_fits(self, helper, &given)?;
        self.facts.call(self.at, given.map, given.key);
        if id == TAIL_CALL {
            self.check_tail_call()?;
        }
        self.clobber_outputs(&given)?;
        self.release(&given)?;
        self.special_before(helper, &given)?;
        let before = *self.state.frame().regs();
        self.forget_arguments();
        let result = self.result(helper, &given, &before)?;
        self.state.frame_mut().regs_mut()[0] = result;
        if id == TAIL_CALL {
            return self.tail_called(next);
        }
        let through_dynptr = helper.name == "dynptr_write"
            && matches!(
                given.dynptr,
                Some(Reg { kind: RegKind::Dynptr(DynptrSort::Skb | DynptrSort::SkbMeta), .. })
            );
        if helper.traits.changes_packet || through_dynptr {
            self.forget_packets();
        }
        Ok(Next::At(next))
    }

    /// Behind a tail call that failed the function goes on. One that succeeded in a function returns to that function's caller, with
    /// whatever the other program returned, and the packet may be elsewhere.
    fn tail_called(&mut self, next: usize) -> Checked<Next> {
        if self.state.depth() == 0 {
            return Ok(Next::At(next));
        }
        let failed = self.state.clone();
        self.push(failed, next)?;
        self.forget_packets();
        self.state.frame_mut().regs_mut()[0] = Reg::UNKNOWN;
        self.exit()
    }

    /// The helper, if this program may call it here.
    fn allowed_helper(&self, id: i32) -> Checked<&'static Helper> {
        let helper = analysis::helper(id).filter(|helper| helper.since <= self.input.release);
        let Some(helper) = helper else {
            return self.fail(Code::UnknownHelper, format!("there is no helper {id}"));
        };
        let (program, attach) = (self.input.program_type, self.input.attach_type);
        let privileged = !self.input.unprivileged || helper.needs() == Privilege::None;
        let open = helper.allowed(program, attach, self.input.release);
        if !(open || self.opened_by_target(helper)) || !privileged || self.closed_by_target(helper) {
            let message = format!("{} programs may not call {} here", program.name(), helper.name);
            return self.fail(Code::HelperNotAllowed, message);
        }
        if self.input.host.is_some() && !super::host::makes_sense(helper) {
            let message = format!("{} takes a context of Linux's, which this hook has not", helper.name);
            return self.fail(Code::HelperNotAllowed, message);
        }
        if helper.gpl_only && !self.input.gpl_compatible() {
            return self.fail(Code::GplOnly, format!("{} is for GPL-compatible programs", helper.name));
        }
        if helper.traits.sleeps {
            self.may_sleep(helper.name)?;
        }
        if self.state.lock().is_some() && helper.name != "spin_unlock" {
            return self.fail(Code::LockHeld, format!("{} is called while a lock is held", helper.name));
        }
        Ok(helper)
    }

    fn check_tail_call(&self) -> Checked {
        self.nothing_held_here("the program may go on in another")?;
        if self.input.has(crate::program::flags::SLEEPABLE) && self.input.program_type == ProgramType::Syscall
        {
            return self.fail(Code::HelperNotAllowed, "system call programs may not tail-call");
        }
        Ok(())
    }

    /// Memory that the helper fills need not have been written before, and is now.
    fn clobber_outputs(&mut self, given: &Given) -> Checked {
        for output in &given.outputs {
            let pointer = *self.state.reg(output.number);
            if let RegKind::Stack(_) = pointer.kind {
                let reach = self.stack_reach(output.number, &pointer, 0, output.size)?;
                self.stack_clobber(output.number, reach, output.size)?;
            }
        }
        Ok(())
    }

    /// Ends the reference that an argument gives back.
    fn release(&mut self, given: &Given) -> Checked {
        let Some(reference) = given.released else { return Ok(()) };
        if reference == 0 {
            return Ok(());
        }
        if given.kptr.is_some() {
            self.kptr_kept(reference);
        }
        let before = self.state.held.len();
        self.state.held.retain(|held| held.id != reference || held.lock.is_some());
        if self.state.held.len() == before {
            return self.fail(Code::NotOwned, "this reference was released before");
        }
        self.forget_dynptrs_of(reference);
        let gone = if self.input.unprivileged { Reg::UNINIT } else { Reg::UNKNOWN };
        self.state.each_reg(|reg| {
            if reg.is_pointer() && reg.reference == reference {
                *reg = gone;
            }
        });
        Ok(())
    }

    /// Every packet pointer is void: the packet may be elsewhere.
    pub(crate) fn forget_packets(&mut self) {
        let gone = if self.input.unprivileged { Reg::UNINIT } else { Reg::UNKNOWN };
        self.state.each_reg(|reg| {
            if reg.is_packet() || reg.kind == RegKind::PacketEnd || reg.flags.has(Flags::SLICE) {
                *reg = gone;
            }
        });
    }

    /// A call of a function of the program: it is walked with what the caller knows.
    pub(crate) fn call_local(&mut self, next: usize) -> Checked<Next> {
        let target = self.shape.insns[self.at].as_ref().and_then(|insn: &Insn| insn.call_target(self.at));
        let Some(function) = target.and_then(|target| self.shape.function_from(target)) else {
            return self.fail(Code::BadJump, "a call of something that is no function");
        };
        if self.is_global(function) {
            return self.call_global(function, next);
        }
        self.enter(function, FrameKind::Call)?;
        for number in [Number::R1, Number::R2, Number::R3, Number::R4, Number::R5] {
            let caller = self.state.frames.len() - 2;
            let value = *self.state.frames[caller].reg(number);
            *self.state.reg_mut(number) = value;
        }
        let caller = self.state.frames.len() - 2;
        self.state.frames[caller].regs_mut()[..6].fill(Reg::UNINIT);
        Ok(Next::At(self.shape.functions[function].start))
    }

    /// A new frame.
    pub(crate) fn enter(&mut self, function: usize, kind: FrameKind) -> Checked {
        if self.state.frames.len() >= MAX_FRAMES {
            return self.fail(Code::CallDepth, format!("more than {MAX_FRAMES} frames"));
        }
        let depth = self.state.frames.len() as u8;
        self.state.frames.push(Frame::new(depth, function, self.at, kind));
        Ok(())
    }
}

/// Whether an argument of a helper is memory that it fills.
pub(crate) fn is_output(flags: ArgFlags, kind: ArgKind) -> bool {
    flags.contains(ArgFlags::UNINIT)
        && matches!(kind, ArgKind::Mem | ArgKind::FixedMem(_) | ArgKind::MapValue)
}
