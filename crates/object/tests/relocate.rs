//! Programs fitted to machines that the tests make up.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{CLANG, CLANG_BIG, parse};
use skep_btf::{Btf, Builder, IntEncoding, Linkage, TypeId};
use skep_object::{
    Environment, Kconfig, KernelFunction, NoSymbols, Object, Reason, Relocated, Symbols, Target,
};

/// `struct thing` of another kernel: fields in another order and `list` of another place; enum with another value.
fn other_kernel() -> Builder {
    let mut builder = Builder::new();
    let int = builder.int("int", 4, IntEncoding::SIGNED);
    let unsigned = builder.int("unsigned long", 8, IntEncoding::UNSIGNED);
    let nested = builder.structure("nested", 8, &[("new", int, 0), ("inner", int, 32)]);
    let list = builder.array(int, int, 8);
    let members = [("first", int, 0), ("list", list, 64), ("nested", nested, 320), ("second", unsigned, 384)];
    builder.structure("thing", 56, &members);
    builder.enumeration("color", 4, false, &[("RED", 0), ("GREEN", 77)]);
    let proto = builder.func_proto(int, &[("a", int)]);
    builder.func("kernel_function", proto, Linkage::STATIC);
    builder
}

/// A machine where `some_symbol` has an address.
struct Addresses;

impl Symbols for Addresses {
    fn address(&self, name: &str) -> Option<u64> {
        (name == "some_symbol").then_some(0xffff_8000_1234_5678)
    }
}

fn fit(object: &Object, program: &str, target: &Btf) -> Relocated {
    let environment = Environment { target: Target::Btf(target), symbols: &Addresses };
    let program = object.program(program).unwrap();
    program.relocate(object, &environment).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn loads_follow_fields_that_moved_and_grew() {
    for compiler in [CLANG, CLANG_BIG] {
        let Some(object) = parse("loads_follow_fields_that_moved_and_grew", compiler, "core") else {
            continue;
        };
        let target = Btf::parse(&other_kernel().build()).unwrap();
        let fitted = fit(&object, "fields", &target);
        assert_eq!(fitted.poisoned, []);
        let program = object.program("fields").unwrap();
        let mut loads: Vec<_> = program
            .core
            .iter()
            .map(|record| (fitted.insns[record.at].code, fitted.insns[record.at].off))
            .collect();
        loads.sort_unstable();
        // inner: 40 + 4, list[2]: 8 + 2 * 4; second: 48, and as wide as an unsigned long.
        assert_eq!(loads, [(0x61, 16), (0x61, 44), (0x79, 48)]);
    }
}

#[test]
fn questions_are_answered_and_what_is_missing_is_poisoned() {
    let test = "questions_are_answered_and_what_is_missing_is_poisoned";
    let Some(object) = parse(test, CLANG, "core") else { return };
    let target = Btf::parse(&other_kernel().build()).unwrap();
    let fitted = fit(&object, "probes", &target);
    let program = object.program("probes").unwrap();
    let btf = object.btf.as_ref().unwrap();
    let mut answers = Vec::new();
    for record in &program.core {
        let insn = fitted.insns[record.at];
        answers.push((record.describe(btf), insn.code, insn.imm));
    }
    let answer = |what: &str| {
        let found = answers.iter().find(|(text, ..)| text.starts_with(what));
        found.unwrap_or_else(|| panic!("{what} in {answers:?}")).2
    };
    assert_eq!(answer("field_exists of struct thing.second"), 1);
    assert_eq!(answer("byte_sz of struct thing.nested"), 8);
    assert_eq!(answer("type_size of struct thing"), 56);
    assert_eq!(answer("enumval_value of enum color"), 77);
    assert_eq!(answer("field_exists of struct thing___gone.lost"), 0);
    let poisoned = &fitted.poisoned[0];
    assert_eq!(poisoned.reason, "byte_off of struct thing___gone.lost (0:0): this kernel has none");
    assert_eq!((fitted.insns[poisoned.at].code, fitted.insns[poisoned.at].imm), (0x85, 0x0bad_2310));
    assert_eq!(fitted.poisoned.len(), 1);
}

#[test]
fn two_types_that_disagree_are_an_error_that_names_both() {
    let test = "two_types_that_disagree_are_an_error_that_names_both";
    let Some(object) = parse(test, CLANG, "core") else { return };
    let mut builder = other_kernel();
    let int = builder.int("int", 4, IntEncoding::SIGNED);
    let list = builder.array(int, int, 8);
    let nested = builder.structure("nested", 8, &[("inner", int, 0)]);
    builder.structure("thing", 64, &[("second", int, 32), ("nested", nested, 64), ("list", list, 128)]);
    let target = Btf::parse(&builder.build()).unwrap();
    let environment = Environment::with_target(Target::Btf(&target));
    let error = object.program("fields").unwrap().relocate(&object, &environment).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error.reason, Reason::Ambiguous { .. }), "{text}");
    assert_eq!(text.matches("struct thing").count(), 3, "{text}");
    assert!(!text.contains('\n'));
}

#[test]
fn without_types_only_an_explicit_wish_leaves_the_compilers_offsets() {
    let test = "without_types_only_an_explicit_wish_leaves_the_compilers_offsets";
    let Some(object) = parse(test, CLANG, "core") else { return };
    let program = object.program("fields").unwrap();
    let error = program.relocate(&object, &Environment::default()).unwrap_err();
    assert_eq!(error.reason, Reason::NoTarget { count: 3 });
    let fitted = program.relocate(&object, &Environment::with_target(Target::Local)).unwrap();
    assert_eq!(fitted.insns, program.insns);
}

#[test]
fn kernel_symbols_become_ids_and_addresses() {
    let Some(object) = parse("kernel_symbols_become_ids_and_addresses", CLANG, "core") else { return };
    let target = Btf::parse(&other_kernel().build()).unwrap();
    let fitted = fit(&object, "externs", &target);
    let program = object.program("externs").unwrap();
    let uses = |name: &str| -> Vec<_> {
        let index = object.externs.iter().position(|item| item.name == name).unwrap();
        program.externs.iter().filter(|used| used.index == index).map(|used| used.at).collect()
    };
    let [call] = uses("kernel_function")[..] else { panic!() };
    let id = target.find_func("kernel_function").unwrap().0.cast_signed();
    assert_eq!((fitted.insns[call].src, fitted.insns[call].imm), (2, id));
    let [load] = uses("some_symbol")[..] else { panic!() };
    let halves = (fitted.insns[load].src, fitted.insns[load].imm, fitted.insns[load + 1].imm);
    assert_eq!(halves, (0, 0x1234_5678, 0xffff_8000u32.cast_signed()));
    let [load] = uses("absent_symbol")[..] else { panic!() };
    assert_eq!((fitted.insns[load].imm, fitted.insns[load + 1].imm), (0, 0));
    let [test, call] = uses("absent_function")[..] else { panic!() };
    assert_eq!((fitted.insns[test].src, fitted.insns[test].imm), (0, 0));
    assert_eq!(fitted.poisoned.len(), 1);
    assert_eq!(fitted.poisoned[0].at, call);
    assert_eq!(fitted.poisoned[0].reason, "call of absent_function: this kernel has no such function");
}

#[test]
fn a_strong_extern_without_a_value_is_an_error() {
    let Some(object) = parse("a_strong_extern_without_a_value_is_an_error", CLANG, "core") else { return };
    let program = object.program("externs").unwrap();
    let target = Btf::parse(&other_kernel().build()).unwrap();
    let environment = Environment { target: Target::Btf(&target), symbols: &NoSymbols };
    let error = program.relocate(&object, &environment).unwrap_err();
    assert!(matches!(&error.reason, Reason::MissingExtern { name, .. } if name == "some_symbol"), "{error}");

    // A function of another shape is not the one that was declared.
    let mut builder = Builder::new();
    let int = builder.int("int", 4, IntEncoding::SIGNED);
    let proto = builder.func_proto(int, &[("a", int), ("b", int)]);
    builder.func("kernel_function", proto, Linkage::STATIC);
    let target = Btf::parse(&builder.build()).unwrap();
    let environment = Environment { target: Target::Btf(&target), symbols: &Addresses };
    let error = program.relocate(&object, &environment).unwrap_err();
    assert!(matches!(&error.reason, Reason::BadValue { name, .. } if name == "kernel_function"), "{error}");
}

#[test]
fn an_engine_may_supply_functions_by_itself() {
    struct Own;
    impl Symbols for Own {
        fn address(&self, _: &str) -> Option<u64> {
            Some(1)
        }
        fn function(&self, name: &str) -> Option<KernelFunction> {
            (name == "kernel_function").then_some(KernelFunction { id: TypeId(1234), module: 7 })
        }
    }
    let Some(object) = parse("an_engine_may_supply_functions_by_itself", CLANG, "core") else { return };
    let environment = Environment { target: Target::Local, symbols: &Own };
    let fitted = object.program("externs").unwrap().relocate(&object, &environment).unwrap();
    let call = fitted.insns.iter().find(|insn| insn.code == 0x85 && insn.src == 2).unwrap();
    assert_eq!((call.imm, call.off), (1234, 7));
}

#[test]
fn configuration_fills_its_map() {
    for compiler in [CLANG, CLANG_BIG] {
        let Some(object) = parse("configuration_fills_its_map", compiler, "core") else { continue };
        let mut config = Kconfig::parse("CONFIG_HZ=1000\nCONFIG_NAME=\"skep\"\n");
        config.kernel_version = 6 << 16 | 18 << 8;
        let value = object.kconfig(&config).unwrap();
        let (_, map) = object.map(".kconfig").unwrap();
        assert_eq!(value.len(), map.value_size as usize);
        let word = |name: &str| {
            let variable = map.variables.iter().find(|variable| variable.name == name).unwrap();
            let bytes = value[variable.offset as usize..][..4].try_into().unwrap();
            match object.order {
                skep_object::ByteOrder::Big => u32::from_be_bytes(bytes),
                skep_object::ByteOrder::Little => u32::from_le_bytes(bytes),
            }
        };
        assert_eq!((word("CONFIG_HZ"), word("LINUX_KERNEL_VERSION")), (1000, 6 << 16 | 18 << 8));
        let name = map.variables.iter().find(|variable| variable.name == "CONFIG_NAME").unwrap();
        assert_eq!(&value[name.offset as usize..][..5], b"skep\0");
        let error = object.kconfig(&Kconfig::default()).unwrap_err();
        assert!(error.to_string().contains("the kernel's configuration"), "{error}");
    }
}

#[test]
fn the_running_kernel_fits() {
    let test = "the_running_kernel_fits";
    let Some(object) = parse(test, CLANG, "core") else { return };
    let Ok(target) = Btf::running() else {
        return eprintln!("SKIPPED {test}: the kernel's types cannot be read");
    };
    // No kernel has these types: all is poisoned or answered with no.
    let fitted = fit(&object, "fields", &target);
    assert_eq!(fitted.poisoned.len(), 3);
}
