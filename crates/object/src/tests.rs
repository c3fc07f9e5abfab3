//! Files built here, byte by byte: what every parser must hold against, and the errors a person gets to read.

#[path = "../tests/common/damage.rs"]
mod damage;

use damage::Random;
use skep_isa::{ByteOrder, RawInsn, to_bytes};

use crate::elf::{
    Binding, NewReloc, NewSection, NewSymbol, Place, R_BPF_64_32, R_BPF_64_64, SHF_ALLOC, SHF_EXECINSTR,
    SHT_NOBITS, SHT_PROGBITS, STT_FUNC, STT_NOTYPE, STT_OBJECT, STT_SECTION, Writer,
};
use crate::{Environment, Kconfig, MapOrigin, Object, Target, link};
use skep_btf::{Builder, IntEncoding, Linkage, SecVar};

const EXIT: RawInsn = RawInsn { code: 0x95, dst: 0, src: 0, off: 0, imm: 0 };

fn code(name: &str, insns: &[RawInsn], order: ByteOrder) -> NewSection {
    NewSection {
        name: name.into(),
        kind: SHT_PROGBITS,
        flags: SHF_ALLOC | SHF_EXECINSTR,
        align: 8,
        data: to_bytes(insns, order),
        ..NewSection::default()
    }
}

fn data(name: &str, bytes: &[u8]) -> NewSection {
    let (kind, flags) = (SHT_PROGBITS, SHF_ALLOC);
    NewSection { name: name.into(), kind, flags, align: 4, data: bytes.to_vec(), ..NewSection::default() }
}

fn symbol(name: &str, kind: u8, section: usize, value: u64, size: u64) -> NewSymbol {
    let (binding, place) = (Binding::Global, Place::Section(section));
    NewSymbol { name: name.into(), value, size, binding, kind, other: 0, place }
}

fn lddw(dst: u8, low: i32) -> [RawInsn; 2] {
    [RawInsn { code: 0x18, dst, imm: low, ..RawInsn::default() }, RawInsn::default()]
}

/// A program with a legacy map, a variable, a call into `.text` and a recursion there.
fn sample(order: ByteOrder) -> Writer {
    let call = RawInsn { code: 0x85, src: 1, imm: -1, ..RawInsn::default() };
    let main = [&lddw(1, 0)[..], &lddw(2, 4), &[call, EXIT]].concat();
    // A function that calls itself: allowed here, for the verifier to judge.
    let text = [RawInsn { code: 0x85, src: 1, imm: -1, ..RawInsn::default() }, EXIT];
    let record: Vec<u8> = [1u32, 4, 8, 16, 0].iter().flat_map(|word| word32(*word, order)).collect();
    let mut sections = vec![
        code(".text", &text, order),
        code("xdp", &main, order),
        data("maps", &record),
        data(".data", &[1, 0, 0, 0, 2, 0, 0, 0]),
        data("license", b"GPL\0"),
    ];
    sections[1].relocs = vec![
        NewReloc { offset: 0, kind: R_BPF_64_64, symbol: 2 },
        NewReloc { offset: 16, kind: R_BPF_64_64, symbol: 3 },
        NewReloc { offset: 32, kind: R_BPF_64_32, symbol: 0 },
    ];
    let section = NewSymbol { binding: Binding::Local, ..symbol("", STT_SECTION, 1, 0, 0) };
    let symbols = vec![
        section,
        symbol("main", STT_FUNC, 2, 0, 48),
        symbol("table", STT_NOTYPE, 3, 0, 0),
        symbol("pair", STT_OBJECT, 4, 0, 8),
        symbol("again", STT_FUNC, 1, 0, 16),
    ];
    Writer { order, sections, symbols }
}

fn word32(word: u32, order: ByteOrder) -> [u8; 4] {
    if order == ByteOrder::Big { word.to_be_bytes() } else { word.to_le_bytes() }
}

/// The sample with types: a map in `.maps`, records about instructions.
fn typed_sample() -> Vec<u8> {
    let mut builder = Builder::new();
    let int = builder.int("int", 4, IntEncoding::SIGNED);
    let array = builder.array(int, int, 2);
    let number = builder.ptr(array);
    let key = builder.ptr(int);
    let members = [("type", number, 0), ("key", key, 64), ("value", key, 128), ("max_entries", number, 192)];
    let definition = builder.structure("", 32, &members);
    let var = builder.var("typed", definition, Linkage::GLOBAL);
    builder.section(".maps", 0, &[SecVar { type_id: var, offset: 0, size: 32 }]);
    let proto = builder.func_proto(int, &[]);
    let func = builder.func("main", proto, Linkage::GLOBAL);
    let (file, line, name) = (builder.string("a.c"), builder.string("return 0;"), builder.string("xdp"));
    let access = builder.string("0");
    let words = [
        0x0001_eb9f,
        32,
        0,
        20,
        20,
        28,
        48,
        28, // header: three tables
        8,
        name,
        1,
        0,
        func.0, // functions
        16,
        name,
        1,
        0,
        file,
        line,
        7 << 10 | 3, // lines
        16,
        name,
        1,
        40,
        int.0,
        access,
        8, // CO-RE: is there an int
    ];
    let mut writer = sample(ByteOrder::Little);
    writer.sections.push(data(".maps", &[0; 32]));
    writer
        .sections
        .push(NewSection { flags: 0, ..data(".BTF", &builder.build_as(skep_btf::ByteOrder::Little)) });
    let ext: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    writer.sections.push(NewSection { flags: 0, ..data(".BTF.ext", &ext) });
    writer.symbols.push(symbol("typed", STT_OBJECT, 6, 0, 32));
    writer.finish()
}

#[test]
fn both_byte_orders_give_the_same_program() {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let object = Object::parse("sample.o", &sample(order).finish()).unwrap();
        let program = object.program("main").unwrap();
        let maps: Vec<_> = object.maps.iter().map(|map| (map.name.as_str(), map.max_entries)).collect();
        assert_eq!(maps, [("table", 16), (".data", 1)]);
        assert_eq!((program.insns[0].src, program.insns[0].imm), (5, 0));
        assert_eq!((program.insns[2].src, program.insns[2].imm, program.insns[3].imm), (6, 1, 4));
        // main is 6 slots; the call at slot 4 goes to slot 6, whose call goes to itself.
        assert_eq!((program.insns[4].imm, program.insns[6].imm), (1, -1));
        assert_eq!(program.subprograms[1].name, "again");
        assert_eq!(program.maps, [0, 1]);
        assert!(matches!(object.maps[0].origin, MapOrigin::Legacy { id: 0, .. }));
    }
}

#[test]
fn records_reach_the_program() {
    let object = Object::parse("sample.o", &typed_sample()).unwrap();
    let program = object.program("main").unwrap();
    let source = object.source(program.line_at(3).unwrap()).unwrap();
    assert_eq!((source.file, source.line, source.column, source.text), ("a.c", 7, 3, "return 0;"));
    assert_eq!((program.core[0].at, program.core[0].kind), (5, 8));
    let btf = object.btf.as_deref().unwrap();
    assert_eq!(btf.name_of(program.subprograms[0].func.unwrap()), "main");
    assert_eq!(program.core[0].describe(btf), "type_exists of int int (0)");
    let (_, typed) = object.map("typed").unwrap();
    assert_eq!((typed.key_size, typed.value_size, typed.max_entries), (4, 4, 2));
}

/// The error that a changed sample gives.
fn error(change: impl FnOnce(&mut Writer)) -> String {
    let mut writer = sample(ByteOrder::Little);
    change(&mut writer);
    Object::parse("bad.o", &writer.finish()).unwrap_err().to_string()
}

#[test]
fn errors_name_section_offset_and_both_sides() {
    type Case<'c> = (&'c dyn Fn(&mut Writer), &'c str);
    let cases: [Case<'_>; 8] = [
        (
            &|w| w.sections[1].relocs[0].offset = 4,
            "bad.o: section xdp, offset 0x0: relocation: expected the start of an instruction, found 0x4",
        ),
        (
            &|w| w.sections[1].relocs[0].kind = 77,
            "bad.o: section xdp, offset 0x0: relocation: expected type 1 on an lddw or type 10 on a call, found type 77 on opcode 0x18 (symbol \"table\")",
        ),
        (
            &|w| w.sections[1].data[20] = 99,
            "bad.o: section xdp, offset 0x10: reference to \"pair\" in section .data: expected an offset up to 0x8, found 0x63",
        ),
        (
            &|w| w.sections[1].data[36..40].copy_from_slice(&[7, 0, 0, 0]),
            "bad.o: section xdp, offset 0x20: reference to \".text\" in section .text: expected the start of a function, found offset 0x40",
        ),
        (
            &|w| w.symbols[1].size = 44,
            "bad.o: section xdp, offset 0x0: function main: expected whole instructions up to 0x30, found 0x0 to 0x2c",
        ),
        (
            &|w| w.sections[2].data[0] = 200,
            "bad.o: section maps, offset 0x0: map table: type: expected a number from 1 to 33, found 200",
        ),
        (
            &|w| w.sections[2].data.truncate(12),
            "bad.o: section maps, offset 0x0: map record needs 20 bytes, found 12",
        ),
        (
            &|w| w.sections[0].data.truncate(12),
            "bad.o: section .text: code: expected a multiple of 8 bytes, found 12 bytes",
        ),
    ];
    for (change, expected) in cases {
        assert_eq!(error(change), expected);
    }
}

#[test]
fn files_that_are_no_objects_say_so() {
    let good = sample(ByteOrder::Little).finish();
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        Object::parse("x", &bytes).unwrap_err().to_string()
    };
    assert_eq!(
        Object::parse("x", b"#!/bin/sh").unwrap_err().to_string(),
        "x: file offset 0x0: ELF magic: expected 7f 45 4c 46, found 23 21 2f 62"
    );
    assert_eq!(with(4, 1), "x: file offset 0x4: ELF class: expected 2 (64-bit), found 1");
    assert_eq!(with(18, 62), "x: file offset 0x12: ELF machine: expected 247 (BPF), found 62");
    assert_eq!(with(16, 2), "x: file offset 0x10: ELF type: expected 1 (relocatable), found 2");
    let text = Object::parse("x", &good[..good.len() - 64]).unwrap_err().to_string();
    assert!(text.contains("ELF section headers needs"), "{text}");
}

#[test]
fn zeros_cost_no_memory() {
    let mut writer = sample(ByteOrder::Little);
    writer.sections.push(NewSection {
        name: ".bss".into(),
        kind: SHT_NOBITS,
        flags: SHF_ALLOC,
        align: 8,
        zeros: 0xffff_fff8,
        ..NewSection::default()
    });
    let object = Object::parse("x.o", &writer.finish()).unwrap();
    let (_, bss) = object.map(".bss").unwrap();
    assert_eq!((bss.value_size, bss.initial.len()), (0xffff_fff8, 0));
}

#[test]
fn programs_that_share_a_large_function_stop_at_the_limit() {
    // A thousand entries that all call one function of ten thousand slots.
    let order = ByteOrder::Little;
    let mut body = vec![RawInsn { code: 0xb7, ..RawInsn::default() }; 10_000];
    body.push(EXIT);
    let call = RawInsn { code: 0x85, src: 1, imm: -1, ..RawInsn::default() };
    let entries: Vec<_> = (0..1000).flat_map(|_| [call, EXIT]).collect();
    let mut sections = vec![code(".text", &body, order), code("xdp", &entries, order)];
    let mut symbols = vec![symbol("shared", STT_FUNC, 1, 0, body.len() as u64 * 8)];
    for number in 0..1000u64 {
        sections[1].relocs.push(NewReloc { offset: number * 16, kind: R_BPF_64_32, symbol: 0 });
        symbols.push(symbol(&format!("entry{number}"), STT_FUNC, 2, number * 16, 16));
    }
    let error = Object::parse("x.o", &Writer { order, sections, symbols }.finish()).unwrap_err();
    assert!(error.to_string().contains("instructions in all programs"), "{error}");
}

#[test]
fn damaged_files_are_refused_or_read_but_never_panic() {
    let originals = [sample(ByteOrder::Little).finish(), sample(ByteOrder::Big).finish(), typed_sample()];
    let mut random = Random(0x5eed_0bee);
    let mut read = 0;
    for round in 0..20_000 {
        let bytes = random.damage(&originals[round % originals.len()], 4, 8);
        match Object::parse("damaged.o", &bytes) {
            Ok(object) => {
                read += 1;
                let _ = object.kconfig(&Kconfig::default());
                for program in &object.programs {
                    let target = object.btf.as_deref().map_or(Target::Local, Target::Btf);
                    let _ = program.relocate(&object, &Environment::with_target(target));
                }
                if let Ok(linked) = link(&[("damaged.o", &bytes)]) {
                    assert!(
                        linked.len() < bytes.len() * 8 + 4096
                            || object.maps.iter().any(|m| m.value_size > 4096)
                    );
                }
            }
            Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
        }
    }
    // Neither all nor none: the damage reaches behind the first checks.
    assert!(read > 1000, "{read}");
}
