//! Dynptrs of kernel functions: made over a packet or as a copy, cut into slices.

use skep_isa::Reg as Number;
use skep_platform::helper::DynptrKinds;

use super::Call;
use crate::Code;
use crate::explore::Walk;
use crate::state::{DynptrSort, Flags, Reg, RegKind};
use crate::verdict::Checked;

impl Walk<'_> {
    /// An argument that is a dynptr, or, `fresh`, the place for one.
    pub(super) fn kfunc_dynptr(
        &mut self,
        call: &mut Call,
        number: Number,
        reg: &Reg,
        fresh: bool,
    ) -> Checked {
        let unmoved = reg.off == 0 && reg.value.as_constant() == Some(0);
        if matches!(reg.kind, RegKind::Dynptr(_)) && !unmoved {
            return self.fail_at(Code::BadArgument, number, "a dynptr must be handed on unmoved");
        }
        if !fresh {
            call.dynptr = Some(self.dynptr_given(number, DynptrKinds::Any)?);
            return Ok(());
        }
        let (sort, reference) = match (call.proto.name.as_str(), call.dynptr) {
            ("bpf_dynptr_from_skb", _) => (DynptrSort::Skb, None),
            ("bpf_dynptr_from_xdp", _) => (DynptrSort::Xdp, None),
            ("bpf_dynptr_from_skb_meta", _) => (DynptrSort::SkbMeta, None),
            ("bpf_dynptr_clone", Some(Reg { kind: RegKind::Dynptr(sort), reference, .. })) => {
                (sort, Some(reference))
            }
            _ => return self.unsupported(format!("the dynptr that {} makes", call.proto.name)),
        };
        self.dynptr_make(number, sort, reference).map(drop)
    }

    /// A part of a dynptr as memory of the constant size that was asked for.
    pub(super) fn dynptr_slice(&mut self, call: &Call) -> Checked<Reg> {
        let (Some(size), Some(dynptr)) = (call.constant, call.dynptr) else {
            return self.unsupported("a slice without a size");
        };
        let mut slice = self.nullable(RegKind::Mem(u32::try_from(size).unwrap_or(u32::MAX)));
        if matches!(dynptr.kind, RegKind::Dynptr(sort) if sort.is_packet()) {
            slice = slice.with(Flags::SLICE);
        }
        if call.proto.name == "bpf_dynptr_slice" {
            slice = slice.with(Flags::RDONLY);
        } else if !self.may_write_packet() {
            return self.fail(Code::ReadOnly, "this program may not write the packet");
        }
        // What lies behind other dynptrs outlives them. Linux lets slices of records go on as well, which is an oversight.
        if matches!(dynptr.kind, RegKind::Dynptr(sort) if sort.is_counted()) {
            slice.dynptr = dynptr.id;
        }
        Ok(slice)
    }
}
