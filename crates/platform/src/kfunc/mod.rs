//! kfuncs: kernel functions that programs call by BTF id.

/// One kernel function that programs may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kfunc {
    /// Its name.
    pub name: String,
    /// Its type id in the BTF it was read from.
    pub id: u32,
    /// Its prototype in C.
    pub prototype: String,
}
