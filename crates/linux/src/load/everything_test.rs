//! An object with one of everything that only the running kernel can fill.

use std::path::{Path, PathBuf};
use std::process::Command;

use skep_object::Object;
use skep_platform::errno::EACCES;

use crate::calls_test::skipped;
use crate::load::kernel::Kernel;
use crate::sandbox::in_namespaces;
use crate::{Hook, Link, LoadError, Loaded, Loader, Map, Program, RunRequest, XdpMode};

/// Compiles `tests/c/everything.bpf.c`; says so when there is no clang.
fn everything(test: &str) -> Option<Object> {
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/c/everything.bpf.c");
    let output = std::env::temp_dir().join(format!("skep-{test}-{}.o", std::process::id()));
    let arguments = ["-target", "bpfel", "-mcpu=v3", "-g", "-O2", "-c", "-I/usr/include/x86_64-linux-gnu"];
    let run = Command::new("clang-19").args(arguments).arg(&source).arg("-o").arg(&output).output();
    let Ok(run) = run else {
        eprintln!("SKIPPED {test}: clang-19 is not installed");
        return None;
    };
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let bytes = std::fs::read(&output).expect("was written");
    let _ = std::fs::remove_file(output);
    Some(Object::parse("everything", &bytes).expect("parses"))
}

/// A variable of 4 bytes.
fn variable(object: &Object, loaded: &Loaded, section: &str, name: &str) -> u32 {
    let (_, map) = object.map(section).expect("is there");
    let at = map.variables.iter().find(|variable| variable.name == name).expect("is there").offset as usize;
    let value = loaded.map(section).expect("is there").lookup(&[0; 4]).expect("reads");
    u32::from_ne_bytes(value[at..at + 4].try_into().expect("4 bytes"))
}

fn load(loader: Loader<'_>) -> Loaded {
    let loaded = loader.load().unwrap_or_else(|error| panic!("{error}\n{}", error.log()));
    assert!(loaded.untyped().is_none(), "{}", loaded.untyped().map(LoadError::log).unwrap_or_default());
    loaded
}

#[test]
fn every_hole_is_filled() {
    if skipped("every_hole_is_filled") {
        return;
    }
    let Some(object) = everything("every_hole_is_filled") else { return };
    let loaded = load(Loader::new(&object));
    assert!(loaded.program("unbounded").is_err(), "is not loaded unless asked for");
    let in_slot = loaded.map("in_slot").expect("is there");
    in_slot.update(&[0; 4], &7u32.to_ne_bytes(), 0).expect("writes");
    let packet = [0u8; 64];
    let entry = loaded.program("entry").expect("is there");
    let ret = entry.run(&RunRequest { data: Some(&packet), ..RunRequest::default() }).expect("runs").ret;
    assert_eq!(ret, 3, "the tail call was taken");
    let bss = |name| variable(&object, &loaded, ".bss", name);
    assert_eq!(bss("reached"), 1);
    assert_eq!(bss("from_slot"), 7 + 1 + 40 + 1);
    assert_eq!(bss("version"), Kernel::config().kernel_version);
    let hz = Kernel::config().options.get("CONFIG_HZ").and_then(|text| text.parse().ok());
    assert_eq!(Some(bss("hz")), hz);
    assert_eq!(variable(&object, &loaded, ".data", "missing"), 0);

    let symbols = loaded.program("symbols").expect("is there");
    assert_eq!(symbols.run(&RunRequest::default()).expect("runs").ret, 0);
    assert_eq!((bss("tgid"), bss("found")), (std::process::id(), std::process::id()));
    assert_ne!(bss("address"), 0);
}

#[test]
fn a_rejection_brings_the_whole_log_with_source_lines() {
    if skipped("a_rejection_brings_the_whole_log_with_source_lines") {
        return;
    }
    let Some(object) = everything("a_rejection_brings_the_whole_log_with_source_lines") else { return };
    let error = Loader::new(&object).program("unbounded").load().expect_err("is not safe");
    let LoadError::Program { program, refused, .. } = &error else { panic!("{error}") };
    assert_eq!((program.as_str(), refused.errno), ("unbounded", EACCES));
    assert!(error.log().contains("; return *(unsigned char *)(long)ctx->data;"), "{}", error.log());
    assert!(error.to_string().starts_with("program unbounded: EACCES (13)"), "{error}");
}

#[test]
fn pins_outlive_their_makers() {
    in_namespaces("pins_outlive_their_makers", || {
        let Some(object) = everything("pins_outlive_their_makers") else { return };
        let root = Path::new("/sys/fs/bpf");
        // SAFETY: C strings; the mount is in this thread's own namespace.
        let mounted = unsafe {
            let target = c"/sys/fs/bpf".as_ptr();
            libc::mount(c"bpf".as_ptr(), target, c"bpf".as_ptr(), 0, std::ptr::null()) == 0
        };
        if !mounted || !crate::sandbox::ip("link set lo up") {
            return eprintln!("SKIPPED pins_outlive_their_makers: no BPF file system or no `ip`");
        }
        let first = load(Loader::new(&object).pin_directory(root));
        let id = first.map("kept").expect("is there").id();
        let entry = first.program("entry").expect("is there");
        let lo = crate::sandbox::interface(c"lo");
        let link = entry.attach(&Hook::Xdp { interface: lo, mode: XdpMode::Generic }).expect("attaches");
        assert_eq!((entry.pin(&root.join("entry")), link.pin(&root.join("link"))), (Ok(()), Ok(())));
        let program = entry.info().expect("is told").id;
        drop((link, first));

        let second = load(Loader::new(&object).pin_directory(root));
        assert_eq!(second.map("kept").expect("is there").id(), id, "the pinned map is used again");
        assert_eq!(Map::from_pin(&root.join("kept")).map(|map| map.id()), Ok(id));
        assert_eq!(
            Program::from_pin(&root.join("entry")).expect("opens").info().expect("is told").id,
            program
        );
        let link = Link::from_pin(&root.join("link")).expect("opens");
        assert_eq!(link.info().expect("is told").program, program, "still attached");
        assert_eq!(link.update(second.program("entry").expect("is there")), Ok(()));
        assert!(Link::from_pin(&root.join("kept")).is_err(), "a map is no link");
    });
}
