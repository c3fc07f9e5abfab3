//! What an object leaves for the machine to supply: externs, struct_ops types.

use skep_btf::TypeId;

/// A symbol that the machine must supply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extern {
    /// Its name; for kernel functions and variables without a `___flavor` suffix.
    pub name: String,
    /// Whether its absence is allowed; it is then 0.
    pub weak: bool,
    /// What it is.
    pub kind: ExternKind,
}

/// The kinds of extern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExternKind {
    /// `__kconfig`: a value in the `.kconfig` map.
    Kconfig {
        /// Byte offset in the map's value.
        offset: u32,
        /// Bytes it takes.
        size: u32,
        /// Shape of the value.
        value: KconfigType,
    },
    /// `__ksym` variable: the address of a kernel variable, by its type when it has one (`None` for `void`).
    Variable {
        /// The type it is declared with in the object's BTF.
        type_id: Option<TypeId>,
    },
    /// `__ksym` function: a kernel function.
    Function {
        /// Its prototype in the object's BTF.
        proto: TypeId,
    },
    /// A symbol that nothing in the object defines and no section claims (rustc's panic entry points); using it is an
    /// error of [`crate::Program::relocate`] unless weak, so that an object with one unusable program still parses.
    Undefined,
}

/// The C type that a `__kconfig` variable is declared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KconfigType {
    /// `bool`: `y` or `n`.
    Bool,
    /// `enum libbpf_tristate`: `n` = 0, `y` = 1, `m` = 2.
    Tristate,
    /// `char`: `y`, `m` or `n` as a letter.
    Char,
    /// An integer.
    Integer {
        /// Whether it is signed.
        signed: bool,
    },
    /// `char[N]`: text in quotation marks, cut to the array.
    Text,
}

/// An instance of a struct_ops type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StructOps {
    /// Name of the variable.
    pub name: String,
    /// Name of the kernel's type (`tcp_congestion_ops`, `sched_ext_ops`).
    pub type_name: String,
    /// That type in the object's BTF.
    pub type_id: TypeId,
    /// Whether it was in `.struct_ops.link`: attached through a link and not by the map update alone.
    pub link: bool,
    /// False when the section's name began with `?`: create it only when asked for.
    pub autocreate: bool,
    /// Initial bytes in the object's own layout; function members are zero.
    pub initial: Vec<u8>,
    /// Members that hold programs.
    pub members: Vec<StructOpsMember>,
}

/// A member of a struct_ops instance that holds a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StructOpsMember {
    /// Name of the member.
    pub name: String,
    /// Index of the member in the struct.
    pub index: usize,
    /// Byte offset in the struct.
    pub offset: u32,
    /// Index into [`crate::Object::programs`].
    pub program: usize,
}
