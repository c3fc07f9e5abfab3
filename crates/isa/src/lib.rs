//! The eBPF instruction set of RFC 9669, with what Linux 6.18 has added since.
//!
//! A program is a row of 8-byte *slots* ([`RawInsn`]). One or two slots make an instruction ([`Insn`]), a value that
//! can only be what the instruction set defines: decoding refuses everything else and names the field at fault, so
//! whoever holds an `Insn` never meets an unknown opcode or a reserved field in use.
//!
//! ```
//! use skep_isa::{decode, text};
//!
//! let program = text::assemble("again: r1 -= 1\n if r1 != 0 goto again\n exit")?;
//! let insn = decode(&program, 1).unwrap();
//! assert_eq!(insn.to_string(), "if r1 != 0x0 goto pc-2");
//! assert_eq!(insn.jump_target(1), Some(0));
//! assert_eq!(insn.encode().as_slice(), &program[1..2]);
//! # Ok::<(), text::AsmError>(())
//! ```
//!
//! Invariants:
//! * `encode(decode(slots)) == slots` for every accepted row of slots, and `decode(encode(insn)) == insn` for every
//!   `Insn` that some row of slots decodes to ([`Insn::is_encodable`]).
//! * The text that such an `Insn` prints assembles to the same slots.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod decode;
mod encode;
mod error;
mod insn;
mod op;
mod parts;
mod raw;
pub mod text;
mod view;

pub use decode::decode;
pub use encode::Encoded;
pub use error::{DecodeError, DecodeProblem, Field};
pub use insn::Insn;
pub use parts::{
    AluOp, AtomicOp, Call, Cast, Condition, Endian, Imm64, LegacyMode, Operand, Reg, Size, Width,
};
pub use raw::{ByteOrder, BytesError, RawInsn, from_bytes, to_bytes};
pub use view::RegSet;
