//! Map types: `enum bpf_map_type` of the UAPI, and what `BPF_MAP_CREATE` demands of each.

mod helpers;
mod rules;
mod table;

pub use rules::{Entries, MapRules, PAGE_SIZE, SizeRule, TooBig};

use crate::Release;

/// Declares the enum, its numbers, names and origins in one list.
macro_rules! map_types {
    ($($variant:ident = $number:literal $name:literal $major:literal . $minor:literal;)*) => {
        /// A kind of map. The discriminant is the UAPI's number; "unspecified" (0) is not a type.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u32)]
        pub enum MapType {
            $(
                #[doc = concat!("`", $name, "` maps, since ", stringify!($major), ".", stringify!($minor), ".")]
                $variant = $number,
            )*
        }

        impl MapType {
            /// Every map type in the UAPI's order.
            pub const ALL: &'static [MapType] = &[$(MapType::$variant,)*];
        }

        static TABLE: &[(&str, Release)] = &[$(($name, Release::new($major, $minor)),)*];
    };
}

map_types! {
    Hash = 1 "hash" 3 . 19;
    Array = 2 "array" 3 . 19;
    ProgArray = 3 "prog_array" 4 . 2;
    PerfEventArray = 4 "perf_event_array" 4 . 3;
    PercpuHash = 5 "percpu_hash" 4 . 6;
    PercpuArray = 6 "percpu_array" 4 . 6;
    StackTrace = 7 "stack_trace" 4 . 6;
    CgroupArray = 8 "cgroup_array" 4 . 8;
    LruHash = 9 "lru_hash" 4 . 10;
    LruPercpuHash = 10 "lru_percpu_hash" 4 . 10;
    LpmTrie = 11 "lpm_trie" 4 . 11;
    ArrayOfMaps = 12 "array_of_maps" 4 . 12;
    HashOfMaps = 13 "hash_of_maps" 4 . 12;
    Devmap = 14 "devmap" 4 . 14;
    Sockmap = 15 "sockmap" 4 . 14;
    Cpumap = 16 "cpumap" 4 . 15;
    Xskmap = 17 "xskmap" 4 . 18;
    Sockhash = 18 "sockhash" 4 . 18;
    CgroupStorage = 19 "cgroup_storage" 4 . 19;
    ReuseportSockarray = 20 "reuseport_sockarray" 4 . 19;
    PercpuCgroupStorage = 21 "percpu_cgroup_storage" 4 . 20;
    Queue = 22 "queue" 4 . 20;
    Stack = 23 "stack" 4 . 20;
    SkStorage = 24 "sk_storage" 5 . 2;
    DevmapHash = 25 "devmap_hash" 5 . 4;
    StructOps = 26 "struct_ops" 5 . 6;
    Ringbuf = 27 "ringbuf" 5 . 8;
    InodeStorage = 28 "inode_storage" 5 . 10;
    TaskStorage = 29 "task_storage" 5 . 11;
    BloomFilter = 30 "bloom_filter" 5 . 16;
    UserRingbuf = 31 "user_ringbuf" 6 . 1;
    CgrpStorage = 32 "cgrp_storage" 6 . 2;
    Arena = 33 "arena" 6 . 9;
}

impl MapType {
    /// The UAPI's number.
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// The map type with this UAPI number; `None` for 0 and for numbers newer than 6.18.
    pub fn from_number(number: u32) -> Option<MapType> {
        Self::ALL.get(usize::try_from(number).ok()?.checked_sub(1)?).copied()
    }

    /// The short name, as bpftool prints it (`percpu_hash`).
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// The name of the UAPI's constant (`BPF_MAP_TYPE_PERCPU_HASH`).
    pub fn uapi_name(self) -> String {
        format!("BPF_MAP_TYPE_{}", self.name().to_uppercase())
    }

    /// The map type with this short name or UAPI name.
    pub fn from_name(name: &str) -> Option<MapType> {
        Self::ALL.iter().copied().find(|t| t.name() == name || t.uapi_name() == name)
    }

    /// The release that brought it.
    pub fn since(self) -> Release {
        self.row().1
    }

    /// What creation demands.
    pub fn rules(self) -> &'static MapRules {
        table::of(self)
    }

    /// Whether each possible CPU has a value of its own, so that `bpf(2)` exchanges a row of values.
    pub fn is_per_cpu(self) -> bool {
        matches!(
            self,
            MapType::PercpuHash
                | MapType::PercpuArray
                | MapType::LruPercpuHash
                | MapType::PercpuCgroupStorage
        )
    }

    /// The numbers are dense from 1, so the number finds the row (a test holds this).
    fn row(self) -> &'static (&'static str, Release) {
        &TABLE[self as usize - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rows() {
        assert_eq!(MapType::ALL.len(), 33);
        for (row, &map) in MapType::ALL.iter().enumerate() {
            assert_eq!(map as usize, row + 1);
            assert_eq!(MapType::from_number(map.number()), Some(map));
            assert_eq!(MapType::from_name(map.name()), Some(map));
            assert_eq!(MapType::from_name(&map.uapi_name()), Some(map));
        }
        assert_eq!(MapType::from_number(0), None);
        assert_eq!(MapType::from_number(34), None);
    }
}
