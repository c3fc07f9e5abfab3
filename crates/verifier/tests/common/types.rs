//! Types for programs that are written by hand.

#![allow(clippy::unwrap_used)] // A test may panic.

use std::sync::Arc;

use skep_btf::{Btf, Builder, IntEncoding, TypeId};
use skep_verifier::{FunctionInfo, Input, MapInfo};

/// Gives every function of the program a type: `signatures` names those after the main one, by rising start, separated by `;`:
/// `s` for static, `x:` for what catches exceptions, `g:` and its parameters for global (`num`, `ctx`, `mem` for 16 bytes, `value` for
/// a struct by value, which is none; tags follow as `mem+nonnull`). A `v` or `p` in front: it returns nothing, or a pointer.
pub(crate) fn with_types(input: &mut Input, signatures: &str) {
    let mut b = skep_btf::Builder::new();
    let int = b.int("int", 4, skep_btf::IntEncoding::SIGNED);
    let long = b.int("long", 8, skep_btf::IntEncoding::SIGNED);
    let context = b.structure("xdp_md", 4, &[("data", int, 0)]);
    let pair = b.structure("pair", 16, &[("a", long, 0), ("b", long, 64)]);
    let (context, whole, pair) = (b.ptr(context), pair, b.ptr(pair));
    let kinds = parameters(&mut b, long, &[("ctx", context), ("mem", pair), ("value", whole)]);
    let mut starts: Vec<usize> = Vec::new();
    let mut at = 0;
    while let Ok(insn) = skep_isa::decode(&input.insns, at) {
        starts.extend(insn.call_target(at));
        at += insn.slots();
        if at >= input.insns.len() {
            break;
        }
    }
    // `x`: the function behind the last but one exit catches exceptions.
    let catches = signatures.split(';').any(|signature| signature.starts_with("x:"));
    if catches {
        let exits: Vec<usize> = (0..input.insns.len()).filter(|&at| input.insns[at].code == 0x95).collect();
        starts.extend(exits.iter().rev().nth(1).map(|at| at + 1));
    }
    starts.sort_unstable();
    starts.dedup();
    let main = b.func_proto(int, &[("ctx", context)]);
    let mut functions =
        vec![FunctionInfo { start: 0, type_id: b.func("main", main, skep_btf::Linkage::GLOBAL) }];
    for (number, (start, signature)) in starts.into_iter().zip(signatures.split(';')).enumerate() {
        // Behind `v` or `p` the function returns nothing, or a pointer.
        let result = match signature.chars().next() {
            Some('v') => TypeId::VOID,
            Some('p') => pair,
            _ => int,
        };
        let signature = signature.trim_start_matches(['v', 'p']);
        let (linkage, params) = match signature.strip_prefix("g:").or(signature.strip_prefix("x:")) {
            Some(params) => (skep_btf::Linkage::GLOBAL, params),
            None => (skep_btf::Linkage::STATIC, ""),
        };
        let mut tagged: Vec<Vec<&str>> = Vec::new();
        let params: Vec<_> = params
            .split(',')
            .filter(|param| !param.is_empty())
            .map(|param| {
                let (name, tags) = param.split_once('+').unwrap_or((param, ""));
                tagged.push(tags.split('+').filter(|tag| !tag.is_empty()).collect());
                ("p", kinds.iter().find(|kind| kind.0 == name).map_or(int, |kind| kind.1))
            })
            .collect();
        let proto = b.func_proto(result, &params);
        functions.push(FunctionInfo { start, type_id: b.func(&format!("f{number}"), proto, linkage) });
        for (component, tags) in tagged.iter().enumerate() {
            for tag in tags {
                let target = functions[functions.len() - 1].type_id;
                b.decl_tag(&format!("arg:{tag}"), target, Some(component as u32), false);
            }
        }
        if signature.starts_with("x:") {
            b.decl_tag(&format!("exception_callback:f{number}"), functions[0].type_id, None, false);
        }
    }
    input.btf = Some(std::sync::Arc::new(skep_btf::Btf::parse(&b.build()).unwrap()));
    input.functions = functions;
}

/// The types of parameters, by the names that signatures have for them.
fn parameters(
    b: &mut Builder,
    long: TypeId,
    first: &[(&'static str, TypeId)],
) -> Vec<(&'static str, TypeId)> {
    let mut kinds = first.to_vec();
    kinds.extend([("void", b.ptr(TypeId::VOID)), ("long", b.ptr(long))]);
    for name in
        ["bpf_dynptr", "sk_buff", "__sk_buff", "pt_regs", "xdp_buff", "task_struct___own", "no_such_struct"]
    {
        let id = b.structure(name, 8, &[("word", long, 0)]);
        kinds.push((name.split_once("___").map_or(name, |(name, _)| name), b.ptr(id)));
    }
    let (forward, empty) = (b.forward("elsewhere", false), b.structure("empty", 0, &[]));
    let pointer = b.ptr(long);
    kinds.extend([("forward", b.ptr(forward)), ("empty", b.ptr(empty)), ("pointer", b.ptr(pointer))]);
    kinds
}

/// Gives the map's values the type `struct counter { struct bpf_spin_lock lock; int hits; }`.
pub(crate) fn with_lock(map: &mut MapInfo) {
    let mut b = Builder::new();
    let int = b.int("int", 4, IntEncoding::SIGNED);
    let lock = b.structure("bpf_spin_lock", 4, &[("val", int, 0)]);
    let counter = b.structure("counter", 8, &[("lock", lock, 0), ("hits", int, 32)]);
    map.btf = Some(Arc::new(Btf::parse(&b.build()).unwrap()));
    (map.key_type, map.value_type) = (int, counter);
}
