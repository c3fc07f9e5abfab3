//! Sequences of map operations from bytes, and their answers.
//!
//! A sequence is run on a map and on something that is known to be right: a simple model (the fuzz target `maps`), or
//! the live kernel's map of the same type (`tests/maps.rs`). Keys are few and maps small, so that most operations meet
//! entries of earlier ones and maps get full.

use skep_maps::{Map, MapSpec};
use skep_platform::{Errno, MapFlags, MapType};

/// What is asked of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Look up a key.
    Lookup(Vec<u8>),
    /// Update a key with a value and flags.
    Update(Vec<u8>, Vec<u8>, u64),
    /// Delete a key.
    Delete(Vec<u8>),
    /// The key after this one; the first for `None`.
    NextKey(Option<Vec<u8>>),
    /// Look up and delete.
    Take(Vec<u8>),
}

/// The value, nothing, or the error number.
pub type Answer = Result<Vec<u8>, Errno>;

/// A map's shape, and what is asked of it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The type.
    pub map_type: MapType,
    /// Bytes of a key; 0 for queues and stacks.
    pub key_size: u32,
    /// Bytes of a value.
    pub value_size: u32,
    /// Most entries.
    pub max_entries: u32,
    /// Flags of the creation.
    pub flags: MapFlags,
    /// In order.
    pub ops: Vec<Op>,
}

/// Bytes of a value in every plan. Not a multiple of 8, so that padding is met.
const VALUE: u32 = 12;

/// Type, key size, most entries.
const SHAPES: &[(MapType, u32, u32)] = &[
    (MapType::Hash, 4, 6),
    (MapType::Array, 4, 5),
    (MapType::LpmTrie, 8, 6),
    (MapType::Queue, 0, 4),
    (MapType::Stack, 0, 4),
    // Far more than there are keys: which entry an LRU map gives up is nobody's promise.
    (MapType::LruHash, 4, 1024),
];

/// Bytes of input that make one operation.
const OP: usize = 4;

/// Reads a plan: one byte for the shape, then four bytes for each operation.
pub fn plan(data: &[u8]) -> Plan {
    let (first, rest) = data.split_first().unwrap_or((&0, &[]));
    let (map_type, key_size, max_entries) = SHAPES[usize::from(*first) % SHAPES.len()];
    let flags = if map_type == MapType::LpmTrie { MapFlags::NO_PREALLOC } else { MapFlags::default() };
    let ops = rest.as_chunks::<OP>().0.iter().map(|bytes| op(map_type, bytes)).collect();
    Plan { map_type, key_size, value_size: VALUE, max_entries, flags, ops }
}

fn op(map_type: MapType, &[what, key, value, flags]: &[u8; OP]) -> Op {
    let key = key_bytes(map_type, key);
    match what % 8 {
        0 | 1 => Op::Lookup(key),
        2..=4 => {
            let value: Vec<u8> = (0..VALUE as u8).map(|i| value.wrapping_mul(17).wrapping_add(i)).collect();
            // Mostly 0, 1 and 2, which mean something; sometimes what must be refused.
            let flags = if flags < 224 { u64::from(flags) % 3 } else { u64::from(flags) << (flags % 7) };
            Op::Update(key, value, flags)
        }
        5 => Op::Delete(key),
        6 => Op::NextKey((value % 4 != 0).then_some(key)),
        _ => Op::Take(key),
    }
}

fn key_bytes(map_type: MapType, key: u8) -> Vec<u8> {
    match map_type {
        MapType::Queue | MapType::Stack => Vec::new(),
        MapType::LpmTrie => {
            // A prefix length, a few of them too long, and an address of which few bits differ.
            let length = u32::from(key % 36);
            let mut out = length.to_le_bytes().to_vec();
            out.extend_from_slice(&[10, key & 0xc0, (key << 3) & 0xf0, key]);
            out
        }
        _ => u32::from(key % 9).to_le_bytes().to_vec(),
    }
}

impl Plan {
    /// An empty map of this shape.
    ///
    /// # Errors
    /// In one line.
    pub fn create(&self) -> Result<Map, String> {
        let spec = MapSpec::new(self.map_type, self.key_size, self.value_size, self.max_entries);
        Map::create(spec.with_flags(self.flags)).map_err(|e| e.to_string())
    }
}

/// Asks a map of ours.
pub fn ask(map: &Map, op: &Op) -> Answer {
    match op {
        Op::Lookup(key) => map.lookup(key),
        Op::Update(key, value, flags) => map.update(key, value, *flags).map(|()| Vec::new()),
        Op::Delete(key) => map.delete(key).map(|()| Vec::new()),
        Op::NextKey(key) => map.next_key(key.as_deref()),
        Op::Take(key) => map.lookup_and_delete(key),
    }
}
