//! Static linking: several relocatable objects become one.
//!
//! Each input's sections are appended to the output's of the same name ([`sections`]); symbols are resolved across inputs, a
//! strong definition over weak ones, a definition over what is undefined ([`symbols`]); relocations move with their
//! sections ([`relocs`]); types are put one after the other, definitions taking the place of the declarations they resolve
//! ([`types`]); the records about instructions follow both ([`ext`]). The output is relocatable: what no input defines stays
//! undefined, for the loader or another link.

mod error;
mod ext;
mod relocs;
mod sections;
mod symbols;
mod types;

pub use error::LinkError;

use skep_isa::ByteOrder;

use crate::elf::{NewSection, SHT_PROGBITS, Writer};
use crate::error::Fault;
use crate::parse::Input;
use error::conflict;

/// One of the objects to be linked.
struct Source<'a> {
    name: &'a str,
    input: Input<'a>,
    /// Where each of its sections went.
    placed: Vec<Option<Placed>>,
    /// The output's symbol for each of its symbols; none for those that nobody can refer to.
    symbols: Vec<Option<usize>>,
}

/// Where a section of an input went.
#[derive(Clone, Copy, Debug)]
struct Placed {
    /// Index in the output's sections, from 0.
    section: usize,
    /// Byte offset of its first byte there.
    offset: u64,
}

/// Links relocatable objects into one that this crate and libbpf accept.
///
/// Each input is a name for messages and the file's bytes. The inputs must agree on byte order and licence; two strong
/// definitions of one symbol are an error that names both.
pub fn link(inputs: &[(&str, &[u8])]) -> Result<Vec<u8>, LinkError> {
    let mut sources =
        inputs.iter().map(|(name, data)| Source::read(name, data)).collect::<Result<Vec<_>, _>>()?;
    let Some(first) = sources.first() else { return Err(LinkError::NoInput) };
    let order = first.input.elf.order;
    if let Some(other) = sources.iter().find(|source| source.input.elf.order != order) {
        let text = |order| if order == ByteOrder::Big { "big-endian" } else { "little-endian" };
        let found = (text(order), text(other.input.elf.order));
        return Err(conflict("byte order", first.name, found.0, other.name, found.1));
    }
    let mut writer = Writer { order, sections: sections::merge(&mut sources)?, symbols: Vec::new() };
    symbols::resolve(&mut sources, &mut writer)?;
    relocs::apply(&sources, &mut writer)?;
    if let Some(types) = types::merge(&sources, &writer) {
        let ext = ext::merge(&sources, types)?;
        let section = |name: &str, data| NewSection {
            name: name.to_owned(),
            kind: SHT_PROGBITS,
            align: 4,
            data,
            ..NewSection::default()
        };
        writer.sections.push(section(".BTF", ext.types));
        if !ext.records.is_empty() {
            writer.sections.push(section(".BTF.ext", ext.records));
        }
    }
    if writer.sections.len() > MAX_SECTIONS {
        return Err(LinkError::TooManySections { count: writer.sections.len() });
    }
    Ok(writer.finish())
}

/// Indices from 0xff00 mean something else in ELF; each section may bring a second one with its relocations.
const MAX_SECTIONS: usize = 0xff00 / 2 - 4;

impl<'a> Source<'a> {
    fn read(name: &'a str, data: &'a [u8]) -> Result<Self, LinkError> {
        let input = Input::new(data).map_err(|fault: Fault| LinkError::Input(fault.of(name)))?;
        let placed = vec![None; input.elf.sections.len()];
        let symbols = vec![None; input.elf.symbols.len()];
        Ok(Self { name, input, placed, symbols })
    }
}
