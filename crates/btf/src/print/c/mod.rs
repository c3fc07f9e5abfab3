//! A header like the well-known `vmlinux.h`.
//!
//! # Idea
//!
//! BTF says where each member lies and how large each struct is, but not what attributes made it so. The printer lays out
//! every struct as C would and, where BTF disagrees, says so in C: `packed` if a member lies where its type may not or
//! the size is no multiple of the alignment, otherwise unnamed bit-fields in the gaps. A struct's alignment in C is then that
//! of [`Btf::align_of`] and never more, which is what makes the same reasoning right for the struct around it.
//!
//! # Invariant
//!
//! Every struct and member has in C the size and offset it has in BTF. The tests compile an assertion for each.

mod base;
mod body;

use std::collections::HashSet;
use std::io::{self, Write};

use crate::layout::Alignments;
use crate::print::names::Names;
use crate::print::order::Written;
use crate::set::Btf;
use crate::types::*;

/// Most members and parameters, anonymous types' included, of one definition. The kernel's largest has about 1,000.
const MAX_PARTS: u32 = 1 << 20;
/// Names that are keywords since C23.
const KEYWORDS_IN_C23: [&str; 3] = ["bool", "true", "false"];
const BEFORE_C23: &str = "#if !defined(__STDC_VERSION__) || __STDC_VERSION__ < 202311L\n";

/// Writes a C header with the given types and all they need, or with all types. It has an include guard, and marks all
/// records for CO-RE unless `BPF_NO_PRESERVE_ACCESS_INDEX` is defined.
///
/// Functions and variables are left out. Fails if writing does, and with [`io::ErrorKind::InvalidData`] on types that nest as no
/// compiler's do.
pub fn c(btf: &Btf, roots: Option<&[TypeId]>, out: &mut dyn Write) -> io::Result<()> {
    let mut printer = Printer::new(btf, out);
    printer.out.write_all(
        b"#ifndef __VMLINUX_H__\n#define __VMLINUX_H__\n\n\
          #ifndef BPF_NO_PRESERVE_ACCESS_INDEX\n\
          #pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)\n#endif\n\n",
    )?;
    match roots {
        Some(roots) => roots.iter().try_for_each(|id| printer.root(*id))?,
        None => (1..btf.len() as u32).try_for_each(|id| printer.root(TypeId(id)))?,
    }
    printer.out.write_all(
        b"#ifndef BPF_NO_PRESERVE_ACCESS_INDEX\n#pragma clang attribute pop\n#endif\n\n#endif /* __VMLINUX_H__ */\n",
    )
}

pub(super) struct Printer<'a> {
    pub(super) btf: &'a Btf,
    pub(super) out: &'a mut dyn Write,
    pub(super) names: Names,
    alignments: Alignments,
    written: Vec<Written>,
    /// Types for which `struct name;` was written, by tag.
    pub(super) forwards: HashSet<TypeId>,
    /// Anonymous enums that something refers to: they are written there.
    used_enums: HashSet<TypeId>,
    /// See [`Printer::spend`].
    left: u32,
}

impl<'a> Printer<'a> {
    pub(super) fn new(btf: &'a Btf, out: &'a mut dyn Write) -> Self {
        let mut used = HashSet::new();
        for (_, ty) in btf.types() {
            used.extend(ty.target());
            used.extend(ty.as_composite().into_iter().flat_map(|c| c.members).map(|m| m.type_id));
            if let Type::FuncProto(proto) = ty {
                used.extend(proto.params.iter().map(|p| p.type_id));
            }
        }
        used.retain(|id| btf.get(*id).and_then(|t| t.as_enum()).is_some());
        Self {
            btf,
            out,
            names: Names::new(btf),
            alignments: Alignments::default(),
            written: vec![Written::Nothing; btf.len()],
            forwards: HashSet::new(),
            used_enums: used,
            left: MAX_PARTS,
        }
    }

    pub(super) fn written(&self, id: TypeId) -> Written {
        self.written.get(id.0 as usize).copied().unwrap_or(Written::Complete)
    }

    pub(super) fn set_written(&mut self, id: TypeId, state: Written) {
        if let Some(slot) = self.written.get_mut(id.0 as usize) {
            *slot = state;
        }
    }

    /// Counts down what one definition may hold. Anonymous types are repeated wherever they are used, so a few dozen records
    /// could otherwise ask for more text than there is memory.
    pub(super) fn spend(&mut self) -> io::Result<()> {
        self.left = self.left.saturating_sub(1);
        if self.left > 0 {
            return Ok(());
        }
        let message =
            format!("BTF types: expected at most {MAX_PARTS} members and parameters in one type, found more");
        Err(io::Error::new(io::ErrorKind::InvalidData, message))
    }

    /// Writes a type that is asked for by itself.
    fn root(&mut self, id: TypeId) -> io::Result<()> {
        self.left = MAX_PARTS;
        match self.btf.get(id) {
            Some(Type::Struct(t) | Type::Union(t)) if t.name.is_empty() => Ok(()),
            Some(Type::Struct(_) | Type::Union(_)) => self.complete(id, 0),
            Some(Type::Enum(t) | Type::Enum64(t)) if t.name.is_empty() => {
                if self.used_enums.contains(&id) || t.variants.is_empty() {
                    Ok(())
                } else {
                    self.write_enum(id)
                }
            }
            Some(Type::Enum(_) | Type::Enum64(_) | Type::Typedef(_) | Type::Fwd(_)) => self.declare(id, 0),
            _ => Ok(()),
        }
    }

    pub(super) fn write_forward(&mut self, id: TypeId) -> io::Result<()> {
        write!(self.out, "{} {};\n\n", self.keyword(id), self.names.of(self.btf, id))
    }

    pub(super) fn write_typedef(&mut self, id: TypeId) -> io::Result<()> {
        let Some(Type::Typedef(t)) = self.btf.get(id) else { return Ok(()) };
        let name = self.names.of(self.btf, id).to_owned();
        let text = format!("typedef {};\n", self.declaration(t.target, &name, 0, 0)?);
        self.write_guarded(KEYWORDS_IN_C23.contains(&t.name), &text)
    }

    pub(super) fn write_enum(&mut self, id: TypeId) -> io::Result<()> {
        let Some(view) = self.btf.get(id).and_then(|t| t.as_enum()) else { return Ok(()) };
        let space = if view.name.is_empty() { "" } else { " " };
        let name = self.names.of(self.btf, id).to_owned();
        let text = format!("enum{space}{name} {};\n", self.enum_body(id, 0));
        self.write_guarded(view.variants.iter().any(|v| KEYWORDS_IN_C23.contains(&v.name)), &text)
    }

    fn write_guarded(&mut self, guarded: bool, text: &str) -> io::Result<()> {
        let (before, after) = if guarded { (BEFORE_C23, "#endif\n") } else { ("", "") };
        writeln!(self.out, "{before}{text}{after}")
    }

    pub(super) fn write_composite(&mut self, id: TypeId) -> io::Result<()> {
        let name = self.names.of(self.btf, id).to_owned();
        self.left = MAX_PARTS;
        let body = self.body(id, 0, 0)?;
        write!(self.out, "{} {name} {body};\n\n", self.keyword(id))
    }
}
