//! Work queues: a callback as soon as the timer thread is free. See [`crate::timers`].

use std::time::Duration;

use skep_maps::FieldKind;
use skep_platform::errno::EINVAL;

use super::{Args, Resolved, kfunc};
use crate::exec::Run;
use crate::fault::Fault;
use crate::helper::errno;
use crate::prov::Reg;
use crate::timers;

/// Rows of [`super::all`].
pub(crate) static ROWS: &[Resolved] = &[
    kfunc("bpf_wq_init", 3, init),
    kfunc("bpf_wq_set_callback_impl", 3, set_callback),
    kfunc("bpf_wq_start", 2, start),
];

fn init(run: &mut Run<'_>, args: &Args) -> Result<Reg, Fault> {
    if args.number(run, 2)? != 0 {
        return Ok(Reg::errno(EINVAL.0));
    }
    run.timer_init(args.reg(0), args.reg(1), FieldKind::Workqueue, &args.who(0))
}

fn set_callback(run: &mut Run<'_>, args: &Args) -> Result<Reg, Fault> {
    let name = run.timer_name(args.reg(0), FieldKind::Workqueue, &args.who(0))?;
    let entry = run.function_of(args.reg(1), "r2")?;
    if args.number(run, 2)? != 0 {
        return Ok(Reg::errno(EINVAL.0));
    }
    Ok(errno(timers::set_callback(name, run.program_handle(), entry)))
}

fn start(run: &mut Run<'_>, args: &Args) -> Result<Reg, Fault> {
    let name = run.timer_name(args.reg(0), FieldKind::Workqueue, &args.who(0))?;
    if args.number(run, 1)? != 0 {
        return Ok(Reg::errno(EINVAL.0));
    }
    Ok(errno(timers::start(name, Duration::ZERO)))
}
