//! `bpf_kptr_xchg`, and reading kptr fields directly.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use skep_maps::FieldKind;

use super::{Call, Row, row};
use crate::exec::{Run, Who};
use crate::fault::{Fault, FaultKind};
use crate::kptr::Object;
use crate::prov::{Kind, Life, Perm, Reg};

/// Rows of [`super::rows`].
pub(crate) static ROWS: &[Row] = &[row("kptr_xchg", exchange, "for objects that programs allocate")];

/// Gives an object to a field and takes the one that was there.
fn exchange(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let who = Who::Argument(2, call.name);
    let field = run.field_argument(call, 0, &[FieldKind::KptrRef, FieldKind::KptrPercpu])?;
    let new = call.reg(1);
    let new = match new.is_null() {
        true => 0,
        false => {
            let object = run.disown_object(new, call.name, &who)?;
            if field.type_id != 0 && object.type_id() != field.type_id {
                object.bury();
                let message =
                    format!("{who} has type {}, the field takes type {}", object.type_id(), field.type_id);
                return Err(run.fault(FaultKind::Argument, message));
            }
            object.address()
        }
    };
    if let Some(map) = run.map(call.reg(0)) {
        map.set_field_hooks(Arc::new(crate::timers::Hooks));
    }
    // SAFETY: a kptr field: 8 bytes, 8-aligned, written by exchanges only.
    let old = unsafe { AtomicU64::from_ptr(call.u64(0) as *mut u64) }.swap(new, Ordering::AcqRel);
    // SAFETY: the field owned it, and now this run does.
    Ok(unsafe { Object::at(old) }.map_or(Reg::ZERO, |object| run.own_object(object)))
}

impl Run<'_> {
    /// A load of a whole kptr field gives a pointer to read through; the guard keeps the object until the run ends.
    pub(crate) fn load_kptr(&mut self, reg: &Reg, addr: u64, size: u64) -> Option<Reg> {
        let offset = addr.wrapping_sub(reg.prov.base);
        let fields = &self.map_at(reg.prov.index)?.spec().fields;
        let kptr = |f: &&skep_maps::SpecialField| matches!(f.kind, FieldKind::KptrRef | FieldKind::KptrUnref);
        fields.iter().filter(kptr).find(|f| u64::from(f.offset) == offset).filter(|_| size == 8)?;
        // SAFETY: the field is alive and 8-aligned; what it holds is freed after this run at the earliest.
        let object = unsafe { Object::at(AtomicU64::from_ptr(addr as *mut u64).load(Ordering::Acquire)) };
        Some(match object {
            Some(o) => Reg::pointer(Kind::Memory, o.address(), o.size() as usize, Perm::READ, Life::RUN),
            None => Reg::ZERO,
        })
    }
}
