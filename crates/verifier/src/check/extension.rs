//! Extensions (`freplace`): judged as the function that they replace.
//!
//! Two things make a replacement safe. Its signature is that of the function, so callers that were proved by the old one bring what the new one
//! takes. And it is walked as a program of the other one's type, from its own signature, as any global function is
//! ([`Walk::global_entry`]); what it returns is a number, of which the callers know nothing.
//!
//! Linux compares names of structs only. Here a parameter must also not ask for more than the function's did: a struct that grew, or a tag
//! that promises what callers need not keep, would let the replacement touch what nobody brought.

use skep_btf::{Btf, Kind, Linkage, Type, TypeId};
use skep_platform::{AttachType, ProgramType};

use super::signature::Parameter;
use crate::Code;
use crate::explore::Walk;
use crate::extended::Extended;
use crate::program::{Input, flags};
use crate::state::State;
use crate::verdict::{Checked, reject, unsupported};

/// The extension as a program of the type that it extends; `None` for what is no extension, or does not say of what.
pub(crate) fn as_target(input: &Input) -> Checked<Option<(Input, &Extended)>> {
    let Some(extended) = input.extends.as_deref().filter(|_| input.program_type == ProgramType::Ext) else {
        return Ok(None);
    };
    if input.attach_target.is_none() {
        // Refused for that, with everything else about the load.
        return Ok(None);
    }
    super::exit::general(input)?;
    extensible(input, extended)?;
    let own = Input {
        program_type: extended.program_type,
        attach_type: extended.attach_type,
        attach_target: None,
        extends: None,
        ..input.clone()
    };
    Ok(Some((own, extended)))
}

/// Whether the other program and its function can be extended at all.
fn extensible(input: &Input, extended: &Extended) -> Checked {
    use ProgramType::*;
    let program = extended.program_type;
    let refuse = |message: &str| reject(Code::BadProgram, 0, None, message);
    if program == Ext {
        return refuse("an extension cannot be extended");
    }
    let traces = matches!(extended.attach_type, Some(AttachType::TraceFentry | AttachType::TraceFexit));
    if program == Tracing && traces {
        return refuse("fentry and fexit programs cannot be extended");
    }
    let Some(Type::Func(func)) = extended.btf.get(extended.function) else {
        return refuse("what is replaced is no function");
    };
    if !extended.is_entry && func.linkage != Linkage::GLOBAL {
        let name = extended.btf.name_of(extended.function);
        return refuse(&format!("the function {name} is static: only global functions can be replaced"));
    }
    if extended.catches {
        return refuse("what catches exceptions cannot be replaced");
    }
    if input.functions.is_empty() || input.btf.is_none() {
        return refuse("ext programs need types of their functions");
    }
    // Arguments that depend on a place in the kernel, sizes that are compared when a program is attached.
    if matches!(program, Tracing | Lsm | StructOps | RawTracepointWritable) {
        return unsupported(0, format!("extensions of {} programs", program.name()));
    }
    if extended.sleepable || input.has(flags::SLEEPABLE) {
        return unsupported(0, "extensions that sleep or replace what does");
    }
    Ok(())
}

impl Walk<'_> {
    /// The state at the extension's entry, if it fits the function that it replaces.
    pub(crate) fn extension_entry(&mut self, extended: &Extended) -> Checked<State> {
        let Some(own) = self.input.functions.first().map(|info| info.type_id) else {
            return self.fail(Code::BadFunction, "a global function without a type");
        };
        let Some(btf) = self.input.btf.as_deref() else {
            return self.fail(Code::BadFunction, "a global function without a type");
        };
        let theirs = (&*extended.btf, extended.function);
        if !same_prototype((btf, own), theirs) {
            let message = format!(
                "`{}` cannot replace `{}`: numbers must be of one kind and size, pointers to structs of one name",
                prototype(btf, own),
                prototype(theirs.0, theirs.1)
            );
            return self.fail(Code::BadFunction, message);
        }
        let wanted = self.signature(0)?;
        // A program's entry is given the context, whatever its type says.
        let given = match extended.is_entry {
            true => vec![Parameter::Context],
            false => self.signature_of(theirs.0, theirs.1)?,
        };
        let unlike = wanted.iter().zip(&given).position(|(wanted, given)| !asks_no_more(*wanted, *given));
        if let Some(index) = unlike.or((wanted.len() != given.len()).then_some(0)) {
            let message = format!(
                "parameter {} asks for more than callers of the replaced function bring: a larger struct, or other tags",
                index + 1
            );
            return self.fail(Code::BadFunction, message);
        }
        if self.shape.summaries[0].changes_packet && !extended.changes_packet {
            return self.fail(
                Code::BadFunction,
                "the extension changes packets, which the replaced function does not",
            );
        }
        Ok(self.global_entry(0)?.0)
    }
}

/// Whether what callers of the one bring is enough for the other.
fn asks_no_more(wanted: Parameter, given: Parameter) -> bool {
    match (wanted, given) {
        (Parameter::Memory { size, nullable }, Parameter::Memory { size: brought, nullable: maybe_null }) => {
            size <= brought && (nullable || !maybe_null)
        }
        (Parameter::Object { id, nullable }, Parameter::Object { id: brought, nullable: maybe_null }) => {
            id == brought && (nullable || !maybe_null)
        }
        _ => wanted == given,
    }
}

/// A type and where it is.
type Place<'a> = (&'a Btf, TypeId);

/// Result and parameters of a function.
fn parts((btf, id): Place<'_>) -> Option<(TypeId, Vec<TypeId>)> {
    let Type::Func(func) = btf.get(id)? else { return None };
    let Type::FuncProto(proto) = btf.get(func.proto)? else { return None };
    Some((proto.result, proto.params.iter().map(|param| param.type_id).collect()))
}

fn same_prototype(own: Place<'_>, theirs: Place<'_>) -> bool {
    let (Some((result, params)), Some((their_result, their_params))) = (parts(own), parts(theirs)) else {
        return false;
    };
    params.len() == their_params.len()
        && same_type((own.0, result), (theirs.0, their_result))
        && params.iter().zip(&their_params).all(|(&one, &other)| same_type((own.0, one), (theirs.0, other)))
}

fn same_type(own: Place<'_>, theirs: Place<'_>) -> bool {
    let (one, other) = (own.0.resolve(own.1), theirs.0.resolve(theirs.1));
    match (own.0.get(one), theirs.0.get(other)) {
        (Some(Type::Ptr(one)), Some(Type::Ptr(other))) => {
            let (one, other) = (own.0.resolve(one), theirs.0.resolve(other));
            let kind = own.0.kind_of(one);
            matches!(kind, Some(Kind::Struct | Kind::Union))
                && kind == theirs.0.kind_of(other)
                && own.0.name_of(one) == theirs.0.name_of(other)
        }
        _ => {
            let kind = own.0.kind_of(one);
            matches!(kind, Some(Kind::Int | Kind::Enum | Kind::Enum64))
                && kind == theirs.0.kind_of(other)
                && own.0.size_of(one) == theirs.0.size_of(other)
        }
    }
}

/// A function's prototype as in C, typedefs resolved.
fn prototype(btf: &Btf, id: TypeId) -> String {
    let Some((result, params)) = parts((btf, id)) else { return "no function".to_owned() };
    let params: Vec<_> = params.into_iter().map(|id| type_name(btf, id)).collect();
    format!("{} {}({})", type_name(btf, result), btf.name_of(id), params.join(", "))
}

fn type_name(btf: &Btf, id: TypeId) -> String {
    let id = btf.resolve(id);
    let named = |id: TypeId| match btf.kind_of(id) {
        Some(Kind::Int) => btf.name_of(id).to_owned(),
        Some(Kind::Struct | Kind::Fwd) => format!("struct {}", btf.name_of(id)),
        Some(Kind::Union) => format!("union {}", btf.name_of(id)),
        Some(Kind::Enum | Kind::Enum64) => format!("enum {}", btf.name_of(id)),
        Some(Kind::Ptr) => "pointer".to_owned(),
        Some(Kind::Void) => "void".to_owned(),
        _ => "?".to_owned(),
    };
    match btf.get(id) {
        Some(Type::Ptr(target)) => format!("{} *", named(btf.resolve(target))),
        _ => named(id),
    }
}
