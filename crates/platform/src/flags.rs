//! Sets of flags as types: how they are declared, and the flags maps are created with.
//!
//! Map flags are a type because maps are created in many places, those of prototypes ([`crate::helper::ArgFlags`]) because
//! tables are written in them; the flags of calls and helpers are plain constants in [`crate::uapi`].

use core::ops::{BitOr, BitOrAssign};

/// Declares a set of flags, each with the number of its bit, and what every such set can do.
macro_rules! flag_set {
    ($(#[$outer:meta])* $set:ident($vis:vis $bits:ty); $($(#[$doc:meta])* $name:ident = $bit:literal;)*) => {
        $(#[$outer])*
        #[derive(Clone, Copy, PartialEq, Eq, Default)]
        pub struct $set($vis $bits);

        impl $set {
            /// No flag.
            pub const NONE: $set = $set(0);

            $($(#[$doc])* pub const $name: $set = $set(1 << $bit);)*

            /// Every flag with its name, in the order of the bits.
            pub const NAMES: &'static [(&'static str, $set)] = &[$((stringify!($name), $set(1 << $bit)),)*];

            /// Both sets together.
            pub const fn union(self, other: $set) -> $set {
                $set(self.0 | other.0)
            }

            /// Whether every flag of `other` is in this set.
            pub const fn contains(self, other: $set) -> bool {
                self.0 & other.0 == other.0
            }
        }

        impl core::fmt::Display for $set {
            /// `no_prealloc|numa_node`, bits without a name as a hexadecimal rest, `none` for the empty set.
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                let names = $set::NAMES.iter().map(|(name, flag)| (*name, flag.0.into()));
                f.pad(&$crate::flags::words(self.0.into(), names))
            }
        }

        impl core::fmt::Debug for $set {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, "{}({self})", stringify!($set))
            }
        }
    };
}

pub(crate) use flag_set;

flag_set! {
    /// `map_flags` of `BPF_MAP_CREATE`.
    #[derive(Hash)]
    MapFlags(pub u32);
    /// Elements are allocated when they are inserted instead of all at creation.
    NO_PREALLOC = 0;
    /// Each CPU keeps its own least-recently-used list; only for the LRU types.
    NO_COMMON_LRU = 1;
    /// Memory comes from the node in `numa_node`.
    NUMA_NODE = 2;
    /// System calls may only read.
    RDONLY = 3;
    /// System calls may only write.
    WRONLY = 4;
    /// Stacks hold build ids and file offsets instead of addresses.
    STACK_BUILD_ID = 5;
    /// Hash seed 0, so that iteration order repeats. For tests.
    ZERO_SEED = 6;
    /// Programs may only read.
    RDONLY_PROG = 7;
    /// Programs may only write.
    WRONLY_PROG = 8;
    /// A socket's storage is cloned to the sockets it accepts.
    CLONE = 9;
    /// User space may `mmap` the values.
    MMAPABLE = 10;
    /// Perf events stay when the file descriptor they came by is closed.
    PRESERVE_ELEMS = 11;
    /// Inner arrays may differ in `max_entries`.
    INNER_MAP = 12;
    /// The struct_ops map is attached by a link.
    LINK = 13;
    /// `value_type_btf_obj_fd` is given.
    VTYPE_BTF_OBJ_FD = 15;
    /// `map_token_fd` is given.
    TOKEN_FD = 16;
    /// A fault in the arena's user mapping is a segmentation fault instead of a new page.
    SEGV_ON_FAULT = 17;
    /// The JIT leaves arena pointers stored as they are.
    NO_USER_CONV = 18;
}

impl MapFlags {
    /// This set less the other.
    pub const fn without(self, other: MapFlags) -> MapFlags {
        MapFlags(self.0 & !other.0)
    }
}

impl BitOr for MapFlags {
    type Output = MapFlags;
    fn bitor(self, other: MapFlags) -> MapFlags {
        self.union(other)
    }
}

impl BitOrAssign for MapFlags {
    fn bitor_assign(&mut self, other: MapFlags) {
        *self = self.union(other);
    }
}

/// The names of the bits that are set, in small letters.
pub(crate) fn words(bits: u32, names: impl Iterator<Item = (&'static str, u32)>) -> String {
    let mut rest = bits;
    let mut words = Vec::new();
    for (name, flag) in names.filter(|(_, flag)| bits & flag == *flag) {
        words.push(name.to_lowercase());
        rest &= !flag;
    }
    if rest != 0 {
        words.push(format!("{rest:#x}"));
    }
    if words.is_empty() { "none".to_owned() } else { words.join("|") }
}
