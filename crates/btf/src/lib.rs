//! The BPF Type Format: the compact description of C types that compilers leave in eBPF objects and that the
//! kernel publishes about itself.
//!
//! # Problem
//!
//! Nearly everything else in this house asks BTF something: the loader where a field lies in *this* kernel, the
//! verifier what a pointer points to, the command line how to show a map's value. The kernel's own BTF is
//! 5.5 MB with 130,000 types, and it is read at the start of most commands, so reading it has to be nearly free.
//!
//! # Idea
//!
//! Every field of the type section is a 32-bit word, so a [`Btf`] keeps that section as native words, one table
//! with the position of each type, and the strings as one `str`. Types are decoded on demand into the borrowed views of
//! [`Type`]; nothing is allocated per type. The index of names is made at the first look-up.
//!
//! # Invariants
//!
//! * A `Btf` exists only after every length, name offset and type reference in it was checked; the views rely on
//!   that and cannot fail.
//! * References may still form cycles that C could not (a typedef of itself, a struct inside itself). Everything that
//!   follows references counts its steps: [`MAX_DEPTH`].
//!
//! # Where to look
//!
//! | module | what |
//! |---|---|
//! | [`types`] | the views: one struct for each kind |
//! | [`Builder`] | the writer |
//! | [`mod@print`] | as C header, as one line a type, as JSON |
//! | [`value`] | bytes of a type as a tree of values, and back |
//! | [`core`] | CO-RE: where a field of the program's types is in another kernel's |
//! | [`elf`] | the section of an ELF file that holds BTF |
//! | [`merge()`] | several BTFs into one, for static linking |
//!
//! ```
//! use skep_btf::{Btf, Builder, IntEncoding, Kind, Type};
//!
//! let mut builder = Builder::new();
//! let int = builder.int("int", 4, IntEncoding::SIGNED);
//! builder.structure("point", 8, &[("x", int, 0), ("y", int, 32)]);
//! let btf = Btf::parse(&builder.build()).unwrap();
//!
//! let point = btf.find("point", Kind::Struct).unwrap();
//! let Some(Type::Struct(point)) = btf.get(point) else { panic!() };
//! assert_eq!(point.members.iter().map(|m| m.name).collect::<Vec<_>>(), ["x", "y"]);
//! ```
#![forbid(unsafe_code)]

mod build;
pub mod core;
pub mod elf;
mod error;
mod layout;
mod lookup;
mod merge;
mod numbered;
mod parse;
pub mod print;
mod set;
pub mod types;
pub mod value;
mod wire;

#[cfg(test)]
mod tests;

pub use build::Builder;
pub use error::{BtfError, Malformed, Section};
pub use lookup::essential_name;
pub use merge::{Merged, merge};
pub use set::Btf;
pub use types::{
    Array, Composite, DataSec, DeclTag, Enum, Float, Func, FuncProto, Fwd, Int, IntEncoding, Kind, Linkage,
    Member, Members, Param, Params, SecVar, SecVars, Type, TypeId, TypeTag, Typedef, Var, Variant, Variants,
};
pub use wire::ByteOrder;

/// How many references are followed in a row before a chain counts as endless. The longest chain of typedefs and
/// qualifiers in any kernel seen is below 10; Linux itself stops at 32.
pub const MAX_DEPTH: usize = 32;
