//! What the kernel's BTF says: of the fields of its objects, of what fits what, of the functions that programs are for.
//!
//! Nothing in here knows a register or a path; the rules in `check` ask, and decide what the answer means.

pub(crate) mod fields;
mod member;
mod proto;
pub(crate) mod safe;
pub(crate) mod target;
pub(crate) mod writable;

pub(crate) use fields::{Found, Tag, embeds, field_at};
pub(crate) use target::{Argument, Target, TargetKind};
