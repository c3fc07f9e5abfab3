//! A line's relocations: instructions that refer to something by name or index.

use serde_json::Value;
use skep_btf::{Btf, Kind, TypeId};
use skep_isa::RawInsn;
use skep_verifier::{Input, Symbol, SymbolKind};

use super::fields::Fields;
use super::program::{Problem, map_index};

/// Opcodes of `lddw` and of calls.
const LDDW: u8 = 0x18;
const CALL: u8 = 0x85;

/// Pseudo sources: of `lddw` a map, an address in a map's value, a kernel variable, a function; of a call a function of
/// the program, a kernel function.
const MAP: u8 = 1;
const MAP_VALUE: u8 = 2;
const BTF_ID: u8 = 3;
const FUNC: u8 = 4;
const LOCAL_CALL: u8 = 1;
const KERNEL_CALL: u8 = 2;

/// Words before a type's name, each with the kind it means.
const TYPE_WORDS: [(&str, &[Kind]); 3] =
    [("struct ", &[Kind::Struct]), ("union ", &[Kind::Union]), ("enum ", &[Kind::Enum, Kind::Enum64])];

/// Kinds that a bare name may mean, variables and functions first: they are what has an address.
const BARE: [Kind; 8] =
    [Kind::Var, Kind::Func, Kind::Struct, Kind::Union, Kind::Typedef, Kind::Enum, Kind::Enum64, Kind::Int];

/// Applies all of them to the instructions, and records the names.
pub(super) fn apply(fields: &Fields<'_>, kernel: Option<&Btf>, input: &mut Input) -> Result<(), Problem> {
    for (path, value) in fields.list("relocs")? {
        let fields = Fields::of(value, &path)?;
        let at =
            fields.number("insn")?.ok_or_else(|| fields.wrong("insn", "the number of an instruction"))?;
        let count = input.insns.len();
        let at = usize::try_from(at)
            .ok()
            .filter(|&at| at < count)
            .ok_or_else(|| format!("{}: expected less than {count}, found {at}", fields.path("insn")))?;
        match fields.text("kind")? {
            Some("map") => map(&fields, input, at, MAP)?,
            Some("map_value") => map(&fields, input, at, MAP_VALUE)?,
            Some("btf_id") => btf_id(&fields, kernel, input, at)?,
            Some("kfunc") => kfunc(&fields, kernel, input, at)?,
            Some("func") => function(&fields, input, at)?,
            _ => {
                return Err(Problem::Malformed(
                    fields.wrong("kind", "map, map_value, btf_id, kfunc or func"),
                ));
            }
        }
    }
    input.symbols.sort_by_key(|symbol| symbol.at);
    Ok(())
}

/// The instruction, which must have this opcode.
fn instruction<'a>(
    fields: &Fields<'_>,
    input: &'a mut Input,
    at: usize,
    code: u8,
    what: &str,
) -> Result<&'a mut RawInsn, String> {
    let insn = &mut input.insns[at];
    if insn.code != code {
        let found = insn.code;
        return Err(format!("{}: expected {what} at {at}, found opcode {found:#04x}", fields.path("insn")));
    }
    Ok(insn)
}

/// What the relocation refers to, by whichever of the fields says it.
fn name<'a>(fields: &Fields<'a>) -> Result<&'a str, String> {
    let name = match fields.text("name")? {
        Some(name) => Some(name),
        None => fields.text("target")?,
    };
    name.ok_or_else(|| fields.wrong("name", "a name"))
}

fn map(fields: &Fields<'_>, input: &mut Input, at: usize, source: u8) -> Result<(), String> {
    let names: Vec<&str> = input.maps.iter().map(|map| map.name.as_str()).collect();
    let wanted = ["map", "target", "name"].iter().find_map(|field| fields.value(field));
    let index = wanted.and_then(|value| map_index(value, &names)).and_then(|index| i32::try_from(index).ok());
    let index = index.ok_or_else(|| {
        let found = wanted.map_or_else(|| "nothing".to_owned(), Value::to_string);
        format!(
            "{}: expected the index or name of one of {} maps, found {found}",
            fields.path("map"),
            names.len()
        )
    })?;
    let insn = instruction(fields, input, at, LDDW, "lddw")?;
    (insn.src, insn.imm) = (source, index);
    Ok(())
}

fn kfunc(fields: &Fields<'_>, kernel: Option<&Btf>, input: &mut Input, at: usize) -> Result<(), Problem> {
    let name = name(fields)?;
    let id = kernel.and_then(|btf| btf.find_func(name));
    let Some(id) = id else { return Err(missing("function", name)) };
    let insn = instruction(fields, input, at, CALL, "a call")?;
    (insn.src, insn.off, insn.imm) = (KERNEL_CALL, 0, id.0.cast_signed());
    input.symbols.push(Symbol { at, kind: SymbolKind::Kfunc, name: name.to_owned() });
    Ok(())
}

/// A variable or function makes an `lddw` an address; the id of a type is a number, wherever an immediate can stand.
fn btf_id(fields: &Fields<'_>, kernel: Option<&Btf>, input: &mut Input, at: usize) -> Result<(), Problem> {
    let name = name(fields)?;
    let Some((id, kind)) = kernel.and_then(|btf| find(btf, name)) else {
        return Err(missing("variable or type", name));
    };
    let insn = &mut input.insns[at];
    insn.imm = id.0.cast_signed();
    if insn.code == LDDW {
        if matches!(kind, Kind::Var | Kind::Func) {
            insn.src = BTF_ID;
        }
        // The second half holds the module's descriptor of an address, and the upper half of a number.
        if let Some(second) = input.insns.get_mut(at + 1) {
            second.imm = 0;
        }
    }
    input.symbols.push(Symbol { at, kind: SymbolKind::BtfId, name: name.to_owned() });
    Ok(())
}

fn find(btf: &Btf, name: &str) -> Option<(TypeId, Kind)> {
    let worded = TYPE_WORDS.iter().find_map(|(word, kinds)| Some((*kinds, name.strip_prefix(word)?)));
    let (kinds, name) = worded.unwrap_or((&BARE, name));
    kinds.iter().find_map(|&kind| Some((btf.find(name, kind)?, kind)))
}

/// The true verdict was given by a kernel that may have it; this one, whose types were given, does not.
fn missing(what: &str, name: &str) -> Problem {
    Problem::unsupported(format!("the kernel's types have no {what} {name}"))
}

/// The address of a function of the program, or a call of it, by the slot it begins at.
fn function(fields: &Fields<'_>, input: &mut Input, at: usize) -> Result<(), String> {
    let target =
        fields.number("target")?.ok_or_else(|| fields.wrong("target", "the number of an instruction"))?;
    let count = input.insns.len();
    let distance = usize::try_from(target)
        .ok()
        .filter(|&target| target < count)
        .and_then(|target| i32::try_from(target as i64 - at as i64 - 1).ok())
        .ok_or_else(|| format!("{}: expected less than {count}, found {target}", fields.path("target")))?;
    let insn = &mut input.insns[at];
    insn.src = match insn.code {
        LDDW => FUNC,
        CALL => LOCAL_CALL,
        code => {
            return Err(format!(
                "{}: expected lddw or a call at {at}, found opcode {code:#04x}",
                fields.path("insn")
            ));
        }
    };
    insn.imm = distance;
    Ok(())
}
