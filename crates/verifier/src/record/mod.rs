//! Records: which parts of a map's value or of an allocated object the kernel manages itself.
//!
//! A lock, a timer, a kernel pointer in a map's value is not plain memory: programs touch it through helpers only. Where
//! such fields lie follows from the BTF of the value alone; nobody states it a second time. `find.rs` reads them from
//! types, [`Map`] puts a map and its record together and knows what the kernel refuses when a map is created.

mod find;
mod graph;
mod map;
mod rules;

use skep_btf::{Btf, TypeId};

pub use find::Faulty;
pub(crate) use map::maps;
pub use map::{Map, refusal};

/// The managed parts of a value, by rising offset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    fields: Vec<Field>,
}

/// A managed part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Offset in the value, in bytes.
    pub offset: u32,
    /// Bytes it takes.
    pub size: u32,
    /// What it is.
    pub kind: FieldKind,
    /// What it leads to.
    pub target: Target,
}

/// The kinds of managed parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum FieldKind {
    /// `struct bpf_spin_lock`
    SpinLock = 1,
    /// `struct bpf_res_spin_lock`
    ResilientSpinLock = 2,
    /// `struct bpf_timer`
    Timer = 4,
    /// `struct bpf_wq`
    Workqueue = 8,
    /// `struct bpf_task_work`
    TaskWork = 16,
    /// `struct bpf_refcount`
    Refcount = 32,
    /// A kernel pointer that is merely remembered (`__kptr_untrusted`).
    KptrUntrusted = 64,
    /// A kernel pointer that owns its object (`__kptr`).
    Kptr = 128,
    /// One that owns a per-CPU object (`__percpu_kptr`).
    KptrPercpu = 256,
    /// A pointer to memory of the user's (`__uptr`).
    Uptr = 512,
    /// `struct bpf_list_head`
    ListHead = 1024,
    /// `struct bpf_list_node`
    ListNode = 2048,
    /// `struct bpf_rb_root`
    RbRoot = 4096,
    /// `struct bpf_rb_node`
    RbNode = 8192,
}

/// What a pointer, list or tree leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Nothing.
    None,
    /// An object of a type of the kernel's BTF.
    Kernel(TypeId),
    /// An object of a type of the BTF that the field is in.
    Local(TypeId),
    /// Objects of a type of the BTF that the field is in, linked through the node at this offset.
    Graph {
        /// The struct in the list or tree.
        element: TypeId,
        /// Offset of its node in bytes.
        node: u32,
    },
    /// An object of a type that can only be found in the kernel's BTF, and there is none.
    Unknown,
}

impl FieldKind {
    /// Its bit in a set of kinds.
    pub const fn bit(self) -> u16 {
        self as u16
    }

    /// Whether it is a pointer of any tag.
    pub const fn is_pointer(self) -> bool {
        const POINTERS: u16 = FieldKind::KptrUntrusted.bit()
            | FieldKind::Kptr.bit()
            | FieldKind::KptrPercpu.bit()
            | FieldKind::Uptr.bit();
        self.bit() & POINTERS != 0
    }

    /// Its name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SpinLock => "bpf_spin_lock",
            Self::ResilientSpinLock => "bpf_res_spin_lock",
            Self::Timer => "bpf_timer",
            Self::Workqueue => "bpf_wq",
            Self::TaskWork => "bpf_task_work",
            Self::Refcount => "bpf_refcount",
            Self::KptrUntrusted => "__kptr_untrusted",
            Self::Kptr => "__kptr",
            Self::KptrPercpu => "__percpu_kptr",
            Self::Uptr => "__uptr",
            Self::ListHead => "bpf_list_head",
            Self::ListNode => "bpf_list_node",
            Self::RbRoot => "bpf_rb_root",
            Self::RbNode => "bpf_rb_node",
        }
    }
}

impl Record {
    /// What may lie in an object of the program's own (`bpf_obj_new`).
    pub const OBJECT: u16 = FieldKind::SpinLock.bit()
        | FieldKind::ResilientSpinLock.bit()
        | FieldKind::ListHead.bit()
        | FieldKind::ListNode.bit()
        | FieldKind::RbRoot.bit()
        | FieldKind::RbNode.bit()
        | FieldKind::Refcount.bit()
        | POINTERS;
    /// What may lie in a map's value.
    pub const VALUE: u16 = FieldKind::SpinLock.bit()
        | FieldKind::ResilientSpinLock.bit()
        | FieldKind::Timer.bit()
        | FieldKind::Workqueue.bit()
        | FieldKind::TaskWork.bit()
        | FieldKind::Refcount.bit()
        | FieldKind::ListHead.bit()
        | FieldKind::RbRoot.bit()
        | FieldKind::Uptr.bit()
        | POINTERS;

    /// The record of a type: of its fields of the kinds in `kinds`.
    ///
    /// # Errors
    /// When the kernel would not take such a type.
    pub fn of(btf: &Btf, kernel: Option<&Btf>, id: TypeId, kinds: u16) -> Result<Record, Faulty> {
        find::record(btf, kernel, id, kinds)
    }

    /// The fields.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The first field of this kind.
    pub fn first(&self, kind: FieldKind) -> Option<&Field> {
        self.fields.iter().find(|field| field.kind == kind)
    }

    /// Whether there is a field of one of these kinds.
    pub fn has(&self, kinds: u16) -> bool {
        self.fields.iter().any(|field| field.kind.bit() & kinds != 0)
    }

    /// The field that begins here.
    pub fn at(&self, offset: u32) -> Option<&Field> {
        self.fields.iter().find(|field| field.offset == offset)
    }

    /// Whether there is a lock of either sort.
    pub fn has_lock(&self) -> bool {
        self.has(FieldKind::SpinLock.bit() | FieldKind::ResilientSpinLock.bit())
    }
}

const POINTERS: u16 = FieldKind::KptrUntrusted.bit() | FieldKind::Kptr.bit() | FieldKind::KptrPercpu.bit();
