//! Which program types may call which helper.

use crate::{AttachType, ProgramType, Release};

pub(super) fn since(_id: u32, program: ProgramType) -> Option<Release> {
    Some(program.since())
}

pub(super) fn allowed(id: u32, program: ProgramType, _attach: Option<AttachType>, release: Release) -> bool {
    since(id, program).is_some_and(|r| r <= release)
}
