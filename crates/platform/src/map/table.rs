//! What `BPF_MAP_CREATE` demands of each map type: one row per type.
//!
//! Most rows differ from the plain one in a number or two, which is all they state. The limits are the kernel's, as the kernel
//! gives them on x86-64.

use super::MapType::{self, *};
use super::rules::{Entries, MapRules, PAGE_SIZE, STACK_DEPTH_MAX, SizeRule, TooBig};
use crate::flags::MapFlags;

/// The largest block `kmalloc` gives (4 MiB with 4 KiB pages): the bound of values in hash, queue and trie maps.
const KMALLOC_MAX: u32 = 4 << 20;

/// The most a hash element holds, key and value together: its header takes the rest of the block.
const HASH_ELEMENT_MAX: u32 = KMALLOC_MAX - 49;

/// The largest value of a trie: its node has a header and room for the longest key.
const TRIE_VALUE_MAX: u32 = KMALLOC_MAX - 280;

/// The largest value of a cgroup's storage, which shares its bound with the local storages.
const STORAGE_VALUE_MAX: u32 = 65407;

/// The pages in an arena: its pointers have 32 bits.
const ARENA_PAGES_MAX: u32 = 1 << 20;

/// The largest value a per-CPU map holds: the smallest unit of the per-CPU allocator.
const PERCPU_MAX: u32 = 32 << 10;

const INDEX: SizeRule = SizeRule::OneOf(&[4]);
const HANDLE: SizeRule = SizeRule::OneOf(&[4]);
const NONE: SizeRule = SizeRule::OneOf(&[0]);
const FD_OR_COOKIE: SizeRule = SizeRule::OneOf(&[4, 8]);
const KEY: SizeRule = SizeRule::Between(1, KMALLOC_MAX, TooBig::E2big);
const VALUE: SizeRule = SizeRule::Between(1, KMALLOC_MAX, TooBig::E2big);
const PERCPU_VALUE: SizeRule = SizeRule::Between(1, PERCPU_MAX, TooBig::E2big);

const NUMA: MapFlags = MapFlags::NUMA_NODE;
const USER: MapFlags = NUMA.union(MapFlags::RDONLY).union(MapFlags::WRONLY);
const ACCESS: MapFlags = USER.union(MapFlags::RDONLY_PROG).union(MapFlags::WRONLY_PROG);
const HASHED: MapFlags = ACCESS.union(MapFlags::NO_PREALLOC).union(MapFlags::ZERO_SEED);
const LRU: MapFlags = ACCESS.union(MapFlags::NO_COMMON_LRU).union(MapFlags::ZERO_SEED);
const LOCAL: MapFlags = MapFlags::NO_PREALLOC.union(MapFlags::CLONE);

/// A row with nothing special about it; the table states what differs.
const fn row(
    map_type: MapType,
    key: SizeRule,
    value: SizeRule,
    entries: Entries,
    allowed: MapFlags,
) -> MapRules {
    MapRules {
        map_type,
        key,
        value,
        element_max: None,
        entries,
        allowed,
        required: MapFlags::NONE,
        extra: 0,
        needs_btf: false,
        needs_inner: false,
    }
}

/// A hash of some sort: key and value share a block.
const fn hash(map_type: MapType, value: SizeRule, allowed: MapFlags) -> MapRules {
    MapRules { element_max: Some(HASH_ELEMENT_MAX), ..row(map_type, KEY, value, Entries::NonZero, allowed) }
}

/// The four local storages are alike: keyed by a file descriptor, growing with their owners, described by BTF.
const fn local_storage(map_type: MapType) -> MapRules {
    MapRules {
        required: MapFlags::NO_PREALLOC,
        needs_btf: true,
        ..row(
            map_type,
            HANDLE,
            SizeRule::Between(1, STORAGE_VALUE_MAX, TooBig::E2big),
            Entries::Exactly(0),
            LOCAL,
        )
    }
}

/// The two older storages of cgroups: keyed by the cgroup, with or without the attach type.
const fn cgroup_storage(map_type: MapType, value_max: u32) -> MapRules {
    row(
        map_type,
        SizeRule::OneOf(&[8, 16]),
        SizeRule::Between(1, value_max, TooBig::E2big),
        Entries::Exactly(0),
        ACCESS,
    )
}

static RULES: [MapRules; 33] = {
    use Entries::*;
    [
        hash(Hash, VALUE, HASHED),
        row(
            Array,
            INDEX,
            SizeRule::Between(1, i32::MAX as u32, TooBig::E2big),
            NonZero,
            ACCESS.union(MapFlags::MMAPABLE).union(MapFlags::INNER_MAP),
        ),
        row(ProgArray, INDEX, HANDLE, NonZero, USER),
        row(PerfEventArray, INDEX, HANDLE, NonZero, USER.union(MapFlags::PRESERVE_ELEMS)),
        hash(PercpuHash, PERCPU_VALUE, HASHED.without(NUMA)),
        row(PercpuArray, INDEX, PERCPU_VALUE, NonZero, ACCESS.without(NUMA)),
        row(
            StackTrace,
            INDEX,
            SizeRule::Multiple(8, 8 * STACK_DEPTH_MAX),
            NonZero,
            USER.union(MapFlags::STACK_BUILD_ID),
        ),
        row(CgroupArray, INDEX, HANDLE, NonZero, USER),
        hash(LruHash, VALUE, LRU),
        hash(LruPercpuHash, PERCPU_VALUE, LRU.without(NUMA)),
        MapRules {
            required: MapFlags::NO_PREALLOC,
            ..row(
                LpmTrie,
                SizeRule::Between(5, 260, TooBig::Einval),
                SizeRule::Between(1, TRIE_VALUE_MAX, TooBig::Einval),
                NonZero,
                ACCESS.union(MapFlags::NO_PREALLOC),
            )
        },
        MapRules { needs_inner: true, ..row(ArrayOfMaps, INDEX, HANDLE, NonZero, USER) },
        MapRules { needs_inner: true, ..hash(HashOfMaps, HANDLE, HASHED) },
        row(Devmap, INDEX, FD_OR_COOKIE, NonZero, USER),
        row(Sockmap, INDEX, FD_OR_COOKIE, NonZero, USER),
        row(Cpumap, INDEX, FD_OR_COOKIE, Cpus, NUMA),
        row(Xskmap, INDEX, HANDLE, NonZero, USER),
        row(Sockhash, SizeRule::Between(1, 512, TooBig::E2big), FD_OR_COOKIE, NonZero, USER),
        cgroup_storage(CgroupStorage, STORAGE_VALUE_MAX),
        row(ReuseportSockarray, INDEX, FD_OR_COOKIE, NonZero, ACCESS),
        cgroup_storage(PercpuCgroupStorage, PERCPU_MAX),
        row(Queue, NONE, VALUE, NonZero, ACCESS),
        row(Stack, NONE, VALUE, NonZero, ACCESS),
        local_storage(SkStorage),
        row(DevmapHash, INDEX, FD_OR_COOKIE, NonZero, USER),
        row(StructOps, INDEX, SizeRule::Any, Exactly(1), MapFlags::LINK.union(MapFlags::VTYPE_BTF_OBJ_FD)),
        row(Ringbuf, NONE, NONE, PowerOfTwoPages, NUMA),
        local_storage(InodeStorage),
        local_storage(TaskStorage),
        MapRules { extra: 0xf, ..row(BloomFilter, NONE, VALUE, NonZero, ACCESS.union(MapFlags::ZERO_SEED)) },
        row(UserRingbuf, NONE, NONE, PowerOfTwoPages, NUMA),
        local_storage(CgrpStorage),
        MapRules {
            required: MapFlags::MMAPABLE,
            extra: !(PAGE_SIZE as u64 - 1),
            ..row(
                Arena,
                NONE,
                NONE,
                UpTo(ARENA_PAGES_MAX),
                MapFlags::MMAPABLE.union(MapFlags::SEGV_ON_FAULT).union(MapFlags::NO_USER_CONV),
            )
        },
    ]
};

/// The row of a type: the table stands in the order of the numbers (a test holds this).
pub(super) fn of(map_type: MapType) -> &'static MapRules {
    &RULES[map_type as usize - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_the_order_of_numbers() {
        for &map_type in MapType::ALL {
            assert_eq!(of(map_type).map_type, map_type);
        }
    }
}
