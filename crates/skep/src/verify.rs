//! From an object to what the verifier takes.
//!
//! The verifier knows programs, not objects: it is given instructions whose holes are filled, the maps they name and
//! what those hold before the first run. [`Setting`] says what the programs are verified for; [`Cases`] fits an object
//! to it once, and gives one [`Case`] a program.
//!
//! A program can fail to fit (the kernel lacks a function it calls, a field it relocates): then nothing can be said about its
//! safety, and the case says why it is [`Case::unfit`] rather than that the program is wrong.

use std::sync::Arc;
use std::time::{Duration, Instant};

use skep_btf::Btf;
use skep_object::{
    AttachTarget, Environment, ExternKind, Kconfig, MapDef, MapOrigin, Object, Poison, Program, Target,
};
use skep_platform::{AttachType, MapFlags, MapType, ProgramType, Release};
use skep_verifier::explain::{Explanation, Fields, LogOptions};
use skep_verifier::{
    Code, FunctionInfo, Input, MapInfo, Rejection, Report, Stats, Symbol, SymbolKind, Unsupported, Verdict,
};

use crate::error::Error;
pub use crate::extends::Extends;
use crate::variables;

/// What programs are verified for.
#[derive(Clone, Debug, Default)]
pub struct Setting {
    /// The release whose rules apply.
    pub release: Release,
    /// Whether the loader lacks CAP_BPF and CAP_PERFMON.
    pub unprivileged: bool,
    /// The kernel's types. Without them CO-RE relocations are matched against the object's own, and programs that need
    /// kernel functions or variables do not fit.
    pub kernel: Option<Arc<Btf>>,
    /// Global variables and their values as text.
    pub variables: Vec<(String, String)>,
    /// What `__kconfig` variables are filled from. Where a value is missing, what they hold counts as unknown.
    pub kconfig: Kconfig,
    /// What extensions (`freplace`) replace functions of. Without it they are *unsupported*.
    pub extends: Option<Extends>,
}

/// An object fitted to a setting.
pub struct Cases<'a> {
    object: &'a Object,
    setting: &'a Setting,
    maps: Vec<MapInfo>,
}

/// A program ready to be verified.
#[derive(Clone, Debug)]
pub struct Case {
    /// What the verifier takes. Meaningless where the program is unfit.
    pub input: Input,
    /// Why the program cannot be fitted to the setting.
    pub unfit: Option<String>,
    /// Instructions without a value on this kernel; reaching one is the program's fault, and this says why.
    pub poisoned: Vec<Poison>,
}

impl<'a> Cases<'a> {
    /// Fits the object's maps.
    ///
    /// # Errors
    /// When a variable of the setting is not in the object, or its value not of its type.
    pub fn new(object: &'a Object, setting: &'a Setting) -> Result<Self, Error> {
        let contents = variables::initial_contents(object, &setting.variables)?;
        let configured = object.kconfig(&setting.kconfig).ok();
        let maps = object.maps.iter().zip(contents).map(|(definition, bytes)| {
            let mut map = map(definition, object.btf.as_ref(), setting.kernel.as_deref());
            match definition.origin {
                MapOrigin::Rodata => (map.frozen, map.value) = (true, bytes),
                MapOrigin::Kconfig => {
                    (map.frozen, map.value) = (configured.is_some(), configured.clone().unwrap_or_default());
                }
                _ => map.value = bytes,
            }
            map
        });
        let maps = maps.collect();
        Ok(Self { object, setting, maps })
    }

    /// Fits one of the object's programs.
    pub fn case(&self, program: &Program) -> Case {
        let Some(program_type) = program.kind.program_type else {
            let reason =
                format!("the section {:?} does not say what type of program it holds", program.section);
            return self.unfit(program, ProgramType::SocketFilter, reason);
        };
        let kernel = self.setting.kernel.as_deref();
        let target = kernel.map_or(Target::Local, Target::Btf);
        let relocated = match program.relocate(self.object, &Environment::with_target(target)) {
            Ok(relocated) => relocated,
            Err(error) => return self.unfit(program, program_type, error.to_string()),
        };
        let mut input = Input::new(program_type, relocated.insns);
        self.describe(program, &mut input);
        let extends = self.setting.extends.as_ref().filter(|_| program_type == ProgramType::Ext);
        if let (Some(extends), Some(function)) = (extends, &input.attach_target) {
            match extends.function(function, self.setting) {
                Ok(extended) => input.extends = Some(Arc::new(extended)),
                Err(reason) => return self.unfit(program, program_type, reason),
            }
        }
        Case { input, unfit: None, poisoned: relocated.poisoned }
    }

    fn unfit(&self, program: &Program, program_type: ProgramType, reason: String) -> Case {
        let mut input = Input::new(program_type, program.insns.clone());
        self.describe(program, &mut input);
        Case { input, unfit: Some(reason), poisoned: Vec::new() }
    }

    /// What is known of a program, with its instructions as they stand in the object.
    pub(crate) fn described(&self, program: &Program) -> Input {
        let program_type = program.kind.program_type.unwrap_or(ProgramType::SocketFilter);
        let mut input = Input::new(program_type, program.insns.clone());
        self.describe(program, &mut input);
        input
    }

    /// Everything but type and instructions.
    fn describe(&self, program: &Program, input: &mut Input) {
        let (object, kind) = (self.object, &program.kind);
        input.name.clone_from(&program.name);
        input.license.clone_from(&object.license);
        input.unprivileged = self.setting.unprivileged;
        input.release = self.setting.release;
        input.attach_type = kind.attach_type;
        input.attach_target = target(&kind.target);
        self.struct_ops(program, input);
        if kind.sleepable {
            input.flags |= skep_verifier::program::flags::SLEEPABLE;
        }
        if kind.frags {
            input.flags |= skep_verifier::program::flags::XDP_HAS_FRAGS;
        }
        input.maps.clone_from(&self.maps);
        input.btf.clone_from(&object.btf);
        input.kernel_btf.clone_from(&self.setting.kernel);
        let functions = program.subprograms.iter();
        input.functions =
            functions.filter_map(|f| Some(FunctionInfo { start: f.start, type_id: f.func? })).collect();
        input.symbols = program.externs.iter().filter_map(|used| self.symbol(used)).collect();
        input.lines = program.lines.iter().map(|line| (line.at, line.line)).collect();
    }

    fn symbol(&self, used: &skep_object::ExternUse) -> Option<Symbol> {
        let item = self.object.externs.get(used.index)?;
        let kind = match item.kind {
            ExternKind::Function { .. } => SymbolKind::Kfunc,
            ExternKind::Variable { .. } => SymbolKind::BtfId,
            ExternKind::Kconfig { .. } | ExternKind::Undefined => return None,
        };
        Some(Symbol { at: used.at, kind, name: item.name.clone() })
    }

    /// A member of a struct_ops instance is known by the type's name and, in the place of the attach type, the member's
    /// index in the kernel's type.
    fn struct_ops(&self, program: &Program, input: &mut Input) {
        for instance in &self.object.struct_ops {
            let is_it = |member: &&skep_object::StructOpsMember| {
                self.object.programs.get(member.program).is_some_and(|p| p.name == program.name)
            };
            let Some(member) = instance.members.iter().find(is_it) else { continue };
            input.attach_target = Some(instance.type_name.clone());
            let kernel = self.setting.kernel.as_deref();
            let index = kernel.and_then(|btf| member_index(btf, &instance.type_name, &member.name));
            let number = u32::try_from(index.unwrap_or(member.index)).ok();
            input.attach_type = number.and_then(AttachType::from_number);
            return;
        }
    }
}

fn member_index(btf: &Btf, structure: &str, member: &str) -> Option<usize> {
    let id = btf.find(structure, skep_btf::Kind::Struct)?;
    btf.get(id)?.as_composite()?.members.iter().position(|candidate| candidate.name == member)
}

/// The one name that a target has for the verifier.
fn target(target: &AttachTarget) -> Option<String> {
    match target {
        AttachTarget::Named(name)
        | AttachTarget::Function { name, .. }
        | AttachTarget::Syscall { name, .. }
        | AttachTarget::Tracepoint { name, .. } => Some(name.clone()),
        _ => None,
    }
}

/// A map as the verifier knows it, without contents.
fn map(definition: &MapDef, btf: Option<&Arc<Btf>>, kernel: Option<&Btf>) -> MapInfo {
    let mut info = MapInfo {
        name: definition.name.clone(),
        flags: MapFlags(definition.flags),
        extra: definition.extra,
        inner: definition.inner.as_deref().map(|inner| Box::new(map(inner, btf, kernel))),
        btf: btf.cloned(),
        key_type: definition.key_type.unwrap_or_default(),
        value_type: definition.value_type.unwrap_or_default(),
        ..MapInfo::new(
            definition.map_type,
            definition.key_size,
            definition.value_size,
            definition.max_entries,
        )
    };
    // The values of struct_ops maps are of a type of the kernel's. A map whose types the kernel refuses is created without them, as
    // loaders do.
    let untyped =
        info.map_type == MapType::StructOps || skep_verifier::record::refusal(&info, kernel).is_some();
    if untyped {
        info.btf = None;
    }
    info
}

impl Case {
    /// Why it is rejected: every independent error, with the places that have to do with it. Nothing for what is not rejected.
    pub fn explain(&self) -> Explanation {
        match &self.unfit {
            Some(_) => Explanation::default(),
            None => explain(&self.input),
        }
    }

    /// Verifies it; a program that does not fit is *unsupported*.
    pub fn verify(&self) -> (Report, Duration) {
        match &self.unfit {
            Some(reason) => (unsupported(reason.clone()), Duration::ZERO),
            None => verify(&self.input),
        }
    }
}

/// Stack of the thread that verifies: what recursion over types and calls may take, with room to spare.
const STACK: usize = 64 << 20;

/// Verifies, and measures how long that took. A panic of the verifier, which is a mistake in it, becomes the verdict
/// *unsupported*: it must not be taken for a judgement, nor keep other programs from being judged.
pub fn verify(input: &Input) -> (Report, Duration) {
    if let Some(what) = newer(input) {
        let message = format!("{what} are newer than Linux {}", input.release);
        let rejection = Rejection::new(Code::BadProgram, 0, None, message);
        let verdict = Verdict::Rejected(Box::new(rejection));
        return (Report { verdict, stats: Stats::default() }, Duration::ZERO);
    }
    let work = || {
        let begin = Instant::now();
        let report = skep_verifier::verify(input);
        (report, begin.elapsed())
    };
    in_thread(work).unwrap_or_else(|why| (unsupported(why), Duration::ZERO))
}

/// Explains a rejection. When the explainer breaks down, which is a mistake in it, the rejection itself is all there is.
pub fn explain(input: &Input) -> Explanation {
    in_thread(|| skep_verifier::explain::explain(input)).unwrap_or_default()
}

/// Verifies, and counts how often each slot's instruction was processed; no counts when the verifier broke down.
pub fn profile(input: &Input) -> Vec<u64> {
    in_thread(|| skep_verifier::explain::profile(input).1).unwrap_or_default()
}

/// Verifies, and gives the log of it in the kernel's form; what `options` says decides how much.
pub fn log(
    input: &Input,
    level: u8,
    fields: Fields,
    source: &(dyn Fn(usize) -> Option<String> + Sync),
) -> String {
    let log = || {
        let mut text = Vec::new();
        let options = LogOptions { level, fields, source: &|at| source(at) };
        // Writing to memory cannot fail.
        let _ = skep_verifier::explain::log(input, &options, &mut text);
        String::from_utf8_lossy(&text).into_owned()
    };
    in_thread(log).unwrap_or_else(|why| why + "\n")
}

/// Does something with as much stack as verification may take; what went wrong if it did not come to an end.
pub(crate) fn in_thread<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
        match thread.map(|thread| thread.join()) {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(_)) => Err("the verifier broke down on this program".to_owned()),
            Err(error) => Err(format!("no thread to verify in: {error}")),
        }
    })
}

/// What stands around the program that the release does not have; it would not come as far as the verifier.
fn newer(input: &Input) -> Option<String> {
    // For a struct_ops program the field holds the index of a member.
    let attach = input.attach_type.filter(|_| input.program_type != ProgramType::StructOps);
    // The plain place of frames got its number later; loaders leave the number out for older releases.
    let attach = attach.filter(|&attach| attach != AttachType::Xdp);
    if let Some(attach) = attach.filter(|attach| attach.since() > input.release) {
        return Some(format!("attachments of type {}", attach.name()));
    }
    let map = input.maps.iter().find(|map| map.map_type.since() > input.release)?;
    Some(format!("maps of type {}", map.map_type.name()))
}

/// Nothing said about the program, and why.
pub fn unsupported(reason: String) -> Report {
    Report { verdict: Verdict::Unsupported(Unsupported { insn: None, reason }), stats: Stats::default() }
}
