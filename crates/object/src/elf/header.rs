//! The file header.

use super::Bytes;
use crate::error::{Fault, Problem};
use skep_isa::ByteOrder;

/// Bytes of the header.
pub(super) const SIZE: u64 = 64;
/// Relocatable file.
pub(crate) const ET_REL: u16 = 1;
/// Linux BPF.
pub(crate) const EM_BPF: u16 = 247;

/// Where the section headers are.
pub(super) struct Header {
    /// File offset of the first.
    pub(super) sections_at: u64,
    /// How many; 0 means that section 0 says.
    pub(super) section_count: u16,
    /// Index of the section with the section names; 0xffff means that section 0 says.
    pub(super) names_index: u16,
}

/// Checks the header.
pub(super) fn parse(data: &[u8]) -> Result<(ByteOrder, Header), Fault> {
    if data.len() < SIZE as usize {
        if !data.starts_with(b"\x7fELF") {
            return Err(not_elf(data));
        }
        return Err(Problem::Short { what: "ELF header", needed: SIZE, found: data.len() as u64 }.at_file(0));
    }
    if !data.starts_with(b"\x7fELF") {
        return Err(not_elf(data));
    }
    if data[4] != 2 {
        return Err(Problem::expected("ELF class", "2 (64-bit)", data[4]).at_file(4));
    }
    let order = match data[5] {
        1 => ByteOrder::Little,
        2 => ByteOrder::Big,
        other => return Err(Problem::expected("ELF byte order", "1 or 2", other).at_file(5)),
    };
    let bytes = Bytes::new(data, order);
    let half = |at| bytes.u16(at).unwrap_or_default();
    if half(16) != ET_REL {
        return Err(Problem::expected("ELF type", "1 (relocatable)", half(16)).at_file(16));
    }
    // LLVM wrote 0 before the number was assigned; libbpf accepts it still.
    if half(18) != EM_BPF && half(18) != 0 {
        return Err(Problem::expected("ELF machine", "247 (BPF)", half(18)).at_file(18));
    }
    let header = Header {
        sections_at: bytes.u64(40).unwrap_or_default(),
        section_count: half(60),
        names_index: half(62),
    };
    if header.sections_at == 0 {
        return Err(Problem::expected("ELF section headers", "an offset", "none").at_file(40));
    }
    if half(58) != super::section::HEADER_SIZE as u16 {
        return Err(Problem::expected("size of an ELF section header", "64", half(58)).at_file(58));
    }
    Ok((order, header))
}

fn not_elf(data: &[u8]) -> Fault {
    let found = if data.is_empty() {
        "an empty file".to_owned()
    } else {
        data.iter().take(4).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
    };
    Problem::expected("ELF magic", "7f 45 4c 46", found).at_file(0)
}
