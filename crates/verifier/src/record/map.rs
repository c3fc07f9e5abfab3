//! A map together with the record of its values.

use std::ops::Deref;
use std::sync::Arc;

use skep_btf::{Btf, TypeId};
use skep_platform::MapFlags;

use super::{Record, rules};
use crate::program::{Input, MapInfo};
use crate::state::MapId;
use crate::verdict::{Checked, unsupported};

/// A map as the walk sees it.
#[derive(Clone, Debug)]
pub struct Map<'a> {
    info: &'a MapInfo,
    /// The managed parts of its values.
    pub record: Record,
    /// Whether its types are the program's, so that a type of the one is a type of the other.
    pub shares_types: bool,
    /// The template of the maps in it.
    pub template: Option<MapId>,
}

impl Deref for Map<'_> {
    type Target = MapInfo;

    fn deref(&self) -> &MapInfo {
        self.info
    }
}

/// The maps of a program, and behind them the templates in them.
pub(crate) fn maps(input: &Input) -> Checked<Vec<Map<'_>>> {
    let mut infos: Vec<&MapInfo> = input.maps.iter().collect();
    let mut maps = Vec::with_capacity(infos.len());
    while let Some(&info) = infos.get(maps.len()) {
        let record = match record(info, input.kernel_btf.as_deref()) {
            Ok(record) => record,
            // Such a map cannot be there, so nothing is to be said of programs that use it.
            Err(why) => return unsupported(0, format!("no kernel creates the map {:?}: {why}", info.name)),
        };
        let template = info.inner.as_deref().map(|inner| {
            infos.push(inner);
            MapId(infos.len() as u32 - 1)
        });
        let shares_types = same(info.btf.as_ref(), input.btf.as_ref());
        maps.push(Map { info, record, shares_types, template });
    }
    Ok(maps)
}

fn same(map: Option<&Arc<Btf>>, program: Option<&Arc<Btf>>) -> bool {
    match (map, program) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b) || a.to_bytes() == b.to_bytes(),
        _ => false,
    }
}

/// Why no kernel creates this map, as far as types decide; `None` when one does. `kernel` are the kernel's types.
pub fn refusal(info: &MapInfo, kernel: Option<&Btf>) -> Option<String> {
    record(info, kernel).err().or_else(|| refusal(info.inner.as_deref()?, kernel))
}

fn record(info: &MapInfo, kernel: Option<&Btf>) -> Result<Record, String> {
    let (Some(btf), true) = (&info.btf, info.value_type != TypeId::VOID) else {
        return Ok(Record::default());
    };
    if btf.size_of(info.value_type) != Some(info.value_size) {
        let found = btf.size_of(info.value_type).unwrap_or(0);
        return Err(format!("the value's type has {found} bytes, its value_size is {}", info.value_size));
    }
    if info.key_type != TypeId::VOID && btf.size_of(info.key_type) != Some(info.key_size) {
        let found = btf.size_of(info.key_type).unwrap_or(0);
        return Err(format!("the key's type has {found} bytes, its key_size is {}", info.key_size));
    }
    let value = btf.resolve(info.value_type);
    // A type whose managed parts contradict themselves is taken as one without any.
    let record = Record::of(btf, kernel, value, Record::VALUE).unwrap_or_default();
    if record.is_empty() {
        return Ok(record);
    }
    if info.flags.0 & (MapFlags::RDONLY_PROG.0 | MapFlags::WRONLY_PROG.0) != 0 {
        return Err("managed fields in a map that programs only read or only write".to_owned());
    }
    if let Some(kind) = rules::misplaced(&record, info.map_type) {
        return Err(format!("maps of type {} have no {}", info.map_type.name(), kind.name()));
    }
    Ok(record)
}
