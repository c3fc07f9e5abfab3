//! Real objects, damaged: the example that ships and what the compilers of this machine emit.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{CLANG, GCC, compile};
use skep_object::{Environment, Kconfig, Object, Target, link};

/// Damaged copies made of each object.
const ROUNDS: usize = 2_000;

/// Numbers that are the same in every run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

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
            let mut bytes = original.clone();
            for _ in 0..1 + random.below(6) {
                let at = random.below(bytes.len());
                bytes[at] = match random.below(3) {
                    0 => random.below(256) as u8,
                    1 => [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
                    _ => bytes[at] ^ 1 << random.below(8),
                };
            }
            if random.below(10) == 0 {
                bytes.truncate(random.below(bytes.len()));
            }
            use_up(&bytes);
        }
    }
}
