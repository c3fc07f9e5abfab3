//! The eBPF programs that ship: compiled from C, compared with the objects committed beside the sources.
//!
//! Users build without clang, so the objects are in the repository; this is what keeps them true to their sources. The
//! same source must give the same bytes on every machine, hence: one version of clang, no path of this machine in the
//! object (sources are named relative to the repository), and no DWARF (BTF has what a loader or a person wants).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::deps;
use crate::process::{capture, tail, target_dir};
use crate::report::Report;

/// Folders that hold `*.bpf.c`, each with its `*.bpf.o` beside it.
const FOLDERS: &[&str] = &["bpf", "examples", "benches/programs/verify"];

/// A source may ask for more on its first line: `// clang: -mcpu=v4`.
const DIRECTIVE: &str = "// clang: ";

/// `-mcpu=v3` is what every kernel since 5.1 takes; a later `-mcpu` in a source's directive wins.
const FLAGS: &[&str] =
    &["-O2", "-g", "-target", "bpf", "-mcpu=v3", "-Wall", "-Werror", "-fdebug-compilation-dir=."];

/// One C file is compiled in a blink.
const CLANG_LIMIT: Duration = Duration::from_secs(60);

/// `cargo xtask bpf`.
pub(crate) fn task(root: &Path, bless: bool) -> Result<(), String> {
    deps::install(|line| eprintln!("{line}"));
    if let Some(why) = deps::no_clang() {
        return Err(format!("cannot compile eBPF: {why}"));
    }
    let mut different = 0;
    for source in sources(root)? {
        let committed = object(&source);
        let fresh = compile(root, &source)?;
        match compare(root, &fresh, &committed)? {
            None => println!("{}: same", committed.display()),
            Some(why) if bless => {
                std::fs::copy(&fresh, root.join(&committed))
                    .map_err(|e| format!("{}: {e}", committed.display()))?;
                println!("{}: written ({why})", committed.display());
            }
            Some(why) => {
                println!("{}: {why}", committed.display());
                different += 1;
            }
        }
    }
    match different {
        0 => Ok(()),
        n => Err(format!("{n} objects differ from their sources; `cargo xtask bpf --bless` writes them")),
    }
}

/// Each source as one test.
pub(crate) fn run(root: &Path, filter: Option<&str>, report: &mut Report) -> Result<(), String> {
    for source in sources(root)? {
        let name = format!("bpf {}", source.display());
        if filter.is_some_and(|filter| !name.contains(filter)) {
            continue;
        }
        report.flash(&name);
        if let Some(why) = deps::no_clang() {
            report.skip(name, why);
            continue;
        }
        let result = compile(root, &source).and_then(|fresh| compare(root, &fresh, &object(&source)));
        match result {
            Ok(None) => {
                report.pass();
                report.say(&format!("{name}: same as committed"));
            }
            Ok(Some(why)) => report.fail(name, format!("{why}; `cargo xtask bpf --bless` writes it")),
            Err(why) => report.fail(name, why),
        }
    }
    Ok(())
}

/// Every `*.bpf.c`, relative to the repository, sorted.
fn sources(root: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    for folder in FOLDERS {
        let Ok(entries) = std::fs::read_dir(root.join(folder)) else { continue };
        for entry in entries {
            let name = entry.map_err(|e| format!("{folder}: {e}"))?.file_name();
            if name.to_string_lossy().ends_with(".bpf.c") {
                found.push(Path::new(folder).join(name));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// `bpf/x.bpf.o` for `bpf/x.bpf.c`.
fn object(source: &Path) -> PathBuf {
    source.with_extension("o")
}

/// Compiles a source; the object stands under `target/bpf/`.
fn compile(root: &Path, source: &Path) -> Result<PathBuf, String> {
    let out = target_dir(root).join("bpf").join(object(source));
    if let Some(folder) = out.parent() {
        std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    let text =
        std::fs::read_to_string(root.join(source)).map_err(|e| format!("{}: {e}", source.display()))?;
    let mut clang = Command::new("clang-19");
    clang.current_dir(root).args(FLAGS).args(extra_flags(&text));
    // The target has no system headers of its own; <asm/types.h> is the host's.
    clang.arg(format!("-idirafter/usr/include/{}-linux-gnu", std::env::consts::ARCH));
    clang.arg(format!("-ffile-prefix-map={}=.", root.display()));
    clang.arg("-c").arg(source).arg("-o").arg(&out);
    tool(&mut clang)?;
    tool(Command::new("llvm-strip-19").arg("--strip-debug").arg(&out))?;
    Ok(out)
}

/// The flags of the source's first line.
fn extra_flags(source: &str) -> impl Iterator<Item = &str> {
    let first = source.lines().next().unwrap_or_default();
    first.strip_prefix(DIRECTIVE).unwrap_or_default().split_whitespace()
}

fn tool(cmd: &mut Command) -> Result<(), String> {
    let name = crate::process::shown(cmd);
    let got = capture(cmd, CLANG_LIMIT, |_| {})?;
    if got.ok { Ok(()) } else { Err(format!("{name}: {}\n{}", got.how, tail(&got.text, 40))) }
}

/// `None` when the bytes are the same, else what is different.
fn compare(root: &Path, fresh: &Path, committed: &Path) -> Result<Option<String>, String> {
    let new = std::fs::read(fresh).map_err(|e| format!("{}: {e}", fresh.display()))?;
    let Ok(old) = std::fs::read(root.join(committed)) else {
        return Ok(Some(format!("{} is not there", committed.display())));
    };
    if new == old {
        return Ok(None);
    }
    let at = new.iter().zip(&old).position(|(a, b)| a != b).unwrap_or(new.len().min(old.len()));
    Ok(Some(format!(
        "committed object ({} bytes) is not what its source gives ({} bytes), first difference at offset {at:#x}",
        old.len(),
        new.len()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_names_its_own_flags_on_the_first_line_only() {
        let flags: Vec<_> = extra_flags("// clang: -mcpu=v4 -DX=1\nint x;").collect();
        assert_eq!(flags, ["-mcpu=v4", "-DX=1"]);
        assert_eq!(extra_flags("int x;\n// clang: -mcpu=v4").count(), 0);
    }

    #[test]
    fn the_object_stands_beside_its_source() {
        assert_eq!(object(Path::new("bpf/x.bpf.c")), Path::new("bpf/x.bpf.o"));
    }
}
