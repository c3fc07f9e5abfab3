//! What maps are made to hold before a run.
//!
//! The values that the path uses get the bytes that it asks for, each under its key where that is constant, else under a key that
//! programs often come to. What is frozen, or of a kind whose entries are not plain bytes, stays as the object makes it.

use skep_maps::Map;
use skep_object::{MapOrigin, Object};
use skep_platform::MapType;
use skep_verifier::explain::{Entry, Source, Trail};

use super::{Contents, MapValue, put};
use crate::load::Loaded;

/// One way to fill the maps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filling {
    contents: Contents,
    /// What the bytes of a value are of which nothing is asked; 0 keeps what the object says.
    rest: u8,
    key: Key,
}

/// The key of an entry whose key is not constant: that of inputs which are all zeros, that of the usual number of an interface, that
/// of inputs which are all ones.
#[derive(Clone, Copy, Debug)]
enum Key {
    Zeros,
    One,
    Ones,
}

impl Filling {
    /// The ways to try, the plainest first.
    pub(super) fn all(trail: &Trail) -> Vec<Filling> {
        let plain = |contents| Filling { contents, rest: 0, key: Key::Zeros };
        let values = |key, rest| Filling { contents: Contents::Values, rest, key };
        let mut all = vec![plain(Contents::Initial)];
        if !trail.entries.is_empty() {
            all.extend([values(Key::Zeros, 0), values(Key::Zeros, 0xff)]);
        }
        if trail.entries.iter().any(|entry| entry.key.is_none()) {
            all.extend([values(Key::One, 0), values(Key::Ones, 0)]);
        }
        all.push(plain(Contents::Ones));
        all
    }

    pub(super) fn contents(&self) -> Contents {
        self.contents
    }

    /// Fills the maps; returns the values that were put there for the path's sake.
    pub(super) fn apply(&self, object: &Object, loaded: &Loaded, trail: &Trail) -> Vec<MapValue> {
        let mut values = Vec::new();
        match self.contents {
            Contents::Initial => {}
            // What cannot be filled stays as it is.
            Contents::Ones => {
                for map in loaded.maps() {
                    let _ = ones(map);
                }
            }
            Contents::Values => {
                for (index, entry) in trail.entries.iter().enumerate() {
                    let _ = self.entry(object, loaded, trail, index, entry, &mut values);
                }
            }
        }
        values
    }

    fn entry(
        &self,
        object: &Object,
        loaded: &Loaded,
        trail: &Trail,
        index: usize,
        entry: &Entry,
        values: &mut Vec<MapValue>,
    ) -> Option<()> {
        let (definition, map) = (object.maps.get(entry.map)?, loaded.maps().get(entry.map)?);
        if matches!(definition.origin, MapOrigin::Rodata | MapOrigin::Kconfig) || !plain(map) {
            return None;
        }
        let key = entry.key.clone().unwrap_or_else(|| self.key(map));
        let known = values.iter().position(|value| value.map == definition.name && value.key == key);
        let size = map.spec().value_size as usize;
        let mut value = match map.lookup(&key) {
            Ok(value) if self.rest == 0 || known.is_some() => value[..size.min(value.len())].to_vec(),
            _ => vec![self.rest; size],
        };
        let mut marks = Vec::new();
        for want in &trail.wants {
            if let Source::Value { entry, at } = want.source
                && entry == index
            {
                put(&mut value, at as usize, want);
                marks.push((at as usize, want.size as usize));
            }
        }
        store(map, &key, &value)?;
        // Locks and other fields of the map's own are not written.
        let mut value = map.lookup(&key).ok()?;
        value.truncate(size);
        match known {
            Some(known) => {
                values[known].value = value;
                values[known].marks.extend(marks);
            }
            None => values.push(MapValue { map: definition.name.clone(), key, value, marks }),
        }
        Some(())
    }

    fn key(&self, map: &Map) -> Vec<u8> {
        let size = map.spec().key_size as usize;
        match self.key {
            Key::Zeros => vec![0; size],
            Key::Ones => vec![0xff; size],
            Key::One => {
                let mut key = vec![0; size];
                key.iter_mut().take(1).for_each(|byte| *byte = 1);
                key
            }
        }
    }
}

/// Whether a map's entries are bytes that may be put there.
fn plain(map: &Map) -> bool {
    matches!(
        map.spec().map_type,
        MapType::Array
            | MapType::PercpuArray
            | MapType::Hash
            | MapType::LruHash
            | MapType::PercpuHash
            | MapType::LruPercpuHash
    )
}

/// Stores a value, the same for all CPUs in per-CPU maps.
fn store(map: &Map, key: &[u8], value: &[u8]) -> Option<()> {
    let mut bytes = value.to_vec();
    if map.spec().map_type.is_per_cpu() {
        bytes.resize(value.len().next_multiple_of(8), 0);
        let slots = map.value_len() / bytes.len().max(1);
        bytes = bytes.repeat(slots);
    }
    map.update(key, &bytes, 0).ok()
}

/// Ones under the keys of zeros and of ones; arrays have no entry of the latter.
fn ones(map: &Map) -> Option<()> {
    if !plain(map) {
        return None;
    }
    let (key, value) = (map.spec().key_size as usize, vec![0xff; map.spec().value_size as usize]);
    store(map, &vec![0; key], &value)?;
    store(map, &vec![0xff; key], &value)
}
