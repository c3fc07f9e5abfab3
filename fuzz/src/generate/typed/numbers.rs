//! Numbers: where they come from, what is computed with them, how they are bounded.

use skep_isa::{AluOp, Condition, Endian, Insn, Operand, Reg, Size, Width};

use super::super::code::Pending;
use super::super::draw::{CONDITIONS, OPS, V4_OPS};
use super::{CTX, NUMBERS, SLOTS, Typed};

/// Offsets of `struct xdp_md` that hold numbers: the interface and the queue.
const FIELDS: [i16; 2] = [12, 16];

/// Helpers without arguments that give a number: the time, randomness. (Of the processor Linux knows how many there are.)
const SOURCES: [i32; 2] = [5, 7];

impl Typed<'_> {
    /// A number from outside, or any constant.
    pub(super) fn fresh(&mut self, dst: Reg) {
        match self.rng.below(6) {
            0 => {
                let imm = self.imm();
                self.code.mov_imm(dst, imm);
            }
            1 => {
                let value = skep_isa::Imm64::Value(self.rng.interesting());
                self.code.wide(dst, value);
            }
            2 if self.function == 0 => {
                let off = *self.rng.pick(&FIELDS);
                self.load(Size::W, false, dst, CTX, off);
            }
            _ => {
                let source = *self.rng.pick(&SOURCES);
                self.code.helper(source);
                self.code.mov(dst, Reg::R0);
            }
        }
    }

    pub(super) fn arithmetic(&mut self) {
        let dst = self.number();
        self.compute(dst);
    }

    /// As [`Self::arithmetic`], but leaves one register alone.
    pub(super) fn arithmetic_but(&mut self, kept: Reg) {
        let dst = self.number();
        if dst != kept {
            self.compute(dst);
        }
    }

    fn compute(&mut self, dst: Reg) {
        let (width, src) = (self.width(), self.number());
        let insn = match self.rng.below(14) {
            0 => Insn::Neg { width, dst },
            1 => {
                let kind = *self.rng.pick(&[Endian::Be, Endian::Le, Endian::Swap]);
                Insn::Endian { kind, size: *self.rng.pick(&[Size::H, Size::W, Size::Dw]), dst }
            }
            2 | 3 => {
                let narrow = &[Size::B, Size::H][..];
                let from =
                    *self.rng.pick(if width == Width::W32 { narrow } else { &[Size::B, Size::H, Size::W] });
                Insn::MovSx { width, from, dst, src }
            }
            _ => {
                let ops = if self.rng.one_in(8) { V4_OPS } else { OPS };
                let op = *self.rng.pick(ops);
                let src = self.operand(op, width);
                Insn::Alu { width, op, dst, src }
            }
        };
        self.code.push(insn);
    }

    /// A right-hand side: Linux refuses constants that divide by zero or shift too far.
    fn operand(&mut self, op: AluOp, width: Width) -> Operand {
        if self.rng.one_in(2) {
            return Operand::Reg(self.number());
        }
        let imm = self.imm();
        Operand::Imm(match op {
            AluOp::Lsh | AluOp::Rsh | AluOp::Arsh => imm & if width == Width::W32 { 31 } else { 63 },
            AluOp::Div | AluOp::Mod | AluOp::Sdiv | AluOp::Smod if imm == 0 => 3,
            _ => imm,
        })
    }

    /// A comparison between numbers, or with a constant; the jump is taken where it holds.
    pub(super) fn compare(&mut self) -> Pending {
        let (width, cond, dst) = (self.width(), *self.rng.pick(CONDITIONS), self.number());
        let src =
            if self.rng.one_in(3) { Operand::Reg(self.number()) } else { Operand::Imm(self.small_or_any()) };
        self.code.jump(Insn::JumpIf { width, cond, dst, src, off: 0 })
    }

    fn small_or_any(&mut self) -> i32 {
        if self.rng.one_in(3) { self.imm() } else { self.rng.range(-4, 80) as i32 }
    }

    /// Puts a number into `dst` and bounds it to about `room` values. Jumps to be landed where it is out of bounds.
    pub(super) fn bounded(&mut self, dst: Reg, from: Reg, room: i32) -> Vec<Pending> {
        let mut out = Vec::new();
        let width = if self.rng.one_in(3) { Width::W32 } else { Width::W64 };
        self.alu(width, AluOp::Mov, dst, Operand::Reg(from));
        if self.rng.one_in(4) {
            // The copy that is checked need not be the one that is used.
            let by = self.rng.range(-8, 8) as i32;
            self.code.add_imm(dst, by);
        }
        let checked = if self.rng.one_in(4) { from } else { dst };
        for _ in 0..1 + self.rng.below(2) {
            match self.rng.below(7) {
                0 | 1 => self.mask(dst, room),
                2 => {
                    let width = self.width();
                    self.alu(width, AluOp::Mod, dst, Operand::Imm(room.max(1)));
                }
                3 => {
                    let (width, bits) = (self.width(), if room > 32 { 5 } else { 4 });
                    let all = if width == Width::W32 { 32 } else { 64 };
                    self.alu(width, AluOp::Rsh, dst, Operand::Imm(all - bits));
                }
                4 => out.extend(self.signed_window(checked, room)),
                _ => out.push(self.upper_bound(checked, room)),
            }
        }
        if self.rng.one_in(5) {
            let by = 1 + self.rng.below(3) as i32;
            let (width, op) =
                (self.width(), *self.rng.pick(&[AluOp::Lsh, AluOp::Mul, AluOp::Arsh, AluOp::Rsh]));
            self.alu(width, op, dst, Operand::Imm(by));
        }
        out
    }

    fn mask(&mut self, dst: Reg, room: i32) {
        let mask =
            (room.max(2) as u32).next_power_of_two() as i32 / if self.rng.one_in(4) { 1 } else { 2 } - 1;
        let mask = if self.rng.one_in(4) { mask & !7 } else { mask };
        let width = self.width();
        self.alu(width, AluOp::And, dst, Operand::Imm(mask));
    }

    /// `if dst > n goto out`, in one of the ways there are, not all of which bound it.
    fn upper_bound(&mut self, dst: Reg, room: i32) -> Pending {
        let limit = self.rng.range(i64::from(room) / 2, i64::from(room) + 1) as i32;
        let cond =
            *self.rng.pick(&[Condition::Gt, Condition::Ge, Condition::Gt, Condition::Sgt, Condition::Sge]);
        let width = self.width();
        self.code.jump(Insn::JumpIf { width, cond, dst, src: Operand::Imm(limit), off: 0 })
    }

    /// Above and below, as signed numbers.
    fn signed_window(&mut self, dst: Reg, room: i32) -> [Pending; 2] {
        let width = self.width();
        let (low, high) = (self.rng.range(-2, 4) as i32, self.rng.range(4, i64::from(room)) as i32);
        let below =
            self.code.jump(Insn::JumpIf { width, cond: Condition::Slt, dst, src: Operand::Imm(low), off: 0 });
        let width = if self.rng.one_in(4) { self.width() } else { width };
        let above = self.code.jump(Insn::JumpIf {
            width,
            cond: Condition::Sgt,
            dst,
            src: Operand::Imm(high),
            off: 0,
        });
        [below, above]
    }

    /// A number to a slot of the stack, in one width, and back in another.
    pub(super) fn spill_and_fill(&mut self) {
        let (size, src) = (self.size(), self.number());
        let places = (-SLOTS / size.bytes() as i16) as usize;
        let off = SLOTS + size.bytes() as i16 * self.rng.below(places) as i16;
        self.store(size, Reg::R10, off, Operand::Reg(src));
        let (size, signed) = (self.size(), self.rng.one_in(3));
        let near = off - off.rem_euclid(size.bytes() as i16);
        let dst = *self.rng.pick(&NUMBERS);
        if dst != CTX {
            self.load(size, signed, dst, Reg::R10, near);
        }
    }
}
