//! Prototypes of the kernel: where they stand in its BTF, and how their arguments lie in a program's context.

use skep_btf::{Btf, FuncProto, Kind, Type, TypeId};

use super::target::TargetKind;

/// The prototype of a named target.
pub(super) fn prototype(btf: &Btf, kind: TargetKind, name: &str) -> Option<TypeId> {
    if kind != TargetKind::Tracepoint {
        return func_proto(btf, name);
    }
    // typedef void (*btf_trace_NAME)(void *, ARGUMENTS…)
    let pointer = btf.resolve(btf.find(name, Kind::Typedef)?);
    match btf.get(pointer)? {
        Type::Ptr(to) => Some(btf.resolve(to)).filter(|&id| btf.kind_of(id) == Some(Kind::FuncProto)),
        _ => None,
    }
}

fn func_proto(btf: &Btf, name: &str) -> Option<TypeId> {
    match btf.get(btf.find_func(name)?)? {
        Type::Func(func) => Some(func.proto),
        _ => None,
    }
}

/// The parameters of a function whose names end so, counted without the first `hidden`.
pub(super) fn suffixed(btf: &Btf, function: &str, suffix: &str, hidden: usize) -> Vec<usize> {
    let Some(Type::FuncProto(proto)) = func_proto(btf, function).and_then(|id| btf.get(id)) else {
        return Vec::new();
    };
    let params = proto.params.iter().enumerate().skip(hidden);
    params.filter(|(_, param)| param.name.ends_with(suffix)).map(|(index, _)| index - hidden).collect()
}

/// The argument that the offset falls into: by the sizes of the parameters, the result behind them.
pub(super) fn slot(btf: &Btf, proto: &FuncProto<'_>, off: u32) -> usize {
    let mut end = 0u32;
    for (index, param) in proto.params.iter().enumerate() {
        end = end.saturating_add(room(btf, param.type_id));
        if off < end {
            return index;
        }
    }
    let count = proto.params.len();
    if off < end.saturating_add(room(btf, proto.result)) { count } else { count + 1 }
}

/// Bytes that a value takes among the arguments.
fn room(btf: &Btf, id: TypeId) -> u32 {
    by_value(btf, id).unwrap_or(0).next_multiple_of(8)
}

/// Size of a value that is handed over.
pub(super) fn by_value(btf: &Btf, id: TypeId) -> Option<u32> {
    let id = btf.resolve(id);
    match btf.get(id)? {
        Type::Void => Some(0),
        Type::Ptr(_) => Some(8),
        Type::Int(_) | Type::Enum(_) | Type::Enum64(_) | Type::Struct(_) | Type::Union(_) => btf.size_of(id),
        _ => None,
    }
}

pub(super) fn is_composite(btf: &Btf, id: TypeId) -> bool {
    matches!(btf.kind_of(id), Some(Kind::Struct | Kind::Union))
}
