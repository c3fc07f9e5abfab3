//! Map definitions, from whichever of the four places an object can define one.

use skep_btf::TypeId;
use skep_platform::MapType;

/// A map as the object defines it.
#[derive(Clone, Debug)]
pub struct MapDef {
    /// Full name: the symbol's, or the section's for global data (`.rodata.str1.1`).
    pub name: String,
    /// The name to give the kernel: at most 15 characters of those it accepts, `<object>.rodata` for global data.
    pub kernel_name: String,
    /// Type of map.
    pub map_type: MapType,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value.
    pub value_size: u32,
    /// Most entries; 0 where the loader chooses (perf event arrays: one for each processor).
    pub max_entries: u32,
    /// `BPF_F_*` of map creation.
    pub flags: u32,
    /// `map_extra`: hash functions of a bloom filter, address of an arena.
    pub extra: u64,
    /// Node to allocate on, with `BPF_F_NUMA_NODE`.
    pub numa_node: Option<u32>,
    /// Whether and where the map outlives the loader.
    pub pinning: Pinning,
    /// For maps of maps: the shape of what goes into the slots.
    pub inner: Option<Box<MapDef>>,
    /// Slots that the loader fills before any program runs, in the order of the initialiser.
    pub slots: Vec<Slot>,
    /// Initial bytes of the single value, for global data: as long as `value_size`, or empty where all are zero
    /// (`.bss`, and `.kconfig`, whose value [`crate::Object::kconfig`] makes). For an arena, its first pages.
    pub initial: Vec<u8>,
    /// BTF type of the key; none for legacy definitions.
    pub key_type: Option<TypeId>,
    /// BTF type of the value; the DATASEC for global data.
    pub value_type: Option<TypeId>,
    /// Parts of the value that programs may only touch through helpers, by rising offset.
    pub fields: Vec<SpecialField>,
    /// Where in the object it was defined.
    pub origin: MapOrigin,
    /// The variables within global data, by rising offset.
    pub variables: Vec<Variable>,
}

/// Where a map was defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MapOrigin {
    /// A variable in `.maps`.
    Btf,
    /// A record in `maps` or `maps/NAME`; the numbers that iproute2's loader knows it by, where the record has them.
    Legacy {
        /// `id`: how a map of maps names its inner map.
        id: u32,
        /// `inner_id`: the `id` of the inner map; 0 for none.
        inner_id: u32,
        /// `inner_idx`: the slot of the outer map this one goes into; −1 for none.
        inner_index: i32,
    },
    /// A data section; programs may write it unless frozen.
    Data,
    /// A zeroed data section.
    Bss,
    /// A read-only data section: frozen before programs are loaded, so that the verifier knows its contents.
    Rodata,
    /// `.kconfig`: filled by [`crate::Object::kconfig`], then frozen.
    Kconfig,
    /// An instance of a struct_ops type; the index into [`crate::Object::struct_ops`].
    StructOps(usize),
}

/// Whether a map is pinned to the BPF file system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Pinning {
    /// Goes with its last user.
    #[default]
    None,
    /// libbpf's 1: under its name in the loader's directory.
    ByName,
    /// iproute2's 1 in a legacy record: in a directory of this object's own.
    ObjectNamespace,
    /// iproute2's 2: in a directory that all objects share.
    GlobalNamespace,
    /// Cilium's 16: by name, always created anew, replacing the old pin once programs are attached.
    Replace,
}

/// A slot of a map that the loader fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    /// Index (the key) of the slot.
    pub key: u32,
    /// What goes in.
    pub value: SlotValue,
}

/// What goes into a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SlotValue {
    /// A map, by its index in [`crate::Object::maps`].
    Map(usize),
    /// A program, by its index in [`crate::Object::programs`].
    Program(usize),
}

/// A part of a map's value that the kernel manages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecialField {
    /// Byte offset in the value.
    pub offset: u32,
    /// Bytes it takes.
    pub size: u32,
    /// What it is.
    pub kind: FieldKind,
}

/// The kinds of special field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// `struct bpf_spin_lock`
    SpinLock,
    /// `struct bpf_res_spin_lock`
    ResilientSpinLock,
    /// `struct bpf_timer`
    Timer,
    /// `struct bpf_wq`
    Workqueue,
    /// `struct bpf_task_work`
    TaskWork,
    /// `struct bpf_refcount`
    Refcount,
    /// A pointer to a kernel or program-allocated object.
    Kptr {
        /// Which tag it bears.
        tag: KptrTag,
        /// What it points at, in the object's BTF.
        pointee: TypeId,
    },
    /// `struct bpf_list_head`: what its `contains:` tag says.
    ListHead {
        /// Name of the struct in the list.
        contains: String,
        /// Member of that struct which links it.
        node: String,
    },
    /// `struct bpf_list_node`
    ListNode,
    /// `struct bpf_rb_root`: what its `contains:` tag says.
    RbRoot {
        /// Name of the struct in the tree.
        contains: String,
        /// Member of that struct which links it.
        node: String,
    },
    /// `struct bpf_rb_node`
    RbNode,
    /// `struct bpf_dynptr`: not allowed in a value; kept so that the checker can say where it is.
    Dynptr,
}

/// The type tag of a kernel pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KptrTag {
    /// `__kptr_untrusted`
    Untrusted,
    /// `__kptr`
    Referenced,
    /// `__percpu_kptr`
    PerCpu,
    /// `__uptr`: memory of the user's, task storage only.
    User,
}

/// A variable of a data section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Byte offset in the section's value.
    pub offset: u32,
    /// Bytes it takes.
    pub size: u32,
    /// Its BTF type (of the variable's contents, not the VAR itself).
    pub type_id: Option<TypeId>,
    /// Whether other objects can name it.
    pub global: bool,
}
