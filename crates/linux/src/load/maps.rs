//! An object's map definitions to maps of the kernel.
//!
//! Order matters: inner maps are templates for outer ones, contents must be there before the freeze, and the freeze
//! before the verifier sees a program, which then treats read-only data as constants.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use skep_object::{MapDef, MapOrigin, Pinning};
use skep_platform::errno::{ENOENT, ENOTSUPP};
use skep_platform::{Errno, MapFlags, MapType, Release};

use crate::load::kernel::Kernel;
use crate::load::{LoadError, Settings};
use crate::map::{Map, MapRequest, page_size, possible_cpus};

/// Types that refuse the ids of their key's and value's types.
const WITHOUT_TYPES: &[MapType] = &[
    MapType::PerfEventArray,
    MapType::ProgArray,
    MapType::CgroupArray,
    MapType::StackTrace,
    MapType::ArrayOfMaps,
    MapType::HashOfMaps,
    MapType::Devmap,
    MapType::DevmapHash,
    MapType::Cpumap,
    MapType::Xskmap,
    MapType::Sockmap,
    MapType::Sockhash,
    MapType::ReuseportSockarray,
    MapType::Queue,
    MapType::Stack,
    MapType::Ringbuf,
    MapType::UserRingbuf,
    MapType::BloomFilter,
    MapType::Arena,
];

/// Whether maps of this type may be created with the types of their keys and values.
pub fn takes_types(map_type: MapType) -> bool {
    !WITHOUT_TYPES.contains(&map_type)
}

/// Makes one map, or opens the pinned one, with its first contents.
pub(super) fn make(
    definition: &MapDef,
    initial: &[u8],
    btf: Option<&OwnedFd>,
    settings: &Settings<'_>,
) -> Result<Map, LoadError> {
    if let MapOrigin::StructOps(_) = definition.origin {
        return Err(LoadError::Unsupported { name: definition.name.clone(), needs: "struct_ops" });
    }
    if let Some(map) = settings.reuse.get(&definition.name) {
        same_shape(definition, map, settings)?;
        return Ok(map.clone());
    }
    let pin = match (definition.pinning, &settings.pin_directory) {
        (Pinning::None, _) | (_, None) => None,
        (_, Some(directory)) => Some(directory.join(&definition.name)),
    };
    if let Some(path) = &pin
        && definition.pinning != Pinning::Replace
        && let Some(map) = pinned(definition, path)?
    {
        same_shape(definition, &map, settings)?;
        return Ok(map);
    }
    let map = create(definition, btf, settings)?;
    fill(definition, &map, initial)
        .map_err(|errno| failed(definition, "setting its first contents", errno))?;
    if let Some(path) = &pin {
        map.pin(path).map_err(|errno| failed(definition, "pinning it", errno))?;
    }
    Ok(map)
}

pub(super) fn failed(definition: &MapDef, doing: &'static str, errno: Errno) -> LoadError {
    LoadError::Map { map: definition.name.clone(), map_type: definition.map_type, doing, errno }
}

fn pinned(definition: &MapDef, path: &Path) -> Result<Option<Map>, LoadError> {
    match Map::from_pin(path) {
        Ok(map) => Ok(Some(map)),
        Err(errno) if errno == ENOENT => Ok(None),
        Err(errno) => Err(failed(definition, "opening the pinned one", errno)),
    }
}

fn create(definition: &MapDef, btf: Option<&OwnedFd>, settings: &Settings<'_>) -> Result<Map, LoadError> {
    let inner = definition.inner.as_deref().map(|inner| create(inner, btf, settings)).transpose()?;
    let mut request = request(definition, settings);
    request.inner = inner.as_ref().map(Map::as_fd);
    request.btf = btf.and_then(|btf| types(definition, btf.as_fd()));
    let first = Map::create(&request);
    // Kernels differ in which maps may have types; without them only the listing is poorer. Where the value has parts
    // that the kernel must find by their types, the first answer stands.
    let again = first.is_err() && request.btf.is_some() && definition.fields.is_empty();
    let map = if again {
        request.btf = None;
        Map::create(&request)
    } else {
        first
    };
    map.map_err(|errno| failed(definition, "creating it", errno))
}

fn request<'a>(definition: &'a MapDef, settings: &Settings<'_>) -> MapRequest<'a> {
    let sizes = settings.sizes.get(&definition.name).copied().unwrap_or_default();
    let mut flags = MapFlags(definition.flags);
    let globals = matches!(
        definition.origin,
        MapOrigin::Data | MapOrigin::Bss | MapOrigin::Rodata | MapOrigin::Kconfig
    );
    if globals && Kernel::release() >= Release::new(5, 5) {
        flags |= MapFlags::MMAPABLE;
    }
    if definition.numa_node.is_some() {
        flags |= MapFlags::NUMA_NODE;
    }
    MapRequest {
        flags,
        extra: definition.extra,
        numa_node: definition.numa_node.unwrap_or(0),
        name: &definition.kernel_name,
        ..MapRequest::new(
            definition.map_type,
            definition.key_size,
            sizes.value_size.unwrap_or(definition.value_size),
            entries(definition.map_type, sizes.max_entries.unwrap_or(definition.max_entries)),
        )
    }
}

/// The number of entries, made what the type wants where the object cannot know it.
fn entries(map_type: MapType, asked: u32) -> u32 {
    match map_type {
        MapType::PerfEventArray if asked == 0 => possible_cpus() as u32,
        MapType::Ringbuf | MapType::UserRingbuf if asked > 0 => {
            asked.max(page_size() as u32).checked_next_power_of_two().unwrap_or(asked)
        }
        _ => asked,
    }
}

fn types<'a>(definition: &MapDef, btf: BorrowedFd<'a>) -> Option<(BorrowedFd<'a>, u32, u32)> {
    let known = definition.key_type.is_some() || definition.value_type.is_some();
    let number = |id: Option<skep_btf::TypeId>| id.map_or(0, |id| id.0);
    (known && takes_types(definition.map_type))
        .then(|| (btf, number(definition.key_type), number(definition.value_type)))
}

/// Contents of global data and arenas, and the end of writing to what is constant.
fn fill(definition: &MapDef, map: &Map, initial: &[u8]) -> Result<(), Errno> {
    if definition.map_type == MapType::Arena {
        // Mapped once even when it is empty: that gives it the address that programs must know before they are loaded.
        // It keeps the address, and later mappings come to lie there too.
        let memory = map.memory(true)?;
        if !initial.is_empty() {
            memory.write(0, 0, initial).ok_or(ENOTSUPP)?;
        }
        return Ok(());
    }
    if !initial.is_empty() {
        map.update(&0u32.to_ne_bytes(), initial, 0)?;
    }
    if matches!(definition.origin, MapOrigin::Rodata | MapOrigin::Kconfig)
        && Kernel::release() >= Release::new(5, 2)
    {
        map.freeze()?;
    }
    Ok(())
}

/// Whether a map that exists can stand for the defined one. Flags that the kernel adds by itself do not count.
fn same_shape(definition: &MapDef, map: &Map, settings: &Settings<'_>) -> Result<(), LoadError> {
    let wanted = request(definition, settings);
    let info = map.info();
    let added = MapFlags::RDONLY_PROG;
    let numbers = [
        ("type", wanted.map_type.number(), info.map_type),
        ("key size", wanted.key_size, info.key_size),
        ("value size", wanted.value_size, info.value_size),
        ("entries", wanted.max_entries, info.max_entries),
        ("flags", wanted.flags.without(added).0, map.flags().without(added).0),
    ];
    match numbers.iter().find(|(_, wanted, found)| wanted != found) {
        None => Ok(()),
        Some((what, wanted, found)) => Err(LoadError::Unlike {
            map: definition.name.clone(),
            difference: format!("{what}: expected {wanted}, found {found}"),
        }),
    }
}
