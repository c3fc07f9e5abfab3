//! Which kinds of BTF the live kernel takes.

use skep_btf::{Builder, IntEncoding, Linkage, SecVar, TypeId};
use skep_platform::Release;

use super::{Answer, Probe};
use crate::btf_load;

/// Loads BTF with an `int` as type 1 and what `add` adds to it.
fn accepts(add: impl FnOnce(&mut Builder, TypeId)) -> Answer {
    let mut builder = Builder::new();
    let int = builder.int("int", 4, IntEncoding::SIGNED);
    add(&mut builder, int);
    if btf_load(&builder.build()).is_ok() { Answer::Yes } else { Answer::No }
}

fn function(btf: &mut Builder, int: TypeId, linkage: Linkage) {
    let proto = btf.func_proto(int, &[("x", int)]);
    btf.func("f", proto, linkage);
}

const fn probe(name: &'static str, since: (u8, u8), run: fn() -> Answer) -> Probe {
    Probe { name, since: Release::new(since.0, since.1), run }
}

/// Kinds of BTF by the release that brought them.
pub static BTF_KINDS: &[Probe] = &[
    probe("integers, structs, pointers, arrays, enums", (4, 18), || {
        accepts(|btf, int| {
            btf.ptr(int);
            btf.array(int, int, 4);
            btf.structure("s", 4, &[("member", int, 0)]);
            btf.enumeration("e", 4, false, &[("ONE", 1)]);
        })
    }),
    probe("functions", (5, 0), || accepts(|btf, int| function(btf, int, Linkage::STATIC))),
    probe("variables and sections", (5, 2), || {
        accepts(|btf, int| {
            let var = btf.var("v", int, Linkage::STATIC);
            btf.section(".data", 4, &[SecVar { type_id: var, offset: 0, size: 4 }]);
        })
    }),
    probe("global functions", (5, 6), || accepts(|btf, int| function(btf, int, Linkage::GLOBAL))),
    probe("floating-point types", (5, 13), || {
        accepts(|btf, _| {
            btf.float("double", 8);
        })
    }),
    probe("declaration tags", (5, 16), || {
        accepts(|btf, int| {
            let typedef = btf.typedef("t", int);
            btf.decl_tag("tag", typedef, None, false);
        })
    }),
    probe("type tags", (5, 17), || {
        accepts(|btf, int| {
            let tag = btf.type_tag("tag", int, false);
            btf.ptr(tag);
        })
    }),
    probe("64-bit enums", (6, 0), || {
        accepts(|btf, _| {
            btf.enumeration64("e", 8, false, &[("BIG", 1 << 40)]);
        })
    }),
    probe("attributes as tags", (6, 15), || {
        accepts(|btf, int| {
            let tag = btf.type_tag("attribute", int, true);
            btf.ptr(tag);
        })
    }),
];
