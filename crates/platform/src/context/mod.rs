//! Contexts: the structs programs get in r1, field by field.
//!
//! Most program types do not see kernel memory: they see a struct of the UAPI whose fields the kernel translates
//! access by access. So a context is a table: each field has a place, a kind, and rules saying who may read or write
//! it, in which sizes, since which release.

mod layouts;

pub use layouts::*;

use crate::{AttachType, ProgramType, Release};

/// One context struct.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// The struct's name in the UAPI, without the word `struct`.
    pub name: &'static str,
    /// Size in bytes in 6.18.
    pub size: u32,
    /// Every field, by rising offset; two may share an offset where the UAPI has a union.
    pub fields: &'static [Field],
}

/// One field of a context struct.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The member's name in the UAPI.
    pub name: &'static str,
    /// Offset in bytes.
    pub offset: u32,
    /// Size of one element in bytes.
    pub size: u32,
    /// Number of elements: 1 unless the member is an array.
    pub count: u32,
    /// What a load gives.
    pub kind: FieldKind,
    /// Whether part of an element may be loaded.
    pub narrow: bool,
    /// Whether two neighbouring 4-byte elements may be accessed by one aligned 8-byte access.
    pub wide: bool,
    /// The release that brought it.
    pub since: Release,
}

/// What a load of a field gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// A number.
    Scalar,
    /// The packet's first byte.
    Packet,
    /// The byte after the packet's last linear one.
    PacketEnd,
    /// The first byte of the metadata in front of the packet.
    PacketMeta,
    /// A `struct bpf_flow_keys`.
    FlowKeys,
    /// A socket of any sort (`PTR_TO_SOCK_COMMON`); NULL where the flag is set.
    SockCommon {
        /// Whether it may be NULL.
        or_null: bool,
    },
    /// A full socket (`PTR_TO_SOCKET`); NULL where the flag is set.
    Socket {
        /// Whether it may be NULL.
        or_null: bool,
    },
}

/// Who may do what with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Access {
    /// Loads are allowed.
    pub read: bool,
    /// Stores are allowed.
    pub write: bool,
}

impl Layout {
    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The field that contains the byte at `offset`.
    pub fn at(&self, offset: u32) -> Option<&'static Field> {
        self.fields.iter().find(|field| (field.offset..field.offset + field.bytes()).contains(&offset))
    }
}

impl Field {
    /// All elements together, in bytes.
    pub const fn bytes(&self) -> u32 {
        self.size * self.count
    }
}

/// The context of a program type; `None` where it has no table (see [`crate::program::ContextShape`]).
pub fn layout(program: ProgramType) -> Option<&'static Layout> {
    let name = program.context_name();
    LAYOUTS.iter().copied().find(|layout| layout.name == name)
}

/// Who may do what with `field` in a program of this type and attach type on `release`.
pub fn access(_program: ProgramType, _attach: Option<AttachType>, field: &Field, release: Release) -> Access {
    Access { read: field.since <= release, write: false }
}
