//! One program of an object into the kernel.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use skep_btf::Kind;
use skep_isa::RawInsn;
use skep_object::{AttachTarget, Environment, Object, Program as Definition, Target};
use skep_platform::errno::{EINVAL, EPERM};
use skep_platform::uapi::{BPF_F_SLEEPABLE, BPF_F_XDP_HAS_FRAGS};
use skep_platform::{AttachType, ProgramType, Release};

use crate::btf::accept::Accepted;
use crate::load::LoadError;
use crate::load::kernel::Kernel;
use crate::map::Map;
use crate::prog::{LoadRequest, prog_load};
use crate::program::Program;

/// Opcode of `lddw`, and the pseudo sources that name a map by index and by descriptor; each plain and for an address in
/// its value.
const LDDW: u8 = 0x18;
const BY_INDEX: (u8, u8) = (5, 6);
const BY_FD: (u8, u8) = (1, 2);

/// Fills the holes and loads.
pub(super) fn load(
    definition: &Definition,
    object: &Object,
    maps: &[Map],
    btf: Option<&(OwnedFd, Accepted)>,
    log_level: u32,
) -> Result<Program, LoadError> {
    let kind = &definition.kind;
    let program_type = kind.program_type.ok_or_else(|| LoadError::NoType {
        program: definition.name.clone(),
        section: definition.section.clone(),
    })?;
    if matches!(program_type, ProgramType::StructOps | ProgramType::Ext) {
        let needs =
            if program_type == ProgramType::Ext { "a program to replace (freplace)" } else { "struct_ops" };
        return Err(LoadError::Unsupported { name: definition.name.clone(), needs });
    }
    let needs_types = !definition.core.is_empty() || !definition.externs.is_empty();
    let target = match Kernel::btf() {
        Ok(btf) => Target::Btf(btf),
        Err(why) if !definition.core.is_empty() => return Err(LoadError::NoKernelTypes(why)),
        Err(_) => Target::None,
    };
    let environment =
        Environment { target: if needs_types { target } else { Target::None }, symbols: &Kernel };
    let mut relocated = definition.relocate(object, &environment)?;
    name_maps(&mut relocated.insns, maps);
    let infos = btf.map(|(_, accepted)| infos(definition, accepted)).unwrap_or_default();
    let mut flags = 0;
    for (set, flag) in [(kind.sleepable, BPF_F_SLEEPABLE), (kind.frags, BPF_F_XDP_HAS_FRAGS)] {
        flags |= if set { flag as u32 } else { 0 };
    }
    let mut request = LoadRequest {
        // A release older than the attach type wants zero there.
        attach: kind.attach_type.filter(|attach| Kernel::release() >= attach.since()),
        name: &definition.name,
        license: &object.license,
        flags,
        btf: btf.filter(|_| infos.complete).map(|(fd, _)| fd.as_fd()),
        func_info: &infos.functions,
        line_info: &infos.lines,
        attach_btf_id: attach_id(definition, program_type)?,
        log_level,
        ..LoadRequest::new(program_type, &relocated.insns)
    };
    if request.btf.is_none() {
        (request.func_info, request.line_info) = (&[], &[]);
    }
    let answer = prog_load(&request).or_else(|refused| {
        // Line records are for the reader only; a compiler's odd ones must not keep a good program out.
        if refused.errno != EINVAL || request.line_info.is_empty() || !refused.log.contains("line_info") {
            return Err(refused);
        }
        request.line_info = &[];
        prog_load(&request)
    });
    match answer {
        Ok(fd) => Ok(Program::new(fd, definition.name.clone(), program_type, kind.attach_type)),
        Err(refused) => Err(LoadError::Program {
            program: definition.name.clone(),
            poisoned: if refused.errno == EPERM { Vec::new() } else { relocated.poisoned },
            refused,
        }),
    }
}

/// Map indices to descriptors. Older kernels know no indices, and all know descriptors.
fn name_maps(insns: &mut [RawInsn], maps: &[Map]) {
    let mut at = 0;
    while let Some(insn) = insns.get_mut(at) {
        if insn.code != LDDW {
            at += 1;
            continue;
        }
        let source = match insn.src {
            source if source == BY_INDEX.0 => Some(BY_FD.0),
            source if source == BY_INDEX.1 => Some(BY_FD.1),
            _ => None,
        };
        let map = usize::try_from(insn.imm).ok().and_then(|index| maps.get(index));
        if let (Some(source), Some(map)) = (source, map) {
            (insn.src, insn.imm) = (source, map.as_fd().as_raw_fd());
        }
        at += 2;
    }
}

/// What BTF says about a program, in the kernel's records.
#[derive(Default)]
struct Infos {
    functions: Vec<u8>,
    lines: Vec<u8>,
    /// Whether every function has a record; the kernel takes all or none.
    complete: bool,
}

fn infos(definition: &Definition, accepted: &Accepted) -> Infos {
    let mut infos = Infos { complete: true, ..Infos::default() };
    let record =
        |out: &mut Vec<u8>, words: &[u32]| out.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
    for function in &definition.subprograms {
        let Some(id) = function.func else { return Infos::default() };
        record(&mut infos.functions, &[function.start as u32, id.0]);
    }
    // The first instruction of every function must have a line, or the kernel refuses all of them.
    let covered = |start: usize| definition.lines.binary_search_by_key(&start, |line| line.at).is_ok();
    if definition.subprograms.iter().all(|function| covered(function.start)) {
        for line in &definition.lines {
            let place = line.line << 10 | (line.column & 0x3ff);
            let (file, text) = (accepted.string(line.file_offset), accepted.string(line.text_offset));
            record(&mut infos.lines, &[line.at as u32, file, text, place]);
        }
    }
    infos
}

/// The BTF id of what the program attaches to, for the types that must name it when they are loaded; 0 for the others.
fn attach_id(definition: &Definition, program_type: ProgramType) -> Result<u32, LoadError> {
    let attach = definition.kind.attach_type;
    let named = match (program_type, attach) {
        (ProgramType::Tracing, Some(AttachType::TraceRawTp)) => {
            Some(("btf_trace_", Kind::Typedef, "tracepoint"))
        }
        (ProgramType::Tracing, Some(AttachType::TraceIter)) => Some(("bpf_iter_", Kind::Func, "iterator")),
        (ProgramType::Tracing, _) => Some(("", Kind::Func, "function")),
        (ProgramType::Lsm, _) => Some(("bpf_lsm_", Kind::Func, "LSM hook")),
        _ => None,
    };
    let Some((prefix, kind, what)) = named else { return Ok(0) };
    let AttachTarget::Named(name) = &definition.kind.target else {
        let wanted = format!("{what} without a name: the section must say {}/NAME", definition.section);
        return Err(LoadError::NoTarget { program: definition.name.clone(), wanted });
    };
    let btf = Kernel::btf().map_err(LoadError::NoKernelTypes)?;
    btf.find(&format!("{prefix}{name}"), kind).map(|id| id.0).ok_or_else(|| LoadError::NoTarget {
        program: definition.name.clone(),
        wanted: format!("{what} `{name}`"),
    })
}

/// Before 5.11 the kernel counted maps and programs against a limit on locked memory that is far too low for either.
pub(super) fn raise_memory_limit() {
    if Kernel::release() >= Release::new(5, 11) {
        return;
    }
    let limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the struct is live for the call. A refusal shows itself later, as EPERM with a hint.
    unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &limit) };
}
