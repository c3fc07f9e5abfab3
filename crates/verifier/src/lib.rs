//! The verifier: proves a program safe, or says why it is not.
//!
//! What stands here so far is the value domain.
#![forbid(unsafe_code)]
// Abstract operations are not those of `std::ops`: `a.add(b)` may know less than either operand, and should read so.
#![allow(clippy::should_implement_trait)]

pub mod value;
