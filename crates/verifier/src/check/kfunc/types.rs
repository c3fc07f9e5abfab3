//! Kernel types by name, and whether one object will do where another is wanted.

use skep_btf::{Kind, Type, TypeId};

use crate::explore::Walk;

/// How deep first members are followed.
const DEPTH: u32 = 16;

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
        let (mut here, mut off) = (found, u32::try_from(off).unwrap_or(u32::MAX));
        for _ in 0..DEPTH {
            let same = here == wanted
                || (btf.name_of(here) == btf.name_of(wanted)
                    && !btf.name_of(here).is_empty()
                    && btf.kind_of(here) == btf.kind_of(wanted));
            if off == 0 && same {
                return true;
            }
            if strict && off == 0 {
                return false;
            }
            let Some(Type::Struct(composite)) = btf.get(here) else { return false };
            let inner = composite.members.iter().find_map(|member| {
                let (start, id) = (member.bit_offset / 8, btf.resolve(member.type_id));
                let size = btf.size_of(id)?;
                let inside = start <= off && off - start < size && member.bit_size == 0;
                (inside && btf.kind_of(id) == Some(Kind::Struct)).then(|| (id, off - start))
            });
            let Some((id, rest)) = inner else { return false };
            (here, off) = (id, rest);
        }
        false
    }
}
