//! Types as text, in three forms: C that compiles, one line a type, JSON.
//!
//! All three write to an [`std::io::Write`] as they go, so that a closed pipe ends them early and the kernel's two
//! megabytes of C are never in memory at once.

mod c;
mod declarator;
mod json;
mod names;
mod order;
mod raw;
#[cfg(test)]
mod tests;

pub use c::c;
pub use json::{json, to_json};
pub use raw::raw;
