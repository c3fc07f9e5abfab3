//! The flags maps are created with.
//!
//! They are a type because maps are created in many places; the flags of calls and helpers are plain constants in
//! [`crate::uapi`].

use core::fmt;
use core::ops::{BitOr, BitOrAssign};

/// `map_flags` of `BPF_MAP_CREATE`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct MapFlags(pub u32);

/// Declares the flags of maps with their UAPI names.
macro_rules! map_flags {
    ($($(#[$doc:meta])* $name:ident = $bit:literal;)*) => {
        impl MapFlags {
            $($(#[$doc])* pub const $name: MapFlags = MapFlags(1 << $bit);)*

            /// Every flag by its name without the `BPF_F_`.
            pub const NAMES: &'static [(&'static str, MapFlags)] = &[$((stringify!($name), MapFlags(1 << $bit)),)*];
        }
    };
}

map_flags! {
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
    /// No flag.
    pub const NONE: MapFlags = MapFlags(0);

    /// Both sets together.
    pub const fn union(self, other: MapFlags) -> MapFlags {
        MapFlags(self.0 | other.0)
    }

    /// This set less the other.
    pub const fn without(self, other: MapFlags) -> MapFlags {
        MapFlags(self.0 & !other.0)
    }

    /// Whether every flag of `other` is in this set.
    pub const fn contains(self, other: MapFlags) -> bool {
        self.0 & other.0 == other.0
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

impl fmt::Display for MapFlags {
    /// `no_prealloc|numa_node`, bits without a name as a hexadecimal rest, `none` for the empty set.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = *self;
        let mut words = Vec::new();
        for &(name, flag) in MapFlags::NAMES {
            if self.contains(flag) {
                words.push(name.to_lowercase());
                rest = rest.without(flag);
            }
        }
        if rest != MapFlags::NONE {
            words.push(format!("{:#x}", rest.0));
        }
        f.pad(&if words.is_empty() { "none".to_owned() } else { words.join("|") })
    }
}

impl fmt::Debug for MapFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MapFlags({self})")
    }
}
