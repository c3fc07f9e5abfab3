//! Maps with keys and values of Rust types.
//!
//! ```
//! use skep_maps::{Map, MapSpec};
//! use skep_platform::MapType;
//!
//! let map = Map::create(MapSpec::new(MapType::Hash, 4, 8, 100)).unwrap();
//! let hits = map.typed::<u32, u64>().unwrap();
//! hits.insert(&80, &7).unwrap();
//! hits.insert(&443, &11).unwrap();
//! assert_eq!(hits.get(&80), Ok(Some(7)));
//! assert_eq!(hits.iter().map(|(_, n)| n).sum::<u64>(), 18);
//! ```

use std::marker::PhantomData;

use skep_platform::Errno;
use skep_platform::errno::{EINVAL, ENOENT};

use crate::bytes::round8;
use crate::map::Map;
use crate::pin::slots;

/// Types whose values are exactly their bytes.
///
/// # Safety
/// Every byte pattern of the type's size must be a value, and there must be no padding: `#[repr(C)]` structs of `Plain` fields
/// that leave no gaps qualify.
pub unsafe trait Plain: Copy + 'static {}

macro_rules! plain {
    ($($t:ty)*) => {
        $(
            // SAFETY: a number: all bytes, any bytes.
            unsafe impl Plain for $t {}
        )*
    };
}
plain!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64);

// SAFETY: an array has no padding of its own.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}
// SAFETY: no bytes, for the keys of queues.
unsafe impl Plain for () {}

fn bytes_of<T: Plain>(value: &T) -> &[u8] {
    // SAFETY: `Plain` types have no padding, so all their bytes are initialised.
    unsafe { std::slice::from_raw_parts(std::ptr::from_ref(value).cast(), size_of::<T>()) }
}

fn from_bytes<T: Plain>(bytes: &[u8]) -> Option<T> {
    // SAFETY: any bytes are a value of a `Plain` type; the length is checked.
    (bytes.len() >= size_of::<T>()).then(|| unsafe { bytes.as_ptr().cast::<T>().read_unaligned() })
}

/// A map seen as one from `K` to `V`. For per-CPU maps `V` is one slot's value; the `_all` methods have those of all slots.
#[derive(Debug, Clone)]
pub struct TypedMap<K, V> {
    map: Map,
    types: PhantomData<fn() -> (K, V)>,
}

impl Map {
    /// This map with typed keys and values.
    ///
    /// # Errors
    /// `EINVAL` if a type's size is not the map's.
    pub fn typed<K: Plain, V: Plain>(&self) -> Result<TypedMap<K, V>, Errno> {
        let spec = self.spec();
        if spec.key_size as usize != size_of::<K>() || spec.value_size as usize != size_of::<V>() {
            return Err(EINVAL);
        }
        Ok(TypedMap { map: self.clone(), types: PhantomData })
    }
}

impl<K: Plain, V: Plain> TypedMap<K, V> {
    /// The map underneath.
    pub fn map(&self) -> &Map {
        &self.map
    }

    /// The value of a key; slot 0's for per-CPU maps.
    ///
    /// # Errors
    /// Those of [`Map::lookup`], but for `ENOENT`.
    pub fn get(&self, key: &K) -> Result<Option<V>, Errno> {
        Ok(self.get_all(key)?.and_then(|values| values.first().copied()))
    }

    /// The values of a key on every slot; one for maps that are not per-CPU.
    ///
    /// # Errors
    /// Those of [`Map::lookup`], but for `ENOENT`.
    pub fn get_all(&self, key: &K) -> Result<Option<Vec<V>>, Errno> {
        match self.map.lookup(bytes_of(key)) {
            Ok(bytes) => Ok(Some(self.values(&bytes))),
            Err(ENOENT) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// Inserts or replaces; every slot's value for per-CPU maps.
    ///
    /// # Errors
    /// Those of [`Map::update`].
    pub fn insert(&self, key: &K, value: &V) -> Result<(), Errno> {
        self.insert_all(key, &vec![*value; self.width()], crate::BPF_ANY)
    }

    /// Inserts or replaces the values of all slots.
    ///
    /// # Errors
    /// Those of [`Map::update`]; `EINVAL` if there is not one value per slot.
    pub fn insert_all(&self, key: &K, values: &[V], flags: u64) -> Result<(), Errno> {
        if values.len() != self.width() {
            return Err(EINVAL);
        }
        let mut bytes = vec![0; self.map.value_len()];
        let stride = self.map.value_len() / self.width();
        for (value, out) in values.iter().zip(bytes.chunks_exact_mut(stride.max(1))) {
            out[..size_of::<V>()].copy_from_slice(bytes_of(value));
        }
        self.map.update(bytes_of(key), &bytes, flags)
    }

    /// Removes a key; tells whether it was there.
    ///
    /// # Errors
    /// Those of [`Map::delete`], but for `ENOENT`.
    pub fn remove(&self, key: &K) -> Result<bool, Errno> {
        match self.map.delete(bytes_of(key)) {
            Ok(()) => Ok(true),
            Err(ENOENT) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    /// All keys, each with its value (slot 0's for per-CPU maps).
    pub fn iter(&self) -> impl Iterator<Item = (K, V)> + '_ {
        self.iter_all().filter_map(|(key, values)| Some((key, *values.first()?)))
    }

    /// All keys, each with the values of all slots.
    pub fn iter_all(&self) -> impl Iterator<Item = (K, Vec<V>)> + '_ {
        self.map.iter().filter_map(|(key, value)| Some((from_bytes(&key)?, self.values(&value))))
    }

    /// Values per key.
    fn width(&self) -> usize {
        if self.map.spec().map_type.is_per_cpu() { slots() as usize } else { 1 }
    }

    fn values(&self, bytes: &[u8]) -> Vec<V> {
        let stride = if self.width() == 1 { bytes.len() } else { round8(size_of::<V>()) };
        bytes.chunks(stride.max(1)).filter_map(from_bytes).collect()
    }
}
