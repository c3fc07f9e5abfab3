//! Objects: map values, stack, packet, ring buffer records, and accesses whose place is computed.

use skep_isa::{AluOp, AtomicOp, Condition, Imm64, Insn, Operand, Reg, Size, Width};

use super::super::code::Pending;
use super::{BUFFER, BUFFER_LEN, CTX, KEY, SPILLED, TYPED_MAPS, Typed};

const LOOKUP: i32 = 1;
const ADJUST_HEAD: i32 = 44;
const RESERVE: i32 = 131;
const SUBMIT: i32 = 132;
const DISCARD: i32 = 133;

/// The map that is a ring buffer.
const RING: usize = 4;

/// Bytes of a record.
const RECORD: i32 = 40;

impl Typed<'_> {
    /// Looks up a map's value and uses it at a computed place.
    pub(super) fn use_value(&mut self) {
        let index = self.number();
        self.use_at(index);
    }

    /// The same with a given number as index.
    pub(super) fn use_at(&mut self, index: Reg) {
        let which = self.rng.below(RING);
        let map = TYPED_MAPS[which];
        self.key(which);
        self.code.wide(Reg::R1, Imm64::MapIndex(which as u32));
        self.code.mov(Reg::R2, Reg::R10);
        self.code.add_imm(Reg::R2, i32::from(KEY));
        self.code.helper(LOOKUP);
        let spilled = self.rng.one_in(5);
        if spilled {
            self.store(Size::Dw, Reg::R10, SPILLED, Operand::Reg(Reg::R0));
        }
        // Sometimes forgotten.
        let mut out = Vec::new();
        if !self.rng.one_in(40) {
            out.push(self.null(Reg::R0));
        }
        if spilled {
            self.load(Size::Dw, false, Reg::R0, Reg::R10, SPILLED);
        }
        out.extend(self.at_computed_place(Reg::R0, index, map.value_size as i32));
        self.land(out);
    }

    fn key(&mut self, which: usize) {
        if self.rng.one_in(3) {
            let src = Operand::Reg(self.number());
            self.store(Size::Dw, Reg::R10, KEY, src);
        } else {
            let src = Operand::Imm(self.rng.below(TYPED_MAPS[which].max_entries as usize + 1) as i32);
            self.store(Size::Dw, Reg::R10, KEY, src);
        }
    }

    fn null(&mut self, dst: Reg) -> Pending {
        let (width, cond, src) = (Width::W64, Condition::Eq, Operand::Imm(0));
        self.code.jump(Insn::JumpIf { width, cond, dst, src, off: 0 })
    }

    pub(super) fn land(&mut self, jumps: Vec<Pending>) {
        for jump in jumps {
            self.code.land(jump);
        }
    }

    /// `base[bounded index]`, `base` an object of `len` bytes. Uses r2 to r4.
    fn at_computed_place(&mut self, base: Reg, index: Reg, len: i32) -> Vec<Pending> {
        let size = self.size();
        let out = self.bounded(Reg::R2, index, len - size.bytes() as i32 + 1);
        let pointer = if self.rng.one_in(2) { Reg::R3 } else { base };
        if pointer != base {
            self.code.mov(pointer, base);
        }
        let op = if self.rng.one_in(8) { AluOp::Sub } else { AluOp::Add };
        self.alu(Width::W64, op, pointer, Operand::Reg(Reg::R2));
        let off = if self.rng.one_in(3) { self.rng.range(-8, 8) as i16 } else { 0 };
        self.access(pointer, size, off);
        out
    }

    fn access(&mut self, pointer: Reg, size: Size, off: i16) {
        let number = self.number();
        match self.rng.below(6) {
            0 | 1 => self.store(size, pointer, off, Operand::Reg(number)),
            2 => {
                let imm = self.imm();
                self.store(size, pointer, off, Operand::Imm(imm));
            }
            3 if matches!(size, Size::W | Size::Dw) && off % 4 == 0 => {
                let fetch = self.rng.one_in(2);
                self.code.push(Insn::Atomic {
                    op: AtomicOp::Add { fetch },
                    size,
                    dst: pointer,
                    off,
                    src: number,
                });
            }
            _ => {
                let signed = self.rng.one_in(3);
                self.load(size, signed, number, pointer, off);
            }
        }
    }

    /// A computed place in the buffer on the stack.
    pub(super) fn use_stack(&mut self) {
        let index = self.number();
        self.code.mov(Reg::R4, Reg::R10);
        self.code.add_imm(Reg::R4, i32::from(BUFFER));
        let out = self.at_computed_place(Reg::R4, index, BUFFER_LEN);
        self.land(out);
    }

    /// r4 = the packet, r5 = its end; then a check of a computed or constant length, in one of eight ways, and an access.
    pub(super) fn use_packet(&mut self) {
        self.load(Size::W, false, Reg::R4, CTX, 0);
        self.load(Size::W, false, Reg::R5, CTX, 4);
        let mut out = Vec::new();
        if self.rng.one_in(2) {
            let index = self.number();
            out.extend(self.bounded(Reg::R2, index, 40));
            self.alu(Width::W64, AluOp::Add, Reg::R4, Operand::Reg(Reg::R2));
        }
        let size = self.size();
        let off = self.rng.below(24) as i16;
        let need = i32::from(off) + size.bytes() as i32 + if self.rng.one_in(4) { -1 } else { 0 };
        self.code.mov(Reg::R3, Reg::R4);
        self.code.add_imm(Reg::R3, need);
        let beyond = *self.rng.pick(&[Condition::Gt, Condition::Gt, Condition::Ge]);
        let (dst, src, cond) = if self.rng.one_in(2) {
            (Reg::R3, Reg::R5, beyond)
        } else {
            (Reg::R5, Reg::R3, if beyond == Condition::Gt { Condition::Lt } else { Condition::Le })
        };
        let src = Operand::Reg(src);
        out.push(self.code.jump(Insn::JumpIf { width: Width::W64, cond, dst, src, off: 0 }));
        self.access(Reg::R4, size, off);
        self.land(out);
    }

    /// Moves the packet's head and, sometimes, goes on with a pointer from before.
    pub(super) fn move_packet(&mut self) {
        self.load(Size::W, false, Reg::R4, CTX, 0);
        self.store(Size::Dw, Reg::R10, SPILLED, Operand::Reg(Reg::R4));
        self.code.mov(Reg::R1, CTX);
        let by = self.rng.range(-8, 8) as i32;
        self.code.mov_imm(Reg::R2, by);
        self.code.helper(ADJUST_HEAD);
        if self.rng.one_in(6) {
            let number = self.number();
            self.load(Size::Dw, false, Reg::R4, Reg::R10, SPILLED);
            self.load(Size::B, false, number, Reg::R4, 0);
        }
    }

    /// A record of the ring buffer, written at a computed place and given back.
    pub(super) fn use_record(&mut self) {
        self.code.wide(Reg::R1, Imm64::MapIndex(RING as u32));
        self.code.mov_imm(Reg::R2, RECORD);
        self.code.mov_imm(Reg::R3, 0);
        self.code.helper(RESERVE);
        let none = self.null(Reg::R0);
        // What is out of bounds must still be given back: the pointer that is moved is a copy.
        self.code.mov(Reg::R4, Reg::R0);
        self.store(Size::Dw, Reg::R10, SPILLED, Operand::Reg(Reg::R0));
        let index = self.number();
        let out = self.at_computed_place(Reg::R4, index, RECORD);
        if !self.rng.one_in(30) {
            self.land(out);
            self.give_back();
            self.code.land(none);
        } else {
            // Forgotten on some paths.
            self.give_back();
            self.land(out);
            self.code.land(none);
        }
    }

    fn give_back(&mut self) {
        self.load(Size::Dw, false, Reg::R1, Reg::R10, SPILLED);
        self.code.mov_imm(Reg::R2, 0);
        let how = *self.rng.pick(&[SUBMIT, DISCARD]);
        self.code.helper(how);
    }
}
