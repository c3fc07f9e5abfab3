//! What the user engine makes a map from.
//!
//! An object may leave to its loader what only the machine or the application knows: a perf event array has a slot for
//! each CPU, a ring buffer is a whole number of pages, and many programs let the application say how large a map is.

use skep_maps::MapSpec;
use skep_object::MapDef;
use skep_platform::{MapFlags, MapType};

/// Sizes that the application gives instead of the object's.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sizes {
    pub(crate) max_entries: Option<u32>,
    pub(crate) value_size: Option<u32>,
}

/// The unit of a ring buffer, as on the machines most objects are written for.
const PAGE: u32 = 4096;

/// The map to make.
pub(crate) fn spec(definition: &MapDef, sizes: Sizes) -> MapSpec {
    let max_entries = entries(definition.map_type, sizes.max_entries.unwrap_or(definition.max_entries));
    let value_size = sizes.value_size.unwrap_or(definition.value_size);
    let mut spec = MapSpec::new(definition.map_type, definition.key_size, value_size, max_entries)
        .named(definition.name.clone())
        .with_flags(MapFlags(definition.flags))
        .with_extra(definition.extra)
        .with_fields(definition.fields.iter().filter_map(crate::fields::convert).collect());
    if let Some(inner) = &definition.inner {
        spec = spec.with_inner(self::spec(inner, Sizes::default()));
    }
    spec
}

/// The number of entries, made what the map's type wants where the object cannot know it.
fn entries(map_type: MapType, asked: u32) -> u32 {
    match map_type {
        MapType::PerfEventArray if asked == 0 => skep_maps::slots(),
        MapType::Ringbuf | MapType::UserRingbuf if asked > 0 => {
            asked.max(PAGE).checked_next_power_of_two().unwrap_or(asked)
        }
        _ => asked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_object_cannot_know_is_filled_in() {
        assert_eq!(entries(MapType::PerfEventArray, 0), skep_maps::slots());
        assert_eq!(entries(MapType::PerfEventArray, 3), 3);
        assert_eq!([1, 4096, 5000, 0].map(|n| entries(MapType::Ringbuf, n)), [4096, 4096, 8192, 0]);
        // Somebody has to say how large a hash is: not we.
        assert_eq!(entries(MapType::Hash, 0), 0);
    }
}
