//! eBPF objects as compilers emit them: an ELF file in, plain data out.
//!
//! An object file holds programs, the maps they share, type information and holes that only the machine it runs on can
//! fill. [`Object::parse`] reads all but the holes, and is *deterministic*: the same bytes give the same value
//! everywhere. [`Program::relocate`] fills the holes from what the caller says about the machine ([`Environment`]): the
//! kernel's types, its configuration, its symbols.
//!
//! ```text
//!  bytes ─► elf ─► sections ─► maps, programs, externs ─► Object ─► relocate ─► instructions
//! ```
//!
//! What clang 14 to 19, GCC and rustc emit is understood, and the legacy `maps` section that current libbpf refuses.
//! Any bytes may be given: the answer is an object or a one-line [`ObjectError`], in memory bounded by the file's size.
#![forbid(unsafe_code)]

mod elf;
mod error;
mod limits;
mod link;
mod maps;
mod model;
mod parse;
mod relocate;
mod sections;
#[cfg(test)]
mod tests;

pub use error::{ObjectError, Place, Problem};
pub use maps::special_fields;
pub use model::*;
pub use relocate::{
    Environment, Kconfig, KernelFunction, KernelVariable, NoSymbols, Poison, Reason, RelocateError,
    Relocated, Symbols, Target,
};
pub use sections::{AttachTarget, ProgramKind};
pub use skep_isa::ByteOrder;

/// Links relocatable objects into one that this crate and libbpf accept. Each input is a name for messages and its bytes.
pub use link::{LinkError, link};
