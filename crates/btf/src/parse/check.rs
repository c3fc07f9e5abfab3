//! The second pass over the types: names and references.
//!
//! It needs the number of types, which the first pass found. What it lets through, views decode without looking again:
//! every name is the start of a string, every reference a type, and a function's type is a prototype.

use crate::error::{BtfError, Section};
use crate::parse::malformed;
use crate::set::Btf;
use crate::types::{Kind, TypeId};
use crate::wire::{Info, RECORD_WORDS};

/// Second pass: names and references.
pub(super) struct Checker<'a> {
    pub(super) btf: &'a Btf,
    /// Offset of the type section, for messages.
    pub(super) section: usize,
    /// The first id that does not exist.
    pub(super) end: u32,
}

impl Checker<'_> {
    pub(super) fn check(&self) -> Result<(), BtfError> {
        for (index, start) in self.btf.starts.iter().enumerate() {
            let id = self.btf.first_id + index as u32;
            let start = *start as usize;
            let end = self.btf.starts.get(index + 1).map_or(self.btf.words.len(), |e| *e as usize);
            self.check_type(id, start, &self.btf.words[start..end])?;
        }
        Ok(())
    }

    fn check_type(&self, id: u32, at: usize, w: &[u32]) -> Result<(), BtfError> {
        self.name(id, at, w[0])?;
        let Some(kind) = Info::new(w[1]).kind else { return Ok(()) };
        match kind {
            Kind::Ptr
            | Kind::Typedef
            | Kind::Volatile
            | Kind::Const
            | Kind::Restrict
            | Kind::Var
            | Kind::DeclTag
            | Kind::TypeTag
            | Kind::FuncProto => self.reference(id, at + 2, w[2])?,
            Kind::Func => {
                self.reference(id, at + 2, w[2])?;
                self.prototype(id, at + 2, w[2])?;
            }
            Kind::Array => {
                self.reference(id, at + 3, w[3])?;
                self.reference(id, at + 4, w[4])?;
            }
            _ => {}
        }
        let tail = at + RECORD_WORDS;
        let items = &w[RECORD_WORDS..];
        match kind {
            Kind::Struct | Kind::Union => self.items::<3>(id, tail, items, Some(0), Some(1)),
            Kind::FuncProto => self.items::<2>(id, tail, items, Some(0), Some(1)),
            Kind::Enum => self.items::<2>(id, tail, items, Some(0), None),
            Kind::Enum64 => self.items::<3>(id, tail, items, Some(0), None),
            Kind::DataSec => self.items::<3>(id, tail, items, None, Some(0)),
            _ => Ok(()),
        }
    }

    /// Items of `N` words, with a name and a reference at those places.
    fn items<const N: usize>(
        &self,
        id: u32,
        at: usize,
        items: &[u32],
        name: Option<usize>,
        reference: Option<usize>,
    ) -> Result<(), BtfError> {
        for (index, item) in items.chunks_exact(N).enumerate() {
            if let Some(word) = name {
                self.name(id, at + N * index + word, item[word])?;
            }
            if let Some(word) = reference {
                self.reference(id, at + N * index + word, item[word])?;
            }
        }
        Ok(())
    }

    fn reference(&self, id: u32, word: usize, target: u32) -> Result<(), BtfError> {
        if target < self.end {
            return Ok(());
        }
        let expected = format!("a type id below {}", self.end);
        Err(malformed(Section::Types, self.section + 4 * word, Some(id), expected, format!("{target}")))
    }

    /// A function's type is a prototype and nothing else; every reader may rely on it.
    fn prototype(&self, id: u32, word: usize, target: u32) -> Result<(), BtfError> {
        let kind = self.btf.name_and_kind(TypeId(target)).map_or(Kind::Void, |(_, kind)| kind);
        if kind == Kind::FuncProto {
            return Ok(());
        }
        let at = self.section + 4 * word;
        Err(malformed(Section::Types, at, Some(id), "the id of a FUNC_PROTO", format!("{target}, a {kind}")))
    }

    fn name(&self, id: u32, word: usize, offset: u32) -> Result<(), BtfError> {
        let ok = match offset.checked_sub(self.btf.first_string) {
            Some(own) if (own as usize) < self.btf.strings.len() => {
                self.btf.strings.is_char_boundary(own as usize)
            }
            // A split BTF without strings of its own may still say "no name".
            Some(_) => false,
            None => self.btf.base.as_ref().is_some_and(|base| base.string(offset).is_some()),
        };
        if ok {
            return Ok(());
        }
        let expected =
            format!("a name offset below {:#x}, at the start of a character", self.btf.strings_end());
        Err(malformed(Section::Types, self.section + 4 * word, Some(id), expected, format!("{offset:#x}")))
    }
}
