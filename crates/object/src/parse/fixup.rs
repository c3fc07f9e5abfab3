//! Completing the compiler's BTF.
//!
//! A compiler writes type information before sections are laid out, so it leaves sizes of sections and offsets of
//! variables at zero. The ELF tables know both. They are written into a copy of the bytes, so that everything later (the
//! reader, the kernel, whoever prints a map's value) sees complete types.

use skep_btf::{Btf, Kind, Type};

use super::input::Input;
use crate::elf::Bytes;

/// Bytes of a type's common head.
const HEAD: u64 = 12;
/// Bytes of one variable of a DATASEC.
const SECTION_VARIABLE: u64 = 12;

/// The bytes with sizes and offsets of DATASECs filled in. `btf` is what the bytes parse to.
pub(super) fn complete(input: &Input<'_>, bytes: &[u8], btf: &Btf) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let view = input.elf.bytes(bytes);
    for (at, index) in sections(view, btf) {
        let Some(Type::DataSec(data)) = btf.get(skep_btf::TypeId(index)) else { continue };
        // Externs (`.kconfig`, `.ksyms`) have no section of their own.
        let Some(section) = input.elf.section(data.name) else { continue };
        // A linker has done it already; names of static variables may have come to stand for several.
        if data.size != 0 {
            continue;
        }
        put(&mut out, view, at + 8, section.size as u32);
        for (number, entry) in data.vars.iter().enumerate() {
            let symbol = input.symbol_in(section.index, btf.name_of(entry.type_id));
            if let (0, Some(symbol)) = (entry.offset, symbol) {
                let field = at + HEAD + number as u64 * SECTION_VARIABLE + 4;
                put(&mut out, view, field, symbol.value as u32);
            }
        }
    }
    out
}

/// Offset and number of every DATASEC. The bytes were parsed before, so that every record is whole.
fn sections<'a>(view: Bytes<'a>, btf: &Btf) -> Vec<(u64, u32)> {
    let word = |at| view.u32(at).unwrap_or_default();
    let mut at = u64::from(word(4)) + u64::from(word(8));
    let mut found = Vec::new();
    for index in 1..btf.len() as u32 {
        let info = word(at + 4);
        let count = u64::from(info & 0xffff);
        let kind = Kind::from_number(info >> 24 & 0x1f);
        if kind == Some(Kind::DataSec) {
            found.push((at, index));
        }
        at += HEAD
            + match kind {
                Some(Kind::Int | Kind::Var | Kind::DeclTag) => 4,
                Some(Kind::Array) => 12,
                Some(Kind::Struct | Kind::Union | Kind::Enum64 | Kind::DataSec) => 12 * count,
                Some(Kind::Enum | Kind::FuncProto) => 8 * count,
                _ => 0,
            };
    }
    found
}

fn put(out: &mut [u8], view: Bytes<'_>, at: u64, value: u32) {
    let bytes = match view.order {
        skep_isa::ByteOrder::Little => value.to_le_bytes(),
        skep_isa::ByteOrder::Big => value.to_be_bytes(),
    };
    let at = at as usize;
    if let Some(field) = out.get_mut(at..at + 4) {
        field.copy_from_slice(&bytes);
    }
}
