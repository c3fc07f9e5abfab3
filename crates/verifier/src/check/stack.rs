//! Reads and writes of the stack.
//!
//! A full, aligned store keeps the whole register; a narrow one keeps a number; anything else leaves bytes of
//! which it is known only that they were written, or that they are zero. At an offset that varies, a write may have hit any byte in its reach and a
//! read may see any.

use skep_isa::Reg as Number;

use super::alu::{fits, unname};
use crate::explore::Walk;
use crate::state::{ByteKind, Reg, RegKind, SLOT, STACK_MAX, Slot, locate};
use crate::verdict::Checked;
use crate::{Code, Place};

/// Where an access to the stack may land.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach {
    /// Depth of the frame.
    pub(crate) frame: usize,
    /// Least offset of its first byte.
    pub(crate) low: i32,
    /// Greatest offset of its first byte.
    pub(crate) high: i32,
}

impl Reach {
    fn fixed(self) -> bool {
        self.low == self.high
    }
}

/// What a store puts there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored {
    /// The register it comes from.
    pub(crate) number: Option<Number>,
    /// What it is; `None` when something else writes, of which nothing is known.
    pub(crate) value: Option<Reg>,
}

impl Walk<'_> {
    /// Where an access of `size` bytes through `pointer` may land; it is inside the frame, and the frame is grown to it.
    pub(crate) fn stack_reach(
        &mut self,
        number: Number,
        pointer: &Reg,
        off: i32,
        size: i32,
    ) -> Checked<Reach> {
        let RegKind::Stack(frame) = pointer.kind else {
            return self.fail(Code::NotAPointer, "no stack pointer");
        };
        let base = i64::from(pointer.off) + i64::from(off);
        let (smin, smax) = (pointer.value.s64.min, pointer.value.s64.max);
        let limit = super::pointer::MAX_OFFSET;
        if smin <= -limit || smax >= limit {
            return self.fail_at(Code::StackBounds, number, "an unbounded offset into the stack");
        }
        let (low, high) = (base + smin, base + smax);
        if low < -i64::from(STACK_MAX) || high + i64::from(size) > 0 || high >= 0 {
            let message = format!("an access of {size} bytes at {low} to {high} from the frame pointer");
            return self.fail_at(Code::StackBounds, number, message);
        }
        let reach = Reach { frame: frame.into(), low: low as i32, high: high as i32 };
        let function = self.state.frames[reach.frame].function;
        self.stack_used[function] = self.stack_used[function].max(-reach.low as u32);
        self.state.frames[reach.frame].stack.grow(reach.low);
        Ok(reach)
    }

    pub(crate) fn stack_store(&mut self, number: Number, reach: Reach, size: i32, stored: Stored) -> Checked {
        if reach.fixed() {
            self.store_fixed(reach, size, stored)
        } else {
            self.store_varying(number, reach, size, stored)
        }
    }

    fn store_fixed(&mut self, reach: Reach, size: i32, stored: Stored) -> Checked {
        let (index, byte) = locate(reach.low);
        if size == SLOT && byte == 0 && stored.value.is_some() {
            self.killed = Some((reach.frame, index));
        }
        let unprivileged = self.input.unprivileged;
        let old = self.state.frames[reach.frame].stack.slot(index);
        if unprivileged && old.is_spill() && old.spilled.is_pointer() && size != SLOT {
            let message = "part of a spilled pointer is overwritten";
            return self.blame_stack(Code::Leak, reach.low, message);
        }
        self.destroy_dynptr(reach.frame, index)?;
        self.bar_behind_store(reach, size, stored.value.is_some_and(|value| value.is_pointer()));
        match stored.value {
            Some(value) if value.is_scalar() && byte == 0 && !unprivileged => {
                self.spill_number(reach, index, size, stored.number, value);
                Ok(())
            }
            Some(value) if value.is_pointer() => {
                if size != SLOT || byte != 0 {
                    return self.blame_stack(
                        Code::StackBounds,
                        reach.low,
                        "a pointer is spilled to other than a whole slot",
                    );
                }
                if reach.frame != self.state.depth() && matches!(value.kind, RegKind::Stack(_)) {
                    return self.blame_stack(
                        Code::Leak,
                        reach.low,
                        "a stack pointer is spilled to a caller's frame",
                    );
                }
                self.put_slot(reach.frame, index, size, value);
                Ok(())
            }
            value => {
                let zero = value.is_some_and(|value| value.is_null());
                if zero && let Some(number) = stored.number {
                    self.matters(number)?;
                }
                self.put_bytes(reach, size, if zero { ByteKind::Zero } else { ByteKind::Misc });
                Ok(())
            }
        }
    }

    fn spill_number(&mut self, reach: Reach, index: usize, size: i32, number: Option<Number>, value: Reg) {
        let mut kept = value;
        if fits(&value.value, 8 * size as u32) {
            kept = match number {
                Some(number) => self.named_spill(number, value),
                None => value,
            };
        } else {
            unname(&mut kept);
        }
        self.put_slot(reach.frame, index, size, kept);
        self.note_access(reach.frame as u8, index);
    }

    fn named_spill(&mut self, number: Number, value: Reg) -> Reg {
        self.named_copy(number, value)
    }

    /// A register into the low bytes of a slot; what else the slot held is no register any more.
    fn put_slot(&mut self, frame: usize, index: usize, size: i32, value: Reg) {
        let lenient = self.input.reads_unwritten();
        let slot = self.state.frames[frame].stack.slot_mut(index);
        slot.spilled = value;
        for (place, byte) in slot.bytes.iter_mut().enumerate() {
            if place < size as usize {
                *byte = ByteKind::Spill;
            } else if *byte != ByteKind::Zero && !(lenient && *byte == ByteKind::Invalid) {
                *byte = ByteKind::Misc;
            }
        }
    }

    fn put_bytes(&mut self, reach: Reach, size: i32, kind: ByteKind) {
        for off in reach.low..reach.low + size {
            let (index, byte) = locate(off);
            let slot = self.state.frames[reach.frame].stack.slot_mut(index);
            wipe(slot);
            slot.bytes[byte] = kind;
        }
    }

    /// A write somewhere between two offsets: every byte in reach may have changed or not.
    fn store_varying(&mut self, number: Number, reach: Reach, size: i32, stored: Stored) -> Checked {
        if !self.input.varies_stack() {
            return self.fail_at(
                Code::PointerArithmetic,
                number,
                "a stack offset that varies, which this load may not use",
            );
        }
        let zero = stored.value.is_some_and(|value| value.is_null());
        let mut zero_used = false;
        self.destroy_dynptrs_in(reach, size)?;
        for off in reach.low..reach.high + size {
            let (index, byte) = locate(off);
            let slot = self.state.frames[reach.frame].stack.slot_mut(index);
            if zero && slot.bytes[byte] == ByteKind::Spill && slot.spilled.is_null() {
                zero_used = true;
                continue;
            }
            let was_zero = slot.bytes[byte] == ByteKind::Zero;
            scrub(slot);
            slot.bytes[byte] = if zero && was_zero { ByteKind::Zero } else { ByteKind::Misc };
            zero_used |= zero && was_zero;
        }
        if zero_used && let Some(number) = stored.number {
            self.matters(number)?;
        }
        // The variable part of the pointer is a number too; it was marked when it was added.
        Ok(())
    }

    /// What a load of `size` bytes finds; without `into_register`, the reader is no register and must not see pointers.
    pub(crate) fn stack_load(&mut self, number: Number, reach: Reach, size: i32) -> Checked<Reg> {
        if !reach.fixed() {
            return self.load_varying(number, reach, size);
        }
        let (index, byte) = locate(reach.low);
        self.note_read(reach.frame, reach.low, reach.low + size);
        let slot = self.state.frames[reach.frame].stack.slot(index);
        // An access over two slots is misaligned and was refused.
        if !slot.is_spill() {
            return self.load_bytes(reach, size);
        }
        let spilled_bytes = slot.bytes.iter().take_while(|&&kind| kind == ByteKind::Spill).count() as i32;
        if size == SLOT && spilled_bytes == SLOT {
            self.note_access(reach.frame as u8, index);
            let value = self.named(slot.spilled);
            if value != slot.spilled && !self.input.unprivileged {
                self.state.frames[reach.frame].stack.slot_mut(index).spilled = value;
                return Ok(value);
            }
            return Ok(slot.spilled);
        }
        if !slot.spilled.is_scalar() {
            return self.blame_stack(Code::StackBounds, reach.low, "part of a spilled pointer is read");
        }
        if byte == 0 && size <= spilled_bytes {
            self.note_access(reach.frame as u8, index);
            let mut value = slot.spilled;
            if !fits(&value.value, 8 * size as u32) {
                unname(&mut value);
            }
            return Ok(value);
        }
        let kinds = &slot.bytes[byte..byte + size as usize];
        if kinds.iter().all(|&kind| kind == ByteKind::Spill) && slot.spilled.is_null() {
            self.note_access(reach.frame as u8, index);
            return Ok(Reg::constant(0));
        }
        self.load_bytes(reach, size)
    }

    fn load_bytes(&mut self, reach: Reach, size: i32) -> Checked<Reg> {
        let mut zeros = 0;
        for off in reach.low..reach.low + size {
            match self.state.frames[reach.frame].stack.byte(off) {
                ByteKind::Misc | ByteKind::Spill => {}
                ByteKind::Zero => zeros += 1,
                ByteKind::Invalid if self.input.reads_unwritten() => {}
                ByteKind::Invalid => {
                    return self.blame_stack(
                        Code::StackUninitialised,
                        off,
                        "a byte of the stack that was not written is read",
                    );
                }
                _ => {
                    return self.blame_stack(
                        Code::BadPointerAccess,
                        off,
                        "a dynptr or iterator is read directly",
                    );
                }
            }
        }
        Ok(if zeros == size { Reg::constant(0) } else { Reg::UNKNOWN })
    }

    fn load_varying(&mut self, number: Number, reach: Reach, size: i32) -> Checked<Reg> {
        self.check_written(number, reach, size, false)?;
        let kinds = (reach.low..reach.high + size).map(|off| self.state.frames[reach.frame].stack.byte(off));
        let zero = kinds.into_iter().all(|kind| kind == ByteKind::Zero);
        Ok(if zero { Reg::constant(0) } else { Reg::UNKNOWN })
    }

    /// All bytes in reach may be read, by a helper or at an offset that varies; with `clobber` they are then unknown.
    pub(crate) fn check_written(
        &mut self,
        number: Number,
        reach: Reach,
        size: i32,
        clobber: bool,
    ) -> Checked {
        if !reach.fixed() && !self.input.varies_stack() {
            return self.fail_at(
                Code::PointerArithmetic,
                number,
                "a stack offset that varies, which this load may not use",
            );
        }
        self.note_read(reach.frame, reach.low, reach.high + size);
        for off in reach.low..reach.high + size {
            let (index, byte) = locate(off);
            let slot = self.state.frames[reach.frame].stack.slot(index);
            let kind = slot.bytes[byte];
            let readable = match kind {
                ByteKind::Misc | ByteKind::Zero => true,
                ByteKind::Invalid => self.input.reads_unwritten(),
                ByteKind::Spill => slot.spilled.is_scalar() || !self.input.unprivileged,
                _ => false,
            };
            if !readable {
                return self.blame_stack(
                    Code::StackUninitialised,
                    off,
                    "a byte of the stack that was not written is read",
                );
            }
            // A spilled number is not marked: bytes given to something that only reads them say nothing of their value.
            if clobber {
                let slot = self.state.frames[reach.frame].stack.slot_mut(index);
                wipe(slot);
                slot.bytes[byte] = ByteKind::Misc;
            }
        }
        Ok(())
    }

    /// The bytes in reach are written by something else.
    pub(crate) fn stack_clobber(&mut self, number: Number, reach: Reach, size: i32) -> Checked {
        if size == 0 {
            return Ok(());
        }
        if !reach.fixed() {
            return self.store_varying(number, reach, size, Stored { number: None, value: None });
        }
        self.destroy_dynptrs_in(reach, size)?;
        for off in reach.low..reach.low + size {
            let (index, _) = locate(off);
            let slot = self.state.frames[reach.frame].stack.slot(index);
            if self.input.unprivileged && slot.is_spill() && slot.spilled.is_pointer() {
                return self.blame_stack(Code::Leak, off, "part of a spilled pointer is overwritten");
            }
        }
        self.bar_behind_store(reach, size, false);
        self.put_bytes(reach, size, ByteKind::Misc);
        Ok(())
    }

    pub(crate) fn blame_stack<T>(&self, code: Code, off: i32, message: &str) -> Checked<T> {
        crate::verdict::reject(code, self.at, Place::Stack(off), message)
    }
}

/// What lay behind a slot (a register, an iterator) is gone; its bytes were written.
fn scrub(slot: &mut Slot) {
    for byte in &mut slot.bytes {
        if !matches!(byte, ByteKind::Invalid | ByteKind::Zero) {
            *byte = ByteKind::Misc;
        }
    }
    slot.spilled = Reg::UNINIT;
}

/// As [`scrub`], for a slot that is written at a known place: where it held a register, nothing is known of its other bytes
/// either, zero or not.
fn wipe(slot: &mut Slot) {
    let held = slot.is_spill() || slot.is_special();
    scrub(slot);
    if held {
        slot.bytes
            .iter_mut()
            .filter(|byte| **byte != ByteKind::Invalid)
            .for_each(|byte| *byte = ByteKind::Misc);
    }
}
