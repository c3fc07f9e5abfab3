//! Which map types the live kernel creates.

use std::os::fd::{AsFd, OwnedFd};

use skep_btf::{Builder, IntEncoding};
use skep_platform::map::{Entries, PAGE_SIZE, SizeRule};
use skep_platform::{Errno, MapType};

use super::Answer;
use crate::{MapRequest, btf_load, live_bpf, map_create};

/// Whether the kernel creates maps of this type, tried with the smallest map its rules allow.
pub fn map_type(map_type: MapType) -> Answer {
    use skep_platform::errno::EPERM;
    // A struct_ops map needs BTF that describes a kernel struct's implementation: no small map exists.
    if map_type == MapType::StructOps {
        return Answer::Unknown;
    }
    match create_smallest(map_type) {
        Ok(_) => Answer::Yes,
        Err(EPERM) if live_bpf().is_err() => Answer::NoPrivilege,
        Err(EPERM) => Answer::Policy,
        Err(_) => Answer::No,
    }
}

/// The smallest map of a type.
fn create_smallest(map_type: MapType) -> Result<OwnedFd, Errno> {
    create(&smallest_request(map_type))
}

/// What to ask for to get the smallest map of a type.
pub(super) fn smallest_request(map_type: MapType) -> MapRequest<'static> {
    let rules = map_type.rules();
    let entries = match rules.entries {
        Entries::NonZero | Entries::UpTo(_) | Entries::Cpus => 1,
        Entries::Exactly(n) => n,
        Entries::PowerOfTwoPages => PAGE_SIZE,
    };
    let mut request = MapRequest::new(map_type, smallest(rules.key), smallest(rules.value), entries);
    request.flags = rules.required;
    if rules.needs_btf {
        (request.key_size, request.value_size) = (4, 4);
    }
    request
}

/// Creates what is asked for, with an inner map and BTF where the type wants them.
pub(super) fn create(request: &MapRequest<'_>) -> Result<OwnedFd, Errno> {
    let rules = request.map_type.rules();
    let mut request = request.clone();
    let inner =
        rules.needs_inner.then(|| map_create(&MapRequest::new(MapType::Array, 4, 4, 1))).transpose()?;
    request.inner = inner.as_ref().map(|fd| fd.as_fd());
    let btf = rules.needs_btf.then(|| btf_load(&four_byte_int())).transpose()?;
    if let Some(btf) = &btf {
        request.btf = Some((btf.as_fd(), 1, 1));
    }
    map_create(&request)
}

/// The smallest size a rule allows.
fn smallest(rule: SizeRule) -> u32 {
    match rule {
        SizeRule::OneOf(sizes) => sizes.iter().copied().min().unwrap_or(0),
        SizeRule::Between(min, _, _) => min,
        SizeRule::Multiple(unit, _) => unit,
        SizeRule::Any => 4,
    }
}

/// BTF whose type 1 is a 4-byte integer, for maps that must be described.
fn four_byte_int() -> Vec<u8> {
    let mut builder = Builder::new();
    builder.int("int", 4, IntEncoding::SIGNED);
    builder.build()
}
