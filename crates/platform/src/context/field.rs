//! One field of a context: its place, its kind, and who may access it in which sizes.

use crate::{AttachType, ProgramType, Release};

/// One field of a struct.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// The member's name in the UAPI.
    pub name: &'static str,
    /// Offset in bytes.
    pub offset: u32,
    /// Size of one element in bytes.
    pub size: u32,
    /// Number of elements: 1 unless the member is an array.
    pub count: u32,
    /// What a load of a whole element gives.
    pub kind: FieldKind,
    /// The sizes of loads.
    pub read: Sizes,
    /// Which programs may load.
    pub readers: By,
    /// The sizes of stores.
    pub write: Sizes,
    /// Which programs may store.
    pub writers: By,
    /// The release that brought it.
    pub since: Release,
    /// Which accesses need CAP_BPF where the program type itself does not.
    pub guarded: Guard,
}

/// Accesses that ask for CAP_BPF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Guard {
    /// None.
    #[default]
    None,
    /// Stores.
    Stores,
    /// Loads and stores.
    All,
}

impl Guard {
    /// Whether a load, or a store, is among them.
    pub const fn holds(self, store: bool) -> bool {
        match self {
            Guard::None => false,
            Guard::Stores => store,
            Guard::All => true,
        }
    }
}

/// What a load of a field gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// A number.
    Scalar,
    /// The packet's first byte, or the first byte of what stands in its place.
    Packet,
    /// The byte after the packet's last linear one.
    PacketEnd,
    /// The first byte of the metadata in front of the packet.
    PacketMeta,
    /// A `struct bpf_flow_keys`.
    FlowKeys,
    /// A socket of any sort, or NULL.
    SockCommonOrNull,
    /// A full socket.
    Socket,
    /// A full socket, or NULL.
    SocketOrNull,
    /// A trusted pointer to the kernel struct of this name.
    Kernel(&'static str),
}

/// The sizes a field may be accessed in. Every access must be aligned to its own size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sizes {
    /// Not at all.
    Never,
    /// One whole element.
    Full,
    /// Any size up to an element, anywhere in it.
    Narrow,
    /// Any size up to an element, but from its first byte only.
    Start,
    /// 2 bytes or more, up to an element, anywhere in it.
    Halves,
    /// [`Sizes::Full`], or 8 bytes over two elements.
    FullWide,
    /// [`Sizes::Narrow`], or 8 bytes over two elements.
    NarrowWide,
    /// A 2-byte port: any size up to it, or 4 bytes with the zeros that follow.
    Port,
    /// Any size at any place, also across fields.
    Any,
}

/// Which programs something is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// All.
    All,
    /// Those of these types.
    Programs(&'static [ProgramType]),
    /// Those of other types.
    Except(&'static [ProgramType]),
    /// Those in these attach types.
    Attach(&'static [AttachType]),
}

impl By {
    /// Whether a program is among them; without an attach type, whether one of any could be.
    pub fn includes(self, program: ProgramType, attach: Option<AttachType>) -> bool {
        match self {
            By::All => true,
            By::Programs(programs) => programs.contains(&program),
            By::Except(programs) => !programs.contains(&program),
            By::Attach(places) => match attach {
                Some(attach) => places.contains(&attach),
                None => program.attach_types().iter().any(|attach| places.contains(attach)),
            },
        }
    }
}

impl Sizes {
    /// Whether an access of `size` bytes at `offset` fits `field`.
    pub(super) fn fit(self, field: &Field, offset: u32, size: u32) -> bool {
        if !matches!(size, 1 | 2 | 4 | 8) || !offset.is_multiple_of(size) || !field.contains(offset) {
            return false;
        }
        let inside = (offset - field.offset) % field.size;
        let whole = inside == 0 && size == field.size;
        let narrow = inside + size <= field.size;
        let wide = size == 8 && offset - field.offset + size <= field.bytes();
        match self {
            Sizes::Never => false,
            Sizes::Full => whole,
            Sizes::Narrow => narrow,
            Sizes::Start => narrow && inside == 0,
            Sizes::Halves => narrow && size >= 2,
            Sizes::FullWide => whole || wide,
            Sizes::NarrowWide => narrow || wide,
            Sizes::Port => narrow || (size == 4 && inside == 0),
            Sizes::Any => true,
        }
    }
}

impl Field {
    /// All elements together, in bytes.
    pub const fn bytes(&self) -> u32 {
        self.size * self.count
    }

    /// Whether the byte at `offset` belongs to it.
    pub const fn contains(&self, offset: u32) -> bool {
        offset >= self.offset && offset - self.offset < self.bytes()
    }

    /// A number that everyone may load whole; older than any release modelled. The methods below say what differs.
    pub(super) const fn new(name: &'static str, offset: u32, size: u32) -> Field {
        Field {
            name,
            offset,
            size,
            count: 1,
            kind: FieldKind::Scalar,
            read: Sizes::Full,
            readers: By::All,
            write: Sizes::Never,
            writers: By::All,
            since: Release::V5_4,
            guarded: Guard::None,
        }
    }

    pub(super) const fn array(mut self, count: u32) -> Field {
        self.count = count;
        self
    }

    pub(super) const fn kind(mut self, kind: FieldKind) -> Field {
        self.kind = kind;
        self
    }

    pub(super) const fn read(mut self, sizes: Sizes) -> Field {
        self.read = sizes;
        self
    }

    pub(super) const fn for_(mut self, readers: By) -> Field {
        self.readers = readers;
        self
    }

    pub(super) const fn write(mut self, sizes: Sizes, writers: By) -> Field {
        self.write = sizes;
        self.writers = writers;
        self
    }

    pub(super) const fn guarded(mut self, guarded: Guard) -> Field {
        self.guarded = guarded;
        self
    }

    pub(super) const fn since(mut self, major: u8, minor: u8) -> Field {
        self.since = Release::new(major, minor);
        self
    }
}
