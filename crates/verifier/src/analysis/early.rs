//! Functions that the kernel may end early: those with a legacy packet load, which returns 0 beyond the packet, or a tail call, which returns
//! what another program does. Their callers get a number that the function did not choose, so they must be of the kind that returns one.

use skep_btf::Type;
use skep_isa::{Call, Insn};

use super::TAIL_CALL;
use crate::Code;
use crate::program::Input;
use crate::shape::Shape;
use crate::verdict::{Checked, reject};

/// Every such function but the main one has a type, and returns an integer.
pub(crate) fn check_early_ends(input: &Input, shape: &Shape) -> Checked {
    for function in shape.functions.iter().filter(|function| function.start != 0) {
        let early = |at: &usize| match shape.insns[*at] {
            Some(Insn::LegacyLoad { .. }) => true,
            Some(Insn::Call(Call::Helper(id))) => id == TAIL_CALL,
            _ => false,
        };
        let Some(at) = (function.start..function.end).find(early) else { continue };
        match returns_number(input, function.start) {
            Some(true) => {}
            Some(false) => {
                return reject(
                    Code::BadFunction,
                    at,
                    None,
                    "a function that may end here must return an integer",
                );
            }
            None => {
                return reject(Code::BadFunction, at, None, "a function that may end here must have a type");
            }
        }
    }
    Ok(())
}

fn returns_number(input: &Input, start: usize) -> Option<bool> {
    let btf = input.btf.as_deref()?;
    let info = input.functions.iter().find(|info| info.start == start)?;
    let Type::Func(func) = btf.get(info.type_id)? else { return None };
    let Type::FuncProto(proto) = btf.get(func.proto)? else { return None };
    Some(match btf.get(btf.resolve(proto.result)) {
        Some(Type::Int(int)) => int.size <= 8,
        Some(Type::Enum(_) | Type::Enum64(_)) => true,
        _ => false,
    })
}
