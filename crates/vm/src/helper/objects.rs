//! Objects that live in stack slots: dynptrs, iterators, IRQ flags.
//!
//! A program holds them by the address of 8 or 16 bytes of its stack. What they really are is kept in a table of the run; the
//! slots only carry the tag that says so and the object's number, so no store of the program can forge one. A store over one
//! that holds nothing ends it; a store over one that holds a resource is a fault, as is reading its bytes.

use crate::exec::{OBJECT, Run, Who};
use crate::fault::{Fault, FaultKind};
use crate::prov::{Kind, Life, Perm, Prov, Reg};

/// What may lie in stack slots.
pub(crate) enum StackObject {
    /// Two slots.
    Dynptr(Dynptr),
    /// One slot: `struct bpf_iter_num`.
    Numbers(Numbers),
    /// Two slots: `struct bpf_iter_bits`.
    Bits(Bits),
    /// One slot: interrupts were disabled, that many deep.
    Irq(u32),
}

/// A sized view of memory.
#[derive(Clone, Copy)]
pub(crate) struct Dynptr {
    /// First byte, with the provenance of the memory behind it; a number where the dynptr is null.
    pub(crate) data: Reg,
    /// Bytes from there.
    pub(crate) len: u32,
    /// Slices live as long.
    pub(crate) life: Life,
    /// A ring buffer record: to be submitted or discarded.
    pub(crate) ringbuf: bool,
}

/// `bpf_iter_num`: what `bpf_for` is made of.
pub(crate) struct Numbers {
    pub(crate) next: i64,
    pub(crate) end: i64,
    /// What `next` gives the address of; 4 bytes are the program's.
    pub(crate) value: Box<u64>,
    pub(crate) life: Life,
}

/// `bpf_iter_bits`: the numbers of the bits set in some words.
pub(crate) struct Bits {
    pub(crate) words: Vec<u64>,
    pub(crate) next: u32,
    pub(crate) value: Box<u64>,
    pub(crate) life: Life,
}

impl StackObject {
    fn slots(&self) -> usize {
        match self {
            Self::Dynptr(_) | Self::Bits(_) => 2,
            Self::Numbers(_) | Self::Irq(_) => 1,
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Dynptr(_) => "a dynptr",
            Self::Numbers(_) => "a number iterator",
            Self::Bits(_) => "a bit iterator",
            Self::Irq(_) => "an IRQ flag",
        }
    }

    /// Whether something is lost when it is overwritten.
    fn holds(&self) -> bool {
        match self {
            Self::Dynptr(d) => d.ringbuf,
            Self::Numbers(_) | Self::Bits(_) | Self::Irq(_) => true,
        }
    }

    fn life(&self) -> Option<Life> {
        match self {
            Self::Dynptr(d) => Some(d.life),
            Self::Numbers(n) => Some(n.life),
            Self::Bits(b) => Some(b.life),
            Self::Irq(_) => None,
        }
    }
}

/// The table of a run.
#[derive(Default)]
pub(crate) struct StackObjects {
    table: Vec<Option<StackObject>>,
    free: Vec<u32>,
}

impl StackObjects {
    pub(crate) fn is_empty(&self) -> bool {
        self.table.len() == self.free.len()
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut StackObject> {
        self.table.get_mut(number as usize)?.as_mut()
    }

    pub(crate) fn get(&self, number: u32) -> Option<&StackObject> {
        self.table.get(number as usize)?.as_ref()
    }

    pub(crate) fn add(&mut self, object: StackObject) -> u32 {
        match self.free.pop() {
            Some(number) => {
                self.table[number as usize] = Some(object);
                number
            }
            None => {
                self.table.push(Some(object));
                self.table.len() as u32 - 1
            }
        }
    }

    pub(crate) fn remove(&mut self, number: u32) -> Option<StackObject> {
        let object = self.table.get_mut(number as usize)?.take()?;
        self.free.push(number);
        Some(object)
    }
}

impl Run<'_> {
    /// The slot index that a stack object argument names: aligned, in one frame, with room for `slots`.
    fn object_slot(&mut self, reg: &Reg, slots: usize, who: &Who<'_>) -> Result<usize, Fault> {
        if reg.prov.kind != Kind::Stack {
            return Err(self.not_a(reg, "a place in the stack", who));
        }
        let ptr = self.check(reg, 0, slots as u64 * 8, true, who)? as u64;
        if !ptr.is_multiple_of(8) {
            return Err(self.fault(FaultKind::Unaligned, format!("{who} must be a multiple of 8")));
        }
        Ok(self.m_ref().slot(ptr))
    }

    /// Puts an object into the slots at `reg`, over whatever was there and holds nothing.
    pub(crate) fn put_object(&mut self, reg: &Reg, object: StackObject, who: &Who<'_>) -> Result<u32, Fault> {
        let slots = object.slots();
        let first = self.object_slot(reg, slots, who)?;
        for slot in first..first + slots {
            if self.m_ref().stack.tags[slot] & OBJECT != 0 {
                self.overwrite_object(slot)?;
            }
        }
        let number = self.state.objects.add(object);
        let stack = &mut self.m().stack;
        for part in 0..slots {
            stack.tags[first + part] = OBJECT;
            let prov = Prov { kind: Kind::Dynptr, base: number.into(), index: part as u16, ..Prov::SCALAR };
            stack.provs[first + part] = prov;
        }
        Ok(number)
    }

    /// The number of the object that begins at `reg`.
    pub(crate) fn object_at(&mut self, reg: &Reg, what: &str, who: &Who<'_>) -> Result<u32, Fault> {
        if reg.prov.kind == Kind::Dynptr {
            self.check_alive(reg, who)?;
            return Ok(reg.prov.base as u32);
        }
        let slot = self.object_slot(reg, 1, who)?;
        let (tag, prov) = (self.m_ref().stack.tags[slot], self.m_ref().stack.provs[slot]);
        if tag & OBJECT == 0 || prov.index != 0 {
            let message = format!("{who} is not {what}: none begins at {reg}");
            return Err(self.fault(FaultKind::Protocol, message));
        }
        Ok(prov.base as u32)
    }

    /// Takes the object that begins at `reg` out of its slots.
    pub(crate) fn take_object(&mut self, reg: &Reg, what: &str, who: &Who<'_>) -> Result<StackObject, Fault> {
        let number = self.object_at(reg, what, who)?;
        if reg.prov.kind == Kind::Stack {
            self.clear_slots(number);
        }
        match self.state.objects.remove(number) {
            Some(object) => Ok(object),
            None => Err(self.fault(FaultKind::Protocol, format!("{who} is not {what}"))),
        }
    }

    /// All slots of the object become plain bytes.
    fn clear_slots(&mut self, number: u32) {
        let stack = &mut self.m().stack;
        for (tag, prov) in stack.tags.iter_mut().zip(&stack.provs) {
            if *tag & OBJECT != 0 && prov.base == u64::from(number) {
                *tag = 0;
            }
        }
    }

    /// A store hits a stack object: one that holds nothing just ends.
    pub(crate) fn overwrite_object(&mut self, slot: usize) -> Result<(), Fault> {
        let number = self.m_ref().stack.provs[slot].base as u32;
        if let Some(object) = self.state.objects.get(number)
            && object.holds()
        {
            let message = format!("store over {} that is in use", object.name());
            return Err(self.fault(FaultKind::Protocol, message));
        }
        self.clear_slots(number);
        if let Some(life) = self.state.objects.remove(number).and_then(|o| o.life()) {
            self.m().lives.release(life);
        }
        Ok(())
    }

    /// The frame's objects end with it; those that hold something are found as leaks.
    pub(crate) fn end_objects_of_frame(&mut self, first_slot: usize, slots: usize) {
        for slot in first_slot..first_slot + slots {
            if self.m_ref().stack.tags[slot] & OBJECT != 0 {
                let _ = self.overwrite_object(slot);
            }
        }
    }

    /// A dynptr that a callback gets: alive until it is released by the caller.
    pub(crate) fn lend_dynptr(&mut self, at: u64, len: usize) -> Reg {
        let life = self.acquire("sample", false, Life::RUN, None);
        let data = Reg::pointer(Kind::Memory, at, len, Perm::READ, life);
        let dynptr = Dynptr { data, len: len as u32, life, ringbuf: false };
        let number = self.state.objects.add(StackObject::Dynptr(dynptr));
        let prov = Prov { kind: Kind::Dynptr, base: number.into(), life, ..Prov::SCALAR };
        Reg { val: 1 << 49 | u64::from(number) << 4, prov }
    }

    /// Ends what [`Run::lend_dynptr`] began.
    pub(crate) fn end_lent(&mut self, reg: &Reg) {
        self.state.objects.remove(reg.prov.base as u32);
        self.release(reg);
    }
}
