//! Are the types that a load gives its functions those of its functions?
//!
//! Linux takes the list (`func_info`) or leaves it, but never half: one record a function, in their order, each a FUNC with a prototype. Without it
//! functions can be called, but not handed to helpers, and they may not end their caller's wait by other ways than `exit`: a tail
//! call and a legacy packet load return for their function, so its result must be known to be a number.

use skep_btf::{Btf, Type, TypeId};
use skep_isa::{Call, Insn};

use crate::program::Input;
use crate::shape::Shape;
use crate::verdict::{Checked, reject};
use crate::{Code, analysis};

/// Checks the list against the program.
pub(crate) fn check(input: &Input, shape: &Shape) -> Checked {
    if input.functions.is_empty() {
        return abnormal_ends(shape, |_| false, "in a function without a type");
    }
    let Some(btf) = input.btf.as_deref() else {
        return reject(Code::BadProgram, 0, None, "types of functions without the BTF that they are in");
    };
    let (given, wanted) = (input.functions.len(), shape.functions.len());
    for (index, info) in input.functions.iter().enumerate() {
        let at = info.start.min(input.insns.len().saturating_sub(1));
        if !matches!(btf.get(info.type_id), Some(Type::Func(_))) {
            let message =
                format!("the function at {} is given type {}, which is no FUNC", info.start, info.type_id.0);
            return reject(Code::BadProgram, at, None, message);
        }
        if let Some(function) = shape.functions.get(index)
            && function.start != info.start
        {
            let message = format!(
                "the list of types has a function at {} where the program has its one at {}",
                info.start, function.start
            );
            return reject(Code::BadProgram, at, None, message);
        }
    }
    if given != wanted {
        let message = format!("types for {given} functions, and the program has {wanted}");
        return reject(Code::BadProgram, 0, None, message);
    }
    let number = |index: usize| returns_number(btf, input.functions[index].type_id).unwrap_or(false);
    abnormal_ends(shape, number, "in a function whose type does not return a number")
}

/// No function but those of which `allowed` says so ends by a tail call or a legacy packet load.
fn abnormal_ends(shape: &Shape, allowed: impl Fn(usize) -> bool, place: &str) -> Checked {
    for (index, function) in shape.functions.iter().enumerate().skip(1) {
        let ends = |insn: &Option<Insn>| match insn {
            Some(Insn::Call(Call::Helper(analysis::TAIL_CALL))) => Some("a tail call"),
            Some(Insn::LegacyLoad { .. }) => Some("a legacy packet load"),
            _ => None,
        };
        let body = shape.insns.iter().enumerate().take(function.end).skip(function.start);
        let Some((at, what)) = body.filter_map(|(at, insn)| Some((at, ends(insn)?))).next() else { continue };
        if !allowed(index) {
            return reject(Code::BadFunction, at, None, format!("{what} {place}"));
        }
    }
    Ok(())
}

/// Whether the function's prototype returns an integer or an enum.
fn returns_number(btf: &Btf, function: TypeId) -> Option<bool> {
    let Type::Func(func) = btf.get(function)? else { return None };
    let Type::FuncProto(proto) = btf.get(func.proto)? else { return None };
    Some(match btf.get(btf.resolve(proto.result))? {
        Type::Int(int) => int.size <= 8 && u32::from(int.bits) == 8 * int.size,
        Type::Enum(_) | Type::Enum64(_) => true,
        _ => false,
    })
}
