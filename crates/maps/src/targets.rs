//! Maps of redirect targets: devices, CPUs, sockets, cgroups.
//!
//! In Linux their values stand for kernel objects. Here the value is stored as it is given (an interface's number, a socket's
//! handle) and [`Map::target`] gives it to whoever carries out the redirection. Each type keeps its own rules of which value is
//! refused and with what: a table, learnt from the kernel.

use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use skep_platform::errno::{E2BIG, EBADF, EEXIST, EINVAL, ENOENT, ENOSPC, ENOTSUPP, EOPNOTSUPP, EOVERFLOW};
use skep_platform::{Errno, MapFlags, MapType};

use crate::array::next_index;
use crate::bytes::index;
use crate::hash::Hash;
use crate::map::Map;
use crate::memory::Memory;
use crate::pin::Guard;
use crate::spec::MapSpec;
use crate::table::{BPF_ANY, BPF_EXIST, BPF_NOEXIST, Table, check_presence};
use crate::value::Layout;

/// The longest queue of a CPU map.
const MAX_QUEUE: u64 = 16384;

/// How a type of target map behaves where the types differ.
struct Rules {
    map_type: MapType,
    /// What the application's look-up says for 4-byte values, if it does not show the value.
    hidden: Option<Errno>,
    /// Whether an update with a first word of 0 empties the place instead of being refused.
    zero_empties: bool,
    /// Removing an empty place.
    empty: Option<Errno>,
    /// Removing a place past the end.
    past_end: Errno,
    /// Whether `BPF_EXIST` is looked at.
    knows_exist: bool,
}

const DEV: Rules = Rules {
    map_type: MapType::Devmap,
    hidden: None,
    zero_empties: true,
    empty: None,
    past_end: EINVAL,
    knows_exist: false,
};

static RULES: &[Rules] = &[
    DEV,
    Rules { map_type: MapType::Cpumap, ..DEV },
    Rules { map_type: MapType::DevmapHash, zero_empties: false, empty: Some(ENOENT), ..DEV },
    Rules {
        map_type: MapType::Xskmap,
        hidden: Some(EOPNOTSUPP),
        zero_empties: false,
        knows_exist: true,
        ..DEV
    },
    Rules {
        map_type: MapType::Sockmap,
        hidden: Some(ENOSPC),
        zero_empties: false,
        empty: Some(EINVAL),
        knows_exist: true,
        ..DEV
    },
    Rules {
        map_type: MapType::Sockhash,
        hidden: Some(ENOSPC),
        zero_empties: false,
        empty: Some(ENOENT),
        knows_exist: true,
        ..DEV
    },
    Rules {
        map_type: MapType::ReuseportSockarray,
        hidden: Some(ENOSPC),
        zero_empties: false,
        empty: Some(ENOENT),
        past_end: E2BIG,
        knows_exist: true,
    },
    Rules {
        map_type: MapType::CgroupArray,
        hidden: Some(ENOTSUPP),
        zero_empties: false,
        empty: Some(ENOENT),
        past_end: E2BIG,
        knows_exist: false,
    },
];

/// Any of the target maps.
pub(crate) struct Targets {
    rules: &'static Rules,
    places: Places,
    value_size: usize,
}

/// Where the values are. A value is a non-zero word; an array's empty place is 0.
enum Places {
    Array(Memory, u32),
    Hash(Box<Hash>),
}

impl Targets {
    pub(crate) fn new(spec: &MapSpec) -> Result<Targets, Errno> {
        let rules = RULES.iter().find(|rules| rules.map_type == spec.map_type).ok_or(EINVAL)?;
        let places = if matches!(spec.map_type, MapType::DevmapHash | MapType::Sockhash) {
            let table =
                MapSpec { map_type: MapType::Hash, value_size: 8, flags: MapFlags::NONE, ..spec.clone() };
            Places::Hash(Box::new(Hash::new(&table, Arc::new(Layout::new(&table, 0)))?))
        } else {
            Places::Array(Memory::array(spec.max_entries as usize, 8)?, spec.max_entries)
        };
        Ok(Targets { rules, places, value_size: spec.value_size as usize })
    }

    /// The place of a key that is in range or in the hash.
    fn place(&self, key: &[u8]) -> Option<NonNull<u8>> {
        match &self.places {
            Places::Array(memory, entries) => {
                let index = index(key).filter(|index| index < entries)?;
                // SAFETY: there is a word for each index below `entries`.
                Some(unsafe { memory.at(index as usize * 8) })
            }
            Places::Hash(hash) => Some(hash.value_at(hash.find(key)?, 0)),
        }
    }

    fn word(&self, key: &[u8]) -> Option<&AtomicU64> {
        // SAFETY: places are 8 bytes, 8-aligned, and live as long as `self`.
        self.place(key).map(|place| unsafe { AtomicU64::from_ptr(place.as_ptr().cast()) })
    }

    fn get(&self, key: &[u8]) -> Option<u64> {
        self.word(key).map(|word| word.load(Ordering::Acquire)).filter(|&value| value != 0)
    }

    /// What is wrong with a value of this type.
    fn check_value(&self, value: u64) -> Result<(), Errno> {
        let (first, program) = (value as u32, (value >> 32) as i32);
        match self.rules.map_type {
            MapType::Cpumap if u64::from(first) > MAX_QUEUE => Err(EOVERFLOW),
            MapType::Devmap if first == 0 && program > 0 => Err(EINVAL),
            MapType::DevmapHash if first == 0 => Err(EINVAL),
            _ if first == 0 && value >> 32 == 0 && !self.rules.zero_empties => Err(EBADF),
            _ => Ok(()),
        }
    }
}

impl Table for Targets {
    /// Programs see the value of a device or CPU; the verifier lets them only read it.
    fn lookup(&self, _guard: &Guard, key: &[u8]) -> Option<NonNull<u8>> {
        self.get(key).and_then(|_| self.place(key))
    }

    fn update(&self, guard: &Guard, key: &[u8], value: &[u8], flags: u64) -> Result<(), Errno> {
        let limit = if self.rules.map_type == MapType::CgroupArray { BPF_ANY } else { BPF_EXIST };
        if flags > limit {
            return Err(EINVAL);
        }
        let mut bytes = [0; 8];
        bytes[..self.value_size].copy_from_slice(value);
        let mut value = u64::from_le_bytes(bytes);
        let zero = value as u32 == 0 && self.rules.zero_empties;
        match &self.places {
            Places::Array(_, entries) => {
                let place = self.word(key).ok_or(E2BIG)?;
                debug_assert!(index(key).is_some_and(|index| index < *entries));
                // The types that do not know BPF_EXIST refuse NOEXIST whatever the place holds.
                if !self.rules.knows_exist && flags == BPF_NOEXIST {
                    return Err(EEXIST);
                }
                self.check_value(value)?;
                if self.rules.knows_exist {
                    check_presence(place.load(Ordering::Acquire) != 0, flags)?;
                }
                if zero {
                    value = 0;
                }
                place.store(value, Ordering::Release);
                Ok(())
            }
            Places::Hash(hash) => {
                self.check_value(value)?;
                let flags = if self.rules.knows_exist { flags } else { flags & BPF_NOEXIST };
                hash.update(guard, key, &value.to_le_bytes(), flags)
            }
        }
    }

    fn delete(&self, guard: &Guard, key: &[u8]) -> Result<(), Errno> {
        match &self.places {
            Places::Hash(hash) => hash.delete(guard, key),
            Places::Array(..) => {
                let old = self.word(key).ok_or(self.rules.past_end)?.swap(0, Ordering::AcqRel);
                self.rules.empty.filter(|_| old == 0).map_or(Ok(()), Err)
            }
        }
    }

    fn next_key(&self, guard: &Guard, key: Option<&[u8]>, out: &mut [u8]) -> Result<(), Errno> {
        match &self.places {
            Places::Array(_, entries) => next_index(key, *entries, out),
            Places::Hash(hash) => hash.next_key_after(guard, key, out),
        }
    }

    fn read(&self, _guard: &Guard, key: &[u8], _locked: bool, out: &mut [u8]) -> Result<(), Errno> {
        // Sockets show themselves only to a look-up with room for a cookie.
        if let Some(errno) = self.rules.hidden.filter(|_| self.value_size == 4) {
            return Err(errno);
        }
        let value = self.get(key).ok_or(ENOENT)?;
        out.copy_from_slice(&value.to_le_bytes()[..self.value_size]);
        Ok(())
    }

    fn has_batch(&self) -> bool {
        !matches!(self.rules.map_type, MapType::Xskmap | MapType::CgroupArray | MapType::ReuseportSockarray)
    }

    fn memory_usage(&self) -> usize {
        match &self.places {
            Places::Array(memory, _) => memory.len(),
            Places::Hash(hash) => hash.memory_usage(),
        }
    }
}

impl Map {
    /// The value that a map of redirect targets holds under a key, as 8 little-endian bytes: the interface, queue length or
    /// socket in the lower half, a program's descriptor in the upper. `None` where there is no target.
    pub fn target(&self, _guard: &Guard, key: &[u8]) -> Option<u64> {
        if key.len() != self.spec().key_size as usize {
            return None;
        }
        self.part::<Targets>()?.get(key)
    }
}
