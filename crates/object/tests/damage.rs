//! Real objects, damaged: the example that ships and what the compilers of this machine emit.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;
#[path = "common/damage.rs"]
mod damage;

use common::{CLANG, GCC, compile};
use damage::Random;
use skep_object::{Environment, Kconfig, Object, Target, link};

/// Damaged copies made of each object.
const ROUNDS: usize = 2_000;

/// Parses, fits and links; whatever comes of it, it is an answer and not a panic.
fn use_up(bytes: &[u8]) {
    let object = match Object::parse("damaged.o", bytes) {
        Ok(object) => object,
        Err(error) => return assert!(!error.to_string().contains('\n'), "{error}"),
    };
    let _ = object.kconfig(&Kconfig::default());
    let target = object.btf.as_deref().map_or(Target::Local, Target::Btf);
    for program in &object.programs {
        for slot in 0..program.insns.len() {
            let _ = program.line_at(slot).and_then(|line| object.source(line));
        }
        if let Err(error) = program.relocate(&object, &Environment::with_target(target)) {
            assert!(!error.to_string().contains('\n'), "{error}");
        }
    }
    let _ = link(&[("damaged.o", bytes)]);
}

#[test]
fn damaged_objects_are_refused_or_read() {
    let test = "damaged_objects_are_refused_or_read";
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/doorman.bpf.o");
    let mut originals = vec![std::fs::read(example).unwrap()];
    for name in ["maps", "core", "legacy", "struct_ops", "link_a"] {
        originals.extend(compile(test, CLANG, name));
        originals.extend(compile(test, GCC, name));
    }
    let mut random = Random(0x5eed_5eed);
    for original in &originals {
        for _ in 0..ROUNDS {
            use_up(&random.damage(original, 6, 10));
        }
    }
}
