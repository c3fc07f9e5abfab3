//! An object's BTF made into what the kernel accepts.
//!
//! Compilers describe more than the kernel takes: externs, sections without sizes or offsets, parameters without names,
//! names with characters that C does not have. Nothing may be left out, because ids are positions; so the BTF is written
//! anew, type for type, each in its place, and what the kernel refuses is replaced by something harmless. Strings are
//! stored anew too, which is why the line records are translated here.

use std::collections::HashMap;

use skep_btf::{
    Btf, Builder, DataSec, Func, FuncProto, IntEncoding, Kind, Linkage, Member, SecVar, Type, TypeId, Var,
};
use skep_object::{MapDef, MapOrigin, Object};

/// How much the kernel is believed to understand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taste {
    /// All of 6.18's BTF.
    Modern,
    /// That of 5.2: no global functions, floats, tags, 64-bit enums.
    Old,
}

/// BTF for the kernel.
#[derive(Debug)]
pub(crate) struct Accepted {
    /// What to load.
    pub(crate) bytes: Vec<u8>,
    /// From the object's string offsets of files and lines to those in `bytes`.
    strings: HashMap<u32, u32>,
}

impl Accepted {
    /// The offset in the kernel's copy of a string that a line record names.
    pub(crate) fn string(&self, offset: u32) -> u32 {
        self.strings.get(&offset).copied().unwrap_or(0)
    }
}

/// Rewrites the object's BTF; `None` when it has none.
pub(crate) fn accept(object: &Object, taste: Taste) -> Option<Accepted> {
    let btf = object.btf.as_deref()?;
    let mut writer = Writer { btf, object, taste, builder: Builder::new(), int: TypeId(btf.len() as u32) };
    for (_, ty) in btf.types().filter(|(id, _)| *id != TypeId::VOID) {
        writer.write(&ty);
    }
    // Stands where a replacement needs a type with a size; behind all others, so that no id moves.
    let int = writer.builder.int("int", 4, IntEncoding::SIGNED);
    debug_assert_eq!(int, writer.int);
    let lines = object.programs.iter().flat_map(|program| &program.lines);
    let offsets = lines.flat_map(|line| [line.file_offset, line.text_offset]);
    let mut strings = HashMap::new();
    for offset in offsets {
        let builder = &mut writer.builder;
        strings.entry(offset).or_insert_with(|| builder.string(btf.string(offset).unwrap_or("")));
    }
    Some(Accepted { bytes: writer.builder.build(), strings })
}

struct Writer<'a> {
    btf: &'a Btf,
    object: &'a Object,
    taste: Taste,
    builder: Builder,
    /// The id of the `int` that will stand last.
    int: TypeId,
}

impl Writer<'_> {
    fn write(&mut self, ty: &Type<'_>) {
        let old = self.taste == Taste::Old;
        match *ty {
            Type::Func(t) => self.func(&t),
            Type::FuncProto(t) => self.proto(&t),
            Type::Var(t) => self.var(&t),
            Type::DataSec(t) => self.section(&t),
            Type::Struct(t) | Type::Union(t) if t.members.iter().any(|m| odd(m.name)) || odd(t.name) => {
                self.composite(ty.kind() == Kind::Union, &t);
            }
            Type::Float(t) if old => drop(self.builder.structure(&clean(t.name), t.size, &[])),
            Type::TypeTag(t) if old => drop(self.builder.qualified(Kind::Const, t.target)),
            Type::DeclTag(_) if old => self.hole(),
            Type::Enum64(t) if old => drop(self.builder.union(&clean(t.name), t.size, &[])),
            Type::Typedef(t) if odd(t.name) => drop(self.builder.typedef(&clean(t.name), t.target)),
            Type::Fwd(t) if odd(t.name) => drop(self.builder.forward(&clean(t.name), t.is_union)),
            Type::Enum(t) if odd(t.name) || t.variants.iter().any(|v| odd(v.name)) => {
                let names: Vec<_> =
                    t.variants.iter().map(|v| (clean(v.name), v.value as u32 as i32)).collect();
                let variants: Vec<_> = names.iter().map(|(name, value)| (name.as_str(), *value)).collect();
                self.builder.enumeration(&clean(t.name), t.size, t.signed, &variants);
            }
            _ => drop(self.builder.copy(ty, |id| id)),
        }
    }

    /// A type that nothing refers to, in the place of one that may not be.
    fn hole(&mut self) {
        self.builder.int("skep_hole", 4, IntEncoding::UNSIGNED);
    }

    fn composite(&mut self, is_union: bool, t: &skep_btf::Composite<'_>) {
        let names: Vec<_> = t.members.iter().map(|member| clean(member.name)).collect();
        let pairs = t.members.iter().zip(&names);
        if t.members.has_bit_fields() {
            let members: Vec<_> = pairs.map(|(member, name)| Member { name, ..member }).collect();
            self.builder.composite(is_union, &clean(t.name), t.size, members.into_iter());
        } else {
            let members: Vec<_> =
                pairs.map(|(member, name)| (name.as_str(), member.type_id, member.bit_offset)).collect();
            match is_union {
                true => self.builder.union(&clean(t.name), t.size, &members),
                false => self.builder.structure(&clean(t.name), t.size, &members),
            };
        }
    }

    /// Extern functions become global ones: the kernel has no others, and their bodies are not looked for.
    fn func(&mut self, t: &Func<'_>) {
        let linkage = match (self.taste, t.linkage) {
            (Taste::Old, _) | (_, Linkage::STATIC) => Linkage::STATIC,
            _ => Linkage::GLOBAL,
        };
        self.builder.func(&clean(t.name), t.proto, linkage);
    }

    /// The kernel demands a name for every parameter of a function; compilers give none to those of declarations.
    fn proto(&mut self, t: &FuncProto<'_>) {
        let named = t.params.iter().enumerate().map(|(at, param)| {
            let variadic = param.type_id == TypeId::VOID;
            let name = match param.name {
                "" if variadic => String::new(),
                "" => format!("arg{at}"),
                name => clean(name),
            };
            (name, param.type_id)
        });
        let named: Vec<_> = named.collect();
        let params: Vec<_> = named.iter().map(|(name, type_id)| (name.as_str(), *type_id)).collect();
        self.builder.func_proto(t.result, &params);
    }

    /// Extern variables become defined ones; those whose type is `void` or has no size, `int`.
    fn var(&mut self, t: &Var<'_>) {
        let sized = self.btf.size_of(t.target).is_some_and(|size| size > 0);
        let target = if t.linkage == Linkage::EXTERN && !sized { self.int } else { t.target };
        let linkage = if t.linkage == Linkage::EXTERN { Linkage::GLOBAL } else { t.linkage };
        self.builder.var(&clean(t.name), target, linkage);
    }

    /// Sections of data get their size and the places of their variables, which compilers leave to the linker. Other
    /// sections describe nothing the kernel has.
    fn section(&mut self, t: &DataSec<'_>) {
        let data = |map: &&MapDef| {
            map.name == t.name && !matches!(map.origin, MapOrigin::Btf | MapOrigin::Legacy { .. })
        };
        let Some(map) = self.object.maps.iter().find(data).filter(|map| map.value_size > 0) else {
            return self.hole();
        };
        let place = |var: &SecVar| {
            let name = self.btf.name_of(var.type_id);
            let known = map.variables.iter().find(|known| known.name == name);
            known.map_or((var.offset, var.size), |known| (known.offset, known.size))
        };
        let mut vars: Vec<_> = t
            .vars
            .iter()
            .filter(|var| self.btf.kind_of(var.type_id) == Some(Kind::Var))
            .map(|var| {
                let (offset, size) = place(&var);
                SecVar { type_id: var.type_id, offset, size }
            })
            .filter(|var| var.size > 0)
            .collect();
        vars.sort_by_key(|var| var.offset);
        // Overlapping records (aliases) are refused as a whole; the first of each place stays.
        vars.dedup_by(|next, kept| next.offset < kept.offset + kept.size);
        self.builder.section(t.name, map.value_size, &vars);
    }
}

/// Whether the kernel would refuse the name: it takes those of C, with dots.
fn odd(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
    name.bytes().any(|byte| !fits(byte)) || name.bytes().next().is_some_and(|byte| byte.is_ascii_digit())
}

/// The name with `_` for every character that the kernel would refuse.
fn clean(name: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '.' { c } else { '_' };
    let text: String = name.chars().map(fits).collect();
    if text.starts_with(|c: char| c.is_ascii_digit()) { format!("_{text}") } else { text }
}
