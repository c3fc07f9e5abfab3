//! Several BTFs as one, each type once.
//!
//! # Idea
//!
//! Two types are the same if no path through names, numbers and references tells them apart. That is found from the coarse
//! to the fine: all types start in one class; in each round a type's signature is its own record with every reference
//! replaced by the class of what it refers to, and types of one class with different signatures part. When a round parts
//! nothing, the classes are the types of the result. Signatures are compared whole, so that no hash can confuse two types,
//! and cycles (lists that point at themselves) need no care.
//!
//! Functions, variables and sections are things rather than types: two static variables of one name and type remain two.

use std::collections::HashMap;

use crate::build::Builder;
use crate::set::Btf;
use crate::types::{Type, TypeId};

/// Rounds after which types that still part are taken as all different. Each round sees one reference further; real types are told
/// apart after about ten.
const MAX_ROUNDS: usize = 200;

/// The types of several BTFs.
pub struct Merged {
    /// Holds the types; more, and strings for `.BTF.ext`, may be added before it is built.
    pub builder: Builder,
    /// For each input, the new id of each of its types. The entry at 0 is `void`.
    pub ids: Vec<Vec<TypeId>>,
}

/// Puts the types of all inputs, which must not be split, into one BTF.
pub fn merge(inputs: &[&Btf]) -> Merged {
    let classes = classes(inputs);
    // The first of each class stands for it; ids follow the order of these.
    let mut next = Builder::new().next_id().0;
    let mut id_of_class: HashMap<u32, TypeId> = HashMap::from([(0, TypeId::VOID)]);
    let mut chosen = Vec::new();
    for (input, own) in classes.iter().enumerate() {
        for (id, class) in own.iter().enumerate().skip(1) {
            id_of_class.entry(*class).or_insert_with(|| {
                chosen.push((input, TypeId(id as u32)));
                next += 1;
                TypeId(next - 1)
            });
        }
    }
    let new_id = |class: &u32| id_of_class.get(class).copied().unwrap_or_default();
    let ids: Vec<Vec<TypeId>> = classes.iter().map(|own| own.iter().map(new_id).collect()).collect();
    let mut builder = Builder::new();
    for (input, id) in chosen {
        if let Some(ty) = inputs[input].get(id) {
            builder.copy(&ty, |id| ids[input].get(id.0 as usize).copied().unwrap_or_default());
        }
    }
    Merged { builder, ids }
}

/// For each type of each input the number of its class; 0 is that of `void`.
fn classes(inputs: &[&Btf]) -> Vec<Vec<u32>> {
    let mut classes: Vec<Vec<u32>> = inputs.iter().map(|btf| vec![0; btf.len()]).collect();
    let mut scratch = Builder::new();
    let mut count = 0;
    for _ in 0..MAX_ROUNDS {
        let (finer, parted) = refine(inputs, &classes, &mut scratch);
        classes = finer;
        if parted == count {
            return classes;
        }
        count = parted;
    }
    let mut number = 0;
    for class in classes.iter_mut().flat_map(|own| own.iter_mut().skip(1)) {
        number += 1;
        *class = number;
    }
    classes
}

/// One round: the new classes, and how many there are.
fn refine(inputs: &[&Btf], classes: &[Vec<u32>], scratch: &mut Builder) -> (Vec<Vec<u32>>, u32) {
    let mut seen: HashMap<Vec<u32>, u32> = HashMap::new();
    let mut count = 0;
    let mut finer = Vec::with_capacity(inputs.len());
    for (btf, old) in inputs.iter().zip(classes) {
        let mut own = vec![0; btf.len()];
        for (id, ty) in btf.types() {
            let mut signature =
                scratch.signature(&ty, |id| TypeId(old.get(id.0 as usize).copied().unwrap_or(0)));
            // The old class is part of it, so that classes only ever part.
            signature.push(old.get(id.0 as usize).copied().unwrap_or(0));
            let is_thing = matches!(ty, Type::Func(_) | Type::Var(_) | Type::DataSec(_));
            let class = if is_thing { None } else { seen.get(&signature).copied() };
            own[id.0 as usize] = class.unwrap_or_else(|| {
                count += 1;
                if !is_thing {
                    seen.insert(signature, count);
                }
                count
            });
        }
        finer.push(own);
    }
    (finer, count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{running, sample};
    use crate::{IntEncoding, Kind, Linkage};

    #[test]
    fn the_same_types_are_one() {
        let (a, b) = (Btf::parse(&sample().build()).unwrap(), Btf::parse(&sample().build()).unwrap());
        let merged = merge(&[&a, &b]);
        let both = Btf::parse(&merged.builder.build()).unwrap();
        // The second function, variable and section.
        assert_eq!(both.len(), a.len() + 3);
        for (input, ids) in [&a, &b].into_iter().zip(&merged.ids) {
            for (id, ty) in input.types() {
                let new = both.get(ids[id.0 as usize]).unwrap();
                assert_eq!((new.kind(), new.name()), (ty.kind(), ty.name()));
                assert_eq!(new.target(), ty.target().map(|to| ids[to.0 as usize]));
            }
        }
    }

    #[test]
    fn what_differs_far_away_stays_apart() {
        let list = |size| {
            let mut b = Builder::new();
            let long = b.int("long", size, IntEncoding::SIGNED);
            let node = b.next_id();
            b.structure("node", 16, &[("next", TypeId(node.0 + 1), 0), ("value", long, 64)]);
            let pointer = b.ptr(node);
            b.var("head", pointer, Linkage::STATIC);
            Btf::parse(&b.build()).unwrap()
        };
        let (a, b, c) = (list(8), list(8), list(4));
        let merged = merge(&[&a, &b, &c]);
        let all = Btf::parse(&merged.builder.build()).unwrap();
        let count = |kind| all.types().filter(|(_, ty)| ty.kind() == kind).count();
        assert_eq!((count(Kind::Struct), count(Kind::Ptr), count(Kind::Int), count(Kind::Var)), (2, 2, 2, 3));
        assert_eq!(merged.ids[0][2], merged.ids[1][2]);
        assert_ne!(merged.ids[0][2], merged.ids[2][2]);
    }

    #[test]
    fn the_kernels_types_are_all_different() {
        let Some(kernel) = running("the_kernels_types_are_all_different") else { return };
        let needed: Vec<TypeId> = kernel.closure(&[kernel.find("list_head", Kind::Struct).unwrap()]);
        assert!(needed.len() >= 2);
        let mut builder = Builder::new();
        for (id, ty) in kernel.types().take(2000) {
            builder.copy(&ty, |to| if to.0 <= 2000 { to } else { TypeId::VOID });
            let _ = id;
        }
        // Cut off references make some equal, but merging again must find nothing more.
        let Ok(part) = Btf::parse(&builder.build()) else { return };
        let once = Btf::parse(&merge(&[&part]).builder.build()).unwrap();
        let twice = Btf::parse(&merge(&[&once]).builder.build()).unwrap();
        assert_eq!(once.len(), twice.len());
    }
}
