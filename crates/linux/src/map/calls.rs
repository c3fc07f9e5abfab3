//! Creating maps and touching their elements by system call.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use skep_platform::errno::{EINVAL, ENOENT};
use skep_platform::{Errno, MapFlags, MapType};

use crate::prog::object_name;
use crate::sys::{Command, attr, bpf, bpf_fd, info};

/// Everything a creation may say. Start from [`MapRequest::new`] and set what is needed.
#[derive(Debug, Clone)]
pub struct MapRequest<'a> {
    /// The type.
    pub map_type: MapType,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value.
    pub value_size: u32,
    /// Capacity; bytes for ring buffers, pages for arenas.
    pub max_entries: u32,
    /// Flags.
    pub flags: MapFlags,
    /// Node to allocate on, with `BPF_F_NUMA_NODE`.
    pub numa_node: u32,
    /// Meaning by type: bloom filters' hash count, an arena's address.
    pub extra: u64,
    /// Shown by `bpftool`; cut to 15 bytes.
    pub name: &'a str,
    /// The template of the inner maps.
    pub inner: Option<BorrowedFd<'a>>,
    /// BTF and in it the ids of key and value.
    pub btf: Option<(BorrowedFd<'a>, u32, u32)>,
}

impl<'a> MapRequest<'a> {
    /// A map without name, flags, BTF.
    pub fn new(map_type: MapType, key_size: u32, value_size: u32, max_entries: u32) -> MapRequest<'a> {
        let (flags, numa_node, extra, name, inner, btf) = (MapFlags::NONE, 0, 0, "", None, None);
        MapRequest { map_type, key_size, value_size, max_entries, flags, numa_node, extra, name, inner, btf }
    }
}

/// `BPF_MAP_CREATE`.
///
/// # Errors
/// The errno.
pub fn map_create(request: &MapRequest<'_>) -> Result<OwnedFd, Errno> {
    let (btf_fd, btf_key_type_id, btf_value_type_id) =
        request.btf.map_or((0, 0, 0), |(fd, key, value)| (fd.as_raw_fd() as u32, key, value));
    let mut attr = attr::MapCreate {
        map_type: request.map_type.number(),
        key_size: request.key_size,
        value_size: request.value_size,
        max_entries: request.max_entries,
        map_flags: request.flags.0,
        inner_map_fd: request.inner.map_or(0, |fd| fd.as_raw_fd() as u32),
        numa_node: request.numa_node,
        map_name: object_name(request.name),
        btf_fd,
        btf_key_type_id,
        btf_value_type_id,
        map_extra: request.extra,
        ..Default::default()
    };
    // SAFETY: the struct holds no address.
    unsafe { bpf_fd(Command::MapCreate, &mut attr) }
}

/// `BPF_MAP_LOOKUP_ELEM`. `value_bytes` is what the kernel writes: the value's size, for per-CPU maps the value's size
/// rounded up to 8 times [`possible_cpus`].
///
/// # Errors
/// The errno; `ENOENT` when the key is not there.
pub fn map_lookup(map: BorrowedFd<'_>, key: &[u8], value_bytes: usize) -> Result<Vec<u8>, Errno> {
    check_sizes(map, Some(key.len()), Some(value_bytes))?;
    let mut value = vec![0; value_bytes];
    let mut attr = element(map, key, value.as_mut_ptr() as u64, 0);
    // SAFETY: both buffers outlive the call and are as long as the kernel reads and writes (checked above).
    unsafe { bpf(Command::MapLookup, &mut attr) }?;
    Ok(value)
}

/// `BPF_MAP_UPDATE_ELEM`.
///
/// # Errors
/// The errno.
pub fn map_update(map: BorrowedFd<'_>, key: &[u8], value: &[u8], flags: u64) -> Result<(), Errno> {
    check_sizes(map, Some(key.len()), Some(value.len()))?;
    let mut attr = element(map, key, value.as_ptr() as u64, flags);
    // SAFETY: both slices outlive the call and are as long as the kernel reads (checked above).
    unsafe { bpf(Command::MapUpdate, &mut attr) }.map(drop)
}

/// `BPF_MAP_DELETE_ELEM`.
///
/// # Errors
/// The errno; `ENOENT` when the key is not there.
pub fn map_delete(map: BorrowedFd<'_>, key: &[u8]) -> Result<(), Errno> {
    check_sizes(map, Some(key.len()), None)?;
    let mut attr = element(map, key, 0, 0);
    // SAFETY: the key outlives the call and is as long as the kernel reads (checked above).
    unsafe { bpf(Command::MapDelete, &mut attr) }.map(drop)
}

/// `BPF_MAP_GET_NEXT_KEY`: the first key for `None`; no key where the iteration ends. `key_bytes` is the key's size.
///
/// # Errors
/// The errno.
pub fn map_next_key(
    map: BorrowedFd<'_>,
    key: Option<&[u8]>,
    key_bytes: usize,
) -> Result<Option<Vec<u8>>, Errno> {
    check_sizes(map, Some(key_bytes), None)?;
    if key.is_some_and(|key| key.len() != key_bytes) {
        return Err(EINVAL);
    }
    let mut next = vec![0; key_bytes];
    let mut attr = element(map, key.unwrap_or(&[]), next.as_mut_ptr() as u64, 0);
    if key.is_none() {
        attr.key = 0;
    }
    // SAFETY: both buffers outlive the call and are as long as the kernel reads and writes (checked above).
    match unsafe { bpf(Command::MapNextKey, &mut attr) } {
        Ok(_) => Ok(Some(next)),
        Err(errno) if errno == ENOENT => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// `BPF_MAP_FREEZE`: from now on only programs may write, and where they may not either, the verifier knows the contents.
///
/// # Errors
/// The errno.
pub fn map_freeze(map: BorrowedFd<'_>) -> Result<(), Errno> {
    let mut attr = attr::MapFreeze { map_fd: map.as_raw_fd() as u32 };
    // SAFETY: the struct holds no address.
    unsafe { bpf(Command::MapFreeze, &mut attr) }.map(drop)
}

fn element(map: BorrowedFd<'_>, key: &[u8], value: u64, flags: u64) -> attr::MapElem {
    let key = if key.is_empty() { 0 } else { key.as_ptr() as u64 };
    attr::MapElem { map_fd: map.as_raw_fd() as u32, unused: 0, key, value, flags }
}

/// The element calls carry no lengths: the kernel reads and writes as many bytes as the map says. So that no caller
/// can make it touch memory beyond a slice, the sizes are asked of the kernel first.
fn check_sizes(map: BorrowedFd<'_>, key: Option<usize>, value: Option<usize>) -> Result<(), Errno> {
    let mut info = info::Map::default();
    // SAFETY: the struct holds no address.
    unsafe { info::describe(map, &mut info) }?;
    let per_cpu = MapType::from_number(info.map_type).is_some_and(MapType::is_per_cpu);
    let value_size = info.value_size as usize;
    let exchanged = if per_cpu { value_size.next_multiple_of(8) * possible_cpus() } else { value_size };
    let fits =
        key.is_none_or(|len| len == info.key_size as usize) && value.is_none_or(|len| len == exchanged);
    if fits { Ok(()) } else { Err(EINVAL) }
}

/// The number of CPUs that the kernel may ever bring up: how many values a per-CPU map has.
pub fn possible_cpus() -> usize {
    static COUNT: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    *COUNT.get_or_init(|| {
        let text = std::fs::read_to_string("/sys/devices/system/cpu/possible").unwrap_or_default();
        // `0-3,8-11`: the count is one more than the last number, because the kernel numbers them densely for BPF.
        let last = text.trim().rsplit([',', '-']).next().and_then(|n| n.parse::<usize>().ok());
        last.map_or(1, |n| n + 1)
    })
}
