//! Members of structs of functions that programs implement.

use skep_btf::{Btf, Kind, Type};
use skep_platform::AttachType;
use skep_platform::typed;

use super::proto::suffixed;
use super::target::{Target, TargetKind, refuse};
use crate::program::{Input, flags};
use crate::verdict::Checked;

/// A member of a struct of functions, by the struct's name and the member's index in the place of the attach type.
pub(super) fn member(input: &Input, btf: &Btf, given: &str) -> Checked<Target> {
    let index = input.attach_type.map_or(0, AttachType::number) as usize;
    let members = btf.find(given, Kind::Struct).and_then(|id| btf.get(id)?.as_composite());
    let Some(composite) = members else { return refuse(format!("the kernel has no struct {given}")) };
    if btf.find(&format!("bpf_struct_ops_{given}"), Kind::Struct).is_none() {
        return refuse(format!("struct {given} is not for programs to implement"));
    }
    if !input.gpl_compatible() {
        return refuse("programs that implement kernel functions need a GPL-compatible license");
    }
    let Some(member) = composite.members.get(index) else {
        return refuse(format!("struct {given} has no member {index}"));
    };
    let proto = match btf.get_resolved(member.type_id) {
        Some(Type::Ptr(to)) => Some(btf.resolve(to)).filter(|&id| btf.kind_of(id) == Some(Kind::FuncProto)),
        _ => None,
    };
    let Some(proto) = proto else { return refuse(format!("{given}.{} is no function", member.name)) };
    let rules = typed::struct_ops_rules(given);
    if rules.is_some_and(|rules| rules.closed.contains(&member.name)) {
        return refuse(format!("{given}.{} takes no program", member.name));
    }
    let sleepers = rules.and_then(|rules| rules.sleepable);
    if input.has(flags::SLEEPABLE) && sleepers.is_some_and(|open| !open.contains(&member.name)) {
        return refuse(format!("a program at {given}.{} may not sleep", member.name));
    }
    let stub = format!("{given}__{}", member.name);
    let mut nullable = suffixed(btf, &stub, "__nullable", 0);
    let listed = rules.map_or(&[][..], |rules| rules.nullable);
    nullable.extend(listed.iter().filter(|row| row.0 == member.name).map(|row| row.1));
    Ok(Target {
        kind: TargetKind::Member,
        name: member.name.into(),
        proto,
        ops: Some((given.into(), rules)),
        references: suffixed(btf, &stub, "__ref", 0),
        nullable,
    })
}
