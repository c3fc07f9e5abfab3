//! Parses every eBPF object in the given files, also those embedded in programs (skeletons keep theirs in `.rodata`), and
//! fits each program to the running kernel when its types can be read. Prints what failed, then totals.
//!
//! `cargo run --release -p skep-object --example survey -- FILE…`

use std::time::Instant;

use skep_btf::Btf;
use skep_object::{Environment, Object, Target};

/// Totals over all files.
#[derive(Default)]
struct Totals {
    objects: usize,
    broken: usize,
    programs: usize,
    maps: usize,
    core: usize,
    poisoned: usize,
    unfit: usize,
}

fn main() {
    let kernel = Btf::running();
    let target = kernel.as_ref().map_or(Target::Local, Target::Btf);
    let mut totals = Totals::default();
    for path in std::env::args().skip(1) {
        let Ok(bytes) = std::fs::read(&path) else { continue };
        for (at, object) in embedded(&bytes) {
            survey(&format!("{path}@{at:#x}"), object, target, &mut totals);
        }
    }
    let Totals { objects, broken, programs, maps, core, poisoned, unfit } = totals;
    println!(
        "{objects} objects, {broken} do not parse; {programs} programs, {maps} maps, {core} CO-RE relocations \
         ({poisoned} poisoned), {unfit} programs do not fit this kernel"
    );
}

/// Every place where a 64-bit relocatable BPF file begins, to the end of the file.
fn embedded(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let machine = |head: &[u8]| matches!((&head[16..20], head[5]), ([1, 0, 247, 0], 1) | ([0, 1, 0, 247], 2));
    let starts = bytes.windows(20).enumerate();
    starts
        .filter(move |(_, head)| head.starts_with(b"\x7fELF\x02") && machine(head))
        .map(|(at, _)| (at, &bytes[at..]))
}

fn survey(name: &str, bytes: &[u8], target: Target<'_>, totals: &mut Totals) {
    totals.objects += 1;
    let start = Instant::now();
    let object = match Object::parse(name, bytes) {
        Ok(object) => object,
        Err(error) => {
            totals.broken += 1;
            return println!("{error}");
        }
    };
    totals.programs += object.programs.len();
    totals.maps += object.maps.len();
    for program in &object.programs {
        totals.core += program.core.len();
        match program.relocate(&object, &Environment::with_target(target)) {
            Ok(relocated) => {
                totals.poisoned += relocated.poisoned.len();
                if std::env::var_os("VERBOSE").is_some() {
                    relocated
                        .poisoned
                        .iter()
                        .for_each(|poison| println!("{}: {}", program.name, poison.reason));
                }
            }
            Err(error) => {
                totals.unfit += 1;
                println!("{error}");
            }
        }
    }
    if std::env::var_os("VERBOSE").is_some() {
        println!("{name}: {} programs, {:?}", object.programs.len(), start.elapsed());
    }
}
