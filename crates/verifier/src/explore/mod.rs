//! The walk over all paths.
//!
//! One path is followed at a time, instruction by instruction; where it parts, one side is followed and the other waits. At points where
//! paths meet, checkpoints are left, and a path that comes to a checkpoint which covers it ends there (`visit`). What a
//! checkpoint covers depends on which numbers turned out to matter behind it: that is found backwards, whenever a check uses a number (`precision`).

mod back;
mod equal;
mod node;
mod precision;
mod reads;
mod rounds;
mod visit;
mod walk;
mod watch;

pub(crate) use node::{Linked, MAX_FRAMES};
pub(crate) use walk::{Next, Walk};
pub(crate) use watch::Watch;
