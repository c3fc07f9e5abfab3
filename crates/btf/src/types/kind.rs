//! The numbers of the format: kinds, the encodings of integers, linkage.
//!
//! Each is the format's own number with a name, so that what a newer tool wrote can still be shown as it stands.

use std::fmt;

use crate::numbered::numbered;

numbered! {
    /// What a type is, with the numbers of the format.
    Kind;
    /// The name in capitals as the kernel's header has it, without the prefix: `STRUCT`.
    name;
    /// The kind of that number; `None` for 20 and above.
    from_number;
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
