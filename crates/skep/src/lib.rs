//! The facade.

pub mod capture;
