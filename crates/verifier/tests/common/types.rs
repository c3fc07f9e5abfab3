//! Types for programs that are written by hand.

#![allow(clippy::unwrap_used)] // A test may panic.

use std::sync::Arc;

use skep_btf::{Btf, Builder, IntEncoding};
use skep_verifier::{FunctionInfo, Input, MapInfo};

/// Gives every function of the program a type: `signatures` names those after the main one, by rising start, separated by `;`:
/// `s` for static, `x:` for what catches exceptions, `g:` and its parameters for global (`num`, `ctx`, `mem` for 16 bytes, `value` for
/// a struct by value, which is none).
pub(crate) fn with_types(input: &mut Input, signatures: &str) {
    let mut b = skep_btf::Builder::new();
    let int = b.int("int", 4, skep_btf::IntEncoding::SIGNED);
    let long = b.int("long", 8, skep_btf::IntEncoding::SIGNED);
    let context = b.structure("xdp_md", 4, &[("data", int, 0)]);
    let pair = b.structure("pair", 16, &[("a", long, 0), ("b", long, 64)]);
    let (context, whole, pair) = (b.ptr(context), pair, b.ptr(pair));
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
        let (linkage, params) = match signature.strip_prefix("g:").or(signature.strip_prefix("x:")) {
            Some(params) => (skep_btf::Linkage::GLOBAL, params),
            None => (skep_btf::Linkage::STATIC, ""),
        };
        let params: Vec<_> = params
            .split(',')
            .filter(|param| !param.is_empty())
            .map(|param| match param {
                "ctx" => ("ctx", context),
                "mem" => ("mem", pair),
                "value" => ("value", whole),
                _ => ("num", int),
            })
            .collect();
        let proto = b.func_proto(int, &params);
        functions.push(FunctionInfo { start, type_id: b.func(&format!("f{number}"), proto, linkage) });
        if signature.starts_with("x:") {
            b.decl_tag(&format!("exception_callback:f{number}"), functions[0].type_id, None, false);
        }
    }
    input.btf = Some(std::sync::Arc::new(skep_btf::Btf::parse(&b.build()).unwrap()));
    input.functions = functions;
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
