//! Calls of kernel functions: who may, with what, and what comes of it.
//!
//! The way of a call: [`proto`] says what the function takes and gives; [`Walk::may_call`] whether it may be called here;
//! [`arguments`] looks at each register and collects what it found in [`Call`]; [`special`] does what single functions do beyond their
//! prototype; [`returns`] says what r0 then is. A kind of argument or a function with rules of its own hangs in at
//! `argument` and at `special`, nowhere else.

mod arguments;
mod dynptr;
mod iterator;
pub(crate) mod lock;
pub(crate) mod proto;
mod region;
mod returns;
mod special;
mod types;

use std::rc::Rc;

use skep_btf::TypeId;
use skep_isa::Reg as Number;
use skep_platform::kfunc::Flag;

use crate::Code;
use crate::explore::{Next, Walk};
use crate::record::Field;
use crate::state::{MapId, Reg, State};
use crate::verdict::Checked;
pub(crate) use iterator::rounds;
pub(crate) use proto::{Found, Kfuncs, Proto, Takes};

/// What was found of the arguments of a call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The function.
    pub(crate) proto: Rc<Proto>,
    /// The argument that gives back a reference, and the reference.
    pub(crate) released: Option<(Number, u32)>,
    /// The reference that an argument stands for.
    pub(crate) reference: u32,
    /// The value of the argument that must be constant.
    pub(crate) constant: Option<u64>,
    /// Bytes behind the result, where an argument says so.
    pub(crate) result_size: Option<u32>,
    /// Whether the result may only be read, where arguments say so.
    pub(crate) result_read_only: bool,
    /// The map argument.
    pub(crate) map: Option<MapId>,
    /// The function argument.
    pub(crate) function: Option<u32>,
    /// The iterator's place: depth of the frame and its slot with the lowest address.
    pub(crate) iterator: Option<(usize, usize)>,
    /// What is known of the last dynptr argument that was one before the call.
    pub(crate) dynptr: Option<Reg>,
    /// The list or tree.
    pub(crate) root: Option<Field>,
    /// The work queue or task work.
    pub(crate) work: Option<Reg>,
    /// The type of the object argument.
    pub(crate) object: Option<TypeId>,
    /// What was known before the call, for functions that may fail to do what they do.
    undone: Option<Box<State>>,
}

/// The registers of arguments.
pub(crate) const ARGUMENTS: [Number; 5] = [Number::R1, Number::R2, Number::R3, Number::R4, Number::R5];

impl Walk<'_> {
    /// A call of a kernel function.
    pub(crate) fn call_kfunc(&mut self, next: usize) -> Checked<Next> {
        let proto = self.callee()?;
        self.may_call(&proto)?;
        let undone = lock::takes_lock(&proto.name).then(|| Box::new(self.state.clone()));
        let mut call = Call {
            proto,
            released: None,
            reference: 0,
            constant: None,
            result_size: None,
            result_read_only: false,
            map: None,
            function: None,
            iterator: None,
            dynptr: None,
            object: None,
            root: None,
            work: None,
            undone,
        };
        self.kfunc_arguments(&mut call)?;
        self.kfunc_effects(&mut call, next)
    }

    fn callee(&self) -> Checked<Rc<Proto>> {
        match self.shape.kfuncs.at(self.at) {
            Some(Found::Known(proto)) => Ok(Rc::clone(proto)),
            Some(Found::Unknown(name)) => self.unsupported(format!("the kernel function {name}")),
            Some(Found::None(name)) => {
                self.fail(Code::BadKfunc, format!("{name} is no kernel function for programs"))
            }
            Some(Found::NoTypes) => self.unsupported("kernel functions without the kernel's types"),
            Some(Found::Empty) | None => {
                self.fail(Code::BadKfunc, "a call of a weak kernel function that is not there")
            }
        }
    }

    /// Whether the function may be called by this program, at this point.
    fn may_call(&self, proto: &Proto) -> Checked {
        if self.input.unprivileged {
            return self.fail(Code::BadKfunc, "kernel functions are for the privileged");
        }
        if !self.input.gpl_compatible() {
            return self.fail(Code::GplOnly, "kernel functions are for GPL-compatible programs");
        }
        let (name, program) = (&proto.name, self.input.program_type);
        if self.state.lock().is_some() && !lock::ALLOWED.contains(&name.as_str()) {
            return self.fail(Code::LockHeld, format!("{name} is called while a lock is held"));
        }
        if !proto.set.allows(program) || !special::narrow(self.input, name) {
            return self.fail(Code::BadKfunc, format!("{} programs may not call {name}", program.name()));
        }
        if proto.has(Flag::Sleepable) {
            self.may_sleep(name)?;
        }
        if proto.has(Flag::RcuProtected) && !self.in_rcu() {
            return self.fail(
                Code::RegionMissing,
                format!("{name} is called outside of an RCU section: call bpf_rcu_read_lock first"),
            );
        }
        Ok(())
    }

    /// Whether something that may sleep may be called here.
    pub(crate) fn may_sleep(&self, name: &str) -> Checked {
        if !self.sleepable() {
            return self.fail(Code::MightSleep, format!("{name} may sleep, and this program may not"));
        }
        if let Some(region) = self.region() {
            return self.fail(Code::MightSleep, format!("{name} may sleep, in {region}"));
        }
        Ok(())
    }

    /// What the call does once its arguments are right.
    fn kfunc_effects(&mut self, call: &mut Call, next: usize) -> Checked<Next> {
        if let Some(next) = self.kfunc_special(call, next)? {
            return Ok(next);
        }
        if let Some((number, reference)) = call.released {
            self.end_reference(number, reference)?;
        }
        let result = self.kfunc_result(call)?;
        self.forget_arguments();
        self.state.frame_mut().regs_mut()[0] = result;
        if call.proto.has(Flag::IterNext) {
            return self.iterator_next(call, next);
        }
        Ok(Next::At(next))
    }

    /// The reference is given back: what stands for it is void.
    pub(crate) fn end_reference(&mut self, number: Number, reference: u32) -> Checked {
        let before = self.state.held.len();
        self.state.held.retain(|held| held.id != reference || held.lock.is_some());
        if self.state.held.len() == before {
            return self.fail_at(Code::NotOwned, number, "this reference was released before");
        }
        self.void_reference(reference);
        Ok(())
    }

    /// Registers that stand for a reference, or derive from it, hold nothing any more.
    pub(crate) fn void_reference(&mut self, reference: u32) {
        let gone = if self.input.unprivileged { Reg::UNINIT } else { Reg::UNKNOWN };
        self.state.each_reg(|reg| {
            if reg.is_pointer() && reg.reference == reference {
                *reg = gone;
            }
        });
    }
}
