//! The object as a whole.

use std::sync::Arc;

use skep_btf::Btf;
use skep_isa::ByteOrder;

use crate::{Extern, Line, MapDef, ObjectError, Program, StructOps};

/// A parsed object file: everything a loader or a verifier needs, as plain data.
///
/// The same bytes give the same value on any machine; nothing here has asked the running kernel. What depends on the
/// machine ([`Program::relocate`], [`Object::kconfig`]) takes it as an argument.
#[derive(Clone, Debug)]
pub struct Object {
    /// The name given to [`Object::parse`], for messages.
    pub name: String,
    /// Byte order of the file. Instructions are decoded already; map contents are still in this order.
    pub order: ByteOrder,
    /// Contents of the `license` section without the closing zero; empty when there is none.
    pub license: String,
    /// Contents of the `version` section (`KERNEL_VERSION(a, b, c)`); only kernels before 5.0 look at it.
    pub version: Option<u32>,
    /// Programs in the order of their sections and, within one, of their places.
    pub programs: Vec<Program>,
    /// Maps: those of `.maps`, then of `maps`, then the global data sections, then struct_ops instances.
    /// Map references in instructions are indices into this list.
    pub maps: Vec<MapDef>,
    /// Symbols that the machine must supply: configuration, kernel variables and kernel functions.
    pub externs: Vec<Extern>,
    /// Instances of `.struct_ops` and `.struct_ops.link`; each also has an entry in `maps`.
    pub struct_ops: Vec<StructOps>,
    /// Type information, when the compiler was asked for it (`-g`).
    pub btf: Option<Arc<Btf>>,
    /// The `.BTF` section as it stood, in the file's byte order.
    pub btf_bytes: Vec<u8>,
}

/// Where a source line is, with its text as the compiler saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source<'a> {
    /// File name as the compiler recorded it.
    pub file: &'a str,
    /// From 1; 0 where the compiler knew none.
    pub line: u32,
    /// From 1; 0 where the compiler knew none.
    pub column: u32,
    /// The line itself, with its leading blanks.
    pub text: &'a str,
}

impl Object {
    /// Reads an object file. `name` is what messages call it and what kernel names of global data begin with.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, ObjectError> {
        crate::parse::parse(name, bytes).map_err(|fault| fault.of(name))
    }

    /// The program of that name (its function's name).
    pub fn program(&self, name: &str) -> Option<&Program> {
        self.programs.iter().find(|program| program.name == name)
    }

    /// The map of that full name (`.rodata` for global data) and its index in [`Object::maps`].
    pub fn map(&self, name: &str) -> Option<(usize, &MapDef)> {
        self.maps.iter().enumerate().find(|(_, map)| map.name == name)
    }

    /// What a line record says, with file name and text looked up in the object's BTF.
    pub fn source(&self, line: &Line) -> Option<Source<'_>> {
        let btf = self.btf.as_deref()?;
        Some(Source {
            file: btf.string(line.file_offset)?,
            line: line.line,
            column: line.column,
            text: btf.string(line.text_offset)?,
        })
    }

    /// Whether the licence lets programs call helpers that are for GPL-compatible programs only.
    pub fn gpl_compatible(&self) -> bool {
        GPL_COMPATIBLE.contains(&self.license.as_str())
    }
}

/// The licences that Linux holds to be compatible with its own.
const GPL_COMPATIBLE: &[&str] =
    &["GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL"];
