//! What the tests use from rustup: the code generator of rustc's own LLVM, which turns eBPF programs in Rust into objects.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::process::{capture, tail, which};

/// The component's name in rustup.
const NAME: &str = "llvm-tools";

/// How long rustup may take for its forty megabytes.
const LIMIT: Duration = Duration::from_secs(300);

/// Adds the component when rustup manages this toolchain; says what to do otherwise. Whether it is there now.
pub(crate) fn install(mut say: impl FnMut(&str)) -> bool {
    if present() {
        return true;
    }
    let failed = match which("rustup") {
        None => Some("rustup is not installed".to_owned()),
        Some(rustup) => {
            say(&format!("adding rustup's component {NAME}"));
            add(&rustup).err()
        }
    };
    if let Some(why) = failed {
        say(&format!("missing: {NAME} of rustup (for eBPF programs in Rust): {why}"));
    }
    present()
}

/// Cargo tells rustup through the environment which toolchain it runs, so the right one gets it.
fn add(rustup: &Path) -> Result<(), String> {
    let got = capture(Command::new(rustup).args(["component", "add", NAME]), LIMIT, |_| {})?;
    if got.ok { Ok(()) } else { Err(format!("{}: {}", got.how, tail(&got.text, 5))) }
}

/// Whether `llc` stands where the tests look for it: beside the libraries that rustc links for this machine.
fn present() -> bool {
    let asked = Command::new("rustc").args(["--print", "target-libdir"]).output();
    asked.is_ok_and(|asked| {
        let libraries = String::from_utf8_lossy(&asked.stdout).into_owned();
        Path::new(libraries.trim()).with_file_name("bin").join("llc").is_file()
    })
}
