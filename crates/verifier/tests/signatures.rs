//! The list of function types against the functions, as the kernel judges it.

mod common;

use std::sync::Arc;

use common::{Agreement, live};
use skep_btf::{Btf, Builder, IntEncoding, Linkage, TypeId};
use skep_platform::ProgramType;
use skep_verifier::{FunctionInfo, Input};

/// A function at 2 that ends as it should, by a legacy load, by a tail call.
const PLAIN: &str = "call f\nexit\nf: r0 = 0\nexit";
const LOADS: &str = "r6 = r1\ncall f\nexit\nf: r6 = r1\nr0 = *(u8 *)skb[0]\nr0 = 0\nexit";
const TAIL: &str = "call f\nexit\nf: r2 = map_idx[3]\nr3 = 0\ncall 12\nr0 = 0\nexit";

#[test]
fn lists_of_types() {
    if !live("lists_of_types") {
        return;
    }
    let mut b = Builder::new();
    let int = b.int("int", 4, IntEncoding::SIGNED);
    let nothing = TypeId(0);
    let pair = b.structure("pair", 4, &[("a", int, 0)]);
    let pointer = b.ptr(pair);
    let functions: Vec<TypeId> = [int, nothing, pair, pointer]
        .into_iter()
        .enumerate()
        .map(|(number, result)| {
            let proto = b.func_proto(result, &[]);
            b.func(&format!("f{number}"), proto, Linkage::STATIC)
        })
        .collect();
    let btf = Arc::new(Btf::parse(&b.build()).unwrap_or_else(|error| panic!("{error}")));
    let main = functions[0];
    let mut lists: Vec<Vec<(usize, TypeId)>> = vec![
        vec![],
        vec![(0, main)],
        vec![(2, main), (0, main)],
        vec![(0, main), (0, main)],
        vec![(0, main), (1, main)],
        vec![(0, main), (2, TypeId(0))],
        vec![(0, main), (2, TypeId(999))],
        vec![(0, main), (2, int)],
        vec![(0, main), (2, main), (3, main)],
    ];
    lists.extend(functions.iter().map(|&function| vec![(0, main), (2, function)]));
    let mut agreement = Agreement::default();
    for (name, text, shift) in [("plain", PLAIN, 0), ("loads", LOADS, 1), ("tail", TAIL, 0)] {
        for list in &lists {
            for types in [true, false] {
                let insns = skep_isa::text::assemble(text).unwrap_or_else(|error| panic!("{error}"));
                let mut input = Input::new(ProgramType::SocketFilter, insns);
                input.maps = common::maps();
                input.name = format!("{name} {list:?} types {types}");
                input.btf = types.then(|| btf.clone());
                let record = |&(start, type_id): &(usize, TypeId)| FunctionInfo {
                    start: if start == 0 { 0 } else { start + shift },
                    type_id,
                };
                input.functions = list.iter().map(record).collect();
                agreement.add(&input);
            }
        }
    }
    agreement.print("lists of types");
    assert_eq!(agreement.only_we_accept, 0);
    assert_eq!(agreement.only_kernel_accepts, 0);
}
