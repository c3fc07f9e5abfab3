//! Kernel types by name, and whether one object will do where another is wanted.

use skep_btf::{Kind, TypeId};

use crate::explore::Walk;
use crate::kernel;

/// Contexts under the name for programs, and the kernel's own structs behind them.
const PROJECTIONS: [(&str, &str); 2] = [("__sk_buff", "sk_buff"), ("xdp_md", "xdp_buff")];
/// How the name of a struct ends whose object is not complete yet.
const UNMADE: &str = "___init";

impl Walk<'_> {
    /// The kernel's struct of this name.
    pub(crate) fn kernel_struct(&self, name: &str) -> Option<TypeId> {
        self.input.kernel_btf.as_deref()?.find(name, Kind::Struct)
    }

    /// The name of a kernel type.
    pub(crate) fn kernel_name(&self, id: TypeId) -> &str {
        self.input.kernel_btf.as_deref().map_or("", |btf| btf.name_of(id))
    }

    /// Whether the bytes at `off` of a `found` are a `wanted`. With `strict`, nothing but the type itself will do.
    pub(crate) fn type_fits(&self, found: TypeId, off: i32, wanted: TypeId, strict: bool) -> bool {
        let (Some(btf), Ok(off)) = (self.input.kernel_btf.as_deref(), u32::try_from(off)) else {
            return false;
        };
        let (have, want) = (btf.name_of(found), btf.name_of(wanted));
        // What is shown to programs under another name is taken under the kernel's own too.
        if off == 0 && PROJECTIONS.contains(&(want, have)) {
            return true;
        }
        // An object in the making is another thing than the object, though it begins with one.
        let unmade = |a: &str, b: &str| a.strip_suffix(UNMADE) == Some(b);
        let strict = strict || unmade(have, want) || unmade(want, have);
        if kernel::embeds(btf, found, off, wanted, strict) {
            return true;
        }
        // Some types are in the BTF twice.
        off == 0 && !have.is_empty() && have == want && btf.kind_of(found) == btf.kind_of(wanted)
    }
}
