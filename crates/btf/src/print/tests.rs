//! Golden text for small cases; the compiler as judge for the kernel's.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use super::names::Names;
use super::*;
use crate::tests::{running, sample};
use crate::{Btf, Builder, IntEncoding, Kind, Member, Type, TypeId};

fn header(builder: &Builder) -> String {
    let btf = Btf::parse(&builder.build()).unwrap();
    let mut out = Vec::new();
    c(&btf, None, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let body = text.split("apply_to = record)\n#endif\n\n").nth(1).unwrap();
    body.split("#ifndef BPF_NO").next().unwrap().trim_end().to_owned()
}

#[test]
fn declarations_are_cs() {
    let mut b = Builder::new();
    let int = b.int("int", 4, IntEncoding::SIGNED);
    let node = b.next_id();
    let next = TypeId(node.0 + 1);
    b.structure(
        "node",
        40,
        &[
            ("next", next, 0),
            ("run", TypeId(node.0 + 3), 64),
            ("grid", TypeId(node.0 + 5), 128),
            ("name", TypeId(node.0 + 8), 256),
        ],
    );
    b.ptr(node);
    let proto = b.func_proto(next, &[("n", next), ("", TypeId::VOID)]);
    b.ptr(proto);
    let row = b.array(int, int, 2);
    b.array(row, int, 2);
    let konst = b.qualified(Kind::Const, int);
    let pointer = b.ptr(konst);
    b.qualified(Kind::Volatile, pointer);
    b.typedef("node", node);
    b.typedef("pair_t", row);
    let none = b.func_proto(TypeId::VOID, &[]);
    b.typedef("fn", none);
    let tables = b.array(pointer, int, 3);
    let tables = b.ptr(tables);
    b.typedef("tables", tables);
    assert_eq!(
        header(&b),
        "struct node {
\tstruct node *next;
\tstruct node *(*run)(struct node *, ...);
\tint grid[2][2];
\tconst int *volatile name;
};

typedef struct node node;

typedef int pair_t[2];

typedef void fn(void);

typedef const int *(*tables)[3];"
            .replace("struct node {", "struct node;\n\nstruct node {")
    );
}

#[test]
fn layout_is_forced_where_c_would_differ() {
    let mut b = Builder::new();
    let int = b.int("int", 4, IntEncoding::SIGNED);
    let byte = b.int("unsigned char", 1, IntEncoding::UNSIGNED);
    let long = b.int("long", 8, IntEncoding::SIGNED);
    b.structure("packed", 5, &[("a", byte, 0), ("b", int, 8)]);
    b.structure("apart", 32, &[("a", int, 0), ("b", byte, 128)]);
    let bit = |name, bit_offset, bit_size| Member { name, type_id: int, bit_offset, bit_size };
    b.composite(false, "bits", 8, [bit("a", 0, 3), bit("b", 5, 4), bit("c", 32, 0)].into_iter());
    b.composite(false, "crossing", 8, [bit("a", 0, 20), bit("b", 20, 20)].into_iter());
    b.structure("open", 8, &[("n", long, 0), ("data", TypeId(9), 64)]);
    b.array(byte, int, 0);
    b.union("wide", 16, &[("a", int, 0)]);
    b.enumeration("tiny", 1, false, &[("ON", 1)]);
    b.enumeration64("huge", 8, false, &[("TOP", u64::MAX)]);
    b.enumeration("again", 4, true, &[("ON", -1)]);
    assert_eq!(
        header(&b),
        "struct packed {
\tunsigned char a;
\tint b;
} __attribute__((packed));

struct apart {
\tint a;
\tint: 32;
\tlong: 64;
\tunsigned char b;
\tchar: 8;
\tshort: 16;
\tint: 32;
\tlong: 64;
};

struct bits {
\tint a: 3;
\tchar: 2;
\tint b: 4;
\tint c;
};

struct crossing {
\tint a: 20;
\tint b: 20;
\tchar: 8;
\tshort: 16;
} __attribute__((packed));

struct open {
\tlong n;
\tunsigned char data[0];
};

union wide {
\tint a;
\tchar __btf_size[16];
};

enum tiny {
\tON = 1,
} __attribute__((mode(byte)));

enum huge {
\tTOP = 18446744073709551615ULL,
};

enum again {
\tON___2 = -1,
};"
    );
}

#[test]
fn names_that_collide_get_flavours() {
    let mut b = Builder::new();
    let int = b.int("int", 4, IntEncoding::SIGNED);
    let odd = b.int("u32", 4, IntEncoding::UNSIGNED);
    b.structure("s", 4, &[("a", int, 0)]);
    b.structure("s", 8, &[("a", int, 0), ("while", int, 32)]);
    b.typedef("s", TypeId(4));
    b.typedef("s", TypeId(3));
    b.forward("s", true);
    b.structure("Option<u32>", 4, &[("__0", odd, 0)]);
    assert_eq!(
        header(&b),
        "struct s {
\tint a;
};

struct s___2 {
\tint a;
\tint while_;
};

typedef struct s___2 s;

typedef struct s s___2;

union s___3;

typedef unsigned int __btf_u32_2;

struct _Option_u32_ {
\t__btf_u32_2 __0;
};"
    );
}

#[test]
fn text_that_would_never_end_is_an_error() {
    let mut doubling = Builder::new();
    let int = doubling.int("int", 4, IntEncoding::SIGNED);
    let mut inner = int;
    for level in 0..30 {
        inner = doubling.structure("", 8, &[("a", inner, 0), ("b", inner, 32)]);
        let _ = level;
    }
    doubling.structure("top", 8, &[("a", inner, 0)]);
    let mut pointers = Builder::new();
    for id in 1..5000 {
        pointers.ptr(TypeId(id + 1));
    }
    pointers.typedef("t", TypeId(1));
    for builder in [doubling, pointers] {
        let btf = Btf::parse(&builder.build()).unwrap();
        let error = c(&btf, None, &mut std::io::sink()).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
        assert!(error.to_string().contains("expected at most"), "{error}");
    }
    let mut functions = Builder::new();
    functions.func_proto(TypeId(2), &[("", TypeId(2)), ("", TypeId(2))]);
    functions.ptr(TypeId(1));
    functions.typedef("f", TypeId(1));
    let btf = Btf::parse(&functions.build()).unwrap();
    assert!(c(&btf, None, &mut std::io::sink()).is_err());
}

#[test]
fn lines_are_those_of_the_field() {
    let btf = Btf::parse(&sample().build()).unwrap();
    let mut out = Vec::new();
    raw(&btf, btf.types().map(|(id, _)| id), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    for line in [
        "[1] INT 'int' size=4 bits_offset=0 nr_bits=32 encoding=SIGNED\n",
        "[7] ENUM64 'big' encoding=SIGNED size=8 vlen=2\n\t'NEG' val=-2\n",
        "[8] FWD 'hidden' fwd_kind=struct\n",
        "\t'high' type_id=1 bits_offset=3 bitfield_size=13\n",
        " STRUCT 'task' size=72 vlen=9\n\t'comm' type_id=5 bits_offset=0\n",
        " DATASEC '.data' size=8 vlen=1\n",
    ] {
        assert!(text.contains(line), "no {line} in\n{text}");
    }
    let mut out = Vec::new();
    json(&btf, btf.types().map(|(id, _)| id), &mut out).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(value["types"].as_array().unwrap().len(), btf.len() - 1);
    assert_eq!(value["types"][6]["values"][0]["val"], -2);
    assert_eq!(value["types"][9]["members"][1]["bitfield_size"], 13);
}

/// A folder of this test's own, gone at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("skep-btf-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Clang's complaints about the file; `None` if there is no clang.
fn compile(scratch: &Scratch, file: &str, flags: &[&str]) -> Option<String> {
    let clang =
        ["clang-19", "clang"].into_iter().find(|c| Command::new(c).arg("--version").output().is_ok())?;
    let output = Command::new(clang)
        .current_dir(&scratch.0)
        .args(["-target", "bpf", "-O2", "-c", "-Wall", "-Werror", "-Wno-unused", file, "-o", "out.o"])
        .args(flags)
        .output()
        .unwrap();
    Some(String::from_utf8_lossy(&output.stderr).lines().take(30).collect::<Vec<_>>().join("\n"))
}

/// An assertion for the size of each named struct and the offset of each member that has a name and an address.
fn assertions(btf: &Btf) -> String {
    let names = Names::new(btf);
    let mut text = String::from("#include \"vmlinux.h\"\n");
    for (id, ty) in btf.types() {
        let Some(composite) = ty.as_composite().filter(|c| !c.name.is_empty()) else { continue };
        let keyword = if matches!(ty, Type::Union(_)) { "union" } else { "struct" };
        let tag = format!("{keyword} {}", names.of(btf, id));
        writeln!(text, "_Static_assert(sizeof({tag}) == {}, \"{tag}\");", composite.size).unwrap();
        for member in composite.members.iter().filter(|m| !m.name.is_empty() && m.bit_size == 0) {
            let (name, offset) = (super::names::identifier(member.name), member.bit_offset / 8);
            writeln!(
                text,
                "_Static_assert(__builtin_offsetof({tag}, {name}) == {offset}, \"{tag}.{name}\");"
            )
            .unwrap();
        }
    }
    text
}

fn judge(test: &str, btf: &Btf) {
    let scratch = Scratch::new(test);
    let mut file = std::fs::File::create(scratch.0.join("vmlinux.h")).unwrap();
    c(btf, None, &mut file).unwrap();
    let text = assertions(btf);
    assert!(text.contains("_Static_assert"));
    std::fs::write(scratch.0.join("check.c"), text).unwrap();
    for flags in [&[][..], &["-std=gnu23"][..]] {
        match compile(&scratch, "check.c", flags) {
            Some(complaints) => assert_eq!(complaints, "", "{flags:?}"),
            None => return eprintln!("SKIPPED {test}: no clang"),
        }
    }
}

#[test]
fn every_layout_of_the_sample_compiles() {
    judge("every_layout_of_the_sample_compiles", &Btf::parse(&sample().build()).unwrap());
}

#[test]
fn every_layout_of_the_running_kernel_compiles() {
    let test = "every_layout_of_the_running_kernel_compiles";
    if let Some(kernel) = running(test) {
        judge(test, &kernel);
    }
}
