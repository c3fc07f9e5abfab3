//! The attributes of a BTF map definition: a struct whose members say one thing each by their type alone.
//!
//! `__uint(max_entries, 16)` declares a member `int (*max_entries)[16]`; `__type(key, u32)` one `u32 *key`;
//! `__ulong(map_extra, …)` an enum with a single value; `__array(values, …)` a flexible array of pointers.

use skep_btf::{Btf, Member, Type, TypeId};
use skep_platform::{MapFlags, MapType};

use super::fields::Types;
use crate::error::{Fault, Problem};
use crate::{MapDef, MapOrigin, Pinning};

/// The section, for messages.
const SECTION: &str = ".maps";

/// A definition with the offset of its `values`, where the slots' initialisers stand.
pub(super) struct Definition {
    pub(super) map: MapDef,
    pub(super) values_at: Option<u32>,
}

/// Reads the definition that a struct type makes. `depth` counts maps within maps: one level is allowed.
pub(super) fn read(types: &Types<'_>, name: &str, id: TypeId, depth: usize) -> Result<Definition, Fault> {
    let btf = types.btf;
    let fault = |what: String, expected: &str, found: String| {
        Problem::expected(format!("map {name}: {what}"), expected, found).within(SECTION)
    };
    let Some(Type::Struct(definition)) = btf.get_resolved(id) else {
        let found = format!("{:?}", btf.kind_of(btf.resolve(id)));
        return Err(fault("definition".into(), "a struct", found));
    };
    let mut reader = Reader {
        types,
        btf,
        name,
        depth,
        seen: Vec::new(),
        sizes: [None; 2],
        map_type: None,
        values_at: None,
    };
    let mut map = MapDef::new(name, MapType::Array, MapOrigin::Btf);
    for member in definition.members {
        reader.member(&mut map, &member)?;
    }
    map.map_type = reader.map_type.ok_or_else(|| fault("type".into(), "a map type", "none".into()))?;
    let [key, value] = reader.sizes;
    map.key_size = key.unwrap_or_default();
    map.value_size = value.unwrap_or_default();
    if reader.values_at.is_some() && value.is_none() {
        map.value_size = 4;
    }
    if let Some(value) = map.value_type {
        map.fields = types.special_fields(value);
    }
    Ok(Definition { map, values_at: reader.values_at })
}

struct Reader<'b> {
    types: &'b Types<'b>,
    btf: &'b Btf,
    name: &'b str,
    depth: usize,
    /// Names of the members met; a second one of a name is an error, so that a definition stays short.
    seen: Vec<String>,
    /// Of key and value, once either the type or the number was met.
    sizes: [Option<u32>; 2],
    map_type: Option<MapType>,
    values_at: Option<u32>,
}

impl Reader<'_> {
    fn fault(&self, what: &str, expected: impl Into<String>, found: impl ToString) -> Fault {
        Problem::expected(format!("map {}: {what}", self.name), expected, found).within(SECTION)
    }

    fn member(&mut self, map: &mut MapDef, member: &Member<'_>) -> Result<(), Fault> {
        if self.seen.iter().any(|seen| seen == member.name) {
            return Err(self.fault(member.name, "one member of that name", "two"));
        }
        self.seen.push(member.name.to_owned());
        match member.name {
            "type" => {
                let number = self.number(member)?;
                let known = MapType::ALL.last().map_or(0, |last| last.number());
                let kind = MapType::from_number(number as u32);
                self.map_type = Some(
                    kind.ok_or_else(|| self.fault("type", format!("a number from 1 to {known}"), number))?,
                );
            }
            "max_entries" => map.max_entries = self.number32(member)?,
            "map_flags" => map.flags = self.number32(member)?,
            "map_extra" => map.extra = self.number(member)?,
            "numa_node" => {
                map.numa_node = Some(self.number32(member)?);
                map.flags |= MapFlags::NUMA_NODE.0;
            }
            "pinning" => {
                map.pinning = match self.number(member)? {
                    0 => Pinning::None,
                    1 => Pinning::ByName,
                    2 => Pinning::GlobalNamespace,
                    16 => Pinning::Replace,
                    other => return Err(self.fault("pinning", "0, 1, 2 or 16", other)),
                }
            }
            "key_size" => self.size(0, member, None)?,
            "value_size" => self.size(1, member, None)?,
            "key" => map.key_type = Some(self.typed(0, member)?),
            "value" => map.value_type = Some(self.typed(1, member)?),
            "values" => self.values(map, member)?,
            other => return Err(self.fault("attribute", "one that is known", other)),
        }
        Ok(())
    }

    /// A number: the length of the array pointed at, or the value of a lone enumerator.
    fn number(&self, member: &Member<'_>) -> Result<u64, Fault> {
        let value = match self.btf.get_resolved(member.type_id) {
            Some(Type::Ptr(target)) => match self.btf.get_resolved(target) {
                Some(Type::Array(array)) => Some(u64::from(array.len)),
                _ => None,
            },
            Some(Type::Enum(list) | Type::Enum64(list)) => {
                list.variants.iter().next().map(|first| first.value)
            }
            _ => None,
        };
        value.ok_or_else(|| self.fault(member.name, "a number (__uint or __ulong)", "another type"))
    }

    fn number32(&self, member: &Member<'_>) -> Result<u32, Fault> {
        let value = self.number(member)?;
        u32::try_from(value).map_err(|_| self.fault(member.name, "a number below 2^32", value))
    }

    /// `key`, `value`: a pointer to the type.
    fn typed(&mut self, which: usize, member: &Member<'_>) -> Result<TypeId, Fault> {
        let Some(Type::Ptr(target)) = self.btf.get_resolved(member.type_id) else {
            return Err(self.fault(member.name, "a type (__type)", "no pointer"));
        };
        let size = self.btf.size_of(target);
        let size =
            size.ok_or_else(|| self.fault(member.name, "a type with a size", self.btf.name_of(target)))?;
        self.size(which, member, Some(size))?;
        Ok(target)
    }

    /// Both `key` and `key_size` may be given; they must agree.
    fn size(&mut self, which: usize, member: &Member<'_>, given: Option<u32>) -> Result<(), Fault> {
        let size = match given {
            Some(size) => size,
            None => self.number32(member)?,
        };
        match self.sizes[which].replace(size) {
            Some(before) if before != size => Err(self.fault(member.name, format!("{before} bytes"), size)),
            _ => Ok(()),
        }
    }

    /// What goes into the slots: programs, or maps of one shape.
    fn values(&mut self, map: &mut MapDef, member: &Member<'_>) -> Result<(), Fault> {
        let element = match self.btf.get_resolved(member.type_id) {
            Some(Type::Array(array)) => Some(array.element),
            _ => None,
        };
        let target = match element.and_then(|element| self.btf.get_resolved(element)) {
            Some(Type::Ptr(target)) => target,
            _ => return Err(self.fault("values", "an array of pointers (__array)", "another type")),
        };
        self.values_at = Some(member.bit_offset / 8);
        match self.btf.get_resolved(target) {
            Some(Type::FuncProto(_)) => Ok(()),
            Some(Type::Struct(_)) if self.depth == 0 => {
                let name = format!("{}.inner", self.name);
                map.inner = Some(Box::new(read(self.types, &name, target, 1)?.map));
                Ok(())
            }
            Some(Type::Struct(_)) => Err(self.fault("values", "maps without maps in them", "a map of maps")),
            _ => Err(self.fault("values", "functions or map definitions", "another type")),
        }
    }
}
