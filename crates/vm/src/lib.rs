//! The user engine.
