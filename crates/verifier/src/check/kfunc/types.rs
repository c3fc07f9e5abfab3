//! Kernel types by name, and whether one object will do where another is wanted.

use skep_btf::{Kind, TypeId};

use crate::explore::Walk;
use crate::kernel;

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
        let Some(btf) = self.input.kernel_btf.as_deref() else { return false };
        let Ok(off) = u32::try_from(off) else { return false };
        if kernel::embeds(btf, found, off, wanted, strict) {
            return true;
        }
        // Some types are in the BTF twice.
        let (name, kind) = (btf.name_of(found), btf.kind_of(found));
        off == 0 && !name.is_empty() && name == btf.name_of(wanted) && kind == btf.kind_of(wanted)
    }
}
