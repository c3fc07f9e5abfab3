//! From the tables of an ELF file to an [`Object`].

use crate::Object;
use crate::elf::Elf;
use crate::error::{Fault, Problem};

/// Parses an object.
pub(crate) fn parse(name: &str, data: &[u8]) -> Result<Object, Fault> {
    let elf = Elf::parse(data)?;
    let _ = (name, &elf);
    Err(Problem::expected("object", "a program", "nothing").at_file(0))
}
