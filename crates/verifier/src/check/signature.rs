//! Signatures of global functions: what each parameter stands for, by its type and its `arg:` tags.
//!
//! A pointer to the program type's context struct is the context, one to `struct bpf_dynptr` a dynptr; tags make it something of the
//! kernel's (`arg:trusted`, `arg:untrusted`), of an arena (`arg:arena`) or the context whatever its type (`arg:ctx`). Any other pointer is
//! memory of its type's size, which may be NULL unless it is tagged `arg:nonnull`.

use skep_btf::{Btf, Kind, Linkage, Type, TypeId};
use skep_platform::{AttachType, ProgramType, rule};

use crate::Code;
use crate::explore::Walk;
use crate::verdict::Checked;

/// What a parameter of a global function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parameter {
    Number,
    Context,
    /// Memory of so many bytes.
    Memory {
        size: u32,
        nullable: bool,
    },
    Dynptr,
    /// A kernel object that lives.
    Object {
        id: TypeId,
        nullable: bool,
    },
    /// Something of this type, of which nothing is sure.
    UntrustedObject(TypeId),
    /// Memory anywhere.
    UntrustedMemory,
    Arena,
}

/// The typedef for the registers of a probed function.
const REGISTERS: &str = "bpf_user_pt_regs_t";
/// The most parameters of a function.
const MAX_PARAMETERS: usize = 5;

/// The tags of a parameter, as a set.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Tags(u8);

impl Tags {
    const CTX: Tags = Tags(1);
    const NONNULL: Tags = Tags(2);
    const NULLABLE: Tags = Tags(4);
    const TRUSTED: Tags = Tags(8);
    const UNTRUSTED: Tags = Tags(16);
    const ARENA: Tags = Tags(32);

    fn named(text: &str) -> Option<Tags> {
        Some(match text {
            "ctx" => Tags::CTX,
            "nonnull" => Tags::NONNULL,
            "nullable" => Tags::NULLABLE,
            "trusted" => Tags::TRUSTED,
            "untrusted" => Tags::UNTRUSTED,
            "arena" => Tags::ARENA,
            _ => return None,
        })
    }

    const fn has(self, other: Tags) -> bool {
        self.0 & other.0 != 0
    }

    const fn only(self, others: Tags) -> bool {
        self.0 & !others.0 == 0
    }
}

impl<'a> Walk<'a> {
    fn type_of(&self, function: usize) -> Option<(&'a Btf, TypeId)> {
        let start = self.shape.functions[function].start;
        let info = self.input.functions.iter().find(|info| info.start == start)?;
        Some((self.input.btf.as_deref()?, info.type_id))
    }

    /// Whether a function of the program is global by its type.
    pub(crate) fn is_global(&self, function: usize) -> bool {
        self.linkage(function) == Some(true) && rule::GLOBAL_FUNCTIONS.holds(self.input.release)
    }

    /// Whether the function's type says that it is global; `None` without a type.
    pub(crate) fn linkage(&self, function: usize) -> Option<bool> {
        let (btf, id) = self.type_of(function)?;
        match btf.get(id)? {
            Type::Func(func) => Some(func.linkage == Linkage::GLOBAL),
            _ => None,
        }
    }

    /// The parameters of a global function.
    pub(crate) fn signature(&self, function: usize) -> Checked<Vec<Parameter>> {
        match self.type_of(function) {
            Some((btf, id)) => self.signature_of(btf, id),
            None => self.fail(Code::BadFunction, "a global function without a type"),
        }
    }

    /// The parameters of a global function, this program's or another's.
    pub(crate) fn signature_of(&self, btf: &Btf, id: TypeId) -> Checked<Vec<Parameter>> {
        let proto = match btf.get(id) {
            Some(Type::Func(func)) => btf.get(func.proto),
            _ => None,
        };
        let Some(Type::FuncProto(proto)) = proto else {
            return self.fail(Code::BadFunction, "a global function without a type");
        };
        if !is_number(btf, proto.result) {
            return self.fail(Code::BadFunction, "a global function must return a number");
        }
        if proto.params.iter().count() > MAX_PARAMETERS {
            return self
                .fail(Code::BadFunction, format!("a function takes at most {MAX_PARAMETERS} arguments"));
        }
        let tags = tags(btf, id);
        let mut parameters = Vec::new();
        for (index, param) in proto.params.iter().enumerate() {
            let mut mine = Tags::default();
            for (_, text) in tags.iter().filter(|(component, _)| *component == index as u32) {
                match Tags::named(text) {
                    Some(tag) => mine = Tags(mine.0 | tag.0),
                    None => {
                        let message =
                            format!("parameter {} has the tag arg:{text}, which does not exist", index + 1);
                        return self.fail(Code::BadFunction, message);
                    }
                }
            }
            parameters.push(self.parameter(btf, param.type_id, mine)?);
        }
        Ok(parameters)
    }

    fn parameter(&self, btf: &Btf, id: TypeId, tags: Tags) -> Checked<Parameter> {
        let id = btf.resolve(id);
        let Some(Type::Ptr(target)) = btf.get(id) else {
            return match is_number(btf, id) {
                true if tags == Tags::default() => Ok(Parameter::Number),
                true => self.fail(Code::BadFunction, "a tag for pointers on a number"),
                false => self.fail(Code::BadFunction, "a parameter is neither a number nor a pointer"),
            };
        };
        let pointee = btf.resolve(target);
        let only = |allowed: Tags, parameter: Parameter| match tags.only(allowed) {
            true => Ok(parameter),
            false => self.fail(Code::BadFunction, "tags that do not go together"),
        };
        if tags.has(Tags::CTX) || self.is_context(btf, target) {
            if tags.has(Tags::CTX) && !self.may_be_context(btf, target) {
                return self
                    .fail(Code::BadFunction, "arg:ctx on a pointer to something that is no context here");
            }
            return only(Tags::CTX, Parameter::Context);
        }
        if btf.kind_of(pointee) == Some(Kind::Struct) && btf.name_of(pointee) == "bpf_dynptr" {
            return only(Tags::default(), Parameter::Dynptr);
        }
        if tags.has(Tags::TRUSTED) {
            let nullable = tags.has(Tags::NULLABLE);
            let object = Parameter::Object { id: self.kernel_twin(btf, pointee)?, nullable };
            return only(Tags(Tags::TRUSTED.0 | Tags::NULLABLE.0), object);
        }
        if tags.has(Tags::UNTRUSTED) {
            let parameter = match btf.kind_of(pointee) {
                Some(Kind::Void | Kind::Int | Kind::Enum | Kind::Enum64) => Parameter::UntrustedMemory,
                _ => Parameter::UntrustedObject(self.kernel_twin(btf, pointee)?),
            };
            return only(Tags::UNTRUSTED, parameter);
        }
        if tags.has(Tags::ARENA) {
            return only(Tags::ARENA, Parameter::Arena);
        }
        if tags.has(Tags::NULLABLE) {
            return self.fail(Code::BadFunction, "tags that do not go together");
        }
        match btf.size_of(pointee) {
            Some(size) if btf.kind_of(pointee) != Some(Kind::Void) => {
                Ok(Parameter::Memory { size, nullable: !tags.has(Tags::NONNULL) })
            }
            _ => self.fail(Code::BadFunction, "a pointer parameter to something without a size"),
        }
    }

    /// Whether a pointer to this type is the context by itself.
    fn is_context(&self, btf: &Btf, target: TypeId) -> bool {
        let program = self.input.program_type;
        let pointee = btf.resolve(target);
        let (name, context) = (btf.name_of(pointee), program.context_name());
        // The registers go by the typedef's name, also where a program has its own struct of that name.
        let registers = name == REGISTERS && btf.kind_of(pointee) == Some(Kind::Struct)
            || is_typedef(btf, target, REGISTERS);
        if program == ProgramType::Kprobe && registers {
            return true;
        }
        // Each of the two names of a packet's context stands for the other.
        let twin = matches!((context, name), ("__sk_buff", "sk_buff") | ("xdp_md", "xdp_buff"));
        btf.kind_of(pointee) == Some(Kind::Struct) && !context.is_empty() && (name == context || twin)
    }

    /// Whether a pointer to this type may be tagged as the context.
    fn may_be_context(&self, btf: &Btf, target: TypeId) -> bool {
        use ProgramType as P;
        let program = self.input.program_type;
        let registers = is_typedef(btf, target, REGISTERS);
        let pointee = btf.resolve(target);
        let (kind, name) = (btf.kind_of(pointee), btf.name_of(pointee));
        if kind == Some(Kind::Void) {
            return true;
        }
        let is_struct = kind == Some(Kind::Struct);
        let word = kind == Some(Kind::Int) && btf.size_of(pointee) == Some(8);
        match program {
            P::Kprobe if registers || (is_struct && name == "pt_regs") => true,
            P::PerfEvent if registers || (is_struct && name == "pt_regs") => true,
            P::RawTracepoint | P::RawTracepointWritable | P::Lsm | P::StructOps if word => true,
            P::Tracepoint | P::Syscall | P::Ext => true,
            P::Tracing => match self.input.attach_type {
                Some(AttachType::TraceIter) => is_struct && name.starts_with("bpf_iter__"),
                Some(AttachType::TraceRawTp) if is_struct => name == "bpf_raw_tracepoint_args",
                _ => word,
            },
            _ => is_struct && !program.context_name().is_empty() && name == program.context_name(),
        }
    }

    /// The kernel's type of the same name and kind, without regard to a flavour (`name___flavour`).
    fn kernel_twin(&self, btf: &Btf, pointee: TypeId) -> Checked<TypeId> {
        let name = btf.name_of(pointee);
        let name = name.split_once("___").map_or(name, |(name, _)| name);
        let kind = match btf.kind_of(pointee) {
            Some(kind @ (Kind::Struct | Kind::Union)) => kind,
            Some(Kind::Fwd) => Kind::Struct,
            _ => return self.fail(Code::BadFunction, "the tag is for pointers to structs of the kernel"),
        };
        match self.kernel_types()?.find(name, kind) {
            Some(id) if !name.is_empty() => Ok(id),
            _ => self.fail(Code::BadFunction, format!("the kernel has no struct {name}")),
        }
    }
}

/// Whether the type is an integer or an enumeration.
pub(crate) fn is_number(btf: &Btf, id: TypeId) -> bool {
    matches!(btf.get(btf.resolve(id)), Some(Type::Int(_) | Type::Enum(_) | Type::Enum64(_)))
}

/// Whether the type, qualifiers aside, is the typedef of this name.
fn is_typedef(btf: &Btf, id: TypeId, name: &str) -> bool {
    let id = btf.strip_qualifiers(id);
    btf.kind_of(id) == Some(Kind::Typedef) && btf.name_of(id) == name
}

/// The `arg:` tags of a function's parameters, without that prefix.
fn tags(btf: &Btf, function: TypeId) -> Vec<(u32, String)> {
    let tag = |(_, item): (TypeId, Type<'_>)| match item {
        Type::DeclTag(tag) if tag.target == function => {
            Some((tag.component?, tag.name.strip_prefix("arg:")?.to_owned()))
        }
        _ => None,
    };
    btf.types().filter_map(tag).collect()
}
