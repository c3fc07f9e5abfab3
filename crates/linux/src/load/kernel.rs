//! What the running kernel says about itself: types, configuration, symbols.
//!
//! Each is read when it is first needed and once a process: the types are 5.5 MB and the symbols as much again, and most
//! objects need neither.

use std::collections::HashMap;
use std::io::Read;
use std::sync::OnceLock;

use skep_btf::Btf;
use skep_object::{Kconfig, Symbols};
use skep_platform::Release;

use crate::prog::kernel_version;

/// Where distributions put the configuration, beside `/proc/config.gz`. `@` stands for the release.
const CONFIGS: &[&str] = &["/boot/config-@", "/lib/modules/@/config", "/usr/lib/modules/@/config"];

/// The kernel that runs this process.
#[derive(Debug)]
pub(crate) struct Kernel;

impl Kernel {
    /// Its types; the error says why they cannot be read.
    pub(crate) fn btf() -> Result<&'static Btf, String> {
        static BTF: OnceLock<Result<Btf, String>> = OnceLock::new();
        let read = || Btf::running().map_err(|error| error.to_string());
        BTF.get_or_init(read).as_ref().map_err(Clone::clone)
    }

    /// Its release; the newest modelled one when its text is not understood.
    pub(crate) fn release() -> Release {
        Release::from_uname(&uname()).unwrap_or(Release::LATEST)
    }

    /// Its configuration; without options where it is not told.
    pub(crate) fn config() -> &'static Kconfig {
        static CONFIG: OnceLock<Kconfig> = OnceLock::new();
        CONFIG.get_or_init(|| {
            let mut config = Kconfig::parse(&config_text().unwrap_or_default());
            config.kernel_version = kernel_version();
            let features = [
                ("LINUX_HAS_BPF_COOKIE", Kernel::release() >= Release::new(5, 15)),
                (
                    "LINUX_HAS_SYSCALL_WRAPPER",
                    config.options.get("CONFIG_ARCH_HAS_SYSCALL_WRAPPER").is_some_and(|value| value == "y"),
                ),
            ];
            config.features = features.iter().filter(|f| f.1).map(|f| f.0.to_owned()).collect();
            config
        })
    }
}

fn uname() -> String {
    std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned()
}

fn config_text() -> Option<String> {
    let mut text = String::new();
    let packed = std::fs::File::open("/proc/config.gz").ok();
    if packed.is_some_and(|file| flate2::read::GzDecoder::new(file).read_to_string(&mut text).is_ok()) {
        return Some(text);
    }
    CONFIGS.iter().find_map(|path| std::fs::read_to_string(path.replace('@', &uname())).ok())
}

impl Symbols for Kernel {
    fn address(&self, name: &str) -> Option<u64> {
        static ADDRESSES: OnceLock<HashMap<String, u64>> = OnceLock::new();
        ADDRESSES.get_or_init(addresses).get(name).copied()
    }
}

/// All of `/proc/kallsyms` that has an address; nothing when `kptr_restrict` hides them (all are 0 then).
fn addresses() -> HashMap<String, u64> {
    let text = std::fs::read_to_string("/proc/kallsyms").unwrap_or_default();
    let symbol = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let address = u64::from_str_radix(words.next()?, 16).ok()?;
        // Of several symbols of one name the first stays: it is the kernel's own, modules come last.
        Some((words.nth(1)?.to_owned(), address)).filter(|_| address != 0)
    };
    let mut all = HashMap::new();
    for (name, address) in text.lines().filter_map(symbol) {
        all.entry(name).or_insert(address);
    }
    all
}
