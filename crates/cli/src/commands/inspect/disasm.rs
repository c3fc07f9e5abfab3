//! A program's instructions between the source lines they come from.
//!
//! Instructions print as the verifier's log has them; what the log shows as numbers (maps, functions, kernel symbols) stands
//! with its name.

use std::collections::HashMap;
use std::io::{self, Write};

use skep_isa::text::{Names, disassemble};
use skep_isa::{Call, Imm64, Insn};
use skep_object::{Object, Program, Source};
use skep_platform::helper;

use super::text::{BOLD, DIM};
use super::words;

/// One instruction.
pub(super) struct Line<'o> {
    /// Its slot.
    pub(super) at: usize,
    pub(super) text: String,
    /// What the text does not say: where a jump goes, what is relocated.
    pub(super) note: Option<String>,
    /// The source line that begins here.
    pub(super) source: Option<Source<'o>>,
}

/// All instructions of a program, in order.
pub(super) fn lines<'o>(object: &'o Object, program: &'o Program) -> impl Iterator<Item = Line<'o>> {
    let sources: HashMap<usize, _> = program.lines.iter().map(|line| (line.at, line)).collect();
    let core: HashMap<usize, _> = program.core.iter().map(|record| (record.at, record)).collect();
    let externs: HashMap<usize, usize> = program.externs.iter().map(|used| (used.at, used.index)).collect();
    disassemble(&program.insns).map(move |line| {
        let name =
            externs.get(&line.at).and_then(|&index| object.externs.get(index)).map(|item| item.name.as_str());
        let (text, jump) = match &line.insn {
            Ok(insn) => (text(object, program, line.at, insn, name), insn.jump_target(line.at)),
            Err(_) => (line.to_string(), None),
        };
        let core = core.get(&line.at).and_then(|record| Some(record.describe(object.btf.as_deref()?)));
        let note = match (jump, core) {
            (Some(target), _) => Some(format!("to {target}")),
            (None, Some(core)) => Some(format!("CO-RE: {core}")),
            (None, None) => None,
        };
        let source = sources.get(&line.at).and_then(|line| object.source(line));
        Line { at: line.at, text, note, source }
    })
}

/// Names of what an instruction at one place calls.
struct Callees<'o> {
    program: &'o Program,
    at: usize,
    /// The extern that it uses, if any.
    symbol: Option<&'o str>,
}

impl Names for Callees<'_> {
    fn name(&self, call: Call) -> Option<String> {
        match call {
            Call::Helper(id) => Some(format!(
                "bpf_{}",
                helper::by_id(u32::try_from(id).ok()?)?.name.trim_start_matches("bpf_")
            )),
            Call::Local(offset) => function(self.program, self.at + 1, offset),
            Call::Kfunc { .. } => self.symbol.map(str::to_owned),
        }
    }
}

/// The function that starts at a distance from a slot.
fn function(program: &Program, from: usize, offset: i32) -> Option<String> {
    let slot = from.checked_add_signed(offset as isize)?;
    program.subprogram_at(slot).map(|function| function.name.clone())
}

fn text(object: &Object, program: &Program, at: usize, insn: &Insn, symbol: Option<&str>) -> String {
    let named = |index: u32| object.maps.get(index as usize);
    if let Insn::LoadImm64 { dst, value } = insn {
        let what = match (*value, symbol) {
            (_, Some(symbol)) => Some(format!("&{symbol}")),
            (Imm64::MapIndex(index), _) => named(index).map(|map| format!("map {}", map.name)),
            (Imm64::MapIndexValue { index, offset }, _) => named(index).map(|map| variable(map, offset)),
            // The offset counts from the first of the two slots, as a call's does.
            (Imm64::Func(offset), _) => function(program, at + 1, offset).map(|name| format!("&{name}")),
            _ => None,
        };
        if let Some(what) = what {
            return format!("{dst} = {what} ll");
        }
    }
    insn.named(&Callees { program, at, symbol }).to_string()
}

/// The variable at an offset of a section: `&.bss:counter+4`.
fn variable(map: &skep_object::MapDef, offset: u32) -> String {
    let next = map.variables.partition_point(|variable| variable.offset <= offset);
    let found = next.checked_sub(1).and_then(|index| map.variables.get(index));
    match found.filter(|variable| offset - variable.offset < variable.size.max(1)) {
        Some(variable) if variable.offset == offset => format!("&{}:{}", map.name, variable.name),
        Some(variable) => format!("&{}:{}+{}", map.name, variable.name, offset - variable.offset),
        None => format!("&{}+{offset}", map.name),
    }
}

/// Prints one program.
pub(super) fn program(object: &Object, program: &Program, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "\n{BOLD}{}{BOLD:#}: {}, {} instructions",
        program.name,
        words::kind(program),
        program.insns.len()
    )?;
    let width = program.insns.len().to_string().len();
    let mut functions = program.subprograms.iter().peekable();
    let mut last = None;
    for line in lines(object, program) {
        if let Some(function) = functions.next_if(|function| function.start <= line.at) {
            writeln!(out, "{BOLD}{}{BOLD:#}:", function.name)?;
            last = None;
        }
        // The compiler notes each expression; a person reads whole lines.
        let is_new = |source: &Source<'_>| last != Some((source.file, source.line));
        if let Some(source) = line.source.filter(is_new) {
            last = Some((source.file, source.line));
            let file = source.file.rsplit('/').next().unwrap_or(source.file);
            writeln!(out, "{DIM}; {}  @ {file}:{}{DIM:#}", source.text.trim(), source.line)?;
        }
        match line.note {
            Some(note) => writeln!(out, "  {:width$}: {:<44} {DIM}; {note}{DIM:#}", line.at, line.text)?,
            None => writeln!(out, "  {:width$}: {}", line.at, line.text)?,
        }
    }
    Ok(())
}
