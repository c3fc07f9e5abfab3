//! The views: what one type says, borrowed from the [`Btf`](crate::Btf) that holds it.
//!
//! # Problem
//!
//! A kernel has 130,000 types, of which most readers want a handful. Decoding them all into owned structs would cost more than
//! everything else a command does.
//!
//! # Idea
//!
//! A view is a few words decoded on the stack. Lists (members, parameters, …) stay where they are and are decoded
//! while they are walked; each list type knows its length and can be indexed, so that nobody needs to collect one.
//! [`Type`] is the enum over all views; `kind.rs` has the numbers of the format, `views.rs` one struct for each kind,
//! `list.rs` the lists.
//!
//! # Invariant
//!
//! A view is made by [`Btf::get`](crate::Btf::get) alone, from a record that was checked, and so cannot fail.

mod kind;
mod list;
mod views;

use std::fmt;

pub use kind::{IntEncoding, Kind, Linkage};
pub use list::{Members, MembersIter, Params, ParamsIter, SecVars, SecVarsIter, Variants};
pub use views::{
    Array, Composite, DataSec, DeclTag, Enum, Float, Func, FuncProto, Fwd, Int, Member, Param, SecVar,
    TypeTag, Typedef, Var, Variant,
};

/// The number of a type. 0 is `void`, which has no record; in split BTF the numbers go on where the base ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeId(pub u32);

impl TypeId {
    /// `void`.
    pub const VOID: Self = Self(0);
}

impl fmt::Display for TypeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Type<'a> {
    /// Id 0.
    Void,
    /// An integer.
    Int(Int<'a>),
    /// A pointer to the named type.
    Ptr(TypeId),
    /// An array.
    Array(Array),
    /// A struct.
    Struct(Composite<'a>),
    /// A union.
    Union(Composite<'a>),
    /// An enum of at most 32 bits.
    Enum(Enum<'a>),
    /// A forward declaration.
    Fwd(Fwd<'a>),
    /// A typedef.
    Typedef(Typedef<'a>),
    /// `volatile` of the type.
    Volatile(TypeId),
    /// `const` of the type.
    Const(TypeId),
    /// `restrict` of the type.
    Restrict(TypeId),
    /// A function.
    Func(Func<'a>),
    /// The type of a function.
    FuncProto(FuncProto<'a>),
    /// A variable.
    Var(Var<'a>),
    /// A section of variables.
    DataSec(DataSec<'a>),
    /// A floating-point number.
    Float(Float<'a>),
    /// A tag on a declaration.
    DeclTag(DeclTag<'a>),
    /// A tag on a type.
    TypeTag(TypeTag<'a>),
    /// An enum of 64 bits.
    Enum64(Enum<'a>),
}

impl<'a> Type<'a> {
    /// The kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Void => Kind::Void,
            Self::Int(_) => Kind::Int,
            Self::Ptr(_) => Kind::Ptr,
            Self::Array(_) => Kind::Array,
            Self::Struct(_) => Kind::Struct,
            Self::Union(_) => Kind::Union,
            Self::Enum(_) => Kind::Enum,
            Self::Fwd(_) => Kind::Fwd,
            Self::Typedef(_) => Kind::Typedef,
            Self::Volatile(_) => Kind::Volatile,
            Self::Const(_) => Kind::Const,
            Self::Restrict(_) => Kind::Restrict,
            Self::Func(_) => Kind::Func,
            Self::FuncProto(_) => Kind::FuncProto,
            Self::Var(_) => Kind::Var,
            Self::DataSec(_) => Kind::DataSec,
            Self::Float(_) => Kind::Float,
            Self::DeclTag(_) => Kind::DeclTag,
            Self::TypeTag(_) => Kind::TypeTag,
            Self::Enum64(_) => Kind::Enum64,
        }
    }

    /// The name; empty for anonymous types and kinds that have none.
    pub fn name(&self) -> &'a str {
        match self {
            Self::Int(t) => t.name,
            Self::Struct(t) | Self::Union(t) => t.name,
            Self::Enum(t) | Self::Enum64(t) => t.name,
            Self::Fwd(t) => t.name,
            Self::Typedef(t) => t.name,
            Self::Func(t) => t.name,
            Self::Var(t) => t.name,
            Self::DataSec(t) => t.name,
            Self::Float(t) => t.name,
            Self::DeclTag(t) => t.name,
            Self::TypeTag(t) => t.name,
            _ => "",
        }
    }

    /// The one type that this one wraps or is about: a pointer's target, a typedef's meaning, an array's element, a
    /// function's prototype, a prototype's result.
    pub fn target(&self) -> Option<TypeId> {
        match self {
            Self::Ptr(id) | Self::Volatile(id) | Self::Const(id) | Self::Restrict(id) => Some(*id),
            Self::Array(t) => Some(t.element),
            Self::Typedef(t) => Some(t.target),
            Self::Func(t) => Some(t.proto),
            Self::FuncProto(t) => Some(t.result),
            Self::Var(t) => Some(t.target),
            Self::DeclTag(t) => Some(t.target),
            Self::TypeTag(t) => Some(t.target),
            _ => None,
        }
    }

    /// Struct or union.
    pub fn as_composite(&self) -> Option<Composite<'a>> {
        match self {
            Self::Struct(t) | Self::Union(t) => Some(*t),
            _ => None,
        }
    }

    /// An enum of either width.
    pub fn as_enum(&self) -> Option<Enum<'a>> {
        match self {
            Self::Enum(t) | Self::Enum64(t) => Some(*t),
            _ => None,
        }
    }
}
