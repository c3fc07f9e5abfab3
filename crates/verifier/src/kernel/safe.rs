//! Fields whose objects stay alive as long as those that hold them.
//!
//! Linux keeps the list of them in its own BTF: for a struct `file` there is a struct `file__safe_trusted` that repeats the safe members by name and
//! type. So the list is always that of the kernel a program is verified for, and there is none to keep here.

use skep_btf::{Btf, Kind, Type, TypeId};

/// How far the object in a safe field may be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Safe {
    /// Like the object that holds it.
    Trusted,
    /// The same, but the field may be NULL.
    TrustedOrNull,
    /// While the RCU section lasts.
    Rcu,
    /// The same, but the field may be NULL.
    RcuOrNull,
}

/// The suffixes of the lists, the most trusting first.
const LISTS: [(&str, Safe); 4] = [
    ("__safe_trusted", Safe::Trusted),
    ("__safe_trusted_or_null", Safe::TrustedOrNull),
    ("__safe_rcu", Safe::Rcu),
    ("__safe_rcu_or_null", Safe::RcuOrNull),
];

/// What is said of the pointer to `target` in `field`, reached from an object of type `holder`.
pub(crate) fn safe(btf: &Btf, holder: TypeId, field: &str, target: TypeId) -> Option<Safe> {
    let name = btf.name_of(holder);
    let listed = |suffix: &str| {
        let list = btf.find(&format!("{name}{suffix}"), Kind::Struct)?;
        let members = btf.get(list)?.as_composite()?.members;
        members.iter().find(|member| member.name == field && points_to(btf, member.type_id) == Some(target))
    };
    LISTS.iter().find(|(suffix, _)| listed(suffix).is_some()).map(|&(_, safe)| safe)
}

fn points_to(btf: &Btf, id: TypeId) -> Option<TypeId> {
    match btf.get_resolved(id)? {
        Type::Ptr(to) => Some(btf.resolve(to)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skep_btf::{Builder, IntEncoding};

    #[test]
    fn the_list_is_read_from_the_types() {
        let mut b = Builder::new();
        let long = b.int("long", 8, IntEncoding::SIGNED);
        let inode = b.structure("inode", 8, &[("i", long, 0)]);
        let ptr = b.ptr(inode);
        let file = b.structure("file", 16, &[("f_inode", ptr, 0), ("f_other", ptr, 64)]);
        b.structure("file__safe_trusted", 8, &[("f_inode", ptr, 0)]);
        let btf = Btf::parse(&b.build()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(safe(&btf, file, "f_inode", inode), Some(Safe::Trusted));
        assert_eq!(safe(&btf, file, "f_other", inode), None);
        assert_eq!(safe(&btf, file, "f_inode", file), None);
        assert_eq!(safe(&btf, inode, "f_inode", inode), None);
    }
}
