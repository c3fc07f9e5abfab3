//! The dense form that the interpreter runs: one fixed-size [`Op`] per slot of the program.
//!
//! Decoding is paid once, at load. An op's index is its slot's index, so jump targets need no table and faults name the
//! slot directly; the second slot of a 64-bit load stays as a hole that nothing reaches. Each combination of operation,
//! width and operand kind is a [`Code`] of its own: the interpreter's `match` then has nothing left to decide.

use skep_isa::{AluOp, Condition, Operand, Size, Width};

/// One instruction, ready to run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Op {
    /// Immediate, or the low half of a 64-bit one, or a number by `code` (map, helper, entry of a function).
    pub(crate) imm: i32,
    /// Byte offset of an access, or the *absolute* target of a jump, or the high half of a 64-bit immediate.
    pub(crate) off: i32,
    /// One bit for each register that must be an initialised number for the fast path.
    pub(crate) mask: u16,
    /// What to do.
    pub(crate) code: Code,
    /// At most 10.
    pub(crate) dst: u8,
    /// At most 10.
    pub(crate) src: u8,
    /// Access size in bytes, where the code does not say it.
    pub(crate) size: u8,
}

impl Op {
    /// What stands where no instruction begins.
    pub(crate) const HOLE: Self = Self::new(Code::Hole, 0, 0);

    /// An op without offset or immediate, reading no register.
    pub(crate) const fn new(code: Code, dst: u8, src: u8) -> Self {
        Self { imm: 0, off: 0, mask: 0, code, dst, src, size: 0 }
    }
}

/// Declares [`Code`] and the tables from the decoded form to it.
macro_rules! codes {
    (alu { $($alu:ident: $i64:ident $r64:ident $i32:ident $r32:ident;)+ }
     jump { $($cond:ident: $ji64:ident $jr64:ident $ji32:ident $jr32:ident;)+ }
     other { $($other:ident,)+ }) => {
        /// What an [`Op`] does. `I` and `R` are the right operand's kind, 64 and 32 the width.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum Code { $($i64, $r64, $i32, $r32,)+ $($ji64, $jr64, $ji32, $jr32,)+ $($other,)+ }

        /// The code of an arithmetic instruction.
        pub(crate) const fn alu(op: AluOp, width: Width, src: Operand) -> Code {
            match op {
                $(AluOp::$alu => match (width, src) {
                    (Width::W64, Operand::Imm(_)) => Code::$i64,
                    (Width::W64, Operand::Reg(_)) => Code::$r64,
                    (Width::W32, Operand::Imm(_)) => Code::$i32,
                    (Width::W32, Operand::Reg(_)) => Code::$r32,
                },)+
            }
        }

        /// The code of a conditional jump.
        pub(crate) const fn jump(cond: Condition, width: Width, src: Operand) -> Code {
            match cond {
                $(Condition::$cond => match (width, src) {
                    (Width::W64, Operand::Imm(_)) => Code::$ji64,
                    (Width::W64, Operand::Reg(_)) => Code::$jr64,
                    (Width::W32, Operand::Imm(_)) => Code::$ji32,
                    (Width::W32, Operand::Reg(_)) => Code::$jr32,
                },)+
            }
        }
    };
}

codes! {
    alu {
    Add: Add64I Add64R Add32I Add32R;
    Sub: Sub64I Sub64R Sub32I Sub32R;
    Mul: Mul64I Mul64R Mul32I Mul32R;
    Div: Div64I Div64R Div32I Div32R;
    Sdiv: Sdiv64I Sdiv64R Sdiv32I Sdiv32R;
    Mod: Mod64I Mod64R Mod32I Mod32R;
    Smod: Smod64I Smod64R Smod32I Smod32R;
    Or: Or64I Or64R Or32I Or32R;
    And: And64I And64R And32I And32R;
    Xor: Xor64I Xor64R Xor32I Xor32R;
    Lsh: Lsh64I Lsh64R Lsh32I Lsh32R;
    Rsh: Rsh64I Rsh64R Rsh32I Rsh32R;
    Arsh: Arsh64I Arsh64R Arsh32I Arsh32R;
    Mov: Mov64I Mov64R Mov32I Mov32R;
    }
    jump {
    Eq: Jeq64I Jeq64R Jeq32I Jeq32R;
    Ne: Jne64I Jne64R Jne32I Jne32R;
    Gt: Jgt64I Jgt64R Jgt32I Jgt32R;
    Ge: Jge64I Jge64R Jge32I Jge32R;
    Lt: Jlt64I Jlt64R Jlt32I Jlt32R;
    Le: Jle64I Jle64R Jle32I Jle32R;
    Set: Jset64I Jset64R Jset32I Jset32R;
    Sgt: Jsgt64I Jsgt64R Jsgt32I Jsgt32R;
    Sge: Jsge64I Jsge64R Jsge32I Jsge32R;
    Slt: Jslt64I Jslt64R Jslt32I Jslt32R;
    Sle: Jsle64I Jsle64R Jsle32I Jsle32R;
    }
    other {
    Neg64, Neg32,
    MovSx8To64, MovSx16To64, MovSx32To64, MovSx8To32, MovSx16To32,
    Trunc16, Trunc32, Keep64, Swap16, Swap32, Swap64,
    CastToKernel, CastToArena,
    LdImm, LdMap, LdMapValue, LdFunc,
    LdB, LdH, LdW, LdDw, LdSxB, LdSxH, LdSxW,
    StIB, StIH, StIW, StIDw, StRB, StRH, StRW, StRDw,
    Atomic, LoadAcquire, StoreRelease,
    LegacyAbs, LegacyInd,
    Ja, MayGoto,
    CallHelper, CallLocal, CallKfunc, CallReg, Exit,
    Hole,
    }
}

/// The code of a plain load.
pub(crate) const fn load(size: Size, signed: bool) -> Code {
    match (size, signed) {
        (Size::B, false) => Code::LdB,
        (Size::H, false) => Code::LdH,
        (Size::W, false) => Code::LdW,
        (Size::Dw, _) => Code::LdDw,
        (Size::B, true) => Code::LdSxB,
        (Size::H, true) => Code::LdSxH,
        (Size::W, true) => Code::LdSxW,
    }
}

/// The code of a plain store.
pub(crate) const fn store(size: Size, src: Operand) -> Code {
    match (size, src) {
        (Size::B, Operand::Imm(_)) => Code::StIB,
        (Size::H, Operand::Imm(_)) => Code::StIH,
        (Size::W, Operand::Imm(_)) => Code::StIW,
        (Size::Dw, Operand::Imm(_)) => Code::StIDw,
        (Size::B, Operand::Reg(_)) => Code::StRB,
        (Size::H, Operand::Reg(_)) => Code::StRH,
        (Size::W, Operand::Reg(_)) => Code::StRW,
        (Size::Dw, Operand::Reg(_)) => Code::StRDw,
    }
}

/// The operations of [`Code::Atomic`], numbered in `imm`.
pub(crate) mod atomic {
    pub(crate) const ADD: i32 = 0;
    pub(crate) const OR: i32 = 1;
    pub(crate) const AND: i32 = 2;
    pub(crate) const XOR: i32 = 3;
    pub(crate) const XCHG: i32 = 4;
    pub(crate) const CMPXCHG: i32 = 5;
    /// Added to the first four when the old value is wanted.
    pub(crate) const FETCH: i32 = 8;
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_op_is_two_words() {
        assert_eq!(size_of::<super::Op>(), 16);
    }
}
