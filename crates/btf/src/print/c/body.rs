//! What stands in braces: constants of an enum, members of a struct with the padding between them.

use std::io;

use super::Printer;
use crate::print::names::identifier;
use crate::print::raw::variant_value;
use crate::types::*;

/// Gaps from this many bits on are a named array instead of a column of unnamed bit-fields.
const LARGE_GAP: u64 = 8 * 512;
/// Most anonymous types in each other.
const MAX_NESTING: usize = 64;

impl Printer<'_> {
    /// The constants in braces, and the attribute that gives the enum its size.
    pub(in crate::print) fn enum_body(&mut self, id: TypeId, indent: usize) -> String {
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
    pub(in crate::print) fn body(&mut self, id: TypeId, indent: usize, depth: usize) -> io::Result<String> {
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
            if depth > MAX_NESTING {
                let message = format!(
                    "BTF types: expected at most {MAX_NESTING} anonymous types in each other, found more"
                );
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            return Ok(format!("{} {}", self.keyword(id), self.body(id, indent, depth + 1)?));
        }
        let text = self.declaration(member.type_id, &name, indent, depth + 1)?;
        Ok(if member.bit_size != 0 { format!("{text}: {}", member.bit_size) } else { text })
    }
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
