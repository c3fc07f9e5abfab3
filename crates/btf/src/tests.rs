//! Whole-crate tests on the running kernel's types and on damaged bytes.

use std::sync::Arc;

use crate::*;

/// The kernel's types, or a line that says why the test is skipped.
pub(crate) fn running(test: &str) -> Option<Btf> {
    match Btf::running() {
        Ok(btf) => Some(btf),
        Err(e) => {
            eprintln!("SKIPPED {test}: {e}");
            None
        }
    }
}

/// Small pseudo-random numbers, the same on every run.
pub(crate) struct Xorshift(pub(crate) u64);

impl Xorshift {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// One type of each kind.
pub(crate) fn sample() -> Builder {
    let mut b = Builder::new();
    let int = b.int("int", 4, IntEncoding::SIGNED);
    let char_ = b.int("char", 1, IntEncoding::SIGNED);
    let long = b.int("long unsigned int", 8, IntEncoding::UNSIGNED);
    let bool_ = b.int("_Bool", 1, IntEncoding::BOOL);
    let comm = b.array(char_, int, 16);
    let color = b.enumeration("color", 4, false, &[("RED", 0), ("GREEN", 7)]);
    let big = b.enumeration64("big", 8, true, &[("NEG", -2i64 as u64), ("HUGE", 1 << 40)]);
    let fwd = b.forward("hidden", false);
    let hidden = b.ptr(fwd);
    let bits = [
        Member { name: "low", type_id: int, bit_offset: 0, bit_size: 3 },
        Member { name: "high", type_id: int, bit_offset: 3, bit_size: 13 },
        Member { name: "on", type_id: bool_, bit_offset: 16, bit_size: 0 },
    ];
    let flags = b.composite(false, "flags", 4, bits.into_iter());
    let anon = b.union("", 8, &[("count", long, 0), ("next", hidden, 0)]);
    let size = b.typedef("size_type", long);
    let constant = b.qualified(Kind::Const, size);
    let volatile = b.qualified(Kind::Volatile, constant);
    let double = b.float("double", 8);
    let tagged = b.type_tag("rcu", int, false);
    let tagged = b.ptr(tagged);
    let tagged = b.qualified(Kind::Restrict, tagged);
    let task = b.structure(
        "task",
        72,
        &[
            ("comm", comm, 0),
            ("color", color, 128),
            ("flags", flags, 160),
            ("big", big, 192),
            ("", anon, 256),
            ("size", volatile, 320),
            ("ratio", double, 384),
            ("where", tagged, 448),
            ("on", bool_, 512),
        ],
    );
    b.decl_tag("user", task, Some(1), false);
    let task_ptr = b.ptr(task);
    let proto = b.func_proto(int, &[("task", task_ptr), ("", TypeId::VOID)]);
    b.func("run", proto, Linkage::GLOBAL);
    let var = b.var("current", task_ptr, Linkage::GLOBAL);
    b.section(".data", 8, &[SecVar { type_id: var, offset: 0, size: 8 }]);
    b
}

#[test]
fn every_kind_survives_both_byte_orders() {
    let builder = sample();
    let little = Btf::parse(&builder.build_as(ByteOrder::Little)).unwrap();
    let big = Btf::parse(&builder.build_as(ByteOrder::Big)).unwrap();
    assert_eq!((little.byte_order(), big.byte_order()), (ByteOrder::Little, ByteOrder::Big));
    assert!(little.types().eq(big.types()));
    for kind in &Kind::ALL[1..] {
        assert!(little.types().any(|(_, t)| t.kind() == *kind), "{kind} is not in the sample");
    }
    let task = little.find("task", Kind::Struct).unwrap();
    assert_eq!(little.size_of(task), Some(72));
    assert_eq!(little.align_of(task), Some(8));
    let Some(Type::Struct(task)) = little.get(task) else { panic!() };
    let size = task.members.get(5).unwrap();
    assert_eq!(little.get_resolved(size.type_id).unwrap().name(), "long unsigned int");
    let big_enum = little.get(little.find("big", Kind::Enum64).unwrap()).unwrap().as_enum().unwrap();
    assert_eq!(big_enum.variants.iter().map(|v| v.value as i64).collect::<Vec<_>>(), [-2, 1 << 40]);
}

#[test]
fn copying_the_running_kernels_types_changes_nothing() {
    let Some(kernel) = running("copying_the_running_kernels_types_changes_nothing") else { return };
    assert!(kernel.len() > 10_000);
    let mut builder = Builder::new();
    for (id, ty) in kernel.types() {
        assert_eq!(builder.copy(&ty, |id| id), id);
    }
    let again = Btf::parse(&builder.build()).unwrap();
    assert_eq!(again.len(), kernel.len());
    for ((id, a), (_, b)) in kernel.types().zip(again.types()) {
        assert_eq!(a, b, "type {id}");
    }
    assert_eq!(Btf::parse(&kernel.to_bytes()).unwrap().len(), kernel.len());
    for name in ["task_struct", "sk_buff", "list_head"] {
        let id = kernel.find(name, Kind::Struct).unwrap();
        assert_eq!(kernel.name_of(id), name);
    }
}

#[test]
fn split_btf_goes_on_where_its_base_ends() {
    let base = Arc::new(Btf::parse(&sample().build()).unwrap());
    let mut builder = Builder::split(base.clone());
    let task = base.find("task", Kind::Struct).unwrap();
    let own = builder.structure("module_state", 80, &[("task", task, 0), ("extra", task, 0)]);
    assert_eq!(own.0 as usize, base.len());
    let split = Btf::parse_split(&builder.build(), base.clone()).unwrap();
    assert_eq!(split.find("module_state", Kind::Struct), Some(own));
    assert_eq!(split.find("task", Kind::Struct), Some(task));
    assert_eq!(split.own_types().count(), 1);
    let Some(Type::Struct(state)) = split.get(own) else { panic!() };
    // "task" is stored once in each, for the builder does not search the base's strings.
    assert_eq!(state.members.get(0).unwrap().name, "task");
    assert!(Btf::parse(&builder.build()).is_err());
    let empty = Btf::parse_split(&Builder::split(base.clone()).build(), base).unwrap();
    assert_eq!(empty.own_types().count(), 0);
}

#[test]
fn errors_say_where_and_what() {
    let good = sample().build_as(ByteOrder::Little);
    let message = |at: usize, bytes: &[u8]| {
        let mut bad = good.clone();
        bad[at..at + bytes.len()].copy_from_slice(bytes);
        Btf::parse(&bad).unwrap_err().to_string()
    };
    assert_eq!(
        Btf::parse(&good[..10]).unwrap_err().to_string(),
        "BTF header, offset 0x0: expected a header of 24 bytes, found 10 bytes"
    );
    assert_eq!(
        message(0, &[1, 2]),
        "BTF header, offset 0x0: expected the magic number 0xeb9f, found bytes 01 02"
    );
    assert_eq!(message(2, &[9]), "BTF header, offset 0x2: expected version 1, found 9");
    assert!(message(4, &[23]).contains("offset 0x4: expected a header length of 24 to"));
    assert!(message(8, &[1]).contains("expected an offset that 4 divides, found 1"));
    assert!(message(23, &[0xff]).starts_with("BTF header, offset 0x10: expected a string section within"));
    assert_eq!(
        message(24 + 7, &[31]),
        "BTF type section, offset 0x1c (type 1): expected a kind from 1 to 19, found 31"
    );
    assert!(
        message(24, &[0xff, 0xff])
            .starts_with("BTF type section, offset 0x18 (type 1): expected a name offset")
    );
    assert!(message(good.len() - 1, b"x").contains("expected a NUL byte at the end, found byte 0x78"));
}

#[test]
fn endless_chains_end() {
    let mut b = Builder::new();
    b.typedef("a", TypeId(2));
    b.typedef("b", TypeId(1));
    b.array(TypeId(3), TypeId(3), 7);
    b.structure("s", 8, &[("s", TypeId(4), 0)]);
    let btf = Btf::parse(&b.build()).unwrap();
    btf.resolve(TypeId(1));
    assert_eq!(btf.size_of(TypeId(1)), None);
    assert_eq!(btf.size_of(TypeId(3)), None);
    assert_eq!(btf.align_of(TypeId(4)), None);
}

/// Uses everything a reader may call on types that passed the checks.
fn exercise(btf: &Btf, ids: impl Iterator<Item = TypeId>) {
    for id in ids {
        let Some(ty) = btf.get(id) else { panic!("type {id} is missing") };
        let _ = format!("{ty:?}");
        let _ = (btf.resolve(id), btf.size_of(id), btf.align_of(id), btf.find(ty.name(), ty.kind()));
    }
}

/// Prints, formats, matches and merges; what comes out matters elsewhere.
fn use_all(btf: &Btf, random: &mut Xorshift) {
    let _ = print::c(btf, None, &mut std::io::sink());
    let _ = print::raw(btf, btf.types().map(|(id, _)| id), &mut std::io::sink());
    merge(&[btf, btf]);
    for (id, _) in btf.types() {
        let shown = value::format(btf, id, &[0x41; 80]);
        let _ = value::parse_text(btf, id, &shown.to_string());
        let kind = core::RelocationKind::ALL[random.below(core::RelocationKind::ALL.len())];
        let spec = ["0", "0:1", "0:4:0", "0:0:3"][random.below(4)];
        let _ = core::match_field(btf, id, spec, kind, btf);
    }
}

#[test]
fn damaged_bytes_never_panic() {
    let good = sample().build();
    let mut random = Xorshift(0x5eed);
    let mut accepted = 0;
    for _ in 0..20_000 {
        let mut bytes = good.clone();
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len());
            bytes[at] = if random.below(2) == 0 { random.next() as u8 } else { random.below(24) as u8 };
        }
        if random.below(4) == 0 {
            bytes.truncate(random.below(bytes.len() + 1));
        }
        if let Ok(btf) = Btf::parse(&bytes) {
            accepted += 1;
            exercise(&btf, btf.types().map(|(id, _)| id));
            if accepted % 8 == 0 {
                use_all(&btf, &mut random);
            }
        }
    }
    assert!(
        accepted > 1000,
        "the damage must leave some BTF readable, else nothing behind the reader is tested"
    );
}

#[test]
fn a_damaged_kernel_never_panics() {
    let Ok(good) = std::fs::read("/sys/kernel/btf/vmlinux") else {
        eprintln!("SKIPPED a_damaged_kernel_never_panics: no /sys/kernel/btf/vmlinux");
        return;
    };
    let mut random = Xorshift(42);
    for _ in 0..10 {
        let mut bytes = good.clone();
        let at = 24 + random.below(bytes.len() - 24) / 4 * 4;
        bytes[at] ^= 1 << random.below(8);
        if let Ok(btf) = Btf::parse(&bytes) {
            exercise(&btf, (0..300).map(|_| TypeId(1 + random.below(btf.len() - 1) as u32)));
        }
        bytes.truncate(random.below(bytes.len()));
        assert!(Btf::parse(&bytes).is_err());
    }
}
