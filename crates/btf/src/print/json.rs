//! Types as JSON objects.

use std::io::{self, Write};

use serde_json::{Value, json as object};

use super::raw::encoding;
use crate::set::Btf;
use crate::types::*;

/// Writes `{"types":[…]}` with one object a line. Ids that do not exist are passed over.
pub fn json(btf: &Btf, ids: impl IntoIterator<Item = TypeId>, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"{\"types\":[")?;
    let mut separator = "\n";
    for id in ids {
        let Some(ty) = btf.get(id) else { continue };
        write!(out, "{separator}{}", to_json(id, &ty))?;
        separator = ",\n";
    }
    out.write_all(b"\n]}\n")
}

/// One type as an object: `id`, `kind`, `name`, and what its kind has.
pub fn to_json(id: TypeId, ty: &Type<'_>) -> Value {
    let mut value = object!({ "id": id.0, "kind": ty.kind().name() });
    if !ty.name().is_empty() {
        value["name"] = ty.name().into();
    }
    if let (Some(target), false) = (ty.target(), matches!(ty, Type::FuncProto(_))) {
        value["type_id"] = target.0.into();
    }
    match ty {
        Type::Int(t) => {
            value["size"] = t.size.into();
            value["bits_offset"] = t.bit_offset.into();
            value["nr_bits"] = t.bits.into();
            value["encoding"] = encoding(t.encoding).into();
        }
        Type::Array(t) => {
            value["index_type_id"] = t.index.0.into();
            value["nr_elems"] = t.len.into();
        }
        Type::Struct(t) | Type::Union(t) => {
            value["size"] = t.size.into();
            value["members"] = t.members.iter().map(|m| member(&m)).collect();
        }
        Type::Enum(t) | Type::Enum64(t) => {
            value["size"] = t.size.into();
            value["signed"] = t.signed.into();
            let number = |v: u64| if t.signed { Value::from(v as i64) } else { Value::from(v) };
            value["values"] =
                t.variants.iter().map(|v| object!({ "name": v.name, "val": number(v.value) })).collect();
        }
        Type::Fwd(t) => value["fwd_kind"] = if t.is_union { "union" } else { "struct" }.into(),
        Type::Func(t) => value["linkage"] = t.linkage.to_string().into(),
        Type::FuncProto(t) => {
            value["ret_type_id"] = t.result.0.into();
            value["params"] =
                t.params.iter().map(|p| object!({ "name": p.name, "type_id": p.type_id.0 })).collect();
        }
        Type::Var(t) => value["linkage"] = t.linkage.to_string().into(),
        Type::DataSec(t) => {
            value["size"] = t.size.into();
            let var = |v: SecVar| object!({ "type_id": v.type_id.0, "offset": v.offset, "size": v.size });
            value["vars"] = t.vars.iter().map(var).collect();
        }
        Type::Float(t) => value["size"] = t.size.into(),
        Type::DeclTag(t) => {
            value["component_idx"] = t.component.map_or(-1, i64::from).into();
            value["attribute"] = t.attribute.into();
        }
        Type::TypeTag(t) => value["attribute"] = t.attribute.into(),
        _ => {}
    }
    value
}

fn member(m: &Member<'_>) -> Value {
    let mut value = object!({ "name": m.name, "type_id": m.type_id.0, "bits_offset": m.bit_offset });
    if m.bit_size != 0 {
        value["bitfield_size"] = m.bit_size.into();
    }
    value
}
