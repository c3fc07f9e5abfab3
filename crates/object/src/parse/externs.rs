//! Externs: what the machine must supply.
//!
//! The compiler leaves an undefined symbol for each; BTF says which section the declaration named, `.kconfig` or `.ksyms`,
//! and with what type.

use skep_btf::{Btf, Type, TypeId, essential_name};

use super::input::Input;
use super::places::Places;
use crate::elf::{Binding, Place, STT_FILE, STT_SECTION};
use crate::error::{Fault, Problem};
use crate::{Extern, ExternKind, KconfigType};

/// Finds all externs and gives each `__kconfig` one its place in the map's value.
pub(crate) fn find(input: &Input<'_>, places: &mut Places) -> Result<Vec<Extern>, Fault> {
    let mut externs = Vec::new();
    if let Some(btf) = &input.btf {
        kconfig(input, btf, places, &mut externs)?;
        ksyms(input, btf, places, &mut externs);
    }
    for symbol in input.elf.symbols.iter().skip(1) {
        let named = !symbol.name.is_empty() && symbol.kind != STT_SECTION && symbol.kind != STT_FILE;
        let known =
            places.externs.contains_key(symbol.name) || places.kconfig_offsets.contains_key(symbol.name);
        if symbol.place == Place::Undefined && named && !known {
            places.externs.insert(symbol.name.to_owned(), externs.len());
            let weak = symbol.binding == Binding::Weak;
            externs.push(Extern { name: symbol.name.to_owned(), weak, kind: ExternKind::Undefined });
        }
    }
    Ok(externs)
}

/// Bytes of the `.kconfig` map's value.
pub(crate) fn kconfig_size(externs: &[Extern]) -> u32 {
    let ends = externs.iter().filter_map(|item| match item.kind {
        ExternKind::Kconfig { offset, size, .. } => Some(offset.saturating_add(size)),
        _ => None,
    });
    ends.max().unwrap_or_default()
}

fn kconfig(
    input: &Input<'_>,
    btf: &Btf,
    places: &mut Places,
    externs: &mut Vec<Extern>,
) -> Result<(), Fault> {
    let mut found = Vec::new();
    for entry in btf.find_section(".kconfig").iter().flat_map(|section| section.vars.iter()) {
        let Some(Type::Var(var)) = btf.get(entry.type_id) else { continue };
        let fault = |expected: &str| {
            let found = format!("{:?}", btf.kind_of(btf.resolve(var.target)));
            Problem::expected(format!("extern {}", var.name), expected, found).within(".kconfig")
        };
        let value = kconfig_type(btf, var.target)
            .ok_or_else(|| fault("bool, char, an integer, an array of char or enum libbpf_tristate"))?;
        let size =
            btf.size_of(var.target).filter(|&size| size > 0).ok_or_else(|| fault("a type with a size"))?;
        let align = btf.align_of(var.target).unwrap_or(1).max(1);
        let weak = input.undefined(var.name).is_some_and(|symbol| symbol.binding == Binding::Weak);
        found.push((align, size, var.name, weak, value));
    }
    // The layout is the loader's to choose. Widest alignment first leaves no gaps; names make it unique.
    found.sort_by(|a, b| (b.0, a.1, a.2).cmp(&(a.0, b.1, b.2)));
    let mut offset: u32 = 0;
    for (align, size, name, weak, value) in found {
        let start = offset.checked_next_multiple_of(align).and_then(|at| Some((at, at.checked_add(size)?)));
        let Some((at, end)) = start else {
            let problem =
                Problem::expected("externs", "below 4 GiB in all", format!("{name} of {size} bytes"));
            return Err(problem.within(".kconfig"));
        };
        offset = end;
        places.kconfig_offsets.insert(name.to_owned(), at);
        externs.push(Extern {
            name: name.to_owned(),
            weak,
            kind: ExternKind::Kconfig { offset: at, size, value },
        });
    }
    Ok(())
}

/// The shape of a `__kconfig` declaration.
fn kconfig_type(btf: &Btf, id: TypeId) -> Option<KconfigType> {
    match btf.get_resolved(id)? {
        Type::Int(int) if int.encoding.is_bool() => Some(KconfigType::Bool),
        // clang marks `char` as signed and not as text.
        Type::Int(int) if int.size == 1 && int.name == "char" => Some(KconfigType::Char),
        Type::Int(int) if int.size <= 8 => Some(KconfigType::Integer { signed: int.encoding.is_signed() }),
        Type::Enum(list) if list.name == "libbpf_tristate" => Some(KconfigType::Tristate),
        Type::Array(array) => match btf.get_resolved(array.element)? {
            Type::Int(int) if int.size == 1 => Some(KconfigType::Text),
            _ => None,
        },
        _ => None,
    }
}

fn ksyms(input: &Input<'_>, btf: &Btf, places: &mut Places, externs: &mut Vec<Extern>) {
    for entry in btf.find_section(".ksyms").iter().flat_map(|section| section.vars.iter()) {
        let (name, kind) = match btf.get(entry.type_id) {
            Some(Type::Var(var)) => {
                let void = btf.resolve(var.target) == TypeId::VOID;
                (var.name, ExternKind::Variable { type_id: (!void).then_some(var.target) })
            }
            Some(Type::Func(func)) => (func.name, ExternKind::Function { proto: func.proto }),
            _ => continue,
        };
        // An extern that nothing refers to has no symbol, and one that the object defines after all is none.
        let Some(symbol) = input.undefined(name) else { continue };
        let weak = symbol.binding == Binding::Weak;
        places.externs.insert(name.to_owned(), externs.len());
        externs.push(Extern { name: essential_name(name).to_owned(), weak, kind });
    }
}
