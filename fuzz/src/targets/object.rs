//! Object files: any bytes as ELF.

use std::path::Path;

use skep_object::{Environment, Kconfig, Object, Target as Kernel, link};

use crate::Target;

/// Parse, fill the holes, look up sources.
pub(super) const OBJECT: Target = Target {
    name: "object",
    about: "object files: parse, relocate against their own types, look up source lines",
    run: parse_any,
    seeds,
    words: &[],
    inputs: 100_000,
    max_len: 64 << 10,
};

/// Static linking of an object with itself.
pub(super) const LINK: Target = Target {
    name: "link",
    about: "static linking: an object alone and with the first seed",
    run: link_any,
    seeds,
    words: &[],
    inputs: 5_000,
    max_len: 64 << 10,
};

fn parse_any(data: &[u8]) {
    let object = match Object::parse("input", data) {
        Ok(object) => object,
        Err(e) => return one_line(&e.to_string()),
    };
    let nothing = Environment::default();
    let local = Environment::with_target(Kernel::Local);
    // The object's own types as the kernel's: every record then finds candidates.
    let own = object.btf.as_deref().map(|btf| Environment::with_target(Kernel::Btf(btf)));
    for program in &object.programs {
        for environment in [Some(&nothing), Some(&local), own.as_ref()].into_iter().flatten() {
            match program.relocate(&object, environment) {
                Ok(relocated) => assert_eq!(relocated.insns.len(), program.insns.len()),
                Err(e) => one_line(&e.to_string()),
            }
        }
        for line in &program.lines {
            let _ = object.source(line);
        }
        for at in 0..program.insns.len().min(64) {
            let _ = (program.line_at(at), program.subprogram_at(at));
        }
    }
    if let Err(e) = object.kconfig(&Kconfig::default()) {
        one_line(&e.to_string());
    }
    let _ = object.gpl_compatible();
}

fn link_any(data: &[u8]) {
    let seeds = seeds();
    let whole = seeds.iter().any(|seed| seed == data);
    let alone: &[(&str, &[u8])] = &[("input", data)];
    let mut inputs = vec![("input", data)];
    inputs.extend(seeds.first().map(|seed| ("seed", seed.as_slice())));
    for inputs in [alone, &inputs] {
        match link(inputs) {
            // Of a damaged object only an answer is wanted: damage that linking does not look at stays in it.
            Ok(linked) if whole => {
                if let Err(e) = Object::parse("linked", &linked) {
                    panic!("what was linked does not parse: {e}");
                }
            }
            Ok(_) => {}
            Err(e) => one_line(&e.to_string()),
        }
    }
}

fn one_line(text: &str) {
    assert!(!text.is_empty() && !text.contains('\n'), "an error is one line: {text}");
}

/// The objects that ship: real compilers' output.
fn seeds() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut paths: Vec<_> = ["examples", "bpf"]
        .iter()
        .filter_map(|folder| std::fs::read_dir(root.join(folder)).ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().ends_with(".bpf.o"))
        .collect();
    paths.sort();
    paths
        .iter()
        .filter_map(|path| std::fs::read(path).ok())
        .filter(|bytes| bytes.len() <= OBJECT.max_len)
        .collect()
}
