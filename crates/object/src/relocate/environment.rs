//! What the caller knows about the machine.

use std::collections::BTreeMap;

use skep_btf::{Btf, TypeId};

/// What the caller knows about the machine that a program is to run on.
#[derive(Clone, Copy)]
pub struct Environment<'a> {
    /// The kernel's types.
    pub target: Target<'a>,
    /// Its symbols.
    pub symbols: &'a dyn Symbols,
}

/// The types that CO-RE relocations are matched against.
#[derive(Clone, Copy)]
pub enum Target<'a> {
    /// None are known: a program with CO-RE relocations is an error.
    None,
    /// The object's own: every field is where the compiler saw it. Right where the types are part of the UAPI (`xdp_md`,
    /// `__sk_buff`), as when a program runs in user space.
    Local,
    /// Those of a kernel.
    Btf(&'a Btf),
}

/// The kernel's symbols, as far as the caller knows them. Every method may say that it knows nothing.
pub trait Symbols {
    /// The address of a symbol, as `/proc/kallsyms` has it.
    fn address(&self, name: &str) -> Option<u64> {
        let _ = name;
        None
    }

    /// A kernel function to call by number. Asked before the target's BTF is searched.
    fn function(&self, name: &str) -> Option<KernelFunction> {
        let _ = name;
        None
    }

    /// A typed kernel variable. Asked before the target's BTF is searched.
    fn variable(&self, name: &str) -> Option<KernelVariable> {
        let _ = name;
        None
    }
}

/// How a program names a kernel function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelFunction {
    /// Its BTF id.
    pub id: TypeId,
    /// Index of its module's BTF in the list the program is loaded with; 0 for the kernel itself.
    pub module: i16,
}

/// How a program names a kernel variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelVariable {
    /// BTF id of the VAR.
    pub id: TypeId,
    /// Descriptor of its module's BTF; 0 for the kernel itself.
    pub module_fd: i32,
}

/// A machine with no kernel symbols.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSymbols;

impl Symbols for NoSymbols {}

impl Default for Environment<'_> {
    fn default() -> Self {
        Self { target: Target::None, symbols: &NoSymbols }
    }
}

impl<'a> Environment<'a> {
    /// A machine with these types and no other symbols than they name.
    pub fn with_target(target: Target<'a>) -> Self {
        Self { target, ..Self::default() }
    }
}

/// The kernel's configuration and the facts that libbpf offers beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kconfig {
    /// `CONFIG_…` to its value as the configuration file has it: `y`, `m`, a number, text with its quotation marks.
    pub options: BTreeMap<String, String>,
    /// `LINUX_KERNEL_VERSION`: major << 16 | minor << 8 | patch (at most 255).
    pub kernel_version: u32,
    /// `LINUX_HAS_…`: those that are true, by full name.
    pub features: Vec<String>,
}

impl Kconfig {
    /// Reads the text of a kernel configuration (`/boot/config-…`, unpacked `/proc/config.gz`). Lines that are not
    /// `CONFIG_NAME=value` are skipped.
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| line.starts_with("CONFIG_"));
        let options = lines.filter_map(|line| line.split_once('='));
        Self {
            options: options.map(|(name, value)| (name.to_owned(), value.trim_end().to_owned())).collect(),
            ..Self::default()
        }
    }
}
