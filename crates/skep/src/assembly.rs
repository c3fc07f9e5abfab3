//! Programs written by hand, in assembly.
//!
//! A compiler wraps a program in an object file that says what it is for and where each instruction came from; a text
//! says neither. [`assemble`] makes the same [`Object`] of it: its type comes from the caller, its source lines are the
//! text's own, so that a fault points into the text as it would point into C. There are no maps and the licence is GPL.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use skep_btf::{Btf, Builder};
use skep_isa::text::{Assembly, Names, assemble_with};
use skep_isa::{ByteOrder, Call, Imm64, Insn, RawInsn};
use skep_object::{Line, Linkage, Object, Program, ProgramKind, Subprogram};
use skep_platform::{ProgramType, helper};

use crate::error::Error;

/// The names of Linux's helpers, for `call bpf_ktime_get_ns`.
pub struct Helpers;

impl Names for Helpers {
    fn name(&self, call: Call) -> Option<String> {
        let Call::Helper(id) = call else { return None };
        Some(format!("bpf_{}", helper::by_id(u32::try_from(id).ok()?)?.name))
    }

    fn call(&self, name: &str) -> Option<Call> {
        i32::try_from(helper::by_name(name)?.id).ok().map(Call::Helper)
    }
}

/// The kind of program that a word names: one of the section names that compilers use (`tc`, `cgroup_skb/egress`), or
/// a program type (`sched_cls`, `BPF_PROG_TYPE_XDP`).
pub fn program_kind(word: &str) -> Option<ProgramKind> {
    let kind = ProgramKind::from_section(word);
    if kind.strict && kind.program_type.is_some() {
        return Some(kind);
    }
    let program_type = ProgramType::from_name(word)?;
    Some(ProgramKind { program_type: Some(program_type), ..ProgramKind::UNKNOWN })
}

/// Makes an object with one program of assembly text (the grammar is [`skep_isa::text`]'s). `file` is the text's name;
/// the program is called as the file is, without folder and ending.
///
/// # Errors
/// [`Error::Assembly`] for the first line that is not in the grammar.
pub fn assemble(file: &str, text: &str, kind: ProgramKind) -> Result<Object, Error> {
    let assembly = assemble_with(text, &Helpers)
        .map_err(|problem| Error::Assembly { file: file.to_owned(), problem })?;
    let name = std::path::Path::new(file).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let (lines, btf_bytes) = source(file, text, &assembly.lines);
    let subprograms = functions(&name, &assembly);
    let section = kind.program_type.map_or(String::new(), |program_type| program_type.name().to_owned());
    let program = Program {
        name,
        section,
        kind,
        autoload: true,
        section_offset: 0,
        subprograms,
        lines,
        core: Vec::new(),
        externs: Vec::new(),
        maps: Vec::new(),
        insns: assembly.slots,
    };
    Ok(Object {
        name: file.to_owned(),
        order: ByteOrder::NATIVE,
        license: "GPL".to_owned(),
        version: None,
        programs: vec![program],
        maps: Vec::new(),
        externs: Vec::new(),
        struct_ops: Vec::new(),
        btf: Btf::parse(&btf_bytes).ok().map(Arc::new),
        btf_bytes,
    })
}

/// A line record wherever the line changes, and the BTF (no types, only strings) that the records refer to.
fn source(file: &str, text: &str, numbers: &[u32]) -> (Vec<Line>, Vec<u8>) {
    let texts: Vec<&str> = text.lines().collect();
    let mut strings = Builder::new();
    let file_offset = strings.string(file);
    let mut lines: Vec<Line> = Vec::new();
    for (at, &line) in numbers.iter().enumerate() {
        if lines.last().is_some_and(|last| last.line == line) {
            continue;
        }
        let text =
            (line as usize).checked_sub(1).and_then(|index| texts.get(index)).copied().unwrap_or_default();
        lines.push(Line { at, file_offset, text_offset: strings.string(text), line, column: 0 });
    }
    (lines, strings.build())
}

/// The functions: one at the beginning and one wherever something is called or taken the address of. Targets outside
/// the program are left for the loader to refuse.
fn functions(name: &str, assembly: &Assembly) -> Vec<Subprogram> {
    let slots = &assembly.slots[..];
    let starts: BTreeSet<usize> = targets(slots).filter(|&at| at < slots.len()).chain([0]).collect();
    let labels: BTreeMap<usize, &String> = assembly.labels.iter().map(|(name, &at)| (at, name)).collect();
    let ends = starts.iter().skip(1).copied().chain([slots.len()]);
    let function = |(&start, end): (&usize, usize)| Subprogram {
        name: match (start, labels.get(&start)) {
            (0, _) => name.to_owned(),
            (_, Some(&label)) => label.clone(),
            (_, None) => format!("func_{start}"),
        },
        section: String::new(),
        section_offset: (start * RawInsn::SIZE) as u64,
        start,
        len: end - start,
        func: None,
        linkage: Linkage::Static,
    };
    starts.iter().zip(ends).map(function).collect()
}

fn targets(slots: &[RawInsn]) -> impl Iterator<Item = usize> {
    skep_isa::text::disassemble(slots).filter_map(|line| match line.insn.ok()? {
        Insn::Call(Call::Local(distance)) | Insn::LoadImm64 { value: Imm64::Func(distance), .. } => {
            (line.at + 1).checked_add_signed(distance as isize)
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "start:\n  call twice\n  call bpf_ktime_get_ns\n  exit\ntwice: r0 = 2\n  exit\n";

    #[test]
    fn a_text_becomes_an_object_with_functions_and_lines() {
        let object = assemble("dir/two.s", TEXT, program_kind("xdp").unwrap()).unwrap();
        let program = object.program("two").unwrap();
        let functions: Vec<_> =
            program.subprograms.iter().map(|f| (f.name.as_str(), f.start, f.len)).collect();
        assert_eq!(functions, [("two", 0, 3), ("twice", 3, 2)]);
        let source = object.source(program.line_at(3).unwrap()).unwrap();
        assert_eq!((source.file, source.line, source.text), ("dir/two.s", 5, "twice: r0 = 2"));
    }

    #[test]
    fn mistakes_stand_with_file_line_and_column() {
        let error = assemble("a.s", "r0 = 1\n  call nobody\n exit", program_kind("tc").unwrap()).unwrap_err();
        assert!(error.to_string().starts_with("a.s:2:8: expected a label"), "{error}");
    }

    #[test]
    fn kinds_go_by_section_or_by_type() {
        use ProgramType as T;
        for (word, expected) in [
            ("xdp", Some(T::Xdp)),
            ("tc", Some(T::SchedCls)),
            ("sched_cls", Some(T::SchedCls)),
            ("cgroup_skb/egress", Some(T::CgroupSkb)),
            ("raw_tracepoint", Some(T::RawTracepoint)),
            ("BPF_PROG_TYPE_SYSCALL", Some(T::Syscall)),
            ("xdpish", None),
            ("", None),
        ] {
            assert_eq!(program_kind(word).and_then(|kind| kind.program_type), expected, "{word}");
        }
    }
}
