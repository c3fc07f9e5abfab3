//! Limits that keep memory bounded whatever a file says. A parsed object is otherwise at most some small factor larger
//! than the file.

/// Slots of one program with all that it reaches: what Linux accepts from a privileged user.
pub(crate) const PROGRAM_SLOTS: usize = 1_000_000;

/// Slots of all programs together. Functions are copied into each program that reaches them, so the sum is not bounded
/// by the file's size alone.
pub(crate) const OBJECT_SLOTS: usize = 1 << 23;

/// How deep types are followed: through typedefs and nested structs when looking for special fields and map
/// attributes. Types may form cycles.
pub(crate) const TYPE_DEPTH: usize = 32;

/// Special fields of one value; Linux allows 11, and an array of structs could ask for billions.
pub(crate) const SPECIAL_FIELDS: usize = 64;
