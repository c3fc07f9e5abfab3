//! What a kernel function takes and gives, read off its BTF once a program.
//!
//! BTF has the types and the parameters' names; by convention a name's ending says how an argument is meant (`buf__sz` is the
//! size of the argument before it, `id__k` must be a known constant). Flags stand in the platform's table. What needs the
//! register's contents is decided at the call.

use std::collections::HashMap;
use std::rc::Rc;

use skep_btf::{Btf, Kind, Type, TypeId};
use skep_isa::{Call, Insn};
use skep_platform::kfunc::{self, Flag, Known, Set};

use crate::program::{Input, SymbolKind};

/// A kernel function as a program may call it.
#[derive(Debug)]
pub(crate) struct Proto {
    /// Its name.
    pub(crate) name: String,
    /// What the table says of it.
    pub(crate) known: &'static Known,
    /// Who may call it.
    pub(crate) set: &'static Set,
    /// Its parameters.
    pub(crate) params: Vec<Param>,
    /// Its result.
    pub(crate) result: Gives,
}

/// A parameter.
#[derive(Debug)]
pub(crate) struct Param {
    /// Its name with the ending.
    pub(crate) name: String,
    /// What it is.
    pub(crate) takes: Takes,
    /// Whether NULL may be given.
    pub(crate) nullable: bool,
}

/// What a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Anything: the function does not look at it, or Linux fills it in.
    Ignored,
    /// A number; whether it must be a known constant.
    Number { constant: bool },
    /// The size of the argument before; whether it must be a known constant.
    Size { constant: bool },
    /// The context.
    Context,
    /// An object that the program made and owns (`bpf_obj_new`).
    Allocated,
    /// An object with a count of references.
    Refcounted,
    /// A dynptr; whether the function makes it.
    Dynptr { fresh: bool },
    /// An iterator of this type.
    Iterator(TypeId),
    /// The head of a list.
    ListHead,
    /// A node of a list.
    ListNode,
    /// The root of a tree.
    RbRoot,
    /// A node of a tree.
    RbNode,
    /// A string in read-only memory.
    Text,
    /// A map.
    Map,
    /// A work queue in a map value.
    Workqueue,
    /// A task work in a map value.
    TaskWork,
    /// A timer in a map value.
    Timer,
    /// Where the state of interrupts is kept on the stack.
    IrqFlag,
    /// A resilient lock.
    ResilientLock,
    /// A function of the program.
    Function,
    /// A kernel object of this type, or, given anything else, memory of so many bytes.
    Object { target: TypeId, plain: Option<u32> },
    /// Memory of so many bytes, without a following size.
    Memory(u32),
    /// Memory whose size is the next argument; the struct that it is, if any, and whether it may be left out.
    Sized { target: Option<TypeId>, optional: bool },
    /// Something that no program can give.
    Impossible,
}

/// What a function returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gives {
    /// Nothing.
    Void,
    /// A number of so many bytes.
    Number(u32),
    /// A pointer to a kernel object.
    Object(TypeId),
    /// A pointer to so many bytes.
    Memory { size: u32, constant: bool },
    /// A pointer to what only the function's own rules tell.
    Anything,
}

impl Proto {
    /// Whether a flag is set.
    pub(crate) fn has(&self, flag: Flag) -> bool {
        self.known.has(flag)
    }

    /// Whether it calls a function of the program before it returns.
    pub(crate) fn calls_back(&self) -> bool {
        self.name == "bpf_rbtree_add_impl"
    }

    fn read(btf: &Btf, input: &Input, id: TypeId, name: &str) -> Option<Proto> {
        let (set, known) = kfunc::by_name(name)?;
        let Some(Type::Func(func)) = btf.get(id) else { return None };
        let Some(Type::FuncProto(proto)) = btf.get(func.proto) else { return None };
        let raw: Vec<(&str, TypeId)> = proto.params.iter().map(|param| (param.name, param.type_id)).collect();
        let reader = Reader { btf, input, known, raw: &raw };
        let params = (0..raw.len()).map(|index| reader.param(index)).collect();
        Some(Proto { name: name.to_owned(), known, set, params, result: gives(btf, proto.result) })
    }
}

struct Reader<'a> {
    btf: &'a Btf,
    input: &'a Input,
    known: &'static Known,
    raw: &'a [(&'a str, TypeId)],
}

/// Kernel structs that stand for a kind of argument.
static BY_STRUCT: &[(&str, Takes)] = &[
    ("bpf_dynptr", Takes::Dynptr { fresh: false }),
    ("bpf_dynptr_kern", Takes::Dynptr { fresh: false }),
    ("bpf_list_head", Takes::ListHead),
    ("bpf_list_node", Takes::ListNode),
    ("bpf_rb_root", Takes::RbRoot),
    ("bpf_rb_node", Takes::RbNode),
    ("bpf_wq", Takes::Workqueue),
    ("bpf_task_work", Takes::TaskWork),
    ("bpf_timer", Takes::Timer),
    ("bpf_res_spin_lock", Takes::ResilientLock),
];

/// Arguments that neither type nor name tells: function, place, kind.
static BY_FUNCTION: &[(&str, usize, Takes)] = &[("bpf_cast_to_kern_ctx", 0, Takes::Context)];

/// Endings of names that stand for a kind of argument.
static BY_ENDING: &[(&str, Takes)] = &[
    ("__ign", Takes::Ignored),
    ("__prog", Takes::Ignored),
    ("__alloc", Takes::Allocated),
    ("__refcounted_kptr", Takes::Refcounted),
    ("__str", Takes::Text),
    ("__map", Takes::Map),
    ("__irq_flag", Takes::IrqFlag),
];

impl Reader<'_> {
    fn param(&self, index: usize) -> Param {
        let (name, _) = self.raw[index];
        let mut takes = self.takes(index);
        if let Takes::Dynptr { fresh } = &mut takes {
            *fresh = name.ends_with("__uninit");
        }
        Param { name: name.to_owned(), takes, nullable: name.ends_with("__nullable") }
    }

    fn takes(&self, index: usize) -> Takes {
        let (name, type_id) = self.raw[index];
        let by_function =
            |&&(function, at, _): &&(&str, usize, Takes)| function == self.known.name && at == index;
        if let Some(&(_, _, takes)) = BY_FUNCTION.iter().find(by_function) {
            return takes;
        }
        let by_ending = |&&(ending, _): &&(&str, Takes)| name.ends_with(ending);
        if let Some(&(_, takes)) = BY_ENDING.iter().find(by_ending) {
            return takes;
        }
        let target = match self.btf.get_resolved(type_id) {
            Some(Type::Ptr(target)) => target,
            Some(Type::Int(_) | Type::Enum(_) | Type::Enum64(_)) => {
                return match self.is_size(index) {
                    true => Takes::Size { constant: name.ends_with("__szk") },
                    false => Takes::Number { constant: name.ends_with("__k") },
                };
            }
            _ => return Takes::Impossible,
        };
        self.pointer(index, name, self.btf.resolve(target))
    }

    /// Whether the argument is the size of the one before.
    fn is_size(&self, index: usize) -> bool {
        let Some(&(name, type_id)) = self.raw.get(index) else { return false };
        let number = matches!(self.btf.get_resolved(type_id), Some(Type::Int(_)));
        index > 0 && number && (name.ends_with("__sz") || name.ends_with("__szk"))
    }

    fn pointer(&self, index: usize, name: &str, target: TypeId) -> Takes {
        let iterates = [Flag::IterNew, Flag::IterNext, Flag::IterDestroy].iter().any(|&f| self.known.has(f));
        if (index == 0 && iterates) || name.ends_with("__iter") {
            return Takes::Iterator(target);
        }
        let struct_name = self.btf.name_of(target);
        let kind = self.btf.kind_of(target);
        let composite = matches!(kind, Some(Kind::Struct | Kind::Union));
        if kind == Some(Kind::Struct) && self.is_context(struct_name) {
            return Takes::Context;
        }
        if composite && let Some(&(_, takes)) = BY_STRUCT.iter().find(|(known, _)| *known == struct_name) {
            return takes;
        }
        // The map itself, by its kernel struct or handed over as an untyped pointer.
        if kind == Some(Kind::FuncProto) {
            return Takes::Function;
        }
        if self.is_size(index + 1) {
            let plain = kind == Some(Kind::Void) || plain_size(self.btf, target).is_some();
            return match (composite, plain) {
                (false, false) => Takes::Impossible,
                (false, true) => Takes::Sized { target: None, optional: name.ends_with("__opt") },
                (true, _) => Takes::Sized { target: Some(target), optional: name.ends_with("__opt") },
            };
        }
        match (composite, plain_size(self.btf, target)) {
            (true, plain) => Takes::Object { target, plain },
            (false, Some(size)) => Takes::Memory(size),
            (false, None) => Takes::Impossible,
        }
    }

    /// Whether the struct is what programs of this type get as context. The kernel's own struct behind it is another thing: programs get it by
    /// `bpf_cast_to_kern_ctx`.
    fn is_context(&self, name: &str) -> bool {
        let context = self.input.program_type.context_name();
        !context.is_empty() && name == context
    }
}

/// The size of a number, or of a struct or union that holds nothing but numbers.
pub(crate) fn plain_size(btf: &Btf, id: TypeId) -> Option<u32> {
    is_plain(btf, id, 0).then(|| btf.size_of(id)).flatten()
}

/// How deep structs may lie in each other and still be plain memory.
const PLAIN_DEPTH: u32 = 4;

fn is_plain(btf: &Btf, id: TypeId, depth: u32) -> bool {
    match btf.get_resolved(id) {
        Some(Type::Int(_) | Type::Enum(_) | Type::Enum64(_)) => true,
        Some(Type::Struct(composite) | Type::Union(composite)) => {
            depth < PLAIN_DEPTH && composite.members.iter().all(|m| is_member_plain(btf, m.type_id, depth))
        }
        _ => false,
    }
}

fn is_member_plain(btf: &Btf, id: TypeId, depth: u32) -> bool {
    match btf.get_resolved(id) {
        Some(Type::Array(array)) => {
            matches!(btf.get_resolved(array.element), Some(Type::Int(_) | Type::Enum(_) | Type::Enum64(_)))
        }
        _ => is_plain(btf, id, depth + 1),
    }
}

fn gives(btf: &Btf, id: TypeId) -> Gives {
    let target = match btf.get_resolved(id) {
        Some(Type::Ptr(target)) => target,
        Some(Type::Int(_) | Type::Enum(_) | Type::Enum64(_)) => {
            return Gives::Number(btf.size_of(id).unwrap_or(8));
        }
        _ => return Gives::Void,
    };
    let constant = matches!(btf.get(target), Some(Type::Const(_)));
    let target = btf.resolve(target);
    match btf.kind_of(target) {
        Some(Kind::Struct | Kind::Union) => Gives::Object(target),
        Some(Kind::Int | Kind::Enum | Kind::Enum64) => {
            Gives::Memory { size: btf.size_of(target).unwrap_or(0), constant }
        }
        _ => Gives::Anything,
    }
}

/// The kernel functions that a program calls, by slot.
#[derive(Debug, Default)]
pub(crate) struct Kfuncs {
    found: HashMap<usize, Found>,
}

/// What a call's name or number led to.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    /// A function that may be called somewhere.
    Known(Rc<Proto>),
    /// A function that the table does not have; nothing is said of it.
    Unknown(String),
    /// No function that programs may call.
    None(String),
    /// The kernel's types were not given.
    NoTypes,
    /// A weak reference that the loader left empty.
    Empty,
}

impl Kfuncs {
    /// Looks up every call of a kernel function.
    pub(crate) fn of(input: &Input, insns: &[Option<Insn>]) -> Kfuncs {
        let mut by_id: HashMap<(i32, i16), Found> = HashMap::new();
        let mut found = HashMap::new();
        for (at, insn) in insns.iter().enumerate() {
            let Some(Insn::Call(Call::Kfunc { id, module })) = *insn else { continue };
            let symbol =
                input.symbols.iter().find(|symbol| symbol.at == at && symbol.kind == SymbolKind::Kfunc);
            let entry = match symbol {
                Some(symbol) => look_up(input, Some(&symbol.name), id),
                None if id == 0 && module == 0 => Found::Empty,
                None => by_id.entry((id, module)).or_insert_with(|| look_up(input, None, id)).clone(),
            };
            found.insert(at, entry);
        }
        Kfuncs { found }
    }

    /// What is called at a slot.
    pub(crate) fn at(&self, at: usize) -> Option<&Found> {
        self.found.get(&at)
    }

    /// The function called at a slot, where it is known.
    pub(crate) fn proto(&self, at: usize) -> Option<&Rc<Proto>> {
        match self.found.get(&at) {
            Some(Found::Known(proto)) => Some(proto),
            _ => None,
        }
    }
}

fn look_up(input: &Input, name: Option<&str>, id: i32) -> Found {
    let Some(btf) = input.kernel_btf.as_deref() else { return Found::NoTypes };
    let id = match name {
        Some(name) => btf.find_func(name),
        None => u32::try_from(id).ok().map(TypeId).filter(|&id| btf.kind_of(id) == Some(Kind::Func)),
    };
    let Some(id) = id else { return Found::None(name.unwrap_or("").to_owned()) };
    let name = btf.name_of(id);
    match Proto::read(btf, input, id, name) {
        Some(proto) if proto.known.since <= input.release => Found::Known(Rc::new(proto)),
        Some(_) => Found::None(name.to_owned()),
        None if kfunc::from_btf(btf).iter().any(|known| known.name == name) => {
            Found::Unknown(name.to_owned())
        }
        None => Found::None(name.to_owned()),
    }
}
