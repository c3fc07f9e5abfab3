//! The eBPF instruction set of RFC 9669, with what Linux 6.18 has added since.
//!
//! A program is a row of 8-byte *slots* ([`RawInsn`]). One or two slots make an instruction ([`Insn`]), a value that
//! can only be what the instruction set defines: decoding refuses everything else and names the field at fault, so
//! whoever holds an `Insn` never meets an unknown opcode or a reserved field in use.
//!
//! Invariants:
//! * `decode(encode(insn)) == insn` for every `Insn`, and `encode(decode(slots)) == slots` for every accepted row of slots.
//! * The text that [`Insn`] prints assembles to the same `Insn`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod decode;
mod encode;
mod error;
mod insn;
mod op;
mod raw;
pub mod text;
mod view;

pub use decode::decode;
pub use encode::Encoded;
pub use error::{DecodeError, DecodeProblem, Field};
pub use insn::{
    AluOp, AtomicOp, Call, Cast, Condition, Endian, Imm64, Insn, LegacyMode, Operand, Reg, Size, Width,
};
pub use raw::{ByteOrder, BytesError, RawInsn, from_bytes, to_bytes};
pub use view::RegSet;
