//! Integers and floats: those that C has a name for, and those that need one.
//!
//! Compilers write `unsigned int`; other languages write `u32`, which C would not know, and two integers of one name may
//! differ. Whatever is not spelled in C's own words gets a typedef with the type's number in its name.

use std::io;

use super::Printer;
use crate::print::names::identifier;
use crate::types::{Float, Type, TypeId};

impl Printer<'_> {
    /// Integers and floats that C has no name for get one.
    pub(in crate::print) fn write_base(&mut self, id: TypeId) -> io::Result<()> {
        let name = self.base_name(id);
        match self.btf.get(id) {
            Some(Type::Int(t)) if !is_c_integer(t.name) => {
                let sign = if t.encoding.is_signed() { "signed" } else { "unsigned" };
                let base = match t.size {
                    1 if t.encoding.is_bool() => "_Bool",
                    1 => "char",
                    2 => "short",
                    4 => "int",
                    8 => "long long",
                    16 => "__int128",
                    other => return write!(self.out, "typedef struct {{ char b[{other}]; }} {name};\n\n"),
                };
                let sign = if base == "_Bool" { "" } else { sign };
                write!(self.out, "typedef {sign} {base} {name};\n\n")
            }
            Some(Type::Float(t)) if !is_c_float(&t) => {
                // 16 bytes or an unknown name: nothing eBPF can compute with, only something to skip over.
                let align = if t.size.is_power_of_two() { t.size.min(16) } else { 1 };
                let attribute = format!("__attribute__((aligned({align})))");
                write!(self.out, "typedef struct {{ char b[{}]; }} {attribute} {name};\n\n", t.size)
            }
            _ => Ok(()),
        }
    }

    pub(in crate::print) fn base_name(&self, id: TypeId) -> String {
        match self.btf.get(id) {
            Some(Type::Int(t)) if is_c_integer(t.name) => t.name.to_owned(),
            Some(Type::Float(t)) if is_c_float(&t) => t.name.to_owned(),
            // Two integers of one name may differ, and the name may be a typedef's too.
            _ => format!("__btf_{}_{}", identifier(self.btf.name_of(id)), id),
        }
    }
}

/// Is every word one that C builds integers of?
fn is_c_integer(name: &str) -> bool {
    const WORDS: [&str; 8] = ["unsigned", "signed", "char", "short", "int", "long", "__int128", "_Bool"];
    !name.is_empty() && name.split(' ').all(|word| WORDS.contains(&word))
}

fn is_c_float(float: &Float<'_>) -> bool {
    matches!((float.name, float.size), ("float", 4) | ("double", 8))
}
