//! What can be wrong with bytes that should be BTF.

use std::fmt;

use crate::TypeId;

/// The part of the blob an error lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Section {
    /// The ELF file around it.
    Elf,
    /// The first `hdr_len` bytes.
    Header,
    /// The types, at `hdr_len + type_off`.
    Types,
    /// The strings, at `hdr_len + str_off`.
    Strings,
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Elf => "ELF file",
            Self::Header => "BTF header",
            Self::Types => "BTF type section",
            Self::Strings => "BTF string section",
        })
    }
}

/// One violated rule of the format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Where the offending field is.
    pub section: Section,
    /// Bytes from the start of the blob to the offending field.
    pub offset: usize,
    /// The type that holds the field, when the error is inside one.
    pub type_id: Option<TypeId>,
    /// What the format asks for.
    pub expected: String,
    /// What is there.
    pub found: String,
}

/// Why there is no [`crate::Btf`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BtfError {
    /// The bytes break a rule of the format. Boxed: errors are rare, results are everywhere.
    Malformed(Box<Malformed>),
    /// The file could not be read.
    Unreadable {
        /// The file.
        path: String,
        /// The operating system's reason.
        reason: String,
    },
}

impl BtfError {
    /// The violated rule, if the bytes were at fault.
    pub fn malformed(&self) -> Option<&Malformed> {
        match self {
            Self::Malformed(m) => Some(m),
            Self::Unreadable { .. } => None,
        }
    }
}

impl fmt::Display for BtfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(m) => {
                write!(f, "{}, offset {:#x}", m.section, m.offset)?;
                if let Some(id) = m.type_id {
                    write!(f, " (type {id})")?;
                }
                write!(f, ": expected {}, found {}", m.expected, m.found)
            }
            Self::Unreadable { path, reason } => write!(f, "cannot read {path}: {reason}"),
        }
    }
}

impl std::error::Error for BtfError {}
