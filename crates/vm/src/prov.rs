//! What a register is: 64 bits, and where those bits came from.
//!
//! A pointer is a real host address, so nothing in its bits says what it may reach. That knowledge travels beside it as
//! its *provenance*: the object's first byte, its length, what may be done with it and how long it lives. Moving copies
//! it, adding a scalar keeps it, everything else loses it and leaves a plain number. An access is legal exactly when the
//! whole of it lies inside the object, the permission is there and the object is alive.
//!
//! Life is a slot number and a generation. Whatever ends an object's life (the frame returns, the packet is resized, the
//! record is submitted) moves the slot's generation on, and every pointer of the old generation is dead at once, wherever
//! it has been copied to. Slot 0 never changes: objects that outlive the run.

use std::fmt;

/// What kind of thing a register holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A number.
    Scalar = 0,
    /// Nothing was ever written, or a call has destroyed it.
    Uninit,
    /// The context; its loads and stores are answered by [`crate::Context`].
    Context,
    /// A stack frame of this run.
    Stack,
    /// The value of a map's entry.
    MapValue,
    /// The key of a map's entry, in a `for_each` callback.
    MapKey,
    /// Packet bytes, from `data`.
    Packet,
    /// The metadata before the packet, from `data_meta`.
    PacketMeta,
    /// The end of the packet: for comparing only.
    PacketEnd,
    /// A map itself, as helpers take it.
    Map,
    /// Plain memory that belongs to the run: ring buffer records, dynptr slices, allocated objects.
    Memory,
    /// A function of the program, for callbacks.
    Func,
    /// A socket: read-only, released by its helper.
    Socket,
    /// An object of the engine behind a BTF type (a task, a cgroup): opaque.
    Btf,
    /// An arena address.
    Arena,
    /// Memory that the application lent through its own context.
    App,
    /// A dynptr handed to a callback by the engine.
    Dynptr,
}

impl Kind {
    /// What a fault calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scalar => "a number",
            Self::Uninit => "uninitialised",
            Self::Context => "the context",
            Self::Stack => "the stack",
            Self::MapValue => "a map value",
            Self::MapKey => "a map key",
            Self::Packet => "the packet",
            Self::PacketMeta => "the packet's metadata",
            Self::PacketEnd => "the packet's end",
            Self::Map => "a map",
            Self::Memory => "memory",
            Self::Func => "a function",
            Self::Socket => "a socket",
            Self::Btf => "an engine object",
            Self::Arena => "the arena",
            Self::App => "application memory",
            Self::Dynptr => "a dynptr",
        }
    }
}

/// What may be done through a pointer, and whether a fast access is allowed at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Perm(pub(crate) u8);

impl Perm {
    /// No access.
    pub const NONE: Self = Self(0);
    /// Loads.
    pub const READ: Self = Self(1);
    /// Stores.
    pub const WRITE: Self = Self(2);
    /// Both.
    pub const READ_WRITE: Self = Self(3);
    /// Has bytes a program may not touch directly (a lock, a timer, a kptr): each access is looked at.
    pub(crate) const SPECIAL: u8 = 4;
    /// Lies on the stack, whose shadow must be kept in step.
    pub(crate) const STACK: u8 = 8;

    /// Whether stores are allowed.
    pub const fn writable(self) -> bool {
        self.0 & Self::WRITE.0 != 0
    }

    /// Whether loads are allowed.
    pub const fn readable(self) -> bool {
        self.0 & Self::READ.0 != 0
    }
}

/// A lifetime: an entry of the run's table of lives, and the generation it must still have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Life {
    /// Index into the table; 0 lives for ever.
    pub(crate) slot: u32,
    /// Generation when the pointer was made.
    pub(crate) generation: u32,
}

impl Life {
    /// Of objects that stay until the run is over.
    pub const RUN: Self = Self { slot: 0, generation: 0 };
}

/// The provenance of a pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Prov {
    /// First byte of the object.
    pub(crate) base: u64,
    /// Its length in bytes.
    pub(crate) len: u32,
    /// What it is.
    pub(crate) kind: Kind,
    /// What may be done.
    pub(crate) perm: Perm,
    /// Which one: the run's number of the map, the frame's depth, by kind.
    pub(crate) index: u16,
    /// How long it lives.
    pub(crate) life: Life,
}

impl Prov {
    /// Of a number.
    pub const SCALAR: Self =
        Self { base: 0, len: 0, kind: Kind::Scalar, perm: Perm::NONE, index: 0, life: Life::RUN };
    /// Of a register nobody wrote.
    pub const UNINIT: Self = Self { kind: Kind::Uninit, ..Self::SCALAR };

    /// What it is.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// First byte of the object, a host address.
    pub const fn base(&self) -> u64 {
        self.base
    }

    /// Length of the object in bytes.
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// Whether the object has no bytes that could be accessed.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What may be done with it.
    pub const fn perm(&self) -> Perm {
        self.perm
    }
}

/// A register's value with its provenance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reg {
    /// The 64 bits.
    pub val: u64,
    /// Where they come from.
    pub prov: Prov,
}

impl Reg {
    /// A register nobody wrote.
    pub const UNINIT: Self = Self { val: 0, prov: Prov::UNINIT };
    /// The number 0, which is also the null pointer.
    pub const ZERO: Self = Self::scalar(0);

    /// A number.
    pub const fn scalar(val: u64) -> Self {
        Self { val, prov: Prov::SCALAR }
    }

    /// Minus an errno value, as helpers return it.
    pub const fn errno(errno: i32) -> Self {
        Self::scalar(-(errno as i64) as u64)
    }

    /// A pointer to the first of `len` bytes at `base`, alive until the run ends.
    ///
    /// Whoever makes one answers for the memory: it must stay valid for `perm` as long as `life` says.
    pub(crate) fn pointer(kind: Kind, base: u64, len: usize, perm: Perm, life: Life) -> Self {
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        Self { val: base, prov: Prov { base, len, kind, perm, index: 0, life } }
    }

    /// Whether it is a number.
    pub const fn is_scalar(&self) -> bool {
        matches!(self.prov.kind, Kind::Scalar)
    }

    /// Whether it is the number 0.
    pub const fn is_null(&self) -> bool {
        self.is_scalar() && self.val == 0
    }
}

impl From<u64> for Reg {
    fn from(val: u64) -> Self {
        Self::scalar(val)
    }
}

impl fmt::Display for Reg {
    /// `0x2a`, `stack-16`, `map value+4`: kinds and offsets, no addresses, so that two runs print the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prov.kind {
            Kind::Scalar => write!(f, "{:#x}", self.val),
            Kind::Uninit => f.write_str("uninitialised"),
            Kind::Stack => {
                let top = self.prov.base.wrapping_add(u64::from(self.prov.len));
                write!(f, "frame {} {:+}", self.prov.index, self.val.wrapping_sub(top) as i64)
            }
            kind => write!(f, "{} {:+}", kind.name(), self.val.wrapping_sub(self.prov.base) as i64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_small() {
        assert_eq!(size_of::<Prov>(), 24);
        assert_eq!(size_of::<Reg>(), 32);
    }

    #[test]
    fn prints_offsets_not_addresses() {
        let mut r = Reg::pointer(Kind::MapValue, 0x5000, 16, Perm::READ, Life::RUN);
        r.val += 4;
        assert_eq!(r.to_string(), "a map value +4");
        let mut s = Reg::pointer(Kind::Stack, 0x1000, 512, Perm::READ_WRITE, Life::RUN);
        s.val += 496;
        assert_eq!(s.to_string(), "frame 0 -16");
    }
}
