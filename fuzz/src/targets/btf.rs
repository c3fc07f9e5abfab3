//! BTF: any bytes as types.

use skep_btf::{Btf, Builder, IntEncoding, Kind, Linkage, SecVar, Type, TypeId};

use crate::Target;

pub(super) const PARSE: Target = Target {
    name: "btf",
    about: "BTF: parse, walk every type, lay out, write back",
    run: parse_any,
    seeds,
    words: &[],
    inputs: 500_000,
    max_len: 8192,
};

/// Of a mutated BTF no more types than this are looked into in depth: the input is small, but paths through it may not be.
const DEEP: usize = 200;

fn parse_any(data: &[u8]) {
    let btf = match Btf::parse(data) {
        Ok(btf) => btf,
        Err(e) => {
            assert!(!e.to_string().contains('\n'), "an error is one line: {e}");
            return;
        }
    };
    for (id, ty) in btf.types().take(DEEP) {
        look(&btf, id, &ty);
    }
    let bytes = btf.to_bytes();
    let again = Btf::parse(&bytes).unwrap_or_else(|e| panic!("what was written does not parse: {e}"));
    assert_eq!(again.len(), btf.len());
}

/// Asks everything about a type.
fn look(btf: &Btf, id: TypeId, ty: &Type<'_>) {
    let resolved = btf.resolve(id);
    let _ = (btf.size_of(id), btf.align_of(id), btf.get(resolved), btf.strip_qualifiers(id));
    let _ = btf.find_all(ty.name()).take(4).count();
    let _ = btf.find(ty.name(), ty.kind());
    if let Some(composite) = ty.as_composite() {
        for member in composite.members.iter() {
            let _ = btf.size_of(member.type_id);
        }
    }
    if let Some(list) = ty.as_enum() {
        assert_eq!(list.variants.iter().count(), list.variants.len());
    }
}

/// One type of every kind.
fn seeds() -> Vec<Vec<u8>> {
    let mut b = Builder::new();
    let int = b.int("int", 4, IntEncoding::SIGNED);
    let pointer = b.ptr(int);
    let constant = b.qualified(Kind::Const, int);
    let array = b.array(int, int, 4);
    let point = b.structure("point", 24, &[("x", int, 0), ("p", pointer, 64), ("c", constant, 128)]);
    b.union("either", 16, &[("a", array, 0), ("b", int, 0)]);
    b.enumeration("color", 4, true, &[("RED", 0), ("GREEN", -1)]);
    b.enumeration64("big", 8, false, &[("HUGE", u64::MAX)]);
    b.forward("later", false);
    let alias = b.typedef("alias", point);
    let proto = b.func_proto(int, &[("a", pointer), ("b", alias)]);
    let func = b.func("main", proto, Linkage(1));
    let var = b.var("counter", int, Linkage(1));
    b.section(".bss", 4, &[SecVar { type_id: var, offset: 0, size: 4 }]);
    b.float("double", 8);
    b.type_tag("user", int, false);
    let mut small = Builder::new();
    small.int("char", 1, IntEncoding::SIGNED);
    b.decl_tag("tag", func, None, false);
    vec![b.build(), small.build()]
}
