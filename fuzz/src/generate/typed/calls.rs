//! Calls: functions and callbacks that are given numbers and memory, helpers that are given a computed length.

use skep_isa::{Operand, Reg, Size};

use super::{BUFFER, BUFFER_LEN, CTX, Typed};

/// How many functions there are beside the main one: a callback and two that are called.
pub(super) const FUNCTIONS: usize = 3;
/// The callback.
pub(super) const CALLBACK: usize = 1;

const CSUM_DIFF: i32 = 28;
const LOOP: i32 = 181;
const XDP_LOAD_BYTES: i32 = 189;
const XDP_STORE_BYTES: i32 = 190;

impl Typed<'_> {
    /// Calls a later function with a number and the address of the buffer. What it does with them depends on its caller.
    pub(super) fn call_function(&mut self) {
        let later = FUNCTIONS.saturating_sub(self.function.max(CALLBACK));
        if later == 0 {
            return;
        }
        let callee = self.function.max(CALLBACK) + 1 + self.rng.below(later);
        let number = self.number();
        let out = if self.rng.one_in(2) {
            self.bounded(Reg::R1, number, BUFFER_LEN - 7)
        } else {
            self.code.mov(Reg::R1, number);
            Vec::new()
        };
        self.buffer(Reg::R2);
        self.code.call(callee);
        let to = self.number();
        self.code.mov(to, Reg::R0);
        self.land(out);
    }

    /// `bpf_loop` over the callback, which is given the buffer.
    pub(super) fn loop_by_callback(&mut self) {
        if self.function != 0 {
            return;
        }
        let turns = self.rng.below(5) as i32;
        self.code.mov_imm(Reg::R1, turns);
        self.code.func(Reg::R2, CALLBACK);
        self.buffer(Reg::R3);
        self.code.mov_imm(Reg::R4, 0);
        self.code.helper(LOOP);
        let number = self.number();
        self.code.mov(number, Reg::R0);
    }

    fn buffer(&mut self, dst: Reg) {
        self.code.mov(dst, Reg::R10);
        self.code.add_imm(dst, i32::from(BUFFER));
    }

    /// The buffer with a computed length to a helper; in functions, a computed place in the caller's buffer.
    pub(super) fn pass_memory(&mut self) {
        let number = self.number();
        if self.function != 0 {
            let out = self.bounded(Reg::R4, number, BUFFER_LEN - 7);
            self.alu(skep_isa::Width::W64, skep_isa::AluOp::Add, Reg::R4, Operand::Reg(CTX));
            let to = self.number();
            let (size, signed) = (self.size(), self.rng.one_in(3));
            if self.rng.one_in(2) {
                self.load(size, signed, to, Reg::R4, 0);
            } else {
                self.store(size, Reg::R4, 0, Operand::Reg(to));
            }
            return self.land(out);
        }
        let which = *self.rng.pick(&[CSUM_DIFF, XDP_LOAD_BYTES, XDP_STORE_BYTES]);
        let out = if which == CSUM_DIFF {
            let out = self.bounded(Reg::R2, number, BUFFER_LEN + 1);
            self.buffer(Reg::R1);
            self.code.mov_imm(Reg::R3, 0);
            self.code.mov_imm(Reg::R4, 0);
            self.code.mov_imm(Reg::R5, 0);
            out
        } else {
            let out = self.bounded(Reg::R4, number, BUFFER_LEN + 1);
            self.code.mov(Reg::R1, CTX);
            self.code.mov_imm(Reg::R2, 0);
            self.buffer(Reg::R3);
            out
        };
        self.code.helper(which);
        let to = self.number();
        self.code.mov(to, Reg::R0);
        self.load(Size::Dw, false, Reg::R0, Reg::R10, BUFFER);
        self.land(out);
    }
}
