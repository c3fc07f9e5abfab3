//! Exceptions before the walk: which function catches them, and who must not throw.
//!
//! A program names its catcher by a tag on its main function, `exception_callback:NAME`. The catcher is a global function that nothing
//! calls. What the kernel calls back, the catcher too, must not throw: the kernel's own frames lie between it and the program.

use skep_btf::{Kind, Linkage, Type};
use skep_isa::Insn;

use crate::Code;
use crate::program::Input;
use crate::shape::Shape;
use crate::verdict::{Checked, reject};

/// What a tag on the main function begins with.
const TAG: &str = "exception_callback:";

/// The kernel function that throws.
pub(crate) const THROW: &str = "bpf_throw";

/// The first slot of the function that catches exceptions, if the program has one.
pub(crate) fn catcher(input: &Input) -> Checked<Option<usize>> {
    let (Some(btf), Some(main)) = (input.btf.as_deref(), input.functions.first()) else { return Ok(None) };
    let tag = |item: Type<'_>| match item {
        Type::DeclTag(tag) if tag.target == main.type_id && tag.component.is_none() => {
            tag.name.strip_prefix(TAG).map(str::to_owned)
        }
        _ => None,
    };
    let names: Vec<String> = btf.types().filter_map(|(_, item)| tag(item)).collect();
    let fail = |message: String| reject(Code::BadCallback, 0, None, message);
    let name = match names.as_slice() {
        [] => return Ok(None),
        [name] => name,
        _ => return fail("the main function names more than one function that catches exceptions".into()),
    };
    let id = btf.types().find(|(id, _)| btf.kind_of(*id) == Some(Kind::Func) && btf.name_of(*id) == name);
    let Some((id, Type::Func(func))) = id else {
        return fail(format!("{name}, which is to catch exceptions, has no type"));
    };
    if func.linkage != Linkage::GLOBAL {
        return fail(format!("{name}, which catches exceptions, must be global"));
    }
    match input.functions.iter().find(|info| info.type_id == id) {
        Some(info) if info.start > 0 && info.start < input.insns.len() => Ok(Some(info.start)),
        _ => fail(format!("{name}, which is to catch exceptions, is not in the program")),
    }
}

/// The catcher is called by nobody; nothing that is called back throws.
pub(crate) fn check_throws(shape: &Shape, callbacks: &[bool]) -> Checked {
    for (at, insn) in shape.insns.iter().enumerate() {
        let target = insn.and_then(|insn| insn.call_target(at));
        if target.is_some() && target == shape.catcher && !matches!(insn, Some(Insn::LoadImm64 { .. })) {
            return reject(Code::BadCallback, at, None, "the function that catches exceptions is called");
        }
    }
    let catcher = shape.catcher.and_then(|start| shape.function_from(start));
    let called_back = |&f: &usize| callbacks.get(f).copied().unwrap_or(false) || catcher == Some(f);
    for function in (0..shape.functions.len()).filter(called_back) {
        no_throw(shape, function, &mut vec![false; shape.functions.len()])?;
    }
    Ok(())
}

fn no_throw(shape: &Shape, function: usize, seen: &mut Vec<bool>) -> Checked {
    if std::mem::replace(&mut seen[function], true) {
        return Ok(());
    }
    let body = shape.functions[function];
    for at in body.start..body.end {
        if shape.kfuncs.proto(at).is_some_and(|proto| proto.name == THROW) {
            return reject(
                Code::BadCallback,
                at,
                None,
                "an exception is thrown in what the kernel calls back",
            );
        }
        let callee = shape.insns[at].and_then(|insn| insn.call_target(at));
        if let Some(callee) = callee.and_then(|target| shape.function_from(target)) {
            no_throw(shape, callee, seen)?;
        }
    }
    Ok(())
}
