//! Kernel pointers in fields of map values and objects.
//!
//! A pointer of any tag may be loaded: how far it is to be trusted follows from its tag and from whether RCU keeps it. Only one that is merely
//! remembered (`__kptr_untrusted`) may be stored; one that owns its object changes hands through `bpf_kptr_xchg` alone.

use skep_isa::Reg as Number;

use super::super::memory::{Purpose, Touch};
use super::super::stack::Stored;
use crate::Code;
use crate::explore::Walk;
use crate::record::{Field, FieldKind, Target};
use crate::state::{Flags, Held, MapId, Reg, RegKind};
use crate::verdict::Checked;

/// Kernel objects that are freed only after an RCU grace period.
const RCU_PROTECTED: &[&str] =
    &["bpf_cpumask", "bpf_crypto_ctx", "cgroup", "prog_test_ref_kfunc", "task_struct"];

/// A field with what its types are a part of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kptr {
    pub(crate) field: Field,
    /// Whether the field's own types are those of the program.
    own: bool,
}

impl Walk<'_> {
    /// The kernel pointer in a map's value that an access is for, if it is for one.
    pub(crate) fn kptr_access(&self, map: MapId, pointer: &Reg, touch: Touch) -> Checked<Option<Kptr>> {
        let info = self.map(map);
        let Touch { number, off, size, purpose } = touch;
        if !info.record.fields().iter().any(|field| field.kind.is_pointer()) || pointer.is_nullable() {
            return Ok(None);
        }
        self.map_access(map, number, purpose == Purpose::Write)?;
        self.bounded(pointer, touch, info.value_size, Code::MapValueBounds)?;
        let base = i64::from(pointer.off) + i64::from(off);
        let low = base + pointer.value.s64.min;
        let end = base + pointer.value.u64.max as i64 + i64::from(size);
        let over = |field: &&Field| {
            let start = i64::from(field.offset);
            field.kind.is_pointer() && low < start + i64::from(field.size) && start < end
        };
        let Some(&field) = info.record.fields().iter().find(over) else { return Ok(None) };
        let fail = |message: &str| self.fail_at(Code::SpecialField, number, message);
        if pointer.value.as_constant().is_none() {
            return fail("a kernel pointer in a value is accessed at a constant offset");
        }
        if low != i64::from(field.offset) {
            return fail("a kernel pointer in a value is not accessed from its middle");
        }
        if size != 8 {
            return fail("a kernel pointer in a value is accessed as a whole, 8 bytes");
        }
        Ok(Some(Kptr { field, own: info.shares_types }))
    }

    /// What a load of the field gives.
    pub(crate) fn kptr_load(&mut self, kptr: Kptr) -> Checked<Reg> {
        let Kptr { field, own } = kptr;
        if field.kind == FieldKind::Uptr {
            return self.uptr_load(kptr);
        }
        let in_rcu = self.in_rcu();
        let (kind, flags) = match field.target {
            Target::Kernel(id) => {
                let name = self.kernel_name(id);
                let kept = match field.kind {
                    FieldKind::KptrPercpu => true,
                    FieldKind::Kptr => RCU_PROTECTED.contains(&name),
                    _ => false,
                };
                let flags = match (kept && in_rcu, field.kind) {
                    (true, FieldKind::KptrPercpu) => Flags::RCU.with(Flags::PERCPU),
                    (true, _) => Flags::RCU,
                    (false, _) => Flags::UNTRUSTED,
                };
                (RegKind::Btf(id), flags)
            }
            Target::Local(id) if own => {
                let kept = field.kind != FieldKind::KptrUntrusted && in_rcu;
                let flags = match (kept, field.kind) {
                    (true, FieldKind::KptrPercpu) => Flags::RCU.with(Flags::PERCPU),
                    (true, _) => Flags::RCU.with(Flags::OWNED),
                    (false, _) => Flags::UNTRUSTED,
                };
                (RegKind::Allocated(id), flags)
            }
            _ => return self.unsupported("a kernel pointer of a type that is not known here"),
        };
        let mut reg = Reg::pointer(kind).with(flags.with(Flags::NULLABLE));
        reg.id = self.fresh_id();
        Ok(reg)
    }

    /// Memory of the user's, as long as the type says.
    fn uptr_load(&mut self, kptr: Kptr) -> Checked<Reg> {
        let Target::Local(id) = kptr.field.target else {
            return self.unsupported("a user's pointer to nothing known");
        };
        if !kptr.own {
            return self.unsupported("types of a map that are not the program's");
        }
        let Some(size) = self.own_types()?.size_of(id) else {
            return self.unsupported("a type without a size");
        };
        let mut reg = Reg::pointer(RegKind::Mem(size)).with(Flags::NULLABLE);
        reg.id = self.fresh_id();
        Ok(reg)
    }

    /// A store into the field.
    pub(crate) fn kptr_store(&mut self, kptr: Kptr, number: Number, stored: Stored) -> Checked {
        match kptr.field.kind {
            FieldKind::KptrUntrusted => {}
            FieldKind::Uptr => {
                return self.fail_at(Code::SpecialField, number, "a user's pointer is set by the user only");
            }
            _ => {
                let message = "a pointer that owns its object is exchanged by bpf_kptr_xchg, not stored";
                return self.fail_at(Code::SpecialField, number, message);
            }
        }
        let Some(value) = stored.value else {
            return self.fail_at(Code::SpecialField, number, "an atomic instruction on a kernel pointer");
        };
        if value.is_null() {
            return Ok(());
        }
        self.kptr_fits(kptr, stored.number.unwrap_or(number), &value)
    }

    /// The object may lie in the field.
    pub(crate) fn kptr_fits(&self, kptr: Kptr, number: Number, value: &Reg) -> Checked {
        let Kptr { field, own } = kptr;
        let remembered = field.kind == FieldKind::KptrUntrusted;
        let mut allowed = match value.kind {
            RegKind::Btf(_) => Flags::NULLABLE.with(Flags::TRUSTED).with(Flags::RCU),
            _ => Flags::NULLABLE.with(Flags::OWNED),
        };
        if remembered && matches!(value.kind, RegKind::Btf(_)) {
            allowed = allowed.with(Flags::UNTRUSTED);
        }
        if field.kind == FieldKind::KptrPercpu {
            allowed = allowed.with(Flags::PERCPU);
        }
        let same = match (value.kind, field.target) {
            (RegKind::Btf(found), Target::Kernel(wanted)) => {
                self.type_fits(found, value.off, wanted, !remembered)
            }
            (RegKind::Allocated(found), Target::Local(wanted)) if own => found == wanted && value.off == 0,
            (RegKind::Allocated(_), Target::Local(_)) | (RegKind::Btf(_), Target::Unknown) => {
                return self.unsupported("types of a map that are not the program's");
            }
            _ => false,
        };
        if field.kind != FieldKind::KptrUntrusted && value.is_nullable() {
            let message = format!("{value} is put into a field: compare it with NULL first");
            return self.fail_at(Code::MaybeNull, number, message);
        }
        let unmoved = value.value.as_constant() == Some(0) && value.off >= 0;
        if same && unmoved && value.flags.without(allowed) == Flags::NONE {
            return Ok(());
        }
        let message = format!("{value} is put into a {} of another type or trust", field.kind.name());
        self.fail_at(Code::BadArgument, number, message)
    }

    /// The field that `bpf_kptr_xchg` is given.
    pub(crate) fn kptr_given(&self, number: Number, reg: &Reg) -> Checked<Kptr> {
        let own = match reg.kind {
            RegKind::MapValue(map) if !reg.is_nullable() => self.map(map).shares_types,
            RegKind::Allocated(_)
                if reg.flags == Flags::OWNED || reg.flags == Flags::OWNED.with(Flags::NON_OWNING) =>
            {
                true
            }
            _ => {
                let message = format!("{reg} is given where a __kptr in a map value or object must be");
                return self.fail_at(Code::BadArgument, number, message);
            }
        };
        let field = self.field_at(number, reg, &[FieldKind::Kptr, FieldKind::KptrPercpu])?;
        Ok(Kptr { field, own })
    }

    /// What was in the field.
    pub(crate) fn kptr_taken(&mut self, kptr: Kptr) -> Checked<Reg> {
        let (kind, flags) = match kptr.field.target {
            Target::Kernel(id) => (RegKind::Btf(id), Flags::NONE),
            Target::Local(id) if kptr.own && kptr.field.kind == FieldKind::KptrPercpu => {
                (RegKind::Allocated(id), Flags::OWNED.with(Flags::PERCPU))
            }
            Target::Local(id) if kptr.own => (RegKind::Allocated(id), Flags::OWNED),
            _ => return self.unsupported("types of a map that are not the program's"),
        };
        let mut reg = Reg::pointer(kind).with(flags.with(Flags::NULLABLE));
        reg.id = self.fresh_id();
        reg.reference = reg.id;
        self.state.held.push(Held::reference(reg.id, self.at));
        Ok(reg)
    }

    /// A per-CPU object that was put into a field stays readable while RCU keeps it.
    pub(crate) fn kptr_kept(&mut self, reference: u32) {
        if !self.in_rcu() {
            return;
        }
        self.state.each_reg(|reg| {
            let percpu = matches!(reg.kind, RegKind::Allocated(_)) && reg.flags.has(Flags::PERCPU);
            if percpu && reg.reference == reference {
                reg.reference = 0;
                reg.flags = reg.flags.without(Flags::OWNED).with(Flags::RCU);
            }
        });
    }
}
