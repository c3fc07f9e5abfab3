//! C's way to write a type around a name: `int (*(*name)(void))[3]`.
//!
//! From the name outwards: each pointer puts a star before what is there, each array or function puts its part behind it,
//! in parentheses if a star came before. What remains at the end is the base, written in front of all.

use std::io;

use super::c::Printer;
use crate::types::{FuncProto, Kind, Type, TypeId};

/// Deepest nesting of anonymous structs, parameters of parameters and the like that is written out.
const MAX_INLINE: usize = 64;
/// Longest chain of pointers, arrays and qualifiers around one name.
const MAX_CHAIN: usize = 256;

impl Printer<'_> {
    /// `base declarator` for a name, which may be empty. `indent` is that of the line it will stand on.
    pub(super) fn declaration(
        &mut self,
        id: TypeId,
        name: &str,
        indent: usize,
        depth: usize,
    ) -> io::Result<String> {
        if depth > MAX_INLINE {
            let message =
                format!("BTF types: expected at most {MAX_INLINE} anonymous types in each other, found more");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        self.spend()?;
        let mut inner = name.to_owned();
        let mut qualifiers = String::new();
        let mut id = id;
        for _ in 0..MAX_CHAIN {
            match self.btf.get(id) {
                Some(Type::Const(to) | Type::Volatile(to) | Type::Restrict(to)) => {
                    let word = self.btf.kind_of(id).unwrap_or(Kind::Const).name().to_ascii_lowercase();
                    // Old compilers repeat a qualifier; C frowns on that. `restrict` belongs to pointers alone.
                    let is_pointer = matches!(self.btf.get_resolved(to), Some(Type::Ptr(_)));
                    if !qualifiers.split(' ').any(|q| q == word) && (word != "restrict" || is_pointer) {
                        qualifiers += &word;
                        qualifiers.push(' ');
                    }
                    id = to;
                }
                Some(Type::TypeTag(t)) => {
                    let text: String = t.name.chars().filter(|c| !matches!(c, '"' | '\\' | '\n')).collect();
                    qualifiers += &match t.attribute {
                        true => format!("__attribute__(({text})) "),
                        false => format!("__attribute__((btf_type_tag(\"{text}\"))) "),
                    };
                    id = t.target;
                }
                Some(Type::Ptr(to)) => {
                    inner = format!("*{qualifiers}{inner}");
                    qualifiers.clear();
                    id = to;
                }
                Some(Type::Array(t)) => {
                    parenthesise(&mut inner);
                    inner += &format!("[{}]", t.len);
                    id = t.element;
                }
                Some(Type::FuncProto(t)) => {
                    parenthesise(&mut inner);
                    inner += &self.parameters(&t, indent, depth + 1)?;
                    // A function has no qualifiers of its own.
                    qualifiers.clear();
                    id = t.result;
                }
                _ => break,
            }
        }
        let base = self.base(id, indent, depth + 1)?;
        let space = if inner.is_empty() { "" } else { " " };
        Ok(format!("{qualifiers}{base}{space}{inner}"))
    }

    /// Without the parameters' names: they say little and may be anything.
    fn parameters(&mut self, proto: &FuncProto<'_>, indent: usize, depth: usize) -> io::Result<String> {
        if proto.params.is_empty() {
            return Ok("(void)".into());
        }
        let mut parts = Vec::with_capacity(proto.params.len());
        let last = proto.params.len() - 1;
        for (index, param) in proto.params.iter().enumerate() {
            let open = param.type_id == TypeId::VOID && index == last;
            parts.push(if open { "...".into() } else { self.declaration(param.type_id, "", indent, depth)? });
        }
        Ok(format!("({})", parts.join(", ")))
    }

    /// What stands in front: a name, or an anonymous type in full.
    fn base(&mut self, id: TypeId, indent: usize, depth: usize) -> io::Result<String> {
        Ok(match self.btf.get(id) {
            Some(Type::Struct(t) | Type::Union(t)) if t.name.is_empty() => {
                format!("{} {}", self.keyword(id), self.body(id, indent, depth)?)
            }
            Some(Type::Enum(t) | Type::Enum64(t)) if t.name.is_empty() => {
                format!("enum {}", self.enum_body(id, indent))
            }
            Some(Type::Struct(_) | Type::Union(_) | Type::Fwd(_) | Type::Enum(_) | Type::Enum64(_)) => {
                format!("{} {}", self.keyword(id), self.names.of(self.btf, id))
            }
            Some(Type::Int(_) | Type::Float(_)) => self.base_name(id),
            Some(Type::Typedef(_)) => self.names.of(self.btf, id).to_owned(),
            // Void, and what is no type of a value.
            _ => "void".into(),
        })
    }
}

/// Stars bind weaker than brackets.
fn parenthesise(inner: &mut String) {
    if inner.starts_with('*') {
        *inner = format!("({inner})");
    }
}
