//! `bpf_spin_lock` and `bpf_spin_unlock`.
//!
//! The lock is the word in the value that the application's `BPF_F_LOCK` takes too. One at a time; what is locked must be
//! unlocked by the same program, before it calls anything else or exits.

use skep_maps::{FieldKind, SpecialField, lock_word, unlock_word};

use super::state::Lock;
use super::{Call, Row, row};
use crate::exec::{Run, Who};
use crate::fault::{Fault, FaultKind};
use crate::prov::{Kind, Reg};

/// Rows of [`super::rows`].
pub(crate) static ROWS: &[Row] = &[row("spin_lock", lock, ""), row("spin_unlock", unlock, "")];

impl Run<'_> {
    /// The special field that argument `n` points to exactly, which must be of one of these kinds.
    pub(crate) fn field_argument(
        &self,
        call: &Call,
        n: usize,
        kinds: &[FieldKind],
    ) -> Result<SpecialField, Fault> {
        self.field_at(call.reg(n), kinds, &Who::Argument(n as u8 + 1, call.name))
    }

    /// The special field that a pointer points to exactly, which must be of one of these kinds.
    pub(crate) fn field_at(
        &self,
        reg: &Reg,
        kinds: &[FieldKind],
        who: &Who<'_>,
    ) -> Result<SpecialField, Fault> {
        let what = crate::exec::field_name(kinds[0]);
        if reg.prov.kind != Kind::MapValue {
            return Err(self.not_a(reg, &format!("a {what} in a map value"), who));
        }
        self.check_alive(reg, who)?;
        let offset = reg.val.wrapping_sub(reg.prov.base);
        let fields = self.map_at(reg.prov.index).map_or(&[][..], |m| &m.spec().fields);
        match fields.iter().find(|f| u64::from(f.offset) == offset && kinds.contains(&f.kind)) {
            Some(field) => Ok(*field),
            None => {
                let message = format!(
                    "{who} is offset {} of {}, where there is no {what}",
                    offset as i64,
                    self.object(&reg.prov)
                );
                Err(self.fault(FaultKind::Argument, message))
            }
        }
    }

    fn lock_argument(&self, call: &Call) -> Result<Lock, Fault> {
        self.field_argument(call, 0, &[FieldKind::SpinLock])?;
        Ok(Lock { word: call.u64(0), object: call.reg(0).prov.base })
    }
}

fn lock(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let lock = run.lock_argument(call)?;
    if run.state.lock.is_some() {
        return Err(run.fault(FaultKind::Locking, "spin_lock while a spin lock is held"));
    }
    lock_word(lock.word());
    run.state.lock = Some(lock);
    Ok(Reg::UNINIT)
}

fn unlock(run: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let lock = run.lock_argument(call)?;
    match run.state.lock {
        Some(held) if held == lock => {
            unlock_word(lock.word());
            run.state.lock = None;
            Ok(Reg::UNINIT)
        }
        Some(_) => {
            Err(run.fault(FaultKind::Locking, "spin_unlock of another lock than the one that is held"))
        }
        None => Err(run.fault(FaultKind::Locking, "spin_unlock without a lock held")),
    }
}
