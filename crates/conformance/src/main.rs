//! The conformance plugin.
fn main() {}
