//! What a register holds.

use std::fmt;

use skep_btf::TypeId;

use crate::value::Scalar;

/// What a register (or a spilled one) holds.
///
/// Invariants: `id` of a scalar names the set of copies of one number, of a nullable pointer the set of copies that are NULL
/// together, of a packet pointer the variable part that its range was proved for; 0 is none. The first names, as many as
/// [`crate::Host::lent`] says, belong to the lengths of lent memory and are never given up. For pointers `value` is the variable part of the offset,
/// and the whole offset is `off + value`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reg {
    /// What sort of value.
    pub kind: RegKind,
    /// What else holds of a pointer.
    pub flags: Flags,
    /// Constant part of a pointer's offset; of a scalar, its distance from the number that its id names.
    pub off: i32,
    /// The number, or the variable part of a pointer's offset.
    pub value: Scalar,
    /// See the invariants.
    pub id: u32,
    /// The reference that the value stands for or derives from; 0 for none.
    pub reference: u32,
    /// Packet pointers: bytes from the base proved to lie within the packet, or one of [`Reg::AT_END`], [`Reg::BEYOND_END`].
    /// Maps found in maps, and their values: the look-up that found the map, if its values hold what is bound to one map; else 0.
    pub range: i32,
    /// Whether `off` of a scalar is a distance, so that the number is that of its id plus `off`.
    pub linked: bool,
    /// Memory within a dynptr: the id of that dynptr, whose end is the memory's; 0 for none.
    pub dynptr: u32,
}

/// The sort of value in a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RegKind {
    /// Nothing that may be read.
    Uninit,
    /// A number.
    Scalar,
    /// The context.
    Ctx,
    /// A map itself.
    Map(MapId),
    /// A value of a map.
    MapValue(MapId),
    /// A key of a map, in callbacks.
    MapKey(MapId),
    /// The stack of the frame of this depth.
    Stack(u8),
    /// Bytes of the packet.
    Packet,
    /// Bytes in front of the packet.
    PacketMeta,
    /// The packet's end.
    PacketEnd,
    /// The flow dissector's result.
    FlowKeys,
    /// A socket of any sort.
    SockCommon,
    /// A full socket.
    Socket,
    /// A TCP socket.
    TcpSock,
    /// An AF_XDP socket.
    XdpSock,
    /// A region of this many bytes.
    Mem(u32),
    /// Memory that an application lends through its context, by its number (see [`crate::host`]).
    Lent(u8),
    /// A function of the program, by its number.
    Func(u32),
    /// A kernel object of a type of the kernel's BTF.
    Btf(TypeId),
    /// An object of a type of the program's BTF.
    Allocated(TypeId),
    /// A dynptr handed to a callback or a global function; on the stack, what a slot holds half of (see `check/dynptr.rs`).
    Dynptr(DynptrSort),
    /// Memory of an arena.
    Arena,
    /// A buffer whose size the attachment fixes (0: the tracepoint's record, 1: iterator's read-only, 2: iterator's read-write).
    Buffer(u8),
    /// On the stack alone: an open-coded iterator of a type of the kernel's BTF. `off` says whether it is drained, `range` counts the rounds begun.
    Iterator(TypeId),
    /// On the stack alone: saved interrupt state. `off` says whether a lock keeps it.
    IrqFlag,
}

/// What a dynptr is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DynptrSort {
    /// The program's own memory, or what is not known better: a sample from user space, a parameter.
    Local,
    /// A ring buffer record, to be submitted or discarded.
    Ringbuf,
    /// A socket buffer.
    Skb,
    /// An XDP frame.
    Xdp,
    /// The metadata in front of a socket buffer.
    SkbMeta,
}

impl DynptrSort {
    /// Whether it holds a reference that must be given back.
    pub const fn is_counted(self) -> bool {
        matches!(self, Self::Ringbuf)
    }

    /// Whether slices of it are void when the packet moves.
    pub const fn is_packet(self) -> bool {
        matches!(self, Self::Skb | Self::Xdp | Self::SkbMeta)
    }
}

impl fmt::Display for DynptrSort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "local",
            Self::Ringbuf => "ringbuf",
            Self::Skb => "skb",
            Self::Xdp => "xdp",
            Self::SkbMeta => "skb_meta",
        })
    }
}

/// A map by its number in the program's table: those it names first, then the templates inside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MapId(pub u32);

/// Modifiers of a pointer, as a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u16);

impl Flags {
    /// None.
    pub const NONE: Flags = Flags(0);
    /// It may be NULL.
    pub const NULLABLE: Flags = Flags(1);
    /// It may only be read.
    pub const RDONLY: Flags = Flags(2);
    /// A ring buffer record.
    pub const RINGBUF: Flags = Flags(4);
    /// The object lives while the program runs.
    pub const TRUSTED: Flags = Flags(8);
    /// The object lives while the RCU section lasts.
    pub const RCU: Flags = Flags(16);
    /// Nothing is known of the object's life; reads are caught.
    pub const UNTRUSTED: Flags = Flags(32);
    /// A per-CPU object's base, not to be read directly.
    pub const PERCPU: Flags = Flags(64);
    /// Memory of a process.
    pub const USER: Flags = Flags(128);
    /// Made by the program (`bpf_obj_new`).
    pub const OWNED: Flags = Flags(256);
    /// In a list or tree whose lock is held.
    pub const NON_OWNING: Flags = Flags(512);
    /// Memory within a dynptr over a packet: void when the packet moves.
    pub const SLICE: Flags = Flags(1024);
    /// The helper demands the unmodified pointer.
    pub const FIXED: Flags = Flags(2048);

    /// Whether all of `other` are set.
    pub const fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// With those of `other` as well.
    #[must_use]
    pub const fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// Without those of `other`.
    #[must_use]
    pub const fn without(self, other: Flags) -> Flags {
        Flags(self.0 & !other.0)
    }
}

impl Reg {
    /// [`Reg::range`] of a pointer that equals the packet's end.
    pub const AT_END: i32 = -1;
    /// [`Reg::range`] of a pointer beyond the packet's end.
    pub const BEYOND_END: i32 = -2;
    /// Not written yet.
    pub const UNINIT: Reg = Reg::of(RegKind::Uninit, Scalar::UNKNOWN);
    /// Any number.
    pub const UNKNOWN: Reg = Reg::of(RegKind::Scalar, Scalar::UNKNOWN);

    const fn of(kind: RegKind, value: Scalar) -> Reg {
        let flags = Flags::NONE;
        Reg { kind, flags, off: 0, value, id: 0, reference: 0, range: 0, linked: false, dynptr: 0 }
    }

    /// A constant.
    pub const fn constant(value: u64) -> Reg {
        Reg::of(RegKind::Scalar, Scalar::constant(value))
    }

    /// A number of which this is known.
    pub const fn scalar(value: Scalar) -> Reg {
        Reg::of(RegKind::Scalar, value)
    }

    /// A pointer to the start of what `kind` says.
    pub const fn pointer(kind: RegKind) -> Reg {
        Reg::of(kind, Scalar::constant(0))
    }

    /// The same with these flags as well.
    #[must_use]
    pub const fn with(mut self, flags: Flags) -> Reg {
        self.flags = self.flags.with(flags);
        self
    }

    /// Whether it is a number.
    pub const fn is_scalar(&self) -> bool {
        matches!(self.kind, RegKind::Scalar)
    }

    /// Whether it is a pointer of any sort.
    pub const fn is_pointer(&self) -> bool {
        !matches!(self.kind, RegKind::Uninit | RegKind::Scalar)
    }

    /// Whether it may be NULL besides being a pointer.
    pub const fn is_nullable(&self) -> bool {
        self.flags.has(Flags::NULLABLE)
    }

    /// The number, if there is but one.
    pub const fn as_constant(&self) -> Option<u64> {
        if self.is_scalar() { self.value.as_constant() } else { None }
    }

    /// Whether it is the number 0.
    pub const fn is_null(&self) -> bool {
        matches!(self.as_constant(), Some(0))
    }

    /// Whether it points into the packet or in front of it.
    pub const fn is_packet(&self) -> bool {
        matches!(self.kind, RegKind::Packet | RegKind::PacketMeta)
    }
}

impl fmt::Display for RegKind {
    /// The kind in plain words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uninit => "nothing",
            Self::Scalar => "a number",
            Self::Ctx => "the context",
            Self::Map(_) => "a map",
            Self::MapValue(_) => "a map value",
            Self::MapKey(_) => "a map key",
            Self::Stack(_) => "the stack",
            Self::Packet => "the packet",
            Self::PacketMeta => "packet metadata",
            Self::PacketEnd => "the packet's end",
            Self::FlowKeys => "flow keys",
            Self::SockCommon => "a socket of any sort",
            Self::Socket => "a socket",
            Self::TcpSock => "a TCP socket",
            Self::XdpSock => "an AF_XDP socket",
            Self::Mem(_) => "memory",
            Self::Lent(_) => "lent memory",
            Self::Func(_) => "a function",
            Self::Btf(_) => "a kernel object",
            Self::Allocated(_) => "an allocated object",
            Self::Dynptr(_) => "a dynptr",
            Self::Arena => "an arena",
            Self::Buffer(_) => "a buffer",
            Self::Iterator(_) => "an iterator",
            Self::IrqFlag => "saved interrupt state",
        })
    }
}

impl fmt::Display for Reg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_constant() {
            Some(value) => write!(f, "the number {}", value as i64),
            None if self.is_nullable() => write!(f, "{} or NULL", self.kind),
            None => self.kind.fmt(f),
        }
    }
}
