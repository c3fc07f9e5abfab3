//! Objects that programs allocate, and kptr fields.

use std::sync::Arc;

use skep_btf::{Btf, Builder, TypeId};
use skep_isa::text::{Names, assemble_with};
use skep_isa::{Call, Insn, decode};
use skep_maps::{FieldKind, Map, MapSpec, SpecialField};
use skep_platform::MapType;
use skep_vm::{Fault, FaultKind, Hook, Memory, Program, ProgramSpec};

const KFUNCS: [&str; 2] = ["bpf_obj_new_impl", "bpf_obj_drop_impl"];

struct Known;

impl Names for Known {
    fn call(&self, name: &str) -> Option<Call> {
        match KFUNCS.iter().position(|k| *k == name) {
            Some(index) => Some(Call::Kfunc { id: index as i32 + 1, module: 0 }),
            None => Some(Call::Helper(skep_platform::helper::by_name(name)?.id as i32)),
        }
    }
}

/// One structure of 24 bytes.
fn types() -> (Arc<Btf>, TypeId) {
    let mut builder = Builder::new();
    let id = builder.structure("cell", 24, &[]);
    (Arc::new(Btf::parse(&builder.build()).expect("BTF")), id)
}

fn run(text: &str, map: Option<&Map>) -> Result<u64, Fault> {
    let (btf, id) = types();
    let text = text.replace("CELL", &id.0.to_string());
    let insns = assemble_with(&text, &Known).unwrap_or_else(|e| panic!("{e}")).slots;
    let mut spec = ProgramSpec::new("keeper", Hook::memory(), insns);
    for at in 0..spec.insns.len() {
        if let Ok(Insn::Call(Call::Kfunc { id, .. })) = decode(&spec.insns, at) {
            spec.kfuncs.push((at, KFUNCS[id as usize - 1].to_owned()));
        }
    }
    spec.btf = Some(btf);
    spec.maps.extend(map.cloned());
    let program = Program::unproved(spec).unwrap_or_else(|e| panic!("{e}"));
    program.run(&mut Memory::new(&mut [])).map(|o| o.value)
}

fn map() -> Map {
    let field = SpecialField { offset: 8, kind: FieldKind::KptrRef, type_id: types().1.0 };
    let spec = MapSpec::new(MapType::Array, 4, 16, 1).named("stash").with_fields(vec![field]);
    Map::create(spec).expect("a map")
}

#[test]
fn objects_have_bounds_and_one_end() {
    let new = "r1 = CELL\ncall bpf_obj_new_impl\nr6 = r0\n";
    let drop = "r1 = r6\ncall bpf_obj_drop_impl\n";
    let use_it = "*(u64 *)(r6 + 16) = 5\nr7 = *(u64 *)(r6 + 16)\n";
    let end = "r0 = r7\nexit";
    assert_eq!(run(&[new, use_it, drop, end].concat(), None).unwrap(), 5);
    let leak = run(&[new, use_it, end].concat(), None).unwrap_err();
    assert_eq!(leak.kind, FaultKind::Leak);
    let dead = run(&[new, drop, use_it, end].concat(), None).unwrap_err();
    assert_eq!(dead.kind, FaultKind::Dead);
    let twice = run(&[new, drop, drop, end].concat(), None).unwrap_err();
    assert_eq!(twice.kind, FaultKind::Dead);
    let outside = run(&[new, "*(u64 *)(r6 + 24) = 1\n", drop, end].concat(), None).unwrap_err();
    assert_eq!(
        outside.message,
        "8-byte store through r6 ends 8 bytes past the end of a 24-byte allocated object"
    );
}

#[test]
fn a_field_keeps_an_object_between_runs() {
    let map = map();
    let put = "
        r1 = CELL
        call bpf_obj_new_impl
        *(u64 *)(r0 + 8) = 77
        r2 = r0
        r1 = map_idx_value[0]+8
        call kptr_xchg
        if r0 == 0 goto out
        r1 = r0
        call bpf_obj_drop_impl
    out:
        r0 = 0
        exit
    ";
    let look = "
        r1 = map_idx_value[0]
        r1 = *(u64 *)(r1 + 8)
        if r1 == 0 goto none
        r0 = *(u64 *)(r1 + 8)
        exit
    none:
        r0 = 1
        exit
    ";
    assert_eq!(run(look, Some(&map)).unwrap(), 1);
    assert_eq!(run(put, Some(&map)).unwrap(), 0);
    assert_eq!(run(look, Some(&map)).unwrap(), 77);
    // The second object takes the first one's place, which is dropped.
    assert_eq!(run(put, Some(&map)).unwrap(), 0);
    assert_eq!(run(look, Some(&map)).unwrap(), 77);
    let write =
        run("r1 = map_idx_value[0]\nr1 = *(u64 *)(r1 + 8)\n*(u64 *)(r1 + 8) = 1\nr0 = 0\nexit", Some(&map));
    assert_eq!(write.unwrap_err().kind, FaultKind::Permission);
    let forge = run("r1 = map_idx_value[0]\n*(u64 *)(r1 + 8) = 1\nr0 = 0\nexit", Some(&map));
    assert_eq!(forge.unwrap_err().kind, FaultKind::SpecialField);
}
