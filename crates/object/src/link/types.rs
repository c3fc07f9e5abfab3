//! Types of all inputs in one BTF.
//!
//! Types are copied one input after the other, and in the end those that are the same become one. Three things are not
//! copied as they are:
//! * sections of variables: one for each name is made at the end, with places in the output's sections;
//! * a declaration (`extern`) of what another input defines: it becomes the definition;
//! * a second declaration of the same thing: it becomes the first.

use std::collections::{BTreeMap, HashMap, HashSet};

use skep_btf::{Btf, Builder, Kind, Linkage, SecVar, Type, TypeId};
use skep_isa::ByteOrder;

use super::Source;
use crate::elf::{Place, Writer};

/// The merged types while records still add strings.
pub(super) struct Merged {
    pub(super) builder: Builder,
    pub(super) order: ByteOrder,
    /// For each input, the new number of each of its types.
    pub(super) numbers: Vec<Vec<TypeId>>,
}

/// Merges; none when no input has types.
pub(super) fn merge(sources: &[Source<'_>], writer: &Writer) -> Option<Merged> {
    if sources.iter().all(|source| source.input.btf.is_none()) {
        return None;
    }
    let mut builder = Builder::new();
    let owners = owners(sources);
    let numbers = number(sources, &owners, builder.next_id());
    for (at, (source, numbers)) in sources.iter().zip(&numbers).enumerate() {
        for (id, ty) in types(source) {
            if is_copied(&owners, at, id, &ty) {
                builder.copy(&ty, |id| renumber(numbers, id));
            }
        }
    }
    data_sections(sources, &numbers, writer, &mut builder);
    Some(fold(Merged { builder, order: writer.order, numbers }))
}

/// Makes one of types that several inputs have in common.
fn fold(all: Merged) -> Merged {
    let Ok(types) = Btf::parse(&all.builder.build()) else { return all };
    let folded = skep_btf::merge(&[&types]);
    let Some(ids) = folded.ids.first() else { return all };
    let numbers = all.numbers.iter().map(|own| own.iter().map(|id| renumber(ids, *id)).collect()).collect();
    Merged { builder: folded.builder, order: all.order, numbers }
}

/// The new number of a type. References in a parsed BTF are in range.
fn renumber(numbers: &[TypeId], id: TypeId) -> TypeId {
    numbers.get(id.0 as usize).copied().unwrap_or(TypeId::VOID)
}

/// What a declaration or definition is of.
type Key<'a> = (Kind, &'a str);

/// Name, and whether it is only declared, of a variable or function that other inputs can name.
fn public<'a>(ty: &Type<'a>) -> Option<(Key<'a>, bool)> {
    let (name, linkage) = match ty {
        Type::Var(var) => (var.name, var.linkage),
        Type::Func(func) => (func.name, func.linkage),
        _ => return None,
    };
    (linkage != Linkage::STATIC).then_some(((ty.kind(), name), linkage == Linkage::EXTERN))
}

/// Where each public thing is defined, or else first declared: input, type, and whether it is only declared.
type Owners<'a> = HashMap<Key<'a>, (usize, TypeId, bool)>;

/// An input's types but `void`.
fn types<'s>(source: &'s Source<'_>) -> impl Iterator<Item = (TypeId, Type<'s>)> {
    source.input.btf.iter().flat_map(|btf| btf.types()).filter(|(id, _)| *id != TypeId::VOID)
}

fn owners<'s>(sources: &'s [Source<'_>]) -> Owners<'s> {
    let mut owners = Owners::new();
    for (at, source) in sources.iter().enumerate() {
        for (id, ty) in types(source) {
            if let Some((key, declared)) = public(&ty) {
                let owner = owners.entry(key).or_insert((at, id, declared));
                if owner.2 && !declared {
                    *owner = (at, id, declared);
                }
            }
        }
    }
    owners
}

/// Gives every type of every input its new number.
fn number(sources: &[Source<'_>], owners: &Owners<'_>, first: TypeId) -> Vec<Vec<TypeId>> {
    let mut next = first.0;
    let mut numbers = Vec::new();
    for (at, source) in sources.iter().enumerate() {
        let mut own = vec![TypeId::VOID];
        for (id, ty) in types(source) {
            let copied = is_copied(owners, at, id, &ty);
            own.push(TypeId(if copied { next } else { 0 }));
            next += u32::from(copied);
        }
        numbers.push(own);
    }
    for (at, source) in sources.iter().enumerate() {
        for (id, ty) in types(source) {
            if let Some((owner, by)) = replacement(owners, at, id, &ty) {
                numbers[at][id.0 as usize] = renumber(&numbers[owner], by);
            }
        }
    }
    numbers
}

/// Whether a type becomes one of the output's own.
fn is_copied(owners: &Owners<'_>, at: usize, id: TypeId, ty: &Type<'_>) -> bool {
    !matches!(ty, Type::DataSec(_)) && replacement(owners, at, id, ty).is_none()
}

/// The type that takes the place of a declaration: a definition, or an earlier declaration.
fn replacement(owners: &Owners<'_>, at: usize, id: TypeId, ty: &Type<'_>) -> Option<(usize, TypeId)> {
    let (key, declared) = public(ty)?;
    let &(owner, by, _) = owners.get(&key)?;
    (declared && (owner, by) != (at, id)).then_some((owner, by))
}

/// Makes the sections of variables.
fn data_sections(sources: &[Source<'_>], numbers: &[Vec<TypeId>], writer: &Writer, builder: &mut Builder) {
    let mut sections: BTreeMap<&str, Vec<SecVar>> = BTreeMap::new();
    let defined = writer.symbols.iter().filter(|symbol| symbol.place != Place::Undefined);
    let defined: HashSet<&str> = defined.map(|symbol| symbol.name.as_str()).collect();
    for (source, numbers) in sources.iter().zip(numbers) {
        let Some(btf) = source.input.btf.as_deref() else { continue };
        for (_, ty) in btf.types() {
            let Type::DataSec(data) = ty else { continue };
            let list = sections.entry(data.name).or_default();
            list.extend(
                data.vars
                    .iter()
                    .filter_map(|entry| place(source, btf, numbers, (writer, &defined), data.name, &entry)),
            );
        }
    }
    for (name, mut vars) in sections {
        vars.sort_by_key(|entry| (entry.offset, entry.type_id));
        vars.dedup_by_key(|entry| (entry.offset, entry.type_id));
        let section = writer.sections.iter().find(|section| section.name == name);
        // Sections of declarations have neither a size nor places; the loader gives them both.
        let size = section.map_or(0, |section| section.size() as u32);
        if !vars.is_empty() {
            builder.section(name, size, &vars);
        }
    }
}

/// A variable's entry at its place in the output; none for one whose definition was not taken.
fn place(
    source: &Source<'_>,
    btf: &Btf,
    numbers: &[TypeId],
    (writer, defined): (&Writer, &HashSet<&str>),
    section: &str,
    entry: &SecVar,
) -> Option<SecVar> {
    let type_id = renumber(numbers, entry.type_id);
    let ty = btf.get(entry.type_id)?;
    let public = public(&ty);
    // GCC writes variables of `.kconfig` as definitions, but a section that the file does not have defines nothing.
    let home = source.input.elf.section(section);
    if home.is_none() || public.is_some_and(|(_, declared)| declared) {
        // A declaration of what some input defines is in that input's section already.
        let wanted = source.input.undefined(ty.name()).is_some() && !defined.contains(ty.name());
        return wanted.then_some(SecVar { type_id, ..*entry });
    }
    let index = home?.index;
    let placed = source.placed[index]?;
    let offset = entry.offset.checked_add(u32::try_from(placed.offset).ok()?)?;
    if public.is_some() {
        let symbol = source.input.symbol_index(index, ty.name())?;
        let taken = &writer.symbols[source.symbols[symbol]?];
        let here = taken.place == Place::Section(placed.section + 1) && taken.value == u64::from(offset);
        return here.then_some(SecVar { type_id, offset, size: entry.size });
    }
    Some(SecVar { type_id, offset, size: entry.size })
}
