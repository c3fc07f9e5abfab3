//! kfuncs: kernel functions that programs call by BTF id.
//!
//! What a kernel offers stands in its own BTF ([`from_btf`]): functions tagged `bpf_kfunc`, with their prototypes. What
//! BTF does not say (who may call a function and what the verifier must track) stands in the table here ([`KNOWN`]).

mod known;
mod render;
mod table;

pub use known::{DESTROYED, Flag, Known, Set, by_name};
pub use table::{ELSEWHERE, SETS as KNOWN};

use skep_btf::{Btf, Type};

/// The declaration tag that marks a kfunc.
const TAG: &str = "bpf_kfunc";

/// One kernel function that programs may call, as a kernel's BTF has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kfunc {
    /// Its name.
    pub name: String,
    /// Its type id in the BTF it was read from.
    pub id: u32,
    /// Its prototype in C, with the parameters' names.
    pub prototype: String,
}

/// Every kfunc that `btf` tags, by name. Kernels before 6.10 tag none.
pub fn from_btf(btf: &Btf) -> Vec<Kfunc> {
    let mut found: Vec<Kfunc> = btf
        .types()
        .filter_map(|(_, ty)| match ty {
            Type::DeclTag(tag) if tag.name == TAG => Some(tag.target),
            _ => None,
        })
        .filter_map(|id| match btf.get(id) {
            Some(Type::Func(func)) => {
                Some(Kfunc { name: func.name.to_owned(), id: id.0, prototype: render::prototype(btf, &func) })
            }
            _ => None,
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found.dedup_by(|a, b| a.id == b.id);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use skep_btf::{Builder, IntEncoding, Kind, Linkage};

    #[test]
    fn lists_tagged_functions_alone() {
        let mut builder = Builder::new();
        let int = builder.int("int", 4, IntEncoding::SIGNED);
        let task = builder.structure("task_struct", 8, &[]);
        let constant = builder.qualified(Kind::Const, task);
        let pointer = builder.ptr(constant);
        let proto = builder.func_proto(int, &[("p", pointer), ("flags", int)]);
        let tagged = builder.func("bpf_task_thing", proto, Linkage::STATIC);
        builder.func("other", proto, Linkage::STATIC);
        builder.decl_tag(TAG, tagged, None, false);
        let btf = Btf::parse(&builder.build()).expect("parses");
        let found = from_btf(&btf);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].prototype, "int bpf_task_thing(const struct task_struct *p, int flags)");
    }
}
