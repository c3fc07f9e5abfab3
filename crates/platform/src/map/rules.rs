//! What `BPF_MAP_CREATE` may demand of a map type, and how a creation is held against it. The demands of each type are the
//! rows of `table.rs`.
//!
//! A rule says what can be said without running anything: sizes, counts, flags. What depends on the machine (the
//! memory there is, the number of CPUs, the inner map) stays with the code that creates maps.

use super::MapType;
use crate::errno::{E2BIG, EINVAL, ENOTSUPP, Errno};
use crate::flags::MapFlags;

/// The page size the rules count in. x86-64 has no other.
pub const PAGE_SIZE: u32 = 4096;

/// The size of a stack entry that names a build and an offset in it.
const BUILD_ID_ENTRY: u32 = 32;

/// The deepest stack `kernel.perf_event_max_stack` allows unless an administrator raised it.
pub(super) const STACK_DEPTH_MAX: u32 = 127;

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
        if flags.contains(MapFlags::NO_PREALLOC)
            && matches!(self.map_type, MapType::LruHash | MapType::LruPercpuHash)
        {
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

#[cfg(test)]
mod tests {
    use super::*;
    use MapType::*;

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
