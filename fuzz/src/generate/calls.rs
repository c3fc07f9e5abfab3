//! Statements that call: the program's own functions, helpers, maps.

use skep_isa::{Condition, Imm64, Insn, Operand, Reg, Size, Width};

use super::{CTX, Function, KEY, MAPS, MapKind, STACK, VALUE};

/// Numbers of the helpers that programs call, as in Linux's UAPI.
mod helper {
    pub(super) const MAP_LOOKUP_ELEM: i32 = 1;
    pub(super) const MAP_UPDATE_ELEM: i32 = 2;
    pub(super) const MAP_DELETE_ELEM: i32 = 3;
    pub(super) const CSUM_DIFF: i32 = 28;
    pub(super) const XDP_ADJUST_HEAD: i32 = 44;
    pub(super) const XDP_ADJUST_META: i32 = 54;
    pub(super) const XDP_ADJUST_TAIL: i32 = 65;
    pub(super) const XDP_GET_BUFF_LEN: i32 = 188;
    pub(super) const XDP_LOAD_BYTES: i32 = 189;
    pub(super) const XDP_STORE_BYTES: i32 = 190;
}

/// Registers that a call leaves without a value.
const CLOBBERED: [Reg; 5] = [Reg::R1, Reg::R2, Reg::R3, Reg::R4, Reg::R5];

/// No copy through a helper is longer than this.
const COPY: usize = 32;

impl Function<'_> {
    /// Calls a later function of the program with whatever the argument registers hold.
    pub(super) fn call_function(&mut self, depth: usize) {
        let later = self.functions - self.number - 1;
        // Inside branches and loops calls would multiply the paths.
        if later == 0 || depth > 0 {
            return;
        }
        let callee = self.number + 1 + self.rng.below(later);
        self.code.call(callee);
        self.after_call();
    }

    /// Puts numbers into the registers that a call took.
    fn after_call(&mut self) {
        for reg in CLOBBERED {
            self.first_number(reg);
        }
    }

    /// A helper whose result depends on nothing but its arguments and the packet.
    pub(super) fn call_helper(&mut self) {
        match self.rng.below(4) {
            0 => self.csum_diff(),
            1 => self.adjust(),
            2 => self.copy_bytes(),
            _ => {
                self.code.mov(Reg::R1, CTX);
                self.code.helper(helper::XDP_GET_BUFF_LEN);
            }
        }
        self.after_call();
    }

    /// `bpf_csum_diff` between two pieces of the stack.
    fn csum_diff(&mut self) {
        for (pointer, len) in [(Reg::R1, Reg::R2), (Reg::R3, Reg::R4)] {
            let bytes = 4 * self.rng.below(STACK as usize / 4 + 1) as i32;
            self.code.mov(pointer, Reg::R10);
            self.code.add_imm(pointer, -i32::from(STACK));
            self.code.mov_imm(len, bytes);
        }
        let seed = self.imm();
        self.code.mov_imm(Reg::R5, seed);
        self.code.helper(helper::CSUM_DIFF);
    }

    /// Moves an end of the packet; the packet's registers are made anew.
    fn adjust(&mut self) {
        let which =
            *self.rng.pick(&[helper::XDP_ADJUST_HEAD, helper::XDP_ADJUST_META, helper::XDP_ADJUST_TAIL]);
        let by = if self.rng.one_in(8) { self.imm() } else { self.rng.range(-24, 8) as i32 };
        self.code.mov(Reg::R1, CTX);
        self.code.mov_imm(Reg::R2, by);
        self.code.helper(which);
        self.load_packet();
    }

    /// `bpf_xdp_load_bytes` and `bpf_xdp_store_bytes` at an offset that may be outside.
    fn copy_bytes(&mut self) {
        let which = *self.rng.pick(&[helper::XDP_LOAD_BYTES, helper::XDP_STORE_BYTES]);
        let offset = if self.rng.one_in(4) { self.imm() } else { self.rng.below(160) as i32 };
        let len = 1 + self.rng.below(COPY) as i32;
        self.code.mov(Reg::R1, CTX);
        self.code.mov_imm(Reg::R2, offset);
        self.code.mov(Reg::R3, Reg::R10);
        self.code.add_imm(Reg::R3, -i32::from(STACK));
        self.code.mov_imm(Reg::R4, len);
        self.code.helper(which);
        self.load_packet();
    }

    /// Looks up, updates or deletes.
    pub(super) fn use_map(&mut self) {
        let index = self.rng.below(MAPS.len());
        self.key_and_map(index);
        match self.rng.below(4) {
            0 => self.update(),
            1 if MAPS[index].kind == MapKind::Hash => self.code.helper(helper::MAP_DELETE_ELEM),
            _ => {
                self.lookup();
                return;
            }
        }
        self.after_call();
    }

    /// r1 = the map, r2 = the address of a key; keys are few, so that look-ups find what updates put.
    fn key_and_map(&mut self, index: usize) {
        let key = self.rng.below(6) as i32;
        self.code.push(Insn::Store { size: Size::Dw, dst: Reg::R10, off: KEY, src: Operand::Imm(key) });
        self.code.wide(Reg::R1, Imm64::MapIndex(index as u32));
        self.code.mov(Reg::R2, Reg::R10);
        self.code.add_imm(Reg::R2, i32::from(KEY));
    }

    fn update(&mut self) {
        self.code.mov(Reg::R3, Reg::R10);
        self.code.add_imm(Reg::R3, -i32::from(STACK));
        let flags = self.rng.below(4) as i32;
        self.code.mov_imm(Reg::R4, flags);
        self.code.helper(helper::MAP_UPDATE_ELEM);
    }

    /// Looks up and, where a value was found, works on it in place.
    fn lookup(&mut self) {
        self.code.helper(helper::MAP_LOOKUP_ELEM);
        let (width, cond) = (Width::W64, Condition::Eq);
        let none = self.code.jump(Insn::JumpIf { width, cond, dst: Reg::R0, src: Operand::Imm(0), off: 0 });
        // The value's address is in r0; r9 is the number to work with.
        for _ in 0..1 + self.rng.below(3) {
            self.value_access();
        }
        self.code.land(none);
        // r0 is an address or null here: never let an address become a result.
        self.code.mov_imm(Reg::R0, 0);
        self.after_call();
    }

    fn value_access(&mut self) {
        let size = self.size();
        let off = self.place(size, VALUE);
        let aligned = off % size.bytes() as i16 == 0;
        let insn = match self.rng.below(3) {
            0 => Insn::Load { size, signed: false, dst: Reg::R9, src: Reg::R0, off },
            1 if aligned && self.features.atomics && matches!(size, Size::W | Size::Dw) => {
                let (op, _) = self.atomic();
                // Compare-and-exchange takes r0 as an operand, which is the address here.
                let op = if op == skep_isa::AtomicOp::Cmpxchg { skep_isa::AtomicOp::Xchg } else { op };
                Insn::Atomic { op, size, dst: Reg::R0, off, src: Reg::R9 }
            }
            _ => Insn::Store { size, dst: Reg::R0, off, src: Operand::Reg(Reg::R9) },
        };
        self.code.push(insn);
    }
}
