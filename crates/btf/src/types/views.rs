//! One struct for each kind of type, with the fields that the format gives it.
//!
//! Names are borrowed from the string section and empty where the format has none. References are ids rather than views: who
//! follows one decides how deep.

use super::{IntEncoding, Linkage, Members, Params, SecVars, TypeId, Variants};

/// An integer type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Int<'a> {
    /// `unsigned int`, …
    pub name: &'a str,
    /// Bytes it takes in memory.
    pub size: u32,
    /// Bits that carry the value; less than `8 * size` only in BTF from old tools.
    pub bits: u8,
    /// First bit, for the same old tools.
    pub bit_offset: u8,
    /// What the bits mean.
    pub encoding: IntEncoding,
}

/// An array type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Array {
    /// Type of an element.
    pub element: TypeId,
    /// Type of the index; of no consequence.
    pub index: TypeId,
    /// Number of elements; 0 also for flexible arrays.
    pub len: u32,
}

/// A struct or union.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Composite<'a> {
    /// Empty if anonymous.
    pub name: &'a str,
    /// Bytes, with padding.
    pub size: u32,
    /// The members, in the order of the source.
    pub members: Members<'a>,
}

/// A member of a struct or union.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// Empty for an anonymous struct or union.
    pub name: &'a str,
    /// Its type; of a bit-field, the declared one.
    pub type_id: TypeId,
    /// Bits from the start of the struct.
    pub bit_offset: u32,
    /// Width of a bit-field; 0 if it is none.
    pub bit_size: u8,
}

/// An enum of either width.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Enum<'a> {
    /// Empty if anonymous.
    pub name: &'a str,
    /// Bytes: 1, 2, 4 or 8.
    pub size: u32,
    /// Are its values signed? Old compilers never say so.
    pub signed: bool,
    /// The constants, in the order of the source.
    pub variants: Variants<'a>,
}

/// A constant of an enum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variant<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its value, sign- or zero-extended to 64 bits as the enum's signedness says. Read it with `as i64` if signed.
    pub value: u64,
}

/// A struct or union of which only the name is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fwd<'a> {
    /// Its name.
    pub name: &'a str,
    /// A union rather than a struct?
    pub is_union: bool,
}

/// A typedef.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Typedef<'a> {
    /// The new name.
    pub name: &'a str,
    /// What it stands for.
    pub target: TypeId,
}

/// A function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Func<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its [`FuncProto`].
    pub proto: TypeId,
    /// Who sees it. pahole writes static for all of the kernel's.
    pub linkage: Linkage,
}

/// The type of a function.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FuncProto<'a> {
    /// What it returns.
    pub result: TypeId,
    /// Its parameters. The last one has type 0 and no name if the function takes more (`...`).
    pub params: Params<'a>,
}

/// A parameter of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param<'a> {
    /// Often empty.
    pub name: &'a str,
    /// Its type.
    pub type_id: TypeId,
}

/// A global variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Var<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its type.
    pub target: TypeId,
    /// Who sees it.
    pub linkage: Linkage,
}

/// A section with variables (or functions, in `.ksyms`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DataSec<'a> {
    /// `.data`, `.maps`, …
    pub name: &'a str,
    /// Bytes; compilers leave 0 for the loader to fill in from the ELF section.
    pub size: u32,
    /// What lies in it.
    pub vars: SecVars<'a>,
}

/// A variable's place in its section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecVar {
    /// A [`Var`] or [`Func`].
    pub type_id: TypeId,
    /// Bytes from the section's start; compilers leave 0 for the loader to fill in from the symbol.
    pub offset: u32,
    /// Bytes.
    pub size: u32,
}

/// A floating-point type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Float<'a> {
    /// `double`, …
    pub name: &'a str,
    /// Bytes: 2, 4, 8, 12 or 16.
    pub size: u32,
}

/// A tag on a declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeclTag<'a> {
    /// The text of the tag.
    pub name: &'a str,
    /// The tagged struct, function, variable or typedef.
    pub target: TypeId,
    /// Which member or parameter; `None` if the tag is on the whole.
    pub component: Option<u32>,
    /// The text is a whole `__attribute__` rather than a `btf_decl_tag` (kind flag, since 6.15).
    pub attribute: bool,
}

/// A tag on a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeTag<'a> {
    /// The text of the tag: `rcu`, `user`, …
    pub name: &'a str,
    /// The tagged type.
    pub target: TypeId,
    /// The text is a whole `__attribute__` rather than a `btf_type_tag` (kind flag, since 6.15).
    pub attribute: bool,
}
