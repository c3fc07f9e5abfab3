//! What a map holds, decoded by its types.
//!
//! Rows come in the order of their keys' bytes, which is the natural order of addresses and of most numbers people use as
//! keys, so that two dumps of equal maps are equal. Arrays leave out entries that are all zero: every index exists, and nobody
//! wants to read the untouched ones.

use std::collections::BTreeMap;

use skep_btf::value::{Value, format_named};
use skep_btf::{Btf, TypeId};
use skep_maps::Map;
use skep_object::MapDef;
use skep_platform::MapType;

/// Whether keys are indices, and whether values are numbers of maps and programs, whatever the object says of them.
fn numbers(map_type: MapType) -> (bool, bool) {
    use MapType as T;
    let index = matches!(
        map_type,
        T::Array
            | T::PercpuArray
            | T::ProgArray
            | T::ArrayOfMaps
            | T::Devmap
            | T::Cpumap
            | T::Xskmap
            | T::Sockmap
    );
    (index, matches!(map_type, T::ProgArray | T::ArrayOfMaps | T::HashOfMaps))
}

/// The entries of a map, decoded.
#[derive(Clone, Debug)]
pub struct Dump {
    /// The first rows, in order.
    pub rows: Vec<Row>,
    /// How many rows there are altogether; more than `rows` has when a limit cut them.
    pub total: u64,
    /// Whether each row has one value for each CPU slot.
    pub per_cpu: bool,
}

/// One entry.
#[derive(Clone, Debug)]
pub struct Row {
    /// The key.
    pub key: Value,
    /// The value; one for each CPU slot where the map has them.
    pub values: Vec<Value>,
}

impl Row {
    /// The value, summed over the CPU slots: numbers are added, everything else is the first slot's.
    pub fn sum(&self) -> Value {
        let mut values = self.values.iter();
        let first = values.next().cloned().unwrap_or(Value::Unknown(Vec::new()));
        values.fold(first, add)
    }
}

fn add(left: Value, right: &Value) -> Value {
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => Value::Int(a.saturating_add(*b)),
        (Value::Struct(fields), Value::Struct(others)) => Value::Struct(
            fields.into_iter().zip(others).map(|((name, a), (_, b))| (name, add(a, b))).collect(),
        ),
        (Value::Array(items), Value::Array(others)) => {
            Value::Array(items.into_iter().zip(others).map(|(a, b)| add(a, b)).collect())
        }
        (left, _) => left,
    }
}

/// Whether a map of this type has entries that can be listed.
pub fn is_listable(map_type: MapType) -> bool {
    use MapType as T;
    !matches!(
        map_type,
        T::Ringbuf
            | T::UserRingbuf
            | T::Queue
            | T::Stack
            | T::BloomFilter
            | T::Arena
            | T::StructOps
            | T::SkStorage
            | T::InodeStorage
            | T::TaskStorage
            | T::CgrpStorage
            | T::PerfEventArray
    )
}

/// Whether a map of this type is an array of plain values, of which untouched ones are not worth a row.
fn is_array(map_type: MapType) -> bool {
    matches!(map_type, MapType::Array | MapType::PercpuArray)
}

/// The first `limit` entries of a map (all for 0), decoded by the types that `definition` names in `btf`; without types, bytes.
pub fn dump(definition: &MapDef, btf: Option<&Btf>, map: &Map, limit: usize) -> Dump {
    use MapType as T;
    let per_cpu = matches!(
        definition.map_type,
        T::PercpuHash | T::PercpuArray | T::LruPercpuHash | T::PercpuCgroupStorage
    );
    let limit = if limit == 0 { usize::MAX } else { limit };
    let mut total = 0u64;
    let mut kept: BTreeMap<Vec<u8>, (Vec<u8>, Vec<u8>)> = BTreeMap::new();
    let entries = is_listable(definition.map_type).then(|| map.iter()).into_iter().flatten();
    for (key, value) in entries {
        if is_array(definition.map_type) && value.iter().all(|&byte| byte == 0) {
            continue;
        }
        total += 1;
        kept.insert(order(definition, &key), (key, value));
        if kept.len() > limit {
            kept.pop_last();
        }
    }
    let rows = kept.into_values().map(|(key, value)| row(definition, btf, per_cpu, &key, &value)).collect();
    Dump { rows, total, per_cpu }
}

/// What rows are sorted by: arrays count in the machine's byte order, everything else is compared byte by byte.
fn order(definition: &MapDef, key: &[u8]) -> Vec<u8> {
    match (is_array(definition.map_type), <[u8; 4]>::try_from(key)) {
        (true, Ok(index)) => u32::from_ne_bytes(index).to_be_bytes().to_vec(),
        _ => key.to_vec(),
    }
}

fn row(definition: &MapDef, btf: Option<&Btf>, per_cpu: bool, key: &[u8], value: &[u8]) -> Row {
    let decode = |id: Option<TypeId>, bytes: &[u8], number: bool| match (btf, id, <[u8; 4]>::try_from(bytes))
    {
        (Some(btf), Some(id), _) => format_named(btf, id, &definition.name, bytes),
        (_, _, Ok(word)) if number => Value::Int(u32::from_ne_bytes(word).into()),
        _ => Value::Unknown(bytes.to_vec()),
    };
    let (key_is_number, value_is_number) = numbers(definition.map_type);
    let size = definition.value_size as usize;
    let values = if per_cpu {
        // Each slot's value is padded to 8 bytes, as bpf(2) has it.
        let slots = value.chunks(size.next_multiple_of(8).max(8));
        slots.map(|slot| decode(definition.value_type, slot.get(..size).unwrap_or(slot), false)).collect()
    } else {
        vec![decode(definition.value_type, value, value_is_number)]
    };
    Row { key: decode(definition.key_type, key, key_is_number), values }
}
