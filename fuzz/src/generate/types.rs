//! Types of a generated program's functions: Linux takes the address of a function only where it knows its type.

use skep_btf::{Builder, IntEncoding, Linkage};
use skep_isa::{Call, Imm64, Insn, RawInsn, decode};

/// BTF, and for each function its first slot and its type's id in it.
pub type FunctionTypes = (Vec<u8>, Vec<(usize, u32)>);

/// Types for all functions of a program: each is static, takes what it is given and returns an `int`.
pub fn function_types(insns: &[RawInsn]) -> FunctionTypes {
    let mut builder = Builder::new();
    let int = builder.int("int", 4, IntEncoding::SIGNED);
    let proto = builder.func_proto(int, &[]);
    let typed = starts(insns)
        .into_iter()
        .enumerate()
        .map(|(number, start)| (start, builder.func(&format!("f{number}"), proto, Linkage::STATIC).0));
    let typed = typed.collect();
    (builder.build(), typed)
}

/// Where functions begin: at the first slot, and wherever a call or an address goes.
fn starts(insns: &[RawInsn]) -> Vec<usize> {
    let mut starts = vec![0];
    let mut at = 0;
    while at < insns.len() {
        let Ok(insn) = decode(insns, at) else {
            at += 1;
            continue;
        };
        if let Insn::Call(Call::Local(off)) | Insn::LoadImm64 { value: Imm64::Func(off), .. } = insn {
            let target = usize::try_from(at as i64 + 1 + i64::from(off)).ok();
            starts.extend(target.filter(|&target| target < insns.len()));
        }
        at += insn.slots();
    }
    starts.sort_unstable();
    starts.dedup();
    starts
}
