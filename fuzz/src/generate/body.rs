//! Statements: prologue, arithmetic, memory, branches, loops, epilogue.

use skep_isa::{AluOp, AtomicOp, Condition, Endian, Imm64, Insn, Operand, Reg, Size, Width};

use super::{COUNTER, CTX, DATA, DATA_END, Function, KEY, PACKET, STACK, XDP_DATA, XDP_DATA_END, stack_load};

/// Loops and branches are nested no deeper than this: every level multiplies the paths that a verifier walks.
const MAX_DEPTH: usize = 2;

/// Loops run at most so many times, for the same reason.
const MAX_TURNS: usize = 4;

impl Function<'_> {
    /// Gives every register and every stack slot in use its first value.
    pub(super) fn prologue(&mut self) {
        if self.is_main() {
            self.code.mov(CTX, Reg::R1);
            self.load_packet();
        }
        // Arguments stay as they came; in the main function r1 is the context until here.
        let keep: &[Reg] = if self.is_main() { &[] } else { &[Reg::R1, Reg::R2, Reg::R3, Reg::R4, Reg::R5] };
        for reg in self.numbers.iter().filter(|reg| !keep.contains(reg)) {
            self.first_number(*reg);
        }
        for off in (KEY..0).step_by(8) {
            let src = self.operand();
            self.code.push(Insn::Store { size: Size::Dw, dst: Reg::R10, off, src });
        }
    }

    /// Sets the packet's registers and proves that [`PACKET`] bytes are there, or gives up. Uses r1.
    pub(super) fn load_packet(&mut self) {
        for (dst, off) in [(DATA, XDP_DATA), (DATA_END, XDP_DATA_END)] {
            self.code.push(Insn::Load { size: Size::W, signed: false, dst, src: CTX, off });
        }
        self.code.mov(Reg::R1, DATA);
        self.check_packet(Reg::R1, PACKET);
    }

    /// Gives up unless `reg + len` is inside the packet; `reg` is moved.
    fn check_packet(&mut self, reg: Reg, len: i16) {
        self.code.add_imm(reg, i32::from(len));
        let jump = self.code.jump(Insn::JumpIf {
            width: Width::W64,
            cond: Condition::Gt,
            dst: reg,
            src: Operand::Reg(DATA_END),
            off: 0,
        });
        self.code.give_up_by(jump);
    }

    /// A register without a known content becomes a number: a constant, or, so that a verifier cannot know it, packet bytes.
    pub(super) fn first_number(&mut self, dst: Reg) {
        match self.rng.below(4) {
            0 => {
                let imm = self.imm();
                self.code.mov_imm(dst, imm);
            }
            1 => {
                let value = Imm64::Value(self.rng.interesting());
                self.code.wide(dst, value);
            }
            _ if self.is_main() => {
                let size = self.size();
                let off = self.place(size, PACKET);
                self.code.push(Insn::Load { size, signed: false, dst, src: DATA, off });
            }
            _ => self.code.mov_imm(dst, -1),
        }
    }

    /// One statement at random.
    pub(super) fn statement(&mut self, depth: usize) {
        match self.rng.below(20) {
            0..=6 => self.arithmetic(),
            7 | 8 => self.stack_store(),
            9 | 10 => self.stack_load(),
            11 if self.is_main() => self.packet_load(),
            12 if self.is_main() => self.packet_store(),
            13 if self.features.atomics => self.stack_atomic(),
            14 if depth < MAX_DEPTH => self.branch(depth),
            15 if depth == 0 => self.count_down(),
            16 => self.stack_variable(),
            17 if self.features.calls => self.call_function(depth),
            18 if self.is_main() && self.features.helpers => self.call_helper(),
            19 if self.is_main() && self.features.maps => self.use_map(),
            _ => self.conversion(),
        }
    }

    fn arithmetic(&mut self) {
        let (width, op, dst) = (self.width(), self.operator(), self.number());
        let src = self.operand_for(op, width);
        self.code.alu(width, op, dst, src);
    }

    /// Negation, byte orders, sign extension.
    fn conversion(&mut self) {
        let (width, dst, src) = (self.width(), self.number(), self.number());
        let size = *self.rng.pick(&[Size::H, Size::W, Size::Dw]);
        let insn = match self.rng.below(if self.features.v4 { 5 } else { 3 }) {
            0 => Insn::Neg { width, dst },
            1 => Insn::Endian { kind: Endian::Be, size, dst },
            2 => Insn::Endian { kind: Endian::Le, size, dst },
            3 => Insn::Endian { kind: Endian::Swap, size, dst },
            _ => {
                let from = *self.rng.pick(match width {
                    Width::W32 => &[Size::B, Size::H][..],
                    Width::W64 => &[Size::B, Size::H, Size::W][..],
                });
                Insn::MovSx { width, from, dst, src }
            }
        };
        self.code.push(insn);
    }

    fn stack_store(&mut self) {
        let (size, src) = (self.size(), self.operand());
        let off = self.stack_place(size);
        self.code.push(match src {
            Operand::Reg(src) if self.features.acquire && self.rng.one_in(8) => {
                Insn::StoreRelease { size, dst: Reg::R10, off, src }
            }
            src => Insn::Store { size, dst: Reg::R10, off, src },
        });
    }

    fn stack_load(&mut self) {
        let (size, dst) = (self.size(), self.number());
        let off = self.stack_place(size);
        let signed = self.signed(size);
        self.code.push(if self.features.acquire && self.rng.one_in(8) {
            Insn::LoadAcquire { size, dst, src: Reg::R10, off }
        } else {
            Insn::Load { size, signed, dst, src: Reg::R10, off }
        });
    }

    fn signed(&mut self, size: Size) -> bool {
        self.features.v4 && size != Size::Dw && self.rng.one_in(3)
    }

    fn packet_load(&mut self) {
        let (size, dst) = (self.size(), self.number());
        let (off, signed) = (self.place(size, PACKET), self.signed(size));
        self.code.push(Insn::Load { size, signed, dst, src: DATA, off });
    }

    fn packet_store(&mut self) {
        let (size, src) = (self.size(), self.operand());
        let off = self.place(size, PACKET);
        self.code.push(Insn::Store { size, dst: DATA, off, src });
    }

    fn stack_atomic(&mut self) {
        let (op, size) = self.atomic();
        let (off, src) = (self.stack_place(size), self.number());
        self.code.push(Insn::Atomic { op, size, dst: Reg::R10, off, src });
        if op == AtomicOp::Cmpxchg && size == Size::W {
            // Linux 6.18 on x86-64 may forget to clear r0's upper half (see `tests/known.rs`).
            self.code.alu(Width::W32, AluOp::Mov, Reg::R0, Operand::Reg(Reg::R0));
        }
    }

    /// A stack slot whose number is computed: `r = r10 - STACK + (n & 0x38)`.
    fn stack_variable(&mut self) {
        let index = self.number();
        let pointer = self.number_but(index);
        self.code.alu(Width::W64, AluOp::And, index, Operand::Imm(i32::from(STACK) - 8));
        self.code.mov(pointer, Reg::R10);
        self.code.add_imm(pointer, -i32::from(STACK));
        self.code.alu(Width::W64, AluOp::Add, pointer, Operand::Reg(index));
        if self.rng.one_in(2) {
            self.code.push(Insn::Store { size: Size::Dw, dst: pointer, off: 0, src: Operand::Reg(index) });
        }
        // The pointer must not stay where a number is expected.
        self.code.push(Insn::Load { size: Size::Dw, signed: false, dst: pointer, src: pointer, off: 0 });
    }

    /// `if … { … }`, sometimes with `else`.
    fn branch(&mut self, depth: usize) {
        let (width, cond, dst, src) = (self.width(), self.condition(), self.number(), self.operand());
        let over = self.code.jump(Insn::JumpIf { width, cond, dst, src, off: 0 });
        self.block(depth);
        if self.rng.one_in(2) {
            self.code.land(over);
            return;
        }
        let long = self.features.v4 && self.rng.one_in(3);
        let end = self.code.jump(Insn::Jump { off: 0, long });
        self.code.land(over);
        self.block(depth);
        self.code.land(end);
    }

    fn block(&mut self, depth: usize) {
        for _ in 0..1 + self.rng.below(4) {
            self.statement(depth + 1);
        }
    }

    /// A loop that counts a stack slot down to zero.
    fn count_down(&mut self) {
        let turns = 1 + self.rng.below(MAX_TURNS) as i32;
        self.code.push(Insn::Store { size: Size::Dw, dst: Reg::R10, off: COUNTER, src: Operand::Imm(turns) });
        let top = self.code.here();
        // One level is skipped: a branch may stand in a loop, but nothing inside the branch.
        self.block(MAX_DEPTH - 2);
        let count = self.number();
        self.code.push(stack_load(count, COUNTER));
        self.code.add_imm(count, -1);
        self.code.push(Insn::Store { size: Size::Dw, dst: Reg::R10, off: COUNTER, src: Operand::Reg(count) });
        let off = self.code.back_to(top);
        let (width, cond) = (Width::W64, Condition::Ne);
        self.code.push(Insn::JumpIf { width, cond, dst: count, src: Operand::Imm(0), off });
    }

    /// Folds all numbers and the stack into r0, upper half into lower, and returns it.
    pub(super) fn epilogue(&mut self) {
        for reg in self.numbers.iter().filter(|reg| **reg != Reg::R0) {
            self.code.alu(Width::W64, AluOp::Mul, Reg::R0, Operand::Imm(0x1000_0193));
            self.code.alu(Width::W64, AluOp::Xor, Reg::R0, Operand::Reg(*reg));
        }
        for off in (-STACK..0).step_by(8) {
            self.code.push(stack_load(Reg::R1, off));
            self.code.alu(Width::W64, AluOp::Mul, Reg::R0, Operand::Imm(0x1000_0193));
            self.code.alu(Width::W64, AluOp::Xor, Reg::R0, Operand::Reg(Reg::R1));
        }
        if self.is_main() {
            // A packet program's verdict is 32 bits wide.
            self.code.mov(Reg::R1, Reg::R0);
            self.code.alu(Width::W64, AluOp::Rsh, Reg::R1, Operand::Imm(32));
            self.code.alu(Width::W64, AluOp::Xor, Reg::R0, Operand::Reg(Reg::R1));
        }
        self.code.push(Insn::Exit);
        if self.code.land_exits() {
            self.code.mov_imm(Reg::R0, 1);
            self.code.push(Insn::Exit);
        }
    }
}
