//! Objects made, freed, counted.

use skep_btf::{Btf, Type, TypeId};
use skep_isa::Reg as Number;

use super::super::kfunc::Call;
use crate::Code;
use crate::explore::Walk;
use crate::record::FieldKind;
use crate::state::{Flags, Held, Reg, RegKind};
use crate::verdict::Checked;

/// The largest per-CPU object in bytes.
const PERCPU_MAX: u32 = 512;
/// How deep structs may lie in each other and still be numbers only.
const SCALAR_DEPTH: u32 = 4;

impl Walk<'_> {
    /// `bpf_obj_new` and its per-CPU sibling: a type's number in, an object or NULL out.
    pub(crate) fn object_new(&mut self, call: &Call, percpu: bool) -> Checked<Reg> {
        let Some(btf) = self.input.btf.as_deref() else {
            return self.fail(Code::BadKfunc, "objects are made of the program's types, and it has none");
        };
        let wrong = |text: &str| self.fail_at(Code::BadArgument, Number::R1, text);
        let Some(id) = call.constant.and_then(|id| u32::try_from(id).ok()).map(TypeId) else {
            return wrong("the type's number has more than 32 bits");
        };
        let Some(Type::Struct(item)) = btf.get(id) else { return wrong("the type must be a struct") };
        let mut flags = Flags::OWNED.with(Flags::NULLABLE);
        if percpu {
            if item.size > PERCPU_MAX {
                return wrong("a per-CPU object has at most 512 bytes");
            }
            if !is_scalars(btf, id, 0) {
                return wrong("a per-CPU object holds numbers only");
            }
            if !self.object_record(id).is_empty() {
                return wrong("a per-CPU object has no managed fields");
            }
            flags = flags.with(Flags::PERCPU);
        }
        Ok(self.acquired(id, 0, flags))
    }

    /// An owning pointer that is new.
    pub(super) fn acquired(&mut self, id: TypeId, off: u32, flags: Flags) -> Reg {
        let mut reg = Reg::pointer(RegKind::Allocated(id)).with(flags);
        reg.off = off as i32;
        reg.id = self.fresh_id();
        reg.reference = reg.id;
        self.state.held.push(Held::reference(reg.id, self.at));
        reg
    }

    /// An object that is given back.
    pub(crate) fn object_given_back(&self, call: &Call, number: Number, reg: &Reg) -> Checked {
        let percpu = call.proto.name == "bpf_percpu_obj_drop_impl";
        let wanted = if percpu { Flags::OWNED.with(Flags::PERCPU) } else { Flags::OWNED };
        if !matches!(reg.kind, RegKind::Allocated(_)) || reg.flags != wanted || reg.reference == 0 {
            let sort = if percpu {
                "a per-CPU object that the program owns"
            } else {
                "an object that the program owns"
            };
            return self.kfunc_misfit(call, number, reg, sort);
        }
        if reg.off != 0 || reg.value.as_constant() != Some(0) {
            return self.fail_at(
                Code::BadArgument,
                number,
                "an object is given back by a pointer to its start",
            );
        }
        Ok(())
    }

    /// An object whose references are counted; gives its type and whether it is owned already.
    pub(crate) fn counted_object(&self, call: &Call, number: Number, reg: &Reg) -> Checked {
        let RegKind::Allocated(id) = reg.kind else {
            return self.kfunc_misfit(call, number, reg, "an object of the program");
        };
        if !reg.flags.has(Flags::OWNED) {
            return self.kfunc_misfit(call, number, reg, "an object of the program");
        }
        if self.object_record(id).first(FieldKind::Refcount).is_none() {
            return self.fail_at(Code::BadArgument, number, "objects of this type have no bpf_refcount");
        }
        Ok(())
    }

    /// `bpf_refcount_acquire`: one more owner. It may fail unless somebody here owns the object already.
    pub(crate) fn object_shared(&mut self) -> Checked<Reg> {
        let given = *self.state.reg(Number::R1);
        let RegKind::Allocated(id) = given.kind else { return self.unsupported("a count of something else") };
        let owned = !given.flags.has(Flags::NON_OWNING);
        let flags = if owned { Flags::OWNED } else { Flags::OWNED.with(Flags::NULLABLE) };
        Ok(self.acquired(id, 0, flags))
    }
}

/// Whether a struct holds numbers only.
fn is_scalars(btf: &Btf, id: TypeId, depth: u32) -> bool {
    let Some(Type::Struct(item)) = btf.get(id) else { return false };
    depth < SCALAR_DEPTH
        && item.members.iter().all(|member| {
            let mut id = btf.resolve(member.type_id);
            if let Some(Type::Array(array)) = btf.get(id) {
                id = btf.resolve(array.element);
                return matches!(btf.get(id), Some(Type::Int(_) | Type::Enum(_) | Type::Enum64(_)));
            }
            match btf.get(id) {
                Some(Type::Struct(_)) => is_scalars(btf, id, depth + 1),
                Some(Type::Int(_) | Type::Enum(_) | Type::Enum64(_)) => true,
                _ => false,
            }
        })
}
