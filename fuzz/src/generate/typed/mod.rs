//! Programs that mostly verify, but not by construction: what a verifier is judged by.
//!
//! # Problem
//!
//! A program that is valid by construction never asks the verifier a hard question: whether the bound that was checked is
//! the bound that is needed. A random one is refused at its first instruction.
//!
//! # Idea
//!
//! Every statement knows the *types* it works with (a pointer that may be NULL, a number from outside, an object of so many
//! bytes) and does with them what real programs do: draw a number from the packet or a map, compute with it in 32 and 64 bits, bound it by masks,
//! remainders, shifts and comparisons of every kind, spill it, pass it to a function, and use it as an offset or a length.
//! The *bounds* are drawn at random. Where they suffice, the program is accepted and must then never leave its objects; where
//! they do not, it must be refused. Nothing is said in advance about which it is.
//!
//! Between statements the context is in r6 and numbers are in r7 to r9 and in eight slots of the stack.

mod calls;
mod numbers;
mod objects;

use skep_isa::{AluOp, Condition, Insn, Operand, Reg, Size, Width};

use super::code::Code;
use super::{Generated, MapKind, MapWanted};
use crate::rng::Rng;

/// The maps of these programs, by index.
pub const TYPED_MAPS: [MapWanted; 5] = [
    MapWanted { kind: MapKind::Array, key_size: 4, value_size: 48, max_entries: 4 },
    MapWanted { kind: MapKind::Hash, key_size: 8, value_size: 24, max_entries: 8 },
    MapWanted { kind: MapKind::PercpuArray, key_size: 4, value_size: 64, max_entries: 2 },
    MapWanted { kind: MapKind::LruHash, key_size: 4, value_size: 16, max_entries: 8 },
    MapWanted { kind: MapKind::Ringbuf, key_size: 0, value_size: 0, max_entries: 4096 },
];

/// The context.
const CTX: Reg = Reg::R6;
/// Registers with numbers between statements.
const NUMBERS: [Reg; 3] = [Reg::R7, Reg::R8, Reg::R9];
/// Stack: numbers from here to the frame pointer; below it a key, a spilled pointer, a buffer.
const SLOTS: i16 = -64;
const KEY: i16 = -72;
const SPILLED: i16 = -80;
const COUNTER: i16 = -88;
const BUFFER: i16 = -160;
const BUFFER_LEN: i32 = 64;

/// Branches and loops are nested no deeper.
const MAX_DEPTH: usize = 2;

/// The program being drawn.
struct Typed<'a> {
    code: Code,
    rng: &'a mut Rng,
    /// The function being drawn: 0 is the main one.
    function: usize,
}

/// Draws an XDP program and a packet for it. About a third of these programs are accepted.
pub fn typed(rng: &mut Rng) -> Generated {
    let mut typed = Typed { code: Code::default(), rng, function: 0 };
    for function in 0..=calls::FUNCTIONS {
        if typed.code.begin_function() {
            typed.function = function;
            typed.body();
        }
    }
    let code = std::mem::take(&mut typed.code);
    let len = rng.below(120);
    Generated { insns: code.finish(), maps: &TYPED_MAPS, packet: rng.bytes(len) }
}

impl Typed<'_> {
    fn body(&mut self) {
        self.prologue();
        let most = if self.function == 0 { 7 } else { 3 };
        for _ in 0..1 + self.rng.below(most) {
            self.statement(0);
        }
        self.epilogue();
    }

    /// Numbers everywhere; in the main function the context in r6.
    fn prologue(&mut self) {
        let first = if self.function == 0 { CTX } else { NUMBERS[0] };
        self.code.mov(first, Reg::R1);
        if self.function != 0 {
            self.code.mov(CTX, Reg::R2);
        }
        for reg in NUMBERS.into_iter().filter(|reg| *reg != first) {
            self.fresh(reg);
        }
        for off in (SLOTS..0).step_by(8) {
            let src = if self.rng.one_in(2) { Operand::Imm(self.imm()) } else { Operand::Reg(self.number()) };
            self.store(Size::Dw, Reg::R10, off, src);
        }
        self.store(Size::Dw, Reg::R10, KEY, Operand::Imm(0));
        for off in (BUFFER..BUFFER + BUFFER_LEN as i16).step_by(8) {
            self.store(Size::Dw, Reg::R10, off, Operand::Imm(0));
        }
    }

    fn epilogue(&mut self) {
        if self.function == calls::CALLBACK {
            // A callback says whether it wants to be called again.
            self.code.mov_imm(Reg::R0, i32::from(self.rng.one_in(8)));
        } else {
            let number = self.number();
            self.code.mov(Reg::R0, number);
        }
        self.code.push(Insn::Exit);
    }

    fn statement(&mut self, depth: usize) {
        match self.rng.below(24) {
            0..=3 => self.arithmetic(),
            4 => {
                let reg = self.number();
                self.fresh(reg);
            }
            5 | 6 => self.spill_and_fill(),
            7 | 8 if depth < MAX_DEPTH => self.branch(depth),
            9 if depth == 0 => self.count_up(),
            10..=13 => self.use_value(),
            14 | 15 => self.use_stack(),
            16 | 17 if self.function == 0 => self.use_packet(),
            18 => self.use_record(),
            19 if depth == 0 => self.call_function(),
            20 if depth == 0 => self.loop_by_callback(),
            21 => self.pass_memory(),
            22 if self.function == 0 && self.rng.one_in(3) => self.move_packet(),
            _ => self.use_value(),
        }
    }

    /// `if … { … } else { … }`
    fn branch(&mut self, depth: usize) {
        let over = self.compare();
        self.block(depth);
        if self.rng.one_in(2) {
            self.code.land(over);
            return;
        }
        let end = self.code.jump(Insn::Jump { off: 0, long: false });
        self.code.land(over);
        self.block(depth);
        self.code.land(end);
    }

    fn block(&mut self, depth: usize) {
        for _ in 0..1 + self.rng.below(2) {
            self.statement(depth + 1);
        }
    }

    /// A loop over a counter in a register or on the stack, whose bound is a constant or a number that was bounded.
    fn count_up(&mut self) {
        let turns = 1 + self.rng.below(6) as i32;
        let counter = self.number();
        let on_stack = self.rng.one_in(2);
        self.code.mov_imm(counter, 0);
        let top = self.code.here();
        if on_stack {
            self.store(Size::Dw, Reg::R10, COUNTER, Operand::Reg(counter));
        }
        if self.rng.one_in(2) {
            self.arithmetic_but(counter);
        }
        self.use_at(counter);
        if on_stack {
            self.load(Size::Dw, false, counter, Reg::R10, COUNTER);
        }
        self.code.add_imm(counter, 1);
        let (width, cond) = (self.width(), *self.rng.pick(&[Condition::Lt, Condition::Slt, Condition::Ne]));
        let off = self.code.back_to(top);
        self.code.push(Insn::JumpIf { width, cond, dst: counter, src: Operand::Imm(turns), off });
    }

    fn number(&mut self) -> Reg {
        let first = usize::from(self.function == 0 && self.rng.one_in(16));
        NUMBERS[first.max(self.rng.below(NUMBERS.len()))]
    }

    fn width(&mut self) -> Width {
        if self.rng.one_in(2) { Width::W32 } else { Width::W64 }
    }

    fn imm(&mut self) -> i32 {
        self.rng.interesting() as i32
    }

    fn size(&mut self) -> Size {
        *self.rng.pick(super::draw::SIZES)
    }

    fn store(&mut self, size: Size, dst: Reg, off: i16, src: Operand) {
        self.code.push(Insn::Store { size, dst, off, src });
    }

    fn load(&mut self, size: Size, signed: bool, dst: Reg, src: Reg, off: i16) {
        let signed = signed && size != Size::Dw;
        self.code.push(Insn::Load { size, signed, dst, src, off });
    }

    fn alu(&mut self, width: Width, op: AluOp, dst: Reg, src: Operand) {
        self.code.alu(width, op, dst, src);
    }
}
