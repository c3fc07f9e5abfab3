//! The objects that ship, and the house from end to end on each: parsed, fitted, taken by the live kernel.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;

use skep_isa::RawInsn;
use skep_linux::{LoadRequest, MapRequest, live_bpf, map_create, map_update, possible_cpus, prog_load};
use skep_object::{Environment, MapDef, MapOrigin, Object, Program, Target};
use skep_platform::{MapFlags, MapType};
use skep_tests::cli::{root, run, text};

/// Every committed object.
fn objects() -> Vec<(PathBuf, Object)> {
    let folders = ["examples", "bpf"].map(|folder| root().join(folder));
    let files = folders.iter().filter_map(|folder| folder.read_dir().ok()).flatten();
    let mut paths: Vec<PathBuf> = files.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.to_string_lossy().ends_with(".bpf.o"));
    paths.sort();
    assert!(!paths.is_empty(), "no object is committed");
    let parse = |path: PathBuf| {
        let bytes = std::fs::read(&path).expect("it was listed");
        let object = Object::parse(&path.to_string_lossy(), &bytes).unwrap_or_else(|e| panic!("{e}"));
        (path, object)
    };
    paths.into_iter().map(parse).collect()
}

fn fitted(object: &Object, program: &Program) -> Vec<RawInsn> {
    let environment = Environment::with_target(Target::Local);
    let fitted = program.relocate(object, &environment).unwrap_or_else(|e| panic!("{e}"));
    assert!(fitted.poisoned.is_empty(), "{}: {:?}", program.name, fitted.poisoned);
    fitted.insns
}

#[test]
fn every_object_can_be_parsed_and_fitted() {
    for (path, object) in objects() {
        assert!(!object.programs.is_empty(), "{}: no program", path.display());
        assert!(object.btf.is_some(), "{}: no types", path.display());
        assert!(object.gpl_compatible(), "{}: licence {:?}", path.display(), object.license);
        for program in &object.programs {
            assert!(!program.lines.is_empty(), "{}: {} has no source lines", path.display(), program.name);
            // A section that Linux does not know names a hook of an application, which may bring functions of its own.
            if program.kind.program_type.is_some() {
                fitted(&object, program);
            }
        }
    }
}

/// Objects are committed: nothing in them may tell of the machine that compiled them.
#[test]
fn no_object_names_a_folder_of_this_machine() {
    for (path, _) in objects() {
        let bytes = std::fs::read(&path).expect("it was listed");
        for foreign in ["/work/", "/home/", "/root/", "/tmp/"] {
            let found = bytes.windows(foreign.len()).any(|window| window == foreign.as_bytes());
            assert!(!found, "{} holds the path {foreign}", path.display());
        }
    }
}

#[test]
fn every_object_can_be_inspected() {
    for (path, object) in objects() {
        let name = path.to_str().expect("committed names are ASCII");
        for extra in [&[][..], &["--disasm"], &["--format", "json"]] {
            let output = run(&[&["inspect", name], extra].concat());
            let stdout = text(&output.stdout);
            assert!(output.status.success(), "{name} {extra:?}: {}", text(&output.stderr));
            for program in &object.programs {
                assert!(stdout.contains(&program.name), "{name} {extra:?} does not name {}", program.name);
            }
        }
    }
}

#[test]
fn the_kernel_takes_every_object() {
    if let Err(why) = live_bpf() {
        eprintln!("SKIPPED the_kernel_takes_every_object: {why}");
        return;
    }
    for (path, object) in objects() {
        let maps: Vec<OwnedFd> = object.maps.iter().map(create).collect();
        for program in object.programs.iter() {
            let Some(kind) = program.kind.program_type else { continue };
            let insns = with_maps(fitted(&object, program), &maps);
            let mut request = LoadRequest::new(kind, &insns);
            request.attach = program.kind.attach_type;
            request.license = &object.license;
            if let Err(why) = prog_load(&request) {
                panic!("{}: {}: {why}\n{}", path.display(), program.name, why.log);
            }
        }
    }
}

/// The map in the kernel, with its first contents.
fn create(map: &MapDef) -> OwnedFd {
    let entries = match map.map_type {
        MapType::PerfEventArray if map.max_entries == 0 => possible_cpus() as u32,
        _ => map.max_entries,
    };
    let mut request = MapRequest::new(map.map_type, map.key_size, map.value_size, entries);
    request.flags = MapFlags(map.flags);
    request.extra = map.extra;
    let fd = map_create(&request).unwrap_or_else(|e| panic!("map {}: {e}", map.name));
    if matches!(map.origin, MapOrigin::Data | MapOrigin::Rodata) && !map.initial.is_empty() {
        map_update(fd.as_fd(), &[0; 4], &map.initial, 0).unwrap_or_else(|e| panic!("map {}: {e}", map.name));
    }
    fd
}

/// File descriptors in the place of indices: pseudo sources 5 and 6 of `lddw` become 1 and 2.
fn with_maps(mut insns: Vec<RawInsn>, maps: &[OwnedFd]) -> Vec<RawInsn> {
    for slot in insns.iter_mut().filter(|slot| slot.code == 0x18 && matches!(slot.src, 5 | 6)) {
        slot.src -= 4;
        slot.imm = maps[slot.imm as usize].as_raw_fd();
    }
    insns
}
