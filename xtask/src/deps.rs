//! What the tests use from Debian, as a table, and how it comes onto the machine.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::component;
use crate::process::{capture, tail, which};

/// A Debian package that some test wants.
struct Package {
    name: &'static str,
    /// What is there once it is installed.
    gives: Gives,
    /// What cannot be tested without it.
    what_for: &'static str,
    /// Whether the eBPF programs that ship cannot be compiled without it.
    compiles: bool,
}

/// How to see that a package is there, however it came.
enum Gives {
    Program(&'static str),
    File(&'static str),
}

/// All of them are optional: without one, the tests that need it are skipped and say so.
const PACKAGES: &[Package] = &[
    Package {
        name: "clang-19",
        gives: Gives::Program("clang-19"),
        what_for: "rebuilding the eBPF programs from C",
        compiles: true,
    },
    Package {
        name: "llvm-19",
        gives: Gives::Program("llvm-strip-19"),
        what_for: "rebuilding the eBPF programs from C",
        compiles: true,
    },
    Package {
        name: "clang-14",
        gives: Gives::Program("clang-14"),
        what_for: "reading the objects of the oldest clang that is promised to work",
        compiles: false,
    },
    Package {
        name: "gcc-bpf",
        gives: Gives::Program("bpf-gcc"),
        what_for: "reading GCC's objects",
        compiles: false,
    },
    Package {
        name: "libbpf-dev",
        gives: Gives::File("/usr/include/bpf/bpf_helpers.h"),
        what_for: "the headers of the eBPF programs",
        compiles: true,
    },
    Package {
        name: "linux-libc-dev",
        gives: Gives::File("/usr/include/linux/bpf.h"),
        what_for: "the headers of the eBPF programs",
        compiles: true,
    },
    Package {
        name: "bpftool",
        gives: Gives::Program("bpftool"),
        what_for: "comparing BTF and objects with what bpftool says",
        compiles: false,
    },
];

/// How long apt may take: a slow mirror, not a dead one.
const APT_LIMIT: Duration = Duration::from_secs(300);

impl Package {
    fn present(&self) -> bool {
        match self.gives {
            Gives::Program(name) => which(name).is_some(),
            Gives::File(path) => Path::new(path).exists(),
        }
    }
}

/// `cargo xtask deps`: fails when something is still missing afterwards.
pub(crate) fn task() -> Result<(), String> {
    let component = install(|line| println!("{line}"));
    match missing().is_empty() && component {
        true => {
            println!("everything the tests use is installed");
            Ok(())
        }
        false => Err("not everything could be installed".into()),
    }
}

/// Installs what is missing when we are root on Debian; otherwise names it and the command to run. Never fails: a test
/// that lacks its package is skipped later, and says which. Whether rustup's component is there now.
pub(crate) fn install(mut say: impl FnMut(&str)) -> bool {
    let component = component::install(&mut say);
    let wanted = missing();
    if wanted.is_empty() {
        return component;
    }
    let names: Vec<&str> = wanted.iter().map(|package| package.name).collect();
    let names = names.join(" ");
    let apt = which("apt-get").filter(|_| Path::new("/etc/debian_version").exists());
    match apt {
        Some(_) if is_root() => {
            say(&format!("installing {names}"));
            if let Err(why) = apt_install(&wanted) {
                say(&format!("could not install them: {why}"));
            }
        }
        Some(_) => say(&format!("to install what is missing: sudo apt-get install {names}")),
        None => say(&format!("missing here (names of Debian's packages): {names}")),
    }
    for package in missing() {
        say(&format!("missing: {} (for {})", package.name, package.what_for));
    }
    component
}

fn missing() -> Vec<&'static Package> {
    PACKAGES.iter().filter(|package| !package.present()).collect()
}

fn apt_install(packages: &[&Package]) -> Result<(), String> {
    apt(&["update"])?;
    let names = packages.iter().map(|package| package.name);
    let args: Vec<&str> = ["install", "--yes", "--no-install-recommends"].into_iter().chain(names).collect();
    apt(&args)
}

/// Runs apt-get quietly; its last lines are the error.
fn apt(args: &[&str]) -> Result<(), String> {
    let mut cmd = Command::new("apt-get");
    // Someone else's apt may hold the lock for a while, as on a machine that has just booted.
    cmd.args(["-qq", "-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=2"]).args(args);
    cmd.env("DEBIAN_FRONTEND", "noninteractive");
    let got = capture(&mut cmd, APT_LIMIT, |_| {})?;
    if got.ok { Ok(()) } else { Err(format!("apt-get {} ({}): {}", args[0], got.how, tail(&got.text, 5))) }
}

/// Whether this process is root, asked without unsafe code: the owner of `/proc/self`.
pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0)
}

/// Why the eBPF programs cannot be compiled here, if so.
pub(crate) fn no_clang() -> Option<String> {
    let needed = missing().into_iter().filter(|package| package.compiles);
    let missing: Vec<&str> = needed.map(|package| package.name).collect();
    (!missing.is_empty()).then(|| format!("not installed: {}", missing.join(", ")))
}
