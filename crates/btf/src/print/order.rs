//! Which type must stand before which.
//!
//! A struct by value and an array's element must be complete; a struct behind a pointer need only be declared; a
//! typedef must be written before it is named at all. So each type is asked for in one of two strengths, and asking writes
//! what is missing, depth first. A struct that is asked for weakly while it is being completed is declared: that is how
//! lists that point at themselves come out.

use std::io;

use super::c::Printer;
use crate::MAX_DEPTH;
use crate::types::{Composite, Kind, Type, TypeId};

/// How deep one request may cause others. The kernel's deepest is below 100.
const MAX_NESTING: usize = 1000;

/// What has been written of a named type.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Written {
    /// At most `struct name;`.
    Nothing,
    /// Its dependencies are being written.
    InProgress,
    /// All of it.
    Complete,
}

impl Printer<'_> {
    /// Makes sure the type may be used where its size matters.
    pub(super) fn complete(&mut self, id: TypeId, nesting: usize) -> io::Result<()> {
        self.check(nesting)?;
        let mut id = id;
        for _ in 0..MAX_DEPTH {
            match self.btf.get(id) {
                Some(Type::Typedef(t)) => {
                    self.declare(id, nesting + 1)?;
                    id = t.target;
                }
                Some(Type::Const(to) | Type::Volatile(to) | Type::Restrict(to)) => id = to,
                Some(Type::TypeTag(t)) => id = t.target,
                Some(Type::Array(t)) => id = t.element,
                Some(Type::Struct(t) | Type::Union(t)) if !t.name.is_empty() => {
                    return self.complete_named(id, &t, nesting);
                }
                _ => return self.declare(id, nesting + 1),
            }
        }
        Ok(())
    }

    fn complete_named(&mut self, id: TypeId, composite: &Composite<'_>, nesting: usize) -> io::Result<()> {
        if self.written(id) >= Written::InProgress {
            return Ok(());
        }
        self.set_written(id, Written::InProgress);
        self.complete_members(composite, nesting + 1)?;
        self.write_composite(id)?;
        self.set_written(id, Written::Complete);
        Ok(())
    }

    fn complete_members(&mut self, composite: &Composite<'_>, nesting: usize) -> io::Result<()> {
        composite.members.iter().try_for_each(|member| {
            // A named struct without a member name is written in place, so what it holds must be there first.
            self.complete(member.type_id, nesting + 1)
        })
    }

    /// Makes sure the type may be named.
    pub(super) fn declare(&mut self, id: TypeId, nesting: usize) -> io::Result<()> {
        self.check(nesting)?;
        let next = nesting + 1;
        let Some(ty) = self.btf.get(id) else { return Ok(()) };
        match ty {
            Type::Ptr(to) | Type::Const(to) | Type::Volatile(to) | Type::Restrict(to) => {
                self.declare(to, next)
            }
            Type::TypeTag(t) => self.declare(t.target, next),
            Type::Array(t) => self.complete(t.element, next),
            Type::FuncProto(t) => {
                // Once is enough, and functions may take each other.
                if self.written(id) != Written::Nothing {
                    return Ok(());
                }
                self.set_written(id, Written::Complete);
                self.declare(t.result, next)?;
                t.params.iter().try_for_each(|p| self.declare(p.type_id, next))
            }
            Type::Struct(t) | Type::Union(t) if t.name.is_empty() => self.inline(id, &t, next),
            Type::Struct(_) | Type::Union(_) | Type::Fwd(_) => self.forward(id),
            Type::Enum(t) | Type::Enum64(t) if !t.name.is_empty() => {
                if self.written(id) != Written::Complete {
                    self.set_written(id, Written::Complete);
                    self.write_enum(id)?;
                }
                Ok(())
            }
            Type::Typedef(t) => {
                if self.written(id) >= Written::InProgress {
                    return Ok(());
                }
                self.set_written(id, Written::InProgress);
                self.declare(t.target, next)?;
                self.write_typedef(id)?;
                self.set_written(id, Written::Complete);
                Ok(())
            }
            Type::Int(_) | Type::Float(_) => {
                if self.written(id) != Written::Complete {
                    self.set_written(id, Written::Complete);
                    self.write_base(id)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// An anonymous struct is written where it is used, as often as it is used; what it needs is asked for once.
    fn inline(&mut self, id: TypeId, composite: &Composite<'_>, nesting: usize) -> io::Result<()> {
        if self.written(id) != Written::Nothing {
            return Ok(());
        }
        self.set_written(id, Written::InProgress);
        self.complete_members(composite, nesting)?;
        self.set_written(id, Written::Complete);
        Ok(())
    }

    fn forward(&mut self, id: TypeId) -> io::Result<()> {
        if self.written(id) == Written::Complete || !self.forwards.insert(id) {
            return Ok(());
        }
        self.write_forward(id)
    }

    fn check(&self, nesting: usize) -> io::Result<()> {
        if nesting < MAX_NESTING {
            return Ok(());
        }
        let message = format!("BTF types: expected at most {MAX_NESTING} levels of dependencies, found more");
        Err(io::Error::new(io::ErrorKind::InvalidData, message))
    }

    /// The keyword before a tag.
    pub(super) fn keyword(&self, id: TypeId) -> &'static str {
        match self.btf.get(id) {
            Some(Type::Union(_)) => "union",
            Some(Type::Fwd(t)) if t.is_union => "union",
            Some(ty) if matches!(ty.kind(), Kind::Enum | Kind::Enum64) => "enum",
            _ => "struct",
        }
    }
}
