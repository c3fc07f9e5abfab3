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

use std::collections::HashSet;
use std::io::{self, Write};

use super::names::{Names, identifier};
use super::order::Written;
use super::raw::variant_value;
use crate::layout::Alignments;
use crate::parse::Btf;
use crate::types::*;

/// Gaps from this many bits on are a named array instead of a column of unnamed bit-fields.
const LARGE_GAP: u64 = 8 * 512;
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

    /// Integers and floats that C has no name for get one.
    pub(super) fn write_base(&mut self, id: TypeId) -> io::Result<()> {
        let name = self.base_name(id);
        match self.btf.get(id) {
            Some(Type::Int(t)) if !is_c_integer(t.name) => {
                let sign = if t.encoding.is_signed() { "signed" } else { "unsigned" };
                let base = match t.size {
                    1 if t.encoding.is_bool() => "_Bool",
                    1 => "char",
                    2 => "short",
                    4 => "int",
                    8 => "long long",
                    16 => "__int128",
                    other => return write!(self.out, "typedef struct {{ char b[{other}]; }} {name};\n\n"),
                };
                let sign = if base == "_Bool" { "" } else { sign };
                write!(self.out, "typedef {sign} {base} {name};\n\n")
            }
            Some(Type::Float(t)) if !is_c_float(&t) => {
                // 16 bytes or an unknown name: nothing eBPF can compute with, only something to skip over.
                let align = if t.size.is_power_of_two() { t.size.min(16) } else { 1 };
                let attribute = format!("__attribute__((aligned({align})))");
                write!(self.out, "typedef struct {{ char b[{}]; }} {attribute} {name};\n\n", t.size)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn base_name(&self, id: TypeId) -> String {
        match self.btf.get(id) {
            Some(Type::Int(t)) if is_c_integer(t.name) => t.name.to_owned(),
            Some(Type::Float(t)) if is_c_float(&t) => t.name.to_owned(),
            // Two integers of one name may differ, and the name may be a typedef's too.
            _ => format!("__btf_{}_{}", identifier(self.btf.name_of(id)), id),
        }
    }

    /// The constants in braces, and the attribute that gives the enum its size.
    pub(super) fn enum_body(&mut self, id: TypeId, indent: usize) -> String {
        let Some(view) = self.btf.get(id).and_then(|t| t.as_enum()) else { return String::new() };
        let tabs = "\t".repeat(indent);
        let mut text = String::from("{\n");
        let mut fits_int = true;
        for variant in view.variants.iter() {
            let name = self.names.constant(variant.name);
            let value = variant_value(&view, variant.value);
            let small = if view.signed {
                i32::try_from(variant.value as i64).is_ok()
            } else {
                variant.value >> 32 == 0
            };
            fits_int &= small;
            let suffix = if small {
                ""
            } else if view.signed {
                "LL"
            } else {
                "ULL"
            };
            // The smallest number cannot be written as such: the minus is an operator.
            let value = if value == i64::MIN.to_string() {
                "(-9223372036854775807LL - 1)".into()
            } else {
                value + suffix
            };
            text += &format!("{tabs}\t{name} = {value},\n");
        }
        if view.variants.is_empty() {
            // C has no enum without constants.
            text += &format!("{tabs}\t__btf_enum_{id} = 0,\n");
        }
        text += &tabs;
        text.push('}');
        text += match view.size {
            1 => " __attribute__((mode(byte)))",
            2 => " __attribute__((mode(HI)))",
            8 if fits_int => " __attribute__((mode(word)))",
            _ => "",
        };
        text
    }

    /// The members in braces, with the padding they need, and `packed` if they need that.
    pub(super) fn body(&mut self, id: TypeId, indent: usize, depth: usize) -> io::Result<String> {
        let Some(ty) = self.btf.get(id) else { return Ok(String::new()) };
        let (Some(composite), is_union) = (ty.as_composite(), ty.kind() == Kind::Union) else {
            return Ok(String::new());
        };
        let align = u64::from(self.alignments.of(self.btf, id).unwrap_or(1));
        let packed = align == 1 && self.wants_alignment(&composite);
        let end = 8 * u64::from(composite.size);
        let mut text = Lines { text: String::from("{\n"), indent: indent + 1 };
        let mut at = 0;
        let mut largest = 0;
        for member in composite.members {
            let Some(size) = self.member_bits(&member) else { continue };
            let start = u64::from(member.bit_offset);
            let own =
                if packed { 1 } else { self.alignments.of(self.btf, member.type_id).unwrap_or(1).into() };
            // Where C would put it: a bit-field at the next bit, anything else at its alignment.
            let natural = if member.bit_size != 0 { at } else { u64::next_multiple_of(at, 8 * own) };
            if !is_union && start > natural {
                text.pad(at, start);
            }
            let line = self.member(&member, indent + 1, depth)?;
            text.line(&line);
            at = if is_union { 0 } else { start + size };
            largest = largest.max(size);
        }
        if is_union && largest.next_multiple_of(8 * align) < end {
            text.line(&format!("char __btf_size[{}]", composite.size));
        } else if !is_union && at.next_multiple_of(8 * align) < end {
            text.pad(at, end);
        }
        let Lines { mut text, .. } = text;
        text += &"\t".repeat(indent);
        text.push('}');
        if packed {
            text += " __attribute__((packed))";
        }
        Ok(text)
    }

    /// Would C align it to more than a byte if not told otherwise?
    fn wants_alignment(&mut self, composite: &Composite<'_>) -> bool {
        composite.members.iter().any(|m| self.alignments.of(self.btf, m.type_id).is_some_and(|a| a > 1))
    }

    /// Bits a member takes; `None` if it cannot be written, so that its place becomes a gap.
    fn member_bits(&self, member: &Member<'_>) -> Option<u64> {
        if member.bit_size != 0 {
            return Some(member.bit_size.into());
        }
        let size = self.btf.size_of(member.type_id)?;
        let composite = self.btf.get_resolved(member.type_id)?.as_composite().is_some();
        (!member.name.is_empty() || composite).then_some(8 * u64::from(size))
    }

    fn member(&mut self, member: &Member<'_>, indent: usize, depth: usize) -> io::Result<String> {
        self.spend()?;
        let name = identifier(member.name);
        if member.name.is_empty() {
            // Also a named struct without a member name, which C knows only as an extension: its members are repeated.
            let id = self.btf.resolve(member.type_id);
            if depth > 64 {
                let message = "BTF types: expected at most 64 anonymous types in each other, found more";
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            return Ok(format!("{} {}", self.keyword(id), self.body(id, indent, depth + 1)?));
        }
        let text = self.declaration(member.type_id, &name, indent, depth + 1)?;
        Ok(if member.bit_size != 0 { format!("{text}: {}", member.bit_size) } else { text })
    }
}

/// Is every word one that C builds integers of?
fn is_c_integer(name: &str) -> bool {
    const WORDS: [&str; 8] = ["unsigned", "signed", "char", "short", "int", "long", "__int128", "_Bool"];
    !name.is_empty() && name.split(' ').all(|word| WORDS.contains(&word))
}

fn is_c_float(float: &Float<'_>) -> bool {
    matches!((float.name, float.size), ("float", 4) | ("double", 8))
}

/// The lines of a body.
struct Lines {
    text: String,
    indent: usize,
}

impl Lines {
    fn line(&mut self, text: &str) {
        self.text += &"\t".repeat(self.indent);
        self.text += text;
        self.text += ";\n";
    }

    /// Fills the bits from `at` to `end` with unnamed bit-fields, each as large as fits where it stands.
    fn pad(&mut self, mut at: u64, end: u64) {
        while at < end {
            let left = end - at;
            if at.is_multiple_of(8) && left >= LARGE_GAP {
                let bytes = left / 8;
                self.line(&format!("char __btf_gap_{}[{bytes}]", at / 8));
                at += 8 * bytes;
                continue;
            }
            let whole = [(64, "long"), (32, "int"), (16, "short"), (8, "char")]
                .into_iter()
                .find(|(bits, _)| at.is_multiple_of(*bits) && left >= *bits);
            let (bits, name) = whole.unwrap_or((left.min(8 - at % 8), "char"));
            self.line(&format!("{name}: {bits}"));
            at += bits;
        }
    }
}
