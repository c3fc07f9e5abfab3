//! The tables against the running kernel's BTF: numbers, names, offsets, sizes.
//!
//! BTF holds the kernel's own enums and structs, so a slip of the pen in a table shows here. Skipped where the kernel has
//! no BTF or is not the newest release modelled.

use skep_btf::{Btf, Kind, Type, TypeId};
use skep_platform::context::LAYOUTS;
use skep_platform::{AttachType, MapFlags, MapType, ProgramType, Release, helper, kfunc, uapi};

/// The running kernel's BTF, or a line that says why not.
fn btf(test: &str) -> Option<Btf> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    if Release::from_uname(&release) != Some(Release::LATEST) {
        eprintln!("SKIPPED {test}: the kernel is {}, not {}", release.trim(), Release::LATEST);
        return None;
    }
    Btf::running().inspect_err(|error| eprintln!("SKIPPED {test}: {error}")).ok()
}

/// The enumerators of the enum of this name.
fn enumerators(btf: &Btf, name: &str) -> Vec<(String, u64)> {
    let id = btf.find(name, Kind::Enum).unwrap_or_else(|| panic!("enum {name}"));
    let found = btf.get(id).and_then(|ty| ty.as_enum()).unwrap_or_else(|| panic!("enum {name}"));
    found.variants.iter().map(|variant| (variant.name.to_owned(), variant.value)).collect()
}

/// Holds `ours` against an enum of the kernel, both ways, leaving out the enumerators that are no values.
fn compare(btf: &Btf, enum_name: &str, ours: Vec<(String, u32)>) {
    let theirs = enumerators(btf, enum_name);
    for (name, number) in &ours {
        assert!(theirs.contains(&(name.clone(), u64::from(*number))), "{enum_name}: no {name} = {number}");
    }
    for (name, number) in theirs {
        let is_value = !name.starts_with("__") && !name.to_lowercase().ends_with("_unspec");
        assert!(
            !is_value || ours.iter().any(|(_, ours)| u64::from(*ours) == number),
            "{enum_name}: {name} = {number} is not in the table"
        );
    }
}

#[test]
fn enums() {
    let Some(btf) = btf("enums") else { return };
    compare(&btf, "bpf_prog_type", ProgramType::ALL.iter().map(|t| (t.uapi_name(), t.number())).collect());
    compare(&btf, "bpf_map_type", MapType::ALL.iter().map(|t| (t.uapi_name(), t.number())).collect());
    let attach = AttachType::ALL.iter().map(|t| (t.uapi_name().to_owned(), t.number())).collect();
    compare(&btf, "bpf_attach_type", attach);
    let helpers = helper::ALL.iter().map(|h| (format!("BPF_FUNC_{}", h.name), h.id)).collect();
    compare(&btf, "bpf_func_id", helpers);
}

#[test]
fn flags() {
    let Some(btf) = btf("flags") else { return };
    // The kernel's map flags are an enum without a name: found by its first member.
    let theirs = btf
        .types()
        .filter_map(|(_, ty)| ty.as_enum())
        .map(|found| found.variants.iter().map(|v| (v.name.to_owned(), v.value)).collect::<Vec<_>>())
        .find(|variants| variants.iter().any(|(name, _)| name == "BPF_F_NO_PREALLOC"))
        .expect("the enum of map flags");
    for (name, flag) in MapFlags::NAMES {
        assert!(theirs.contains(&(format!("BPF_F_{name}"), u64::from(flag.0))), "BPF_F_{name}");
    }
}

#[test]
fn layouts() {
    let Some(btf) = btf("layouts") else { return };
    for layout in LAYOUTS {
        let id = btf.find(layout.name, Kind::Struct).unwrap_or_else(|| panic!("struct {}", layout.name));
        assert_eq!(btf.size_of(id), Some(layout.size), "{}", layout.name);
        let mut members = Vec::new();
        flatten(&btf, id, 0, &mut members);
        for field in layout.fields.iter().filter(|field| is_member(field.name)) {
            let found = members.iter().find(|member| member.0 == field.name);
            assert_eq!(
                found.map(|m| (m.1, m.2)),
                Some((field.offset, field.bytes())),
                "{}.{}",
                layout.name,
                field.name
            );
        }
        for (name, offset, _) in members {
            assert!(layout.at(offset).is_some(), "{}.{name} is not in the table", layout.name);
        }
    }
}

/// Padding and parts of a member have no name of their own in the UAPI.
fn is_member(name: &str) -> bool {
    !name.is_empty() && !name.contains('[')
}

/// Name, offset and size of every named member, those of nameless structs and unions included.
fn flatten(btf: &Btf, id: TypeId, base: u32, out: &mut Vec<(String, u32, u32)>) {
    let Some(composite) = btf.get_resolved(id).and_then(|ty| ty.as_composite()) else { return };
    for member in composite.members.iter() {
        let offset = base + member.bit_offset / 8;
        let is_composite = matches!(btf.get_resolved(member.type_id), Some(Type::Struct(_) | Type::Union(_)));
        if member.name.is_empty() && is_composite {
            flatten(btf, member.type_id, offset, out);
        } else if !member.name.is_empty() {
            out.push((member.name.to_owned(), offset, btf.size_of(member.type_id).unwrap_or(0)));
        }
    }
}

#[test]
fn kfuncs() {
    let Some(btf) = btf("kfuncs") else { return };
    // Targets of the kernel's own tests, tagged but not for programs.
    let only_tests = |name: &str| {
        name.starts_with("bpf_fentry_test")
            || name.starts_with("bpf_modify_return_test")
            || name.contains("_call_")
    };
    let found = kfunc::from_btf(&btf);
    assert!(found.len() > 100, "only {} kfuncs", found.len());
    for function in found.iter().filter(|f| !only_tests(&f.name)) {
        assert!(kfunc::by_name(&function.name).is_some(), "{} is not in the table", function.prototype);
    }
    let acquire = found.iter().find(|f| f.name == "bpf_task_acquire").map(|f| f.prototype.as_str());
    assert_eq!(acquire, Some("struct task_struct *bpf_task_acquire(struct task_struct *p)"));
}

#[test]
fn constants() {
    let Some(btf) = btf("constants") else { return };
    let mut theirs = std::collections::HashMap::new();
    for found in btf.types().filter_map(|(_, ty)| ty.as_enum()) {
        theirs.extend(found.variants.iter().map(|v| (v.name.to_owned(), v.value)));
    }
    for group in uapi::GROUPS.iter().filter(|group| group.in_btf) {
        for (name, value) in group.constants {
            assert_eq!(theirs.get(*name), Some(value), "{name}");
        }
    }
}
