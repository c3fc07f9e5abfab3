//! Programs: which functions are entries, and what each takes along.

use std::collections::{HashMap, HashSet, VecDeque};

use super::body::Body;
use super::ext::{Ext, Records, within};
use super::functions::{Function, Functions, SLOT};
use super::input::Input;
use crate::error::{Fault, Problem};
use crate::limits::{OBJECT_SLOTS, PROGRAM_SLOTS};
use crate::{CoreRelocation, ExternUse, Line, Linkage, Program, ProgramKind, Subprogram};

/// Opcode of `lddw`.
const LDDW: u8 = 0x18;

/// All that programs are put together from.
pub(crate) struct Parts<'r, 'a> {
    pub(crate) input: &'r Input<'a>,
    pub(crate) functions: &'r Functions<'a>,
    /// One for each function; a fault counts only when a program reaches the function.
    pub(crate) bodies: &'r [Result<Body, Fault>],
    pub(crate) ext: &'r Ext,
}

/// The programs, and the index of each by its entry function.
pub(crate) fn build(parts: &Parts<'_, '_>) -> Result<(Vec<Program>, HashMap<usize, usize>), Fault> {
    let mut programs = Vec::new();
    let mut by_function = HashMap::new();
    let mut total = 0;
    for entry in entries(parts) {
        let program = program(parts, entry, OBJECT_SLOTS - total)?;
        total += program.insns.len();
        by_function.insert(entry, programs.len());
        programs.push(program);
    }
    Ok((programs, by_function))
}

/// Whether a section holds functions for others to call, and no programs.
fn is_library(name: &str) -> bool {
    name == ".text" || name.starts_with(".text.")
}

/// The entry functions, in the order of the file.
///
/// A function in a section of the convention is an entry unless it is static and something refers to it. Outside the
/// convention nothing may refer to it, static or not. `.text` is a library, but for objects that have nothing else.
fn entries(parts: &Parts<'_, '_>) -> Vec<usize> {
    let bodies = parts.bodies.iter().flatten();
    let referenced: HashSet<usize> =
        bodies.flat_map(|body| body.functions.iter().map(|&(_, to)| to)).collect();
    let pick = |from_library: bool| -> Vec<usize> {
        let all = parts.functions.list.iter().enumerate();
        let entry = |index: usize, function: &Function<'_>| {
            let name = parts.input.elf.section_name(function.section);
            let known =
                ProgramKind::from_section(name.strip_prefix('?').unwrap_or(name)).program_type.is_some();
            let visible = known && function.linkage != Linkage::Static;
            is_library(name) == from_library && (visible || !referenced.contains(&index))
        };
        all.filter(|&(index, function)| entry(index, function)).map(|(index, _)| index).collect()
    };
    let entries = pick(false);
    if entries.is_empty() { pick(true) } else { entries }
}

/// Puts one program together.
fn program(parts: &Parts<'_, '_>, entry: usize, left: usize) -> Result<Program, Fault> {
    let function = &parts.functions.list[entry];
    let section = parts.input.elf.section_name(function.section);
    let bare = section.strip_prefix('?').unwrap_or(section);
    let mut program = Program {
        name: function.name.clone().into_owned(),
        section: bare.to_owned(),
        kind: ProgramKind::from_section(bare),
        autoload: bare.len() == section.len(),
        section_offset: function.start,
        insns: Vec::new(),
        subprograms: Vec::new(),
        lines: Vec::new(),
        core: Vec::new(),
        externs: Vec::new(),
        maps: Vec::new(),
    };
    let mut starts = HashMap::from([(entry, 0)]);
    let mut waiting = VecDeque::from([entry]);
    let mut next = 0;
    // First where each function goes, then what its references to others become: a call may point forward.
    let mut order = Vec::new();
    while let Some(index) = waiting.pop_front() {
        let body = parts.bodies[index].as_ref().map_err(Clone::clone)?;
        starts.insert(index, next);
        next += body.insns.len();
        if next > PROGRAM_SLOTS.min(left) {
            let (what, limit) = if next > left {
                ("instructions in all programs", OBJECT_SLOTS)
            } else {
                ("instructions in one program", PROGRAM_SLOTS)
            };
            return Err(Problem::TooMany { what, limit: limit as u64 }.at(section, function.start));
        }
        order.push((index, body));
        for &(_, callee) in &body.functions {
            if let std::collections::hash_map::Entry::Vacant(slot) = starts.entry(callee) {
                slot.insert(usize::MAX);
                waiting.push_back(callee);
            }
        }
    }
    for (index, body) in order {
        append(parts, &mut program, index, body, &starts)?;
    }
    program.maps.sort_unstable();
    program.maps.dedup();
    Ok(program)
}

/// Appends one function with its records.
fn append(
    parts: &Parts<'_, '_>,
    program: &mut Program,
    index: usize,
    body: &Body,
    starts: &HashMap<usize, usize>,
) -> Result<(), Fault> {
    let function = &parts.functions.list[index];
    let base = program.insns.len();
    program.insns.extend_from_slice(&body.insns);
    for &(slot, callee) in &body.functions {
        let target = starts.get(&callee).copied().unwrap_or_default();
        let distance = target.cast_signed() - (base + slot + 1).cast_signed();
        // Programs are far below 2^31 slots.
        program.insns[base + slot].imm = distance as i32;
        if body.insns[slot].code == LDDW {
            program.insns[base + slot + 1].imm = 0;
        }
    }
    let shift = |slot: usize| base + slot;
    program.externs.extend(body.externs.iter().map(|used| ExternUse { at: shift(used.at), ..*used }));
    program.maps.extend_from_slice(&body.maps);
    let none = Records::default();
    let records = parts.ext.get(&function.section).unwrap_or(&none);
    add_records(program, records, function, base)?;
    let range = function.start..function.start + 1;
    program.subprograms.push(Subprogram {
        name: function.name.clone().into_owned(),
        section: parts.input.elf.section_name(function.section).to_owned(),
        section_offset: function.start,
        start: base,
        len: body.insns.len(),
        func: within(&records.funcs, |record| record.offset, range).first().map(|record| record.func),
        linkage: function.linkage,
    });
    Ok(())
}

/// Takes over the line and CO-RE records of a function that now starts at slot `base`.
fn add_records(
    program: &mut Program,
    records: &Records,
    function: &Function<'_>,
    base: usize,
) -> Result<(), Fault> {
    let range = function.start..function.end;
    let slot = |offset: u64| base + ((offset - function.start) / SLOT) as usize;
    program.lines.extend(within(&records.lines, |record| record.offset, range.clone()).iter().map(
        |record| Line {
            at: slot(record.offset),
            file_offset: record.file,
            text_offset: record.text,
            line: record.line,
            column: record.column,
        },
    ));
    for record in within(&records.core, |record| record.offset, range) {
        if !record.offset.is_multiple_of(SLOT) {
            let problem = Problem::expected("CO-RE record", "the offset of an instruction", record.offset);
            return Err(problem.within(".BTF.ext"));
        }
        program.core.push(CoreRelocation {
            at: slot(record.offset),
            type_id: record.type_id,
            access_offset: record.access,
            kind: record.kind,
        });
    }
    Ok(())
}
