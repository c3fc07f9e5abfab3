//! The verifier.

use std::sync::Arc;

use skep_btf::{Btf, TypeId};
use skep_isa::{ByteOrder, RawInsn, from_bytes, to_bytes};
use skep_platform::ProgramType;
use skep_verifier::{FunctionInfo, Input, MapInfo, verify};

use crate::Target;
use crate::generate::{MapWanted, TYPED_MAPS, function_types, typed};
use crate::rng::Rng;

/// Any bytes as a program: accepted, rejected or not supported; never a panic.
pub(super) const VERIFY: Target = Target {
    name: "verify",
    about: "the verifier: any program gets an answer",
    run,
    seeds,
    words: &[],
    inputs: 40_000,
    max_len: 4096,
};

/// The first slot says what the program is: its opcode byte the type, its next byte whether it is unprivileged and has types.
fn run(data: &[u8]) {
    let Some((head, code)) = data.split_at_checked(RawInsn::SIZE) else { return };
    let Ok(insns) = from_bytes(code, ByteOrder::Little) else { return };
    let all = ProgramType::ALL;
    let mut input = Input::new(all[usize::from(head[0]) % all.len()], insns);
    input.unprivileged = head[1] & 1 != 0;
    input.flags = u32::from(head[2]);
    let map = |wanted: &MapWanted| {
        MapInfo::new(wanted.kind.map_type(), wanted.key_size, wanted.value_size, wanted.max_entries)
    };
    input.maps = TYPED_MAPS.iter().map(map).collect();
    if head[1] & 2 != 0 {
        let (types, functions) = function_types(&input.insns);
        input.btf = Btf::parse(&types).ok().map(Arc::new);
        let typed = functions.into_iter();
        input.functions = typed.map(|(start, id)| FunctionInfo { start, type_id: TypeId(id) }).collect();
    }
    assert!(!verify(&input).verdict.to_string().is_empty());
}

/// Programs that mostly verify, behind a slot that says so.
fn seeds() -> Vec<Vec<u8>> {
    let xdp = ProgramType::ALL.iter().position(|kind| *kind == ProgramType::Xdp).unwrap_or(0) as u8;
    let seed = |index| {
        let program = typed(&mut Rng::new(11, index));
        let mut bytes = vec![xdp, 2, 0, 0, 0, 0, 0, 0];
        bytes.extend(to_bytes(&program.insns, ByteOrder::Little));
        bytes
    };
    (0..200).map(seed).filter(|bytes| bytes.len() <= 4096).take(32).collect()
}
