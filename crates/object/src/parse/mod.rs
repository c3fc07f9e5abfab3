//! From the tables of an ELF file to an [`Object`].
//!
//! Order matters: functions and externs are found by their symbols alone; maps need externs (`.kconfig` is one); a
//! function's references need all three; programs need functions with resolved references; and slots of maps and
//! members of struct_ops, last, need programs.

mod addend;
mod body;
mod ext;
mod externs;
mod fixup;
mod functions;
mod input;
mod places;
mod programs;
mod split;

pub(crate) use ext::{Records, parse as records};
pub(crate) use externs::kconfig_size;
pub(crate) use functions::Functions;
pub(crate) use input::Input;
pub(crate) use places::{Places, Values};

use crate::error::{Fault, Problem};
use crate::{MapOrigin, Object, maps};

/// Parses an object.
pub(crate) fn parse(name: &str, data: &[u8]) -> Result<Object, Fault> {
    let input = Input::new(data)?;
    let functions = Functions::find(&input)?;
    let mut places = Places::default();
    let externs = externs::find(&input, &mut places)?;
    let mut maps = maps::find(name, &input, &externs, &mut places)?;
    let instances = maps::instances(&input, &mut maps)?;
    let ext = ext::parse(&input)?;
    let bodies: Vec<_> =
        (0..functions.list.len()).map(|index| body::resolve(&input, &functions, &places, index)).collect();
    let parts = programs::Parts { input: &input, functions: &functions, bodies: &bodies, ext: &ext };
    let (programs, by_function) = programs::build(&parts)?;
    maps::fill(&input, &functions, &places, &programs, &by_function, &mut maps)?;
    let struct_ops = maps::members(&input, &functions, &by_function, instances)?;
    debug_assert!(
        maps.iter().all(|map| !matches!(map.origin, MapOrigin::StructOps(at) if at >= struct_ops.len()))
    );
    Ok(Object {
        name: name.to_owned(),
        order: input.elf.order,
        license: license(&input)?,
        version: version(&input)?,
        programs,
        maps,
        externs,
        struct_ops,
        btf: input.btf,
        btf_bytes: input.btf_bytes,
    })
}

/// The text of the `license` section.
fn license(input: &Input<'_>) -> Result<String, Fault> {
    let Some(section) = input.elf.section("license") else { return Ok(String::new()) };
    let text = section.data.split(|&byte| byte == 0).next().unwrap_or_default();
    match std::str::from_utf8(text) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => {
            let at = error.valid_up_to() as u64;
            Err(Problem::expected("licence", "text", "bytes that are not UTF-8").at("license", at))
        }
    }
}

/// The number in the `version` section.
fn version(input: &Input<'_>) -> Result<Option<u32>, Fault> {
    let Some(section) = input.elf.section("version") else { return Ok(None) };
    let found = section.data.len() as u64;
    match input.elf.bytes(section.data).u32(0) {
        Some(version) => Ok(Some(version)),
        None => Err(Problem::Short { what: "version", needed: 4, found }.within("version")),
    }
}
