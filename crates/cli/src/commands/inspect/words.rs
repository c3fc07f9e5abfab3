//! The words for what an object holds, shared by both forms of output.

use skep_btf::{Btf, Type, TypeId};
use skep_object::{
    AttachTarget, ExternKind, FieldKind, KconfigType, KptrTag, MapDef, MapOrigin, Object, Pinning, Program,
    SlotValue,
};
use skep_platform::MapFlags;

/// How deep a type's name is followed.
const DEPTH: usize = 16;

/// A type's name as C writes it, without the name of a variable: `struct flow *`, `__u8[6]`.
pub(super) fn type_name(btf: &Btf, id: TypeId) -> String {
    name(btf, id, DEPTH)
}

fn name(btf: &Btf, id: TypeId, depth: usize) -> String {
    if depth == 0 {
        return "…".to_owned();
    }
    let inner = |id| name(btf, id, depth - 1);
    let tagged = |word: &str, name: &str| {
        if name.is_empty() { format!("{word} {{…}}") } else { format!("{word} {name}") }
    };
    match btf.get(id) {
        None => format!("type {id}"),
        Some(Type::Void) => "void".to_owned(),
        Some(Type::Ptr(to)) => match btf.get(btf.strip_qualifiers(to)) {
            Some(Type::FuncProto(_)) => "function *".to_owned(),
            _ => format!("{} *", inner(to)),
        },
        Some(Type::Array(array)) => format!("{}[{}]", inner(array.element), array.len),
        Some(Type::Struct(item)) => tagged("struct", item.name),
        Some(Type::Union(item)) => tagged("union", item.name),
        Some(Type::Enum(item) | Type::Enum64(item)) => tagged("enum", item.name),
        Some(Type::Fwd(item)) => tagged(if item.is_union { "union" } else { "struct" }, item.name),
        Some(Type::Const(to)) => format!("const {}", inner(to)),
        Some(Type::Volatile(to)) => format!("volatile {}", inner(to)),
        Some(Type::Restrict(to)) => inner(to),
        Some(Type::TypeTag(tag)) => format!("{} __{}", inner(tag.target), tag.name),
        Some(Type::FuncProto(proto)) => format!("{} function", inner(proto.result)),
        Some(other) => other.name().to_owned(),
    }
}

/// Program type and, where the section's name fixes one, attach type.
pub(super) fn kind(program: &Program) -> String {
    match (program.kind.program_type, program.kind.attach_type) {
        (None, _) => "unknown".to_owned(),
        (Some(kind), Some(attach)) if attach.name() != kind.name() => {
            format!("{} ({})", kind.name(), attach.name())
        }
        (Some(kind), _) => kind.name().to_owned(),
    }
}

/// What a program attaches to.
pub(super) fn target(target: &AttachTarget) -> String {
    let at =
        |name: &str, offset: u64| if offset == 0 { name.to_owned() } else { format!("{name}+{offset:#x}") };
    let when = |ret: bool, session: bool| match (ret, session) {
        (_, true) => "start and return of ",
        (true, _) => "return of ",
        _ => "",
    };
    match target {
        AttachTarget::Unspecified => "-".to_owned(),
        AttachTarget::Function { name, offset, ret } => format!("{}{}", when(*ret, false), at(name, *offset)),
        AttachTarget::Pattern { pattern, ret, session } => format!("{}{pattern}", when(*ret, *session)),
        AttachTarget::Syscall { name, ret } => format!("{}system call {name}", when(*ret, false)),
        AttachTarget::User { path, function, offset, ret } => {
            format!("{}{path}:{}", when(*ret, false), at(function, *offset))
        }
        AttachTarget::UserPattern { path, pattern, ret, session } => {
            format!("{}{path}:{pattern}", when(*ret, *session))
        }
        AttachTarget::Usdt { path, provider, name } => format!("{path}:{provider}:{name}"),
        AttachTarget::Tracepoint { category, name } => format!("{category}/{name}"),
        AttachTarget::Named(name) => name.clone(),
        AttachTarget::Malformed { text, expected } => format!("{text:?} (expected {expected})"),
    }
}

/// What else there is to say of a program, in single words.
pub(super) fn traits(program: &Program) -> Vec<&'static str> {
    let all = [
        (program.kind.sleepable, "sleepable"),
        (program.kind.frags, "frags"),
        (!program.autoload, "on-demand"),
        (!program.kind.strict, "old-name"),
    ];
    all.into_iter().filter(|(holds, _)| *holds).map(|(_, word)| word).collect()
}

/// Where a map comes from, in one word.
pub(super) fn origin(map: &MapDef) -> &'static str {
    match map.origin {
        MapOrigin::Btf => "btf",
        MapOrigin::Legacy { .. } => "legacy",
        MapOrigin::Data => "data",
        MapOrigin::Bss => "bss",
        MapOrigin::Rodata => "rodata",
        MapOrigin::Kconfig => "kconfig",
        MapOrigin::StructOps(_) => "struct_ops",
    }
}

/// Whether a map is a section of global variables.
pub(super) fn is_global(map: &MapDef) -> bool {
    matches!(map.origin, MapOrigin::Data | MapOrigin::Bss | MapOrigin::Rodata | MapOrigin::Kconfig)
}

/// A map's flags by name, in small letters; bits without a name as one number.
pub(super) fn flags(map: &MapDef) -> Vec<String> {
    let named = MapFlags::NAMES.iter().filter(|(_, flag)| map.flags & flag.0 != 0);
    let mut words: Vec<_> = named.map(|(name, _)| name.to_ascii_lowercase()).collect();
    let rest = MapFlags::NAMES.iter().fold(map.flags, |rest, (_, flag)| rest & !flag.0);
    if rest != 0 {
        words.push(format!("{rest:#x}"));
    }
    words
}

/// Pinning in a word; none when a map is not pinned.
pub(super) fn pinning(map: &MapDef) -> Option<&'static str> {
    match map.pinning {
        Pinning::None => None,
        Pinning::ByName => Some("by name"),
        Pinning::ObjectNamespace => Some("object namespace"),
        Pinning::GlobalNamespace => Some("global namespace"),
        Pinning::Replace => Some("by name, replacing"),
    }
}

/// A special field's kind.
pub(super) fn field(kind: &FieldKind) -> String {
    match kind {
        FieldKind::SpinLock => "bpf_spin_lock".to_owned(),
        FieldKind::ResilientSpinLock => "bpf_res_spin_lock".to_owned(),
        FieldKind::Timer => "bpf_timer".to_owned(),
        FieldKind::Workqueue => "bpf_wq".to_owned(),
        FieldKind::TaskWork => "bpf_task_work".to_owned(),
        FieldKind::Refcount => "bpf_refcount".to_owned(),
        FieldKind::Kptr { tag, .. } => match tag {
            KptrTag::Untrusted => "kptr_untrusted",
            KptrTag::Referenced => "kptr",
            KptrTag::PerCpu => "percpu_kptr",
            KptrTag::User => "uptr",
        }
        .to_owned(),
        FieldKind::ListHead { contains, node } => format!("bpf_list_head of {contains}.{node}"),
        FieldKind::ListNode => "bpf_list_node".to_owned(),
        FieldKind::RbRoot { contains, node } => format!("bpf_rb_root of {contains}.{node}"),
        FieldKind::RbNode => "bpf_rb_node".to_owned(),
        FieldKind::Dynptr => "bpf_dynptr".to_owned(),
    }
}

/// What fills a slot, by name.
pub(super) fn slot(object: &Object, value: SlotValue) -> String {
    let (kind, name) = match value {
        SlotValue::Map(index) => ("map", object.maps.get(index).map(|map| map.name.as_str())),
        SlotValue::Program(index) => {
            ("program", object.programs.get(index).map(|program| program.name.as_str()))
        }
    };
    format!("{kind} {}", name.unwrap_or("?"))
}

/// What an extern is.
pub(super) fn extern_kind(object: &Object, kind: &ExternKind) -> String {
    match kind {
        ExternKind::Kconfig { value, size, .. } => match value {
            KconfigType::Bool => "configuration, bool".to_owned(),
            KconfigType::Tristate => "configuration, tristate".to_owned(),
            KconfigType::Char => "configuration, char".to_owned(),
            KconfigType::Integer { signed } => {
                format!("configuration, {}{}", if *signed { "s" } else { "u" }, size * 8)
            }
            KconfigType::Text => format!("configuration, text of {size} bytes"),
        },
        ExternKind::Variable { type_id: None } => "kernel symbol".to_owned(),
        ExternKind::Variable { type_id: Some(id) } => match &object.btf {
            Some(btf) => format!("kernel variable, {}", type_name(btf, *id)),
            None => "kernel variable".to_owned(),
        },
        ExternKind::Function { .. } => "kernel function".to_owned(),
        ExternKind::Undefined => "undefined: to be linked".to_owned(),
    }
}
