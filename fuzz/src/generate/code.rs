//! The row of slots as it grows: jumps to places that are not there yet, and calls to functions that come later.

use skep_isa::{AluOp, Call, Imm64, Insn, Operand, RawInsn, Reg, Width};

/// Slots, with what is still to be filled in.
#[derive(Default)]
pub(super) struct Code {
    slots: Vec<RawInsn>,
    /// Where each function begins; nowhere for one that nobody calls.
    functions: Vec<Option<usize>>,
    /// Call instructions: where, and which function they call.
    calls: Vec<(usize, usize)>,
    /// Jumps to the place where the function gives up.
    exits: Vec<usize>,
}

/// A jump whose target is not known yet. Dropping it would leave a jump to the next instruction, which is harmless.
#[must_use]
pub(super) struct Pending(usize);

impl Code {
    /// Begins the next function, unless nobody calls it: Linux refuses code that cannot be reached.
    pub(super) fn begin_function(&mut self) -> bool {
        let number = self.functions.len();
        let called = number == 0 || self.calls.iter().any(|(_, callee)| *callee == number);
        self.functions.push(called.then_some(self.slots.len()));
        called
    }

    /// Where the next instruction will stand.
    pub(super) fn here(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn push(&mut self, insn: Insn) {
        debug_assert!(insn.is_encodable(), "the generator made {insn:?}");
        self.slots.extend_from_slice(insn.encode().as_slice());
    }

    /// `dst op= src`
    pub(super) fn alu(&mut self, width: Width, op: AluOp, dst: Reg, src: Operand) {
        self.push(Insn::Alu { width, op, dst, src });
    }

    /// `dst = src`
    pub(super) fn mov(&mut self, dst: Reg, src: Reg) {
        self.alu(Width::W64, AluOp::Mov, dst, Operand::Reg(src));
    }

    /// `dst = imm`, sign-extended
    pub(super) fn mov_imm(&mut self, dst: Reg, imm: i32) {
        self.alu(Width::W64, AluOp::Mov, dst, Operand::Imm(imm));
    }

    /// `dst += imm`
    pub(super) fn add_imm(&mut self, dst: Reg, imm: i32) {
        self.alu(Width::W64, AluOp::Add, dst, Operand::Imm(imm));
    }

    /// `dst = value ll`
    pub(super) fn wide(&mut self, dst: Reg, value: Imm64) {
        self.push(Insn::LoadImm64 { dst, value });
    }

    /// A jump, its target to be given to [`Code::land`].
    pub(super) fn jump(&mut self, insn: Insn) -> Pending {
        let at = self.here();
        self.push(insn);
        Pending(at)
    }

    /// The jump goes to here.
    pub(super) fn land(&mut self, jump: Pending) {
        let distance = self.here() - jump.0 - 1;
        let slot = &mut self.slots[jump.0];
        // `gotol` has its distance in the immediate. Its class is 32-bit jumps, with the opcode of `goto`.
        if slot.code == 0x06 {
            slot.imm = distance as i32;
        } else {
            slot.off = distance as i16;
        }
    }

    /// The distance for a jump from here back to `target`.
    pub(super) fn back_to(&self, target: usize) -> i16 {
        (target as i64 - self.here() as i64 - 1) as i16
    }

    /// The jump goes to where the function gives up.
    pub(super) fn give_up_by(&mut self, jump: Pending) {
        self.exits.push(jump.0);
    }

    /// Lands the jumps of [`Code::give_up_by`]; says whether there were any.
    pub(super) fn land_exits(&mut self) -> bool {
        let exits = std::mem::take(&mut self.exits);
        let any = !exits.is_empty();
        exits.into_iter().for_each(|at| self.land(Pending(at)));
        any
    }

    /// A call of another function of this program.
    pub(super) fn call(&mut self, function: usize) {
        self.calls.push((self.here(), function));
        self.push(Insn::Call(Call::Local(0)));
    }

    /// The address of a function of this program, for a callback.
    pub(super) fn func(&mut self, dst: Reg, function: usize) {
        self.calls.push((self.here(), function));
        self.wide(dst, Imm64::Func(0));
    }

    pub(super) fn helper(&mut self, number: i32) {
        self.push(Insn::Call(Call::Helper(number)));
    }

    /// Fills in the calls.
    pub(super) fn finish(mut self) -> Vec<RawInsn> {
        for (at, function) in self.calls {
            // A function that is called has been begun.
            let start = self.functions[function].unwrap_or_default();
            self.slots[at].imm = (start as i64 - at as i64 - 1) as i32;
        }
        self.slots
    }
}
