//! The decoded form: one variant for each kind of instruction, with only the fields that kind has.

use crate::{AluOp, AtomicOp, Call, Cast, Condition, Endian, Imm64, LegacyMode, Operand, Reg, Size, Width};

/// One instruction.
///
/// Jump offsets count slots from the slot after the jump, as in the encoding.
///
/// The fields can spell a few things that the instruction set lacks (a signed 8-byte load); decoding never yields
/// them, and [`Insn::encode`] says what becomes of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Insn {
    /// `dst op= src`
    Alu {
        /// Width of the operation.
        width: Width,
        /// Operation.
        op: AluOp,
        /// Destination, also left operand.
        dst: Reg,
        /// Right operand.
        src: Operand,
    },
    /// `dst = -dst`
    Neg {
        /// Width of the operation.
        width: Width,
        /// Register.
        dst: Reg,
    },
    /// `dst = (s8)src` …: move with sign extension.
    MovSx {
        /// Width of the destination.
        width: Width,
        /// What is extended: `B`, `H`, and `W` for a 64-bit move only.
        from: Size,
        /// Destination.
        dst: Reg,
        /// Source.
        src: Reg,
    },
    /// `dst = be32 dst` …
    Endian {
        /// Which conversion.
        kind: Endian,
        /// `H`, `W` or `Dw`.
        size: Size,
        /// Register.
        dst: Reg,
    },
    /// `dst = addr_space_cast(src, …)`
    AddrSpaceCast {
        /// Direction.
        cast: Cast,
        /// Destination.
        dst: Reg,
        /// Source.
        src: Reg,
    },
    /// `dst = … ll`, two slots.
    LoadImm64 {
        /// Destination.
        dst: Reg,
        /// What is loaded.
        value: Imm64,
    },
    /// `dst = *(u32 *)(src + off)`, `dst = *(s32 *)(src + off)`
    Load {
        /// Access size.
        size: Size,
        /// Whether the value is sign-extended (not for `Dw`).
        signed: bool,
        /// Destination.
        dst: Reg,
        /// Base address.
        src: Reg,
        /// Byte offset.
        off: i16,
    },
    /// `*(u32 *)(dst + off) = src`
    Store {
        /// Access size.
        size: Size,
        /// Base address.
        dst: Reg,
        /// Byte offset.
        off: i16,
        /// Value.
        src: Operand,
    },
    /// Atomic read-modify-write.
    Atomic {
        /// Operation.
        op: AtomicOp,
        /// `W` or `Dw`.
        size: Size,
        /// Base address.
        dst: Reg,
        /// Byte offset.
        off: i16,
        /// Operand.
        src: Reg,
    },
    /// `dst = load_acquire((u32 *)(src + off))`
    LoadAcquire {
        /// Access size.
        size: Size,
        /// Destination.
        dst: Reg,
        /// Base address.
        src: Reg,
        /// Byte offset.
        off: i16,
    },
    /// `store_release((u32 *)(dst + off), src)`
    StoreRelease {
        /// Access size.
        size: Size,
        /// Base address.
        dst: Reg,
        /// Byte offset.
        off: i16,
        /// Value.
        src: Reg,
    },
    /// Legacy packet load into `r0`, network byte order converted; ends the program with 0 when out of bounds.
    LegacyLoad {
        /// `B`, `H` or `W`.
        size: Size,
        /// Addressing.
        mode: LegacyMode,
        /// Constant part of the offset.
        imm: i32,
    },
    /// `goto +off`, `gotol +off` when `long`.
    Jump {
        /// Offset in slots.
        off: i32,
        /// Whether it is encoded as `gotol` (offset in the immediate).
        long: bool,
    },
    /// `if dst cond src goto +off`
    JumpIf {
        /// Width of the comparison.
        width: Width,
        /// Condition.
        cond: Condition,
        /// Left operand.
        dst: Reg,
        /// Right operand.
        src: Operand,
        /// Offset in slots.
        off: i16,
    },
    /// `may_goto +off`: jumps when the program has looped long enough.
    MayGoto {
        /// Offset in slots.
        off: i16,
    },
    /// `call …`
    Call(Call),
    /// `callx dst`: call through a register. clang emits it at `-O0`; Linux refuses it. The register stands in the
    /// destination field, as GCC and clang since 19 write it (older clang had it in the immediate, which is refused).
    CallReg(Reg),
    /// `exit`
    Exit,
}
