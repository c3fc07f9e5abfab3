//! One line a type, and one indented line for each item of its list.

use std::io::{self, Write};

use crate::set::Btf;
use crate::types::*;

/// Writes the types of those ids as `[12] STRUCT 'list_head' size=16 vlen=2` with members and the like below.
/// Ids that do not exist are passed over.
pub fn raw(btf: &Btf, ids: impl IntoIterator<Item = TypeId>, out: &mut dyn Write) -> io::Result<()> {
    for id in ids {
        if let Some(ty) = btf.get(id) {
            one(id, &ty, out)?;
        }
    }
    Ok(())
}

fn or_anonymous(name: &str) -> &str {
    if name.is_empty() { "(anon)" } else { name }
}

/// What an integer's bits mean, in one word.
pub(super) fn encoding(encoding: IntEncoding) -> &'static str {
    match encoding {
        IntEncoding::UNSIGNED => "(none)",
        IntEncoding::SIGNED => "SIGNED",
        IntEncoding::CHAR => "CHAR",
        IntEncoding::BOOL => "BOOL",
        _ => "UNKNOWN",
    }
}

/// A constant's value in decimal, with its sign.
pub(super) fn variant_value(view: &Enum<'_>, value: u64) -> String {
    if view.signed { (value as i64).to_string() } else { value.to_string() }
}

fn one(id: TypeId, ty: &Type<'_>, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "[{id}] {} '{}'", ty.kind(), or_anonymous(ty.name()))?;
    match ty {
        Type::Void => writeln!(out),
        Type::Int(t) => writeln!(
            out,
            " size={} bits_offset={} nr_bits={} encoding={}",
            t.size,
            t.bit_offset,
            t.bits,
            encoding(t.encoding)
        ),
        Type::Ptr(to) | Type::Const(to) | Type::Volatile(to) | Type::Restrict(to) => {
            writeln!(out, " type_id={to}")
        }
        Type::Typedef(t) => writeln!(out, " type_id={}", t.target),
        Type::TypeTag(t) => {
            writeln!(out, " type_id={}{}", t.target, if t.attribute { " attribute" } else { "" })
        }
        Type::Array(t) => {
            writeln!(out, " type_id={} index_type_id={} nr_elems={}", t.element, t.index, t.len)
        }
        Type::Struct(t) | Type::Union(t) => {
            writeln!(out, " size={} vlen={}", t.size, t.members.len())?;
            t.members.iter().try_for_each(|m| member(&m, out))
        }
        Type::Enum(t) | Type::Enum64(t) => {
            let sign = if t.signed { "SIGNED" } else { "UNSIGNED" };
            writeln!(out, " encoding={sign} size={} vlen={}", t.size, t.variants.len())?;
            t.variants
                .iter()
                .try_for_each(|v| writeln!(out, "\t'{}' val={}", v.name, variant_value(t, v.value)))
        }
        Type::Fwd(t) => writeln!(out, " fwd_kind={}", if t.is_union { "union" } else { "struct" }),
        Type::Func(t) => writeln!(out, " type_id={} linkage={}", t.proto, t.linkage),
        Type::FuncProto(t) => {
            writeln!(out, " ret_type_id={} vlen={}", t.result, t.params.len())?;
            t.params
                .iter()
                .try_for_each(|p| writeln!(out, "\t'{}' type_id={}", or_anonymous(p.name), p.type_id))
        }
        Type::Var(t) => writeln!(out, " type_id={}, linkage={}", t.target, t.linkage),
        Type::DataSec(t) => {
            writeln!(out, " size={} vlen={}", t.size, t.vars.len())?;
            t.vars.iter().try_for_each(|v| {
                writeln!(out, "\ttype_id={} offset={} size={}", v.type_id, v.offset, v.size)
            })
        }
        Type::Float(t) => writeln!(out, " size={}", t.size),
        Type::DeclTag(t) => {
            let component = t.component.map_or(-1, i64::from);
            let attribute = if t.attribute { " attribute" } else { "" };
            writeln!(out, " type_id={} component_idx={component}{attribute}", t.target)
        }
    }
}

fn member(member: &Member<'_>, out: &mut dyn Write) -> io::Result<()> {
    let name = or_anonymous(member.name);
    write!(out, "\t'{name}' type_id={} bits_offset={}", member.type_id, member.bit_offset)?;
    if member.bit_size != 0 {
        write!(out, " bitfield_size={}", member.bit_size)?;
    }
    writeln!(out)
}
