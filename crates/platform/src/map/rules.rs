//! What `BPF_MAP_CREATE` demands of each map type, as one row per type.
//!
//! The rows hold what can be said without running anything: sizes, counts, flags. What depends on the machine (the
//! memory there is, the number of CPUs, the inner map) stays with the code that creates maps.

use super::MapType::{self, *};
use crate::errno::{E2BIG, EINVAL, ENOTSUPP, Errno};
use crate::flags::MapFlags;

/// The page size the rules count in. x86-64 has no other.
pub const PAGE_SIZE: u32 = 4096;

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

/// The size of a stack entry that names a build and an offset in it.
const BUILD_ID_ENTRY: u32 = 32;

/// The largest value a per-CPU map holds: the smallest unit of the per-CPU allocator.
const PERCPU_MAX: u32 = 32 << 10;

/// The deepest stack `kernel.perf_event_max_stack` allows unless an administrator raised it.
const STACK_DEPTH_MAX: u32 = 127;

/// What a key or value size must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SizeRule {
    /// One of these sizes.
    OneOf(&'static [u32]),
    /// Between the two, both included; more than the second is [`E2BIG`] where the flag says so, else [`EINVAL`].
    Between(u32, u32, TooBig),
    /// A multiple of the first number, up to the second.
    Multiple(u32, u32),
    /// Not looked at.
    Any,
}

/// Which error a size above the maximum gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooBig {
    /// [`E2BIG`].
    E2big,
    /// [`EINVAL`].
    Einval,
}

/// What `max_entries` must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entries {
    /// At least one.
    NonZero,
    /// At least one and at most this many; more is [`E2BIG`].
    UpTo(u32),
    /// Exactly this number: 0 where the map grows with the objects it is attached to.
    Exactly(u32),
    /// A size in bytes: a power of two and a multiple of [`PAGE_SIZE`].
    PowerOfTwoPages,
    /// At least one, and at most as many as the kernel was built for; more is [`E2BIG`].
    Cpus,
}

/// The demands of one map type.
#[derive(Debug, Clone, Copy)]
pub struct MapRules {
    /// The type.
    pub map_type: MapType,
    /// Size of a key in bytes.
    pub key: SizeRule,
    /// Size of a value in bytes.
    pub value: SizeRule,
    /// The most that key and value may take together; more is [`E2BIG`].
    pub element_max: Option<u32>,
    /// `max_entries`.
    pub entries: Entries,
    /// The flags that may be set.
    pub allowed: MapFlags,
    /// The flags that must be set.
    pub required: MapFlags,
    /// The bits of `map_extra` that may be set.
    pub extra: u64,
    /// Whether key and value must be described by BTF.
    pub needs_btf: bool,
    /// Whether an inner map has to be given.
    pub needs_inner: bool,
}

impl SizeRule {
    /// Whether `size` is allowed, and the error of `BPF_MAP_CREATE` when it is not.
    pub fn check(self, size: u32) -> Result<(), Errno> {
        match self {
            SizeRule::Any => Ok(()),
            SizeRule::OneOf(sizes) if sizes.contains(&size) => Ok(()),
            SizeRule::Multiple(unit, max) if size != 0 && size.is_multiple_of(unit) && size <= max => Ok(()),
            SizeRule::Between(min, max, _) if (min..=max).contains(&size) => Ok(()),
            SizeRule::Between(_, max, TooBig::E2big) if size > max => Err(E2BIG),
            _ => Err(EINVAL),
        }
    }
}

impl MapRules {
    /// Checks the numbers of a creation in the kernel's own order of blame: flags, sizes, entries.
    ///
    /// # Errors
    /// The errno `BPF_MAP_CREATE` gives.
    pub fn check(
        &self,
        key: u32,
        value: u32,
        entries: u32,
        flags: MapFlags,
        extra: u64,
    ) -> Result<(), Errno> {
        if flags.contains(MapFlags::NO_PREALLOC) && matches!(self.map_type, LruHash | LruPercpuHash) {
            return Err(ENOTSUPP);
        }
        if !self.allowed.contains(flags) || !flags.contains(self.required) || extra & !self.extra != 0 {
            return Err(EINVAL);
        }
        if flags.contains(MapFlags::RDONLY | MapFlags::WRONLY)
            || flags.contains(MapFlags::RDONLY_PROG | MapFlags::WRONLY_PROG)
        {
            return Err(EINVAL);
        }
        self.key.check(key)?;
        self.value_rule(flags).check(value)?;
        if self.element_max.is_some_and(|max| u64::from(key) + u64::from(value) > u64::from(max)) {
            return Err(E2BIG);
        }
        match self.entries {
            Entries::NonZero | Entries::Cpus if entries != 0 => Ok(()),
            Entries::UpTo(max) if entries > max => Err(E2BIG),
            Entries::UpTo(_) if entries != 0 => Ok(()),
            Entries::Exactly(n) if entries == n => Ok(()),
            Entries::PowerOfTwoPages if entries.is_power_of_two() && entries.is_multiple_of(PAGE_SIZE) => {
                Ok(())
            }
            _ => Err(EINVAL),
        }
    }

    /// The value's rule, which a flag may change.
    fn value_rule(&self, flags: MapFlags) -> SizeRule {
        if flags.contains(MapFlags::STACK_BUILD_ID) {
            SizeRule::Multiple(BUILD_ID_ENTRY, BUILD_ID_ENTRY * STACK_DEPTH_MAX)
        } else {
            self.value
        }
    }
}

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
        row(
            CgroupStorage,
            SizeRule::OneOf(&[8, 16]),
            SizeRule::Between(1, STORAGE_VALUE_MAX, TooBig::E2big),
            Exactly(0),
            ACCESS,
        ),
        row(ReuseportSockarray, INDEX, FD_OR_COOKIE, NonZero, ACCESS),
        row(
            PercpuCgroupStorage,
            SizeRule::OneOf(&[8, 16]),
            SizeRule::Between(1, PERCPU_MAX, TooBig::E2big),
            Exactly(0),
            ACCESS,
        ),
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

    #[test]
    fn the_usual_mistakes() {
        let none = MapFlags::NONE;
        let check = |t: MapType, k, v, n, f| t.rules().check(k, v, n, f, 0);
        assert_eq!(check(Array, 4, 8, 1, none), Ok(()));
        assert_eq!(check(Array, 8, 8, 1, none), Err(EINVAL));
        assert_eq!(check(Array, 4, 8, 0, none), Err(EINVAL));
        assert_eq!(check(Array, 4, 8, 1, MapFlags::NO_PREALLOC), Err(EINVAL));
        assert_eq!(check(Array, 4, 1 << 31, 1, none), Err(E2BIG));
        assert_eq!(check(Hash, 4, 8, 1, MapFlags::RDONLY | MapFlags::WRONLY), Err(EINVAL));
        assert_eq!(check(LpmTrie, 8, 8, 1, none), Err(EINVAL));
        assert_eq!(check(LpmTrie, 8, 8, 1, MapFlags::NO_PREALLOC), Ok(()));
        assert_eq!(check(Ringbuf, 0, 0, 4096, none), Ok(()));
        assert_eq!(check(Ringbuf, 0, 0, 12288, none), Err(EINVAL));
        assert_eq!(check(Queue, 4, 8, 1, none), Err(EINVAL));
        assert_eq!(check(Arena, 0, 0, 1, none), Err(EINVAL));
    }
}
