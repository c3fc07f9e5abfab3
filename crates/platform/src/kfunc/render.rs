//! Prototypes in C, short: enough to read, not to compile.

use skep_btf::{Btf, Func, Type, TypeId};

/// How deep a chain of pointers and qualifiers is followed. BTF may be a loop; no real type is deeper.
const DEPTH_MAX: u32 = 16;

/// `result name(type parameter, …)`.
pub(super) fn prototype(btf: &Btf, func: &Func<'_>) -> String {
    let Some(Type::FuncProto(proto)) = btf.get(func.proto) else { return format!("{}(?)", func.name) };
    let params: Vec<String> =
        proto.params.iter().map(|param| declare(&type_name(btf, param.type_id, 0), param.name)).collect();
    let params = if params.is_empty() { "void".to_owned() } else { params.join(", ") };
    format!("{}({params})", declare(&type_name(btf, proto.result, 0), func.name))
}

/// A declaration: no space between a pointer's star and the name.
fn declare(ty: &str, name: &str) -> String {
    if ty == "..." || name.is_empty() {
        ty.to_owned()
    } else if ty.ends_with('*') {
        format!("{ty}{name}")
    } else {
        format!("{ty} {name}")
    }
}

fn type_name(btf: &Btf, id: TypeId, depth: u32) -> String {
    if depth > DEPTH_MAX {
        return "...".to_owned();
    }
    let inner = |id| type_name(btf, id, depth + 1);
    match btf.get(id) {
        None | Some(Type::Void) => "void".to_owned(),
        Some(Type::Ptr(target)) => match btf.get(target) {
            Some(Type::FuncProto(_)) => "fn *".to_owned(),
            _ => {
                let target = inner(target);
                if target.ends_with('*') { format!("{target}*") } else { format!("{target} *") }
            }
        },
        Some(Type::Const(target)) => match inner(target) {
            pointer if pointer.ends_with('*') => format!("{pointer}const "),
            other => format!("const {other}"),
        },
        Some(Type::Volatile(target) | Type::Restrict(target)) => inner(target),
        Some(Type::TypeTag(tag)) => inner(tag.target),
        Some(Type::Array(array)) => format!("{}[{}]", inner(array.element), array.len),
        Some(Type::Struct(found)) => format!("struct {}", found.name),
        Some(Type::Union(found)) => format!("union {}", found.name),
        Some(Type::Fwd(found)) => {
            format!("{} {}", if found.is_union { "union" } else { "struct" }, found.name)
        }
        Some(Type::Enum(found) | Type::Enum64(found)) => format!("enum {}", found.name),
        Some(other) => other.name().to_owned(),
    }
}
