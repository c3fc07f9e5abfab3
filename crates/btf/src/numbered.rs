//! One declaration for an enum whose variants have numbers in the format and names that people know.

/// Declares the enum with `ALL`, `name` and `from_number`, and shows it by its name. The docs of the two methods are
/// given, since what numbers there are and where the names come from differs.
macro_rules! numbered {
    (
        $(#[$doc:meta])* $enum:ident;
        $(#[$name_doc:meta])* name;
        $(#[$number_doc:meta])* from_number;
        $($variant:ident = $number:literal, $name:literal, $variant_doc:literal;)*
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $enum { $(#[doc = $variant_doc] $variant = $number,)* }

        impl $enum {
            /// Every kind, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            $(#[$name_doc])*
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            $(#[$number_doc])*
            pub const fn from_number(number: u32) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)* _ => None }
            }
        }

        impl std::fmt::Display for $enum {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

pub(crate) use numbered;
