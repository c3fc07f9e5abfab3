//! What can be said of a program before it is walked.

mod depth;
mod early;
mod exception;
mod live;
mod loops;
mod summary;

pub(crate) use depth::check_stack_depth;
pub(crate) use early::check_early_ends;
pub(crate) use exception::{catcher, check_throws};
pub(crate) use live::live_registers;
pub(crate) use loops::components;
use skep_platform::helper::{self, ArgKind};
pub(crate) use summary::{Summary, summaries};

/// The helper that continues in another program.
pub(crate) const TAIL_CALL: i32 = 12;

/// The helper of this number, if there is one.
pub(crate) fn helper(id: i32) -> Option<&'static helper::Helper> {
    helper::by_id(u32::try_from(id).ok()?)
}

/// Whether a helper calls a function of the program before it returns.
pub(crate) fn calls_back(id: i32) -> bool {
    const TIMER_SET_CALLBACK: u32 = 170;
    helper(id).is_some_and(|helper| {
        helper.id != TIMER_SET_CALLBACK && helper.args.iter().any(|arg| arg.kind == ArgKind::Func)
    })
}
