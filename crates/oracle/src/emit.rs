//! Objects in, lines out: every program as it would be loaded, fitted to a kernel.
//!
//! Relocations are applied and functions appended; what is the kernel's own (functions, variables, type ids) stays a name
//! beside its number, so that a line means the same to a kernel that numbers them differently.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use skep::verify::{Case, Cases, Setting};
use skep_btf::{Btf, Kind};
use skep_isa::RawInsn;
use skep_linux::{acceptable_types, page_size, possible_cpus, takes_types};
use skep_object::{Kconfig, MapDef, MapOrigin, Object, Program};
use skep_platform::{MapFlags, MapType, ProgramType};

use crate::bytes::{base64, hex};
use crate::line::{Inner, Line, MapLine, Reloc};

/// Opcode of `lddw`, and the pseudo sources of a map by index (5, 6) and as lines have them (1, 2).
const LDDW: u8 = 0x18;
const INDEX_BIAS: u8 = 4;

/// The CO-RE relocation that asks for a type's id in the kernel.
const TYPE_ID_OF_TARGET: u32 = 7;

/// Bytes of a stack trace where the loader chooses: 127 addresses.
const STACK_TRACE: u32 = 127 * 8;

/// Writes the programs of objects as lines.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The object files
    #[arg(required = true)]
    objects: Vec<PathBuf>,

    /// Where lines go [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// The kernel's types to fit programs to: raw BTF [default: the running kernel's]
    #[arg(long, value_name = "FILE")]
    btf: Option<PathBuf>,

    /// The kernel's configuration, for what objects ask of it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// A folder to write the objects' types to, so that lines name them by path and stay short
    #[arg(long, value_name = "FOLDER")]
    types: Option<PathBuf>,
}

impl Args {
    pub(crate) fn run(&self) -> Result<(), String> {
        let kernel = match &self.btf {
            Some(path) => Btf::parse(&read(path)?).map_err(|error| format!("{}: {error}", path.display()))?,
            None => Btf::running().map_err(|error| format!("the running kernel's types: {error}"))?,
        };
        let mut kconfig = match &self.config {
            Some(path) => Kconfig::parse(&String::from_utf8_lossy(&read(path)?)),
            None => Kconfig::default(),
        };
        kconfig.kernel_version = 6 << 16 | 18 << 8;
        kconfig.features = ["LINUX_HAS_BPF_COOKIE", "LINUX_HAS_SYSCALL_WRAPPER"].map(str::to_owned).into();
        let setting = Setting { kernel: Some(Arc::new(kernel)), kconfig, ..Setting::default() };
        let mut out: Box<dyn Write> = match &self.output {
            Some(path) => Box::new(std::io::BufWriter::new(
                fs::File::create(path).map_err(|error| format!("{}: {error}", path.display()))?,
            )),
            None => Box::new(std::io::stdout().lock()),
        };
        for path in &self.objects {
            if let Err(why) = self.object(path, &setting, &mut out) {
                eprintln!("{}: {why}", path.display());
            }
        }
        out.flush().map_err(|error| error.to_string())
    }

    fn object(&self, path: &Path, setting: &Setting, out: &mut dyn Write) -> Result<(), String> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.trim_end_matches(".o").trim_end_matches(".bpf");
        let object = Object::parse(name, &read(path)?).map_err(|error| error.to_string())?;
        let types = self.types(name, &object)?;
        let cases = Cases::new(&object, setting).map_err(|error| error.to_string())?;
        for program in &object.programs {
            let case = cases.case(program);
            if program.section == ".text" {
                continue;
            }
            if let Some(why) = &case.unfit {
                eprintln!("{}: {}: {why}", path.display(), program.name);
                continue;
            }
            let line = line(&object, program, &case, types.as_deref());
            let text = serde_json::to_string(&line).map_err(|error| error.to_string())?;
            writeln!(out, "{text}").map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// The object's types as a line names them.
    fn types(&self, name: &str, object: &Object) -> Result<Option<String>, String> {
        let Some(bytes) = acceptable_types(object) else { return Ok(None) };
        let Some(folder) = &self.types else { return Ok(Some(base64(&bytes))) };
        let folder = folder.canonicalize().map_err(|error| format!("{}: {error}", folder.display()))?;
        let path = folder.join(format!("{name}.btf"));
        fs::write(&path, bytes).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Some(path.to_string_lossy().into_owned()))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn line(object: &Object, program: &Program, case: &Case, types: Option<&str>) -> Line {
    let input = &case.input;
    // Only the maps that the program names, in the order of the object.
    let places: BTreeMap<usize, usize> =
        program.maps.iter().enumerate().map(|(place, &index)| (index, place)).collect();
    let mut insns = input.insns.clone();
    for insn in insns.iter_mut().filter(|insn| insn.code == LDDW && matches!(insn.src, 5 | 6)) {
        insn.src -= INDEX_BIAS;
        let place = usize::try_from(insn.imm).ok().and_then(|index| places.get(&index));
        insn.imm = place.map_or(-1, |&place| place as i32);
    }
    let functions = input.functions.iter().flat_map(|f| [f.start as u32, f.type_id.0]);
    let functions: Vec<u8> = functions.flat_map(u32::to_le_bytes).collect();
    let known = |index: &usize| (&object.maps[*index], &input.maps[*index]);
    Line {
        name: format!("{}/{}", object.name, program.name),
        prog_type: input.program_type.number(),
        expected_attach_type: input.attach_type.map(skep_platform::AttachType::number),
        prog_flags: input.flags,
        license: input.license.clone(),
        unprivileged: false,
        attach_btf_name: target(object, program, case),
        insns: hex(&insns.iter().flat_map(|insn| insn.to_le_bytes()).collect::<Vec<u8>>()),
        maps: program.maps.iter().map(known).map(|(def, info)| map(def, Some(info))).collect(),
        relocs: relocs(object, program, case, &insns),
        btf: types.map(str::to_owned),
        func_info_rec_size: if functions.is_empty() || types.is_none() { 0 } else { 8 },
        func_info: if types.is_none() { String::new() } else { hex(&functions) },
    }
}

/// What the program is for: a name, for a member of a struct_ops instance `struct:member`.
fn target(object: &Object, program: &Program, case: &Case) -> Option<String> {
    let name = case.input.attach_target.as_ref()?;
    if case.input.program_type != ProgramType::StructOps {
        let traced =
            matches!(case.input.program_type, ProgramType::Tracing | ProgramType::Lsm | ProgramType::Ext);
        return traced.then(|| name.clone());
    }
    let index = object.programs.iter().position(|p| p.name == program.name)?;
    let member = object.struct_ops.iter().find_map(|instance| {
        let member = instance.members.iter().find(|member| member.program == index)?;
        Some(format!("{}:{}", instance.type_name, member.name))
    });
    member.or_else(|| Some(name.clone()))
}

fn map(definition: &MapDef, info: Option<&skep_verifier::MapInfo>) -> MapLine {
    let globals = !matches!(definition.origin, MapOrigin::Btf | MapOrigin::Legacy { .. });
    let typed = takes_types(definition.map_type);
    let id = |id: Option<skep_btf::TypeId>| id.filter(|_| typed).map_or(0, |id| id.0);
    let number = |field: u32, otherwise: u32| if field == 0 { otherwise } else { field };
    let entries = match definition.map_type {
        MapType::PerfEventArray => number(definition.max_entries, possible_cpus() as u32),
        MapType::Ringbuf | MapType::UserRingbuf => {
            definition.max_entries.max(page_size() as u32).checked_next_power_of_two().unwrap_or(1 << 31)
        }
        MapType::TaskStorage | MapType::SkStorage | MapType::InodeStorage | MapType::CgrpStorage => {
            definition.max_entries
        }
        // What the application would set before it loads; the verifier seldom cares.
        _ => definition.max_entries.max(1),
    };
    let value_size = match definition.map_type {
        MapType::StackTrace => number(definition.value_size, STACK_TRACE),
        _ => definition.value_size,
    };
    let data = matches!(
        definition.origin,
        MapOrigin::Data | MapOrigin::Bss | MapOrigin::Rodata | MapOrigin::Kconfig
    );
    let flags = MapFlags(definition.flags).0 | if data { MapFlags::MMAPABLE.0 } else { 0 };
    MapLine {
        map_type: definition.map_type.number(),
        key_size: definition.key_size,
        value_size,
        max_entries: entries,
        map_flags: flags,
        map_extra: definition.extra,
        name: definition.kernel_name.clone(),
        btf: Value::Null,
        btf_key_type_id: id(definition.key_type),
        btf_value_type_id: id(definition.value_type),
        frozen: info.is_some_and(|info| info.frozen),
        value: info.filter(|_| globals).map(|info| hex(&info.value)).unwrap_or_default(),
        inner: definition.inner.as_deref().map(|inner| Inner::Map(Box::new(map(inner, None)))),
    }
}

/// The kernel's names behind the numbers that fitting has put into the instructions.
fn relocs(object: &Object, program: &Program, case: &Case, insns: &[RawInsn]) -> Vec<Reloc> {
    let named = |insn, kind: &str, name: String| Reloc {
        insn,
        kind: kind.to_owned(),
        name: Some(name),
        ..Reloc::default()
    };
    // A weak symbol that the kernel lacks has no number.
    let resolved = |at: usize| insns.get(at).is_some_and(|insn| matches!(insn.src, 2 | 3));
    let symbols = case.input.symbols.iter().filter(|symbol| resolved(symbol.at)).map(|symbol| {
        let kind = match symbol.kind {
            skep_verifier::SymbolKind::Kfunc if insns[symbol.at].code != LDDW => "kfunc",
            _ => "btf_id",
        };
        named(symbol.at, kind, symbol.name.clone())
    });
    let ids = program.core.iter().filter(|core| core.kind == TYPE_ID_OF_TARGET);
    let ids = ids.filter_map(|core| {
        let btf = object.btf.as_deref()?;
        let word = match btf.kind_of(core.type_id)? {
            Kind::Struct => "struct ",
            Kind::Union => "union ",
            Kind::Enum | Kind::Enum64 => "enum ",
            _ => "",
        };
        let name = skep_btf::essential_name(btf.name_of(core.type_id));
        (insns.get(core.at)?.imm != 0).then(|| named(core.at, "btf_id", format!("{word}{name}")))
    });
    let mut all: Vec<Reloc> = symbols.chain(ids).collect();
    all.sort_by_key(|reloc| reloc.insn);
    all
}
