//! Map definitions in their four forms.
//!
//! | form | where | module |
//! |---|---|---|
//! | a variable whose *type* is the definition | `.maps` | [`btf`] |
//! | a record of numbers, of some length | `maps`, `maps/NAME` | [`legacy`] |
//! | a data section, which becomes an array of one value | `.data`, `.bss`, `.rodata`, … | [`globals`] |
//! | a variable of a kernel struct of functions | `.struct_ops`, `.struct_ops.link` | [`struct_ops`] |
//!
//! All become a [`MapDef`]. Slots that the loader fills are read last ([`slots`]): they may name programs.

mod attributes;
mod btf;
mod fields;
mod globals;
mod legacy;
mod slots;
mod struct_ops;

pub(crate) use slots::fill;
pub(crate) use struct_ops::{instances, members};

use crate::error::Fault;
use crate::parse::{Input, Places};
use crate::{Extern, MapDef, MapOrigin, Pinning};
use skep_platform::MapType;

/// The parts of a value of that type that only helpers may touch, by rising offset.
pub fn special_fields(btf: &skep_btf::Btf, value: skep_btf::TypeId) -> Vec<crate::SpecialField> {
    fields::Types::new(btf).special_fields(value)
}

/// Longest name the kernel takes, without the closing zero.
const KERNEL_NAME: usize = 15;

/// All maps but those of struct_ops, and their places.
pub(crate) fn find(
    object: &str,
    input: &Input<'_>,
    externs: &[Extern],
    places: &mut Places,
) -> Result<Vec<MapDef>, Fault> {
    let mut maps = Vec::new();
    btf::find(input, places, &mut maps)?;
    legacy::find(input, places, &mut maps)?;
    globals::find(object, input, externs, places, &mut maps)?;
    Ok(maps)
}

impl MapDef {
    /// A map of that name with nothing else said.
    fn new(name: &str, map_type: MapType, origin: MapOrigin) -> Self {
        Self {
            name: name.to_owned(),
            kernel_name: kernel_name(name),
            map_type,
            key_size: 0,
            value_size: 0,
            max_entries: 0,
            flags: 0,
            extra: 0,
            numa_node: None,
            pinning: Pinning::None,
            inner: None,
            slots: Vec::new(),
            initial: Vec::new(),
            key_type: None,
            value_type: None,
            fields: Vec::new(),
            origin,
            variables: Vec::new(),
        }
    }
}

/// A name cut and cleaned to what the kernel takes.
fn kernel_name(name: &str) -> String {
    let clean = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '.' { c } else { '_' };
    name.chars().map(clean).take(KERNEL_NAME).collect()
}
