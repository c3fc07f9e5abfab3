//! The vocabulary of helper prototypes: what a result is.
//!
//! As for arguments, a kind says what sort of value comes back and flags say what else holds: that it may be NULL, or that the
//! caller now holds a reference.

use core::fmt;

use crate::flags::flag_set;

/// What r0 holds after a call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ret {
    /// The sort of value.
    pub kind: RetKind,
    /// What else holds for it.
    pub flags: RetFlags,
}

/// The sort of value a helper returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetKind {
    /// A 64-bit number.
    Integer,
    /// Nothing: r0 must not be read.
    Void,
    /// A value of the map argument.
    MapValue,
    /// A full socket.
    Socket,
    /// A `bpf_tcp_sock`.
    TcpSock,
    /// A socket of any sort.
    SockCommon,
    /// Memory, as long as the [`ArgKind::AllocSize`](super::ArgKind::AllocSize) argument says.
    Mem,
    /// The per-CPU object's memory or, where its type is a kernel struct, a BTF pointer to it.
    MemOrBtf,
    /// A kernel object of the struct of this name.
    Btf(&'static str),
    /// The object that was in the kptr field, of the field's type.
    BtfOfField,
}

flag_set! {
    /// Modifiers of a result.
    RetFlags(u8);
    /// It may be NULL.
    OR_NULL = 0;
    /// The memory is a ring buffer record.
    RINGBUF = 1;
    /// The pointer is trusted: the object is alive while the program runs.
    TRUSTED = 2;
    /// The caller holds a reference and must release it.
    ACQUIRE = 3;
    /// The memory lies within the dynptr argument.
    DYNPTR = 4;
    /// The memory may only be read.
    RDONLY = 5;
}

impl Ret {
    /// A number.
    pub const INT: Ret = Ret::of(RetKind::Integer);
    /// Nothing.
    pub const VOID: Ret = Ret::of(RetKind::Void);
    /// A map value or NULL.
    pub const VALUE_OR_NULL: Ret = Ret::of(RetKind::MapValue).or_null();
    /// A map value.
    pub const VALUE: Ret = Ret::of(RetKind::MapValue);

    /// A result of this kind without modifiers.
    pub const fn of(kind: RetKind) -> Ret {
        Ret { kind, flags: RetFlags::NONE }
    }

    /// It may be NULL.
    pub const fn or_null(self) -> Ret {
        self.with(RetFlags::OR_NULL)
    }

    /// With this flag as well.
    pub const fn with(self, flag: RetFlags) -> Ret {
        Ret { kind: self.kind, flags: self.flags.union(flag) }
    }

    /// Whether this flag is set.
    pub const fn has(self, flag: RetFlags) -> bool {
        self.flags.contains(flag)
    }
}

impl fmt::Display for Ret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            RetKind::Integer => f.write_str("int")?,
            RetKind::Void => f.write_str("void")?,
            RetKind::MapValue => f.write_str("value")?,
            RetKind::Socket => f.write_str("sock")?,
            RetKind::TcpSock => f.write_str("tcp_sock")?,
            RetKind::SockCommon => f.write_str("sock_common")?,
            RetKind::Mem => f.write_str("mem")?,
            RetKind::MemOrBtf => f.write_str("percpu object")?,
            RetKind::Btf(name) => write!(f, "struct {name} *")?,
            RetKind::BtfOfField => f.write_str("kptr")?,
        }
        if self.has(RetFlags::OR_NULL) { f.write_str("?") } else { Ok(()) }
    }
}

impl fmt::Debug for Ret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
