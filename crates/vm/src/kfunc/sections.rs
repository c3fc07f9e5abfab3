//! Sections that must be left again: RCU, preemption, interrupts, resilient locks; and the exception.
//!
//! In user space nothing has to be done for the first three: the run's guard protects more than they do. That they are paired is
//! checked all the same.

use skep_maps::FieldKind;
use skep_platform::errno::EDEADLK;

use super::{Args, Resolved, kfunc};
use crate::exec::Run;
use crate::fault::{Fault, FaultKind};
use crate::helper::objects::StackObject;
use crate::helper::state::Lock;
use crate::prov::{Kind, Reg};

/// Rows of [`super::all`].
pub(crate) static ROWS: &[Resolved] = &[
    kfunc("bpf_rcu_read_lock", 0, |run, _| {
        run.state.rcu += 1;
        Ok(Reg::UNINIT)
    })
    .under_lock(),
    kfunc("bpf_rcu_read_unlock", 0, |run, _| {
        run.state.rcu = leave(run, run.state.rcu, "bpf_rcu_read_unlock")?;
        Ok(Reg::UNINIT)
    })
    .under_lock(),
    kfunc("bpf_preempt_disable", 0, |run, _| {
        run.state.preempt += 1;
        Ok(Reg::UNINIT)
    })
    .under_lock(),
    kfunc("bpf_preempt_enable", 0, |run, _| {
        run.state.preempt = leave(run, run.state.preempt, "bpf_preempt_enable")?;
        Ok(Reg::UNINIT)
    })
    .under_lock(),
    kfunc("bpf_local_irq_save", 1, irq_save).under_lock(),
    kfunc("bpf_local_irq_restore", 1, irq_restore).under_lock(),
    kfunc("bpf_res_spin_lock", 1, res_lock).under_lock(),
    kfunc("bpf_res_spin_unlock", 1, res_unlock).under_lock(),
    kfunc("bpf_throw", 1, throw),
];

fn leave(run: &Run<'_>, depth: u32, name: &str) -> Result<u32, Fault> {
    match depth.checked_sub(1) {
        Some(depth) => Ok(depth),
        None => Err(run.fault(FaultKind::Locking, format!("{name} without its counterpart before"))),
    }
}

fn irq_save(run: &mut Run<'_>, args: &Args) -> Result<Reg, Fault> {
    run.state.irq += 1;
    let depth = run.state.irq;
    run.put_object(args.reg(0), StackObject::Irq(depth), &args.who(0))?;
    Ok(Reg::UNINIT)
}

fn irq_restore(run: &mut Run<'_>, args: &Args) -> Result<Reg, Fault> {
    match run.take_object(args.reg(0), "an IRQ flag", &args.who(0))? {
        StackObject::Irq(depth) if depth == run.state.irq => {
            run.state.irq -= 1;
            Ok(Reg::UNINIT)
        }
        StackObject::Irq(_) => Err(run.fault(FaultKind::Locking, "IRQ flags are restored out of order")),
        other => {
            let message = format!("{} must be an IRQ flag and is {}", args.who(0), other.name());
            Err(run.fault(FaultKind::Protocol, message))
        }
    }
}

fn res_lock_argument(run: &Run<'_>, args: &Args) -> Result<Lock, Fault> {
    let reg = args.reg(0);
    run.field_at(reg, &[FieldKind::ResSpinLock], &args.who(0))?;
    Ok(Lock { word: reg.val, object: reg.prov.base })
}

/// Fails instead of waiting for itself.
fn res_lock(run: &mut Run<'_>, args: &Args) -> Result<Reg, Fault> {
    let lock = res_lock_argument(run, args)?;
    if run.state.res_locks.contains(&lock) {
        return Ok(Reg::errno(EDEADLK.0));
    }
    skep_maps::lock_word(lock.word());
    run.state.res_locks.push(lock);
    Ok(Reg::ZERO)
}

fn res_unlock(run: &mut Run<'_>, args: &Args) -> Result<Reg, Fault> {
    let lock = res_lock_argument(run, args)?;
    if run.state.res_locks.last() != Some(&lock) {
        let message = "bpf_res_spin_unlock of a lock that is not the one taken last";
        return Err(run.fault(FaultKind::Locking, message));
    }
    run.state.res_locks.pop();
    skep_maps::unlock_word(lock.word());
    Ok(Reg::UNINIT)
}

/// Ends the run from whatever depth; its result is the value thrown.
fn throw(run: &mut Run<'_>, args: &Args) -> Result<Reg, Fault> {
    run.check_kind(args.reg(0), Kind::Scalar, "a number", &args.who(0))?;
    run.check_nothing_held("when an exception is thrown")?;
    run.thrown = Some(args.reg(0).val);
    Err(run.fault(FaultKind::Exception, "exception"))
}
