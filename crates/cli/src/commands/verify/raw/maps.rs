//! A line's maps.

use std::sync::Arc;

use serde_json::Value;
use skep_btf::{Btf, TypeId};
use skep_platform::{MapFlags, MapType};
use skep_verifier::MapInfo;

use super::fields::Fields;
use super::program::{Problem, Reader, map_index};

/// All maps of a line. `program` is the program's BTF, which a map without its own shares.
pub(super) fn read(
    reader: &mut Reader,
    fields: &Fields<'_>,
    program: Option<&Arc<Btf>>,
) -> Result<Vec<MapInfo>, Problem> {
    let mut maps = Vec::new();
    let mut templates = Vec::new();
    for (path, value) in fields.list("maps")? {
        let fields = Fields::of(value, &path)?;
        templates.push((fields.path("inner"), fields.value("inner")));
        maps.push(map(reader, &fields, program)?);
    }
    // A template may also be one of the line's other maps.
    for index in 0..maps.len() {
        let (path, Some(value @ (Value::Number(_) | Value::String(_)))) = &templates[index] else { continue };
        let names: Vec<&str> = maps.iter().map(|map| map.name.as_str()).collect();
        let inner = map_index(value, &names).ok_or_else(|| {
            format!("{path}: expected a map or the index of one of {}, found {value}", maps.len())
        })?;
        // Linux has no maps of maps of maps, so the template's own template is of no interest.
        let inner = MapInfo { inner: None, ..maps[inner].clone() };
        maps[index].inner = Some(Box::new(inner));
    }
    Ok(maps)
}

fn map(reader: &mut Reader, fields: &Fields<'_>, program: Option<&Arc<Btf>>) -> Result<MapInfo, Problem> {
    let map_type = match fields.named("type", MapType::from_number, MapType::from_name)? {
        Some(Ok(found)) => found,
        Some(Err(number)) => return Err(Problem::unsupported(format!("maps of type {number}"))),
        None => return Err(Problem::Malformed(fields.wrong("type", "a number or a name"))),
    };
    let (key, value) = (fields.number32("key_size")?, fields.number32("value_size")?);
    let mut map = MapInfo::new(map_type, key, value, fields.number32("max_entries")?);
    map.name = fields.text("name")?.unwrap_or_default().to_owned();
    map.flags = MapFlags(fields.number32("map_flags")?);
    map.extra = fields.number("map_extra")?.unwrap_or(0);
    map.frozen = fields.flag("frozen")?;
    map.value = fields.hex("value")?.unwrap_or_default();
    if map.value.len() > map.value_size as usize {
        let text = format!("expected at most {} bytes, found {}", map.value_size, map.value.len());
        return Err(Problem::Malformed(format!("{}: {text}", fields.path("value"))));
    }
    let own = match fields.value("btf") {
        Some(Value::Bool(_)) | None => None,
        Some(_) => reader.btf(fields, "btf")?,
    };
    map.key_type = TypeId(fields.number32("btf_key_type_id")?);
    map.value_type = TypeId(fields.number32("btf_value_type_id")?);
    map.btf = own.or_else(|| program.cloned());
    if let Some(inner @ Value::Object(_)) = fields.value("inner") {
        let inner = Fields::of(inner, &fields.path("inner"))?;
        map.inner = Some(Box::new(self::map(reader, &inner, program)?));
    } else if matches!(fields.value("inner"), Some(Value::Bool(_) | Value::Array(_))) {
        return Err(Problem::Malformed(fields.wrong("inner", "a map or the index of one")));
    }
    Ok(map)
}
