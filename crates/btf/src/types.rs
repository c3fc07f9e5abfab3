//! The views: what one type says, borrowed from the [`Btf`] that holds it.
//!
//! A view is a few words decoded on the stack. Lists (members, parameters, …) stay where they are and are decoded
//! while they are walked; each list type knows its length and can be indexed, so that nobody needs to collect one.

use std::fmt;

use crate::Btf;

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

macro_rules! kinds {
    ($($variant:ident = $number:literal, $name:literal, $doc:literal;)*) => {
        /// What a type is, with the numbers of the format.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Kind { $(#[doc = $doc] $variant = $number,)* }

        impl Kind {
            /// Every kind, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name in capitals as the kernel's header has it, without the prefix: `STRUCT`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The kind of that number; `None` for 20 and above.
            pub const fn from_number(number: u32) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

kinds! {
    Void = 0, "VOID", "No type; only id 0 is of this kind.";
    Int = 1, "INT", "An integer, `char` or `bool`.";
    Ptr = 2, "PTR", "A pointer.";
    Array = 3, "ARRAY", "An array of fixed length; length 0 is also how a flexible array looks.";
    Struct = 4, "STRUCT", "A struct.";
    Union = 5, "UNION", "A union.";
    Enum = 6, "ENUM", "An enum of at most 32 bits.";
    Fwd = 7, "FWD", "A struct or union that is only declared.";
    Typedef = 8, "TYPEDEF", "Another name of a type.";
    Volatile = 9, "VOLATILE", "The `volatile` qualifier.";
    Const = 10, "CONST", "The `const` qualifier.";
    Restrict = 11, "RESTRICT", "The `restrict` qualifier.";
    Func = 12, "FUNC", "A function; its type is a [`Kind::FuncProto`].";
    FuncProto = 13, "FUNC_PROTO", "The type of a function.";
    Var = 14, "VAR", "A global variable.";
    DataSec = 15, "DATASEC", "A section of variables.";
    Float = 16, "FLOAT", "A floating-point number.";
    DeclTag = 17, "DECL_TAG", "`btf_decl_tag(\"…\")` on a declaration.";
    TypeTag = 18, "TYPE_TAG", "`btf_type_tag(\"…\")` on a pointer's target.";
    Enum64 = 19, "ENUM64", "An enum of 64 bits.";
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How the bits of an integer are meant. At most one is set by the compilers in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct IntEncoding(pub u8);

impl IntEncoding {
    /// A plain unsigned number.
    pub const UNSIGNED: Self = Self(0);
    /// Two's complement.
    pub const SIGNED: Self = Self(1);
    /// Text; clang and pahole leave it unset for `char`, so do not rely on it.
    pub const CHAR: Self = Self(2);
    /// 0 or 1.
    pub const BOOL: Self = Self(4);

    /// Is it two's complement?
    pub const fn is_signed(self) -> bool {
        self.0 & Self::SIGNED.0 != 0
    }
    /// Is it marked as text?
    pub const fn is_char(self) -> bool {
        self.0 & Self::CHAR.0 != 0
    }
    /// Is it a truth value?
    pub const fn is_bool(self) -> bool {
        self.0 & Self::BOOL.0 != 0
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

/// Who sees a function or variable. The numbers are the format's, which both kinds share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Linkage(pub u32);

impl Linkage {
    /// This file alone.
    pub const STATIC: Self = Self(0);
    /// Defined here, seen by all.
    pub const GLOBAL: Self = Self(1);
    /// Defined elsewhere.
    pub const EXTERN: Self = Self(2);
}

impl fmt::Display for Linkage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::STATIC => f.write_str("static"),
            Self::GLOBAL => f.write_str("global"),
            Self::EXTERN => f.write_str("extern"),
            Self(other) => write!(f, "{other}"),
        }
    }
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

/// Defines a list that is decoded while it is walked: `$words` words make one `$item`.
macro_rules! list {
    ($(#[$doc:meta])* $list:ident, $iter:ident, $item:ty, $words:literal, $decode:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $list<'a> {
            #[allow(dead_code, reason = "the items of a section have no names")]
            pub(crate) btf: &'a Btf,
            /// A multiple of the item's size, by construction in `Btf::get`.
            pub(crate) words: &'a [u32],
            /// The owning type's kind flag and kind, which some items depend on.
            pub(crate) flag: bool,
        }

        impl<'a> $list<'a> {
            /// How many there are.
            pub fn len(&self) -> usize {
                self.words.len() / $words
            }
            /// Are there none?
            pub fn is_empty(&self) -> bool {
                self.words.is_empty()
            }
            /// The one at that index, if there are so many.
            pub fn get(&self, index: usize) -> Option<$item> {
                let start = index.checked_mul($words)?;
                let words = self.words.get(start..start.checked_add($words)?)?;
                let decode: fn(&Self, &[u32]) -> $item = $decode;
                Some(decode(self, words))
            }
            /// All, in order.
            pub fn iter(&self) -> $iter<'a> {
                $iter { list: *self, at: 0 }
            }
        }

        impl<'a> IntoIterator for $list<'a> {
            type Item = $item;
            type IntoIter = $iter<'a>;
            fn into_iter(self) -> $iter<'a> {
                self.iter()
            }
        }

        impl PartialEq for $list<'_> {
            /// By content: lists of different BTFs are equal if their names, ids and numbers are.
            fn eq(&self, other: &Self) -> bool {
                self.flag == other.flag && self.len() == other.len() && self.iter().eq(other.iter())
            }
        }

        impl fmt::Debug for $list<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_list().entries(self.iter()).finish()
            }
        }

        /// Walks the list of the same name.
        #[derive(Clone)]
        pub struct $iter<'a> {
            list: $list<'a>,
            at: usize,
        }

        impl<'a> Iterator for $iter<'a> {
            type Item = $item;
            fn next(&mut self) -> Option<$item> {
                let item = self.list.get(self.at)?;
                self.at += 1;
                Some(item)
            }
            fn size_hint(&self) -> (usize, Option<usize>) {
                let left = self.list.len().saturating_sub(self.at);
                (left, Some(left))
            }
        }

        impl ExactSizeIterator for $iter<'_> {}
    };
}

list! {
    /// The members of a struct or union.
    Members, MembersIter, Member<'a>, 3, |list, w| {
        // With the kind flag the offset word holds a bit-field's width in its top byte.
        let (bit_offset, bit_size) = if list.flag { (w[2] & 0xff_ffff, (w[2] >> 24) as u8) } else { (w[2], 0) };
        Member { name: list.btf.name_at(w[0]), type_id: TypeId(w[1]), bit_offset, bit_size }
    }
}

impl Members<'_> {
    /// Does the type carry the kind flag, which turns offset words into width and offset? Tools set it if any member
    /// is a bit-field.
    pub fn has_bit_fields(&self) -> bool {
        self.flag
    }
}

list! {
    /// The parameters of a function type.
    Params, ParamsIter, Param<'a>, 2, |list, w| Param { name: list.btf.name_at(w[0]), type_id: TypeId(w[1]) }
}

list! {
    /// What lies in a section.
    SecVars, SecVarsIter, SecVar, 3, |_, w| SecVar { type_id: TypeId(w[0]), offset: w[1], size: w[2] }
}

/// The constants of an enum of either width.
#[derive(Clone, Copy)]
pub struct Variants<'a> {
    pub(crate) btf: &'a Btf,
    pub(crate) words: &'a [u32],
    pub(crate) signed: bool,
    /// Three words each rather than two.
    pub(crate) wide: bool,
}

impl<'a> Variants<'a> {
    fn stride(&self) -> usize {
        if self.wide { 3 } else { 2 }
    }
    /// How many there are.
    pub fn len(&self) -> usize {
        self.words.len() / self.stride()
    }
    /// Are there none? So looks an enum that is only declared.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }
    /// The one at that index, if there are so many.
    pub fn get(&self, index: usize) -> Option<Variant<'a>> {
        let start = index.checked_mul(self.stride())?;
        let w = self.words.get(start..start.checked_add(self.stride())?)?;
        let value = match (self.wide, self.signed) {
            (true, _) => u64::from(w[1]) | u64::from(w[2]) << 32,
            (false, true) => i64::from(w[1] as i32) as u64,
            (false, false) => u64::from(w[1]),
        };
        Some(Variant { name: self.btf.name_at(w[0]), value })
    }
    /// All, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Variant<'a>> + Clone + use<'a> {
        let list = *self;
        (0..list.len()).map(move |i| list.get(i).unwrap_or(Variant { name: "", value: 0 }))
    }
}

impl PartialEq for Variants<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.signed == other.signed && self.wide == other.wide && self.iter().eq(other.iter())
    }
}

impl fmt::Debug for Variants<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
