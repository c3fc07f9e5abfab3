//! Lists that are decoded while they are walked: members, parameters, variables of a section, constants.
//!
//! A list is the words of its owner's record after the first three, and how to read one item of them.
//!
//! # Invariant
//!
//! The words are a whole number of items: `Btf::get` cuts them from a record whose length was computed from their count.

use std::fmt;

use super::{Member, Param, SecVar, TypeId, Variant};
use crate::Btf;

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
