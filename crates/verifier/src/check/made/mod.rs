//! Objects that a program makes itself, and kernel pointers that it keeps in fields.
//!
//! # Problem
//!
//! `bpf_obj_new` gives memory of a type of the program's own. It may be freed, put into a field, a list or a tree, and from then on
//! belongs to somebody else; what the program still has in registers must not outlive that.
//!
//! # Idea
//!
//! A register that *owns* its object bears a reference, which must end on every path. Where the object goes into a list or tree, the
//! registers lose the reference and become *non-owning*: good for reads and writes while the lock of that list or tree is
//! held, void after. An object that counts its references may be owned more than once.
//!
//! [`access`] says what of an object is plain memory, [`field`] which managed field a pointer leads to, [`kptr`] moves pointers in and out of fields,
//! [`make`] makes and frees, [`graph`] is about lists and trees.

mod access;
mod field;
mod graph;
mod kptr;
mod make;

pub(crate) use kptr::Kptr;
use skep_btf::{Btf, TypeId};

use crate::explore::Walk;
use crate::record::Record;
use crate::state::{Flags, Reg, RegKind};
use crate::verdict::Checked;

impl Walk<'_> {
    /// The program's own types.
    pub(crate) fn own_types(&self) -> Checked<&Btf> {
        match self.input.btf.as_deref() {
            Some(btf) => Ok(btf),
            None => self.unsupported("objects of the program without its types"),
        }
    }

    /// The managed fields of a type of the program's.
    pub(crate) fn object_record(&self, id: TypeId) -> std::rc::Rc<Record> {
        if let Some(known) = self.objects.borrow().get(&id) {
            return std::rc::Rc::clone(known);
        }
        let read = |btf| Record::of(btf, self.input.kernel_btf.as_deref(), id, Record::OBJECT).ok();
        let record = std::rc::Rc::new(self.input.btf.as_deref().and_then(read).unwrap_or_default());
        self.objects.borrow_mut().insert(id, std::rc::Rc::clone(&record));
        record
    }

    /// The managed fields behind a pointer to a map's value or an object of the program.
    pub(crate) fn record_of(&self, reg: &Reg) -> std::rc::Rc<Record> {
        match reg.kind {
            RegKind::MapValue(map) => std::rc::Rc::new(self.map(map).record.clone()),
            RegKind::Allocated(id) => self.object_record(id),
            _ => std::rc::Rc::default(),
        }
    }

    /// Registers that own through this reference own no more: the object is in a list or tree now, whose lock is held.
    pub(crate) fn own_no_more(&mut self, reference: u32) {
        let record = self.state.frame().regs().iter().find_map(|reg| match reg.kind {
            RegKind::Allocated(id) if reg.reference == reference => Some(self.object_record(id)),
            _ => None,
        });
        let counted = record.is_some_and(|record| record.first(crate::record::FieldKind::Refcount).is_some());
        self.state.each_reg(|reg| {
            if reg.is_pointer() && reg.reference == reference {
                reg.reference = 0;
                reg.flags = non_owning(reg.flags, counted);
            }
        });
        self.state.held.retain(|held| held.id != reference || held.lock.is_some());
    }

    /// Objects in lists and trees are out of reach: their lock is given back, or one of them was taken out under another name.
    pub(crate) fn forget_non_owning(&mut self) {
        self.state.each_reg(|reg| {
            if reg.is_pointer() && reg.flags.has(Flags::NON_OWNING) {
                *reg = Reg::UNKNOWN;
            }
        });
    }
}

/// The flags of a pointer that does not own its object. One that is `counted` is kept by RCU as well.
pub(crate) fn non_owning(flags: Flags, counted: bool) -> Flags {
    let flags = flags.with(Flags::NON_OWNING);
    if counted { flags.with(Flags::RCU) } else { flags }
}
