//! The verifier: proves a program safe, or says why it is not.
//!
//! What stands here so far is the value domain.
#![forbid(unsafe_code)]

pub mod value;
