//! A line's maps in the kernel.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;

use serde_json::Value;
use skep_isa::RawInsn;
use skep_linux::{Map, MapRequest, map_create, map_freeze, map_update};
use skep_platform::{MapFlags, MapType};

use crate::bytes::from_hex;
use crate::line::{Inner, Line, MapLine};

/// Opcode of `lddw`.
const LDDW: u8 = 0x18;

/// A map; an arena stays mapped while its programs are loaded, which gives it its address.
pub(super) struct Made {
    fd: OwnedFd,
    _mapped: Option<Map>,
}

/// Makes all maps of a line, with their first contents.
pub(super) fn create(
    line: &Line,
    program: Option<&Rc<OwnedFd>>,
    mut types: impl FnMut(&str) -> Result<Rc<OwnedFd>, String>,
) -> Result<Vec<Made>, String> {
    let mut maps = Vec::new();
    for (index, map) in line.maps.iter().enumerate() {
        let inner = match &map.inner {
            Some(Inner::Map(inner)) => Some(&**inner),
            Some(Inner::Index(inner)) => Some(line.maps.get(*inner).ok_or("inner: no such map")?),
            None => None,
        };
        let inner = inner.map(|inner| one(inner, None, program, &mut types)).transpose()?;
        let made = one(map, inner.as_ref(), program, &mut types);
        maps.push(made.map_err(|why| format!("map {index} ({}): {why}", map.name))?);
    }
    Ok(maps)
}

fn one(
    map: &MapLine,
    inner: Option<&Made>,
    program: Option<&Rc<OwnedFd>>,
    types: &mut impl FnMut(&str) -> Result<Rc<OwnedFd>, String>,
) -> Result<Made, String> {
    let map_type = MapType::from_number(map.map_type).ok_or_else(|| format!("no type {}", map.map_type))?;
    let own = match &map.btf {
        Value::String(text) if !text.is_empty() => Some(types(text)?),
        _ => program.cloned(),
    };
    let mut request = MapRequest::new(map_type, map.key_size, map.value_size, map.max_entries);
    request.flags = MapFlags(map.map_flags);
    request.extra = map.map_extra;
    request.name = &map.name;
    request.inner = inner.map(|inner| inner.fd.as_fd());
    let typed = map.btf_key_type_id != 0 || map.btf_value_type_id != 0;
    if let (Some(own), true) = (&own, typed) {
        request.btf = Some((own.as_fd(), map.btf_key_type_id, map.btf_value_type_id));
    }
    let fd = match map_create(&request) {
        Ok(fd) => fd,
        Err(errno) if request.btf.is_none() => return Err(errno.to_string()),
        // As libbpf does: types are dispensable but where the value has parts that the kernel must know.
        Err(errno) => {
            request.btf = None;
            map_create(&request).map_err(|_| errno.to_string())?
        }
    };
    fill(map, map_type, fd)
}

fn fill(map: &MapLine, map_type: MapType, fd: OwnedFd) -> Result<Made, String> {
    let mut value = from_hex(&map.value).ok_or("value: not hexadecimal")?;
    if map_type == MapType::Arena {
        let arena = fd.try_clone().map_err(|error| error.to_string())?;
        let arena = Map::from_fd(arena).map_err(|errno| errno.to_string())?;
        arena.memory(true).map_err(|errno| format!("mapping it: {errno}"))?;
        return Ok(Made { fd, _mapped: Some(arena) });
    }
    if !value.is_empty() && map_type == MapType::Array {
        value.resize(map.value_size as usize, 0);
        map_update(fd.as_fd(), &[0; 4], &value, 0).map_err(|errno| format!("value: {errno}"))?;
    }
    if map.frozen {
        map_freeze(fd.as_fd()).map_err(|errno| format!("freezing it: {errno}"))?;
    }
    Ok(Made { fd, _mapped: None })
}

/// Descriptors in the place of indices.
pub(super) fn place(insns: &mut [RawInsn], maps: &[Made]) {
    for insn in insns.iter_mut().filter(|insn| insn.code == LDDW && matches!(insn.src, 1 | 2 | 5 | 6)) {
        let map = usize::try_from(insn.imm).ok().and_then(|index| maps.get(index));
        // An index of no map is a mistake of the program's, which the kernel has to find.
        insn.imm = map.map_or(i32::MAX, |map| super::number(&map.fd));
        insn.src = if insn.src > 4 { insn.src - 4 } else { insn.src };
    }
}

/// Where maps are by name.
pub(super) fn by_name(line: &Line) -> HashMap<&str, usize> {
    line.maps.iter().enumerate().map(|(index, map)| (map.name.as_str(), index)).collect()
}
