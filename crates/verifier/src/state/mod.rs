//! What is known at one point of one path: registers, stack, frames, resources.
//!
//! A state is cloned at every branch and kept at every checkpoint, so its large parts are shared and copied when written.

mod frame;
mod reg;
mod stack;

pub use frame::{Frame, FrameKind, Held, Lock, LockKind, State};
pub use reg::{DynptrSort, Flags, MapId, Reg, RegKind};
pub(crate) use stack::locate;
pub use stack::{ByteKind, SLOT, SLOTS, STACK_MAX, Slot, Stack};
