//! Programs as text: an assembler and a disassembler that understand each other.
//!
//! The kernel's verifier log and clang print nearly the same C-like syntax. This module reads both, also as they
//! stand in a log (`12: (b7) r0 = 1`), and prints the kernel's form. Whatever [`disassemble`] prints assembles to the
//! same slots, be they a program or not.
//!
//! # Grammar
//!
//! One statement a line. Labels stand before it: `name:`. Comments: `; …`, `// …`, `# …`, `/* … */`.
//! Numbers are decimal or hexadecimal, with a sign where one makes sense. `dst`, `src` are `r0` to `r10`, or
//! `w0` to `w10` for the lower 32 bits; both sides of an operation are of one width.
//!
//! | statement | instruction |
//! |---|---|
//! | `r1 = r2`, `r1 = 5`, `w1 += w2`, `r1 s/= 3`, `r1 s>>= 4`, … | arithmetic: `+= -= *= /= s/= %= s%= \|= &= ^= <<= >>= s>>= =` |
//! | `r1 = -r1` | negation |
//! | `r1 = (s8)r2`, `w1 = (s16)w2`, `r1 = (s32)r2` | move with sign extension |
//! | `r1 = be16 r1`, `le32`, `bswap64` | byte order |
//! | `r1 = addr_space_cast(r2, 0, 1)` | arena pointer to program pointer; `1, 0` for the way back |
//! | `r1 = 0x1234 ll` | 64-bit constant, two slots |
//! | `r1 = map_fd[3]`, `r1 = map_fd_value[3]+8` | map, or address in its value, by file descriptor |
//! | `r1 = map_idx[0]`, `r1 = map_idx_value[0]+8` | the same by index into the program's maps |
//! | `r1 = btf_id[12]`, `r1 = btf_id[12, 7]` | kernel variable by BTF id; of the module with BTF descriptor 7 |
//! | `r1 = func[+5]`, `r1 = func[name]` | function of this program, counted as a call's target is |
//! | `r1 = *(u8 *)(r2 +4)`, `*(s32 *)(r2 + 0x4)` | load; signed types extend the sign |
//! | `*(u32 *)(r1 +4) = r2`, `… = 7` | store |
//! | `lock *(u64 *)(r1 +0) += r2` | atomic `+= \|= &= ^=`, `u32` or `u64` |
//! | `r2 = atomic64_fetch_add((u64 *)(r1 +0), r2)` | with the old value: `add or and xor`; `atomic_` for `u32` (and, from clang, `u64`) |
//! | `r2 = atomic64_xchg((u64 *)(r1 +0), r2)` | exchange; clang: `xchg_64(r1 + 0, r2)`, `xchg32_32(…)` |
//! | `r0 = atomic64_cmpxchg((u64 *)(r1 +0), r0, r2)` | compare and exchange; clang: `cmpxchg_64(r1 + 0, r0, r2)` |
//! | `r1 = load_acquire((u32 *)(r2 +4))` | ordered load |
//! | `store_release((u32 *)(r1 +4), r2)` | ordered store |
//! | `r0 = *(u16 *)skb[12]`, `skb[r1 + 4]` | legacy packet load |
//! | `goto +3`, `goto pc+3`, `goto name` | jump, 16-bit reach; `gotol` for 32 bits |
//! | `if r1 s> 5 goto +3` | `== != > >= < <= s> s>= s< s<= &` |
//! | `may_goto +3` | jump when the program has looped long enough |
//! | `call 12`, `call name`, `call name#12` | helper; the name must be known to [`Names`], beside a number it is only for the reader |
//! | `call pc+5`, `call name` | function of this program; a label goes before a known name |
//! | `call kfunc[123]`, `call kfunc[123, 1]` | kernel function by BTF id; of the module with index 1 |
//! | `callx r3` | call through a register |
//! | `exit` | |
//! | `.raw 0x95, 0, 0, 0, 0` | any slot by its fields: opcode, dst, src, offset, immediate |
//! | `.byte 0x95, 0, 0, 0, 0, 0, 0, 0` | any slots by their bytes, little-endian |
//!
//! Immediates are signed 32-bit numbers. `0x80000000` to `0xffffffff` are taken as bit patterns where that cannot
//! mislead (32-bit operations, and conditional jumps, which the kernel prints so); elsewhere they are refused, because
//! sign extension would make another number of them.

mod assemble;
mod control;
mod cursor;
mod grammar;
mod lex;
mod memory;
mod print;

use alloc::string::String;
use core::fmt;

pub use assemble::{Assembly, assemble, assemble_with};

use crate::{Call, DecodeError, Insn, RawInsn};

/// What functions outside the program are called: how `call` is printed by name, and which call a name means.
///
/// `()` knows no names.
pub trait Names {
    /// The name of a helper, kernel function or function of the program.
    fn name(&self, call: Call) -> Option<String> {
        let _ = call;
        None
    }

    /// The call that a name means; asked only for names that no label of the program bears.
    fn call(&self, name: &str) -> Option<Call> {
        let _ = name;
        None
    }
}

impl Names for () {}

/// A line that is not in the grammar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsmError {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// What would have fitted there.
    pub expected: String,
    /// What stands there.
    pub found: String,
}

impl AsmError {
    fn new(line: u32, column: u32, expected: &str, found: &str) -> Self {
        Self { line, column, expected: String::from(expected), found: String::from(found) }
    }
}

impl fmt::Display for AsmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, expected, found } = self;
        write!(f, "line {line}, column {column}: expected {expected}, found {found}")
    }
}

impl core::error::Error for AsmError {}

/// The beginning of a piece of source, short enough for a message.
fn shorten(text: &str) -> &str {
    const MOST: usize = 40;
    text.char_indices().nth(MOST).map_or(text, |(end, _)| &text[..end])
}

/// One line of a disassembly: an instruction, or a slot that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Index of the first slot.
    pub at: usize,
    /// That slot, as it stands.
    pub raw: RawInsn,
    /// The instruction, or why there is none; then the next line begins one slot further.
    pub insn: Result<Insn, DecodeError>,
}

impl fmt::Display for Line {
    /// The instruction in the kernel's form, or a `.raw` directive with the slot's fields; assembles to the same slots.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.insn {
            Ok(insn) => insn.fmt(f),
            Err(_) => {
                let RawInsn { code, dst, src, off, imm } = self.raw;
                write!(f, ".raw {code:#04x}, {dst}, {src}, {off}, {imm}")
            }
        }
    }
}

/// The lines of a program, whatever its slots hold.
pub fn disassemble(slots: &[RawInsn]) -> impl Iterator<Item = Line> {
    let mut at = 0;
    core::iter::from_fn(move || {
        let line = Line { at, raw: *slots.get(at)?, insn: crate::decode(slots, at) };
        at += line.insn.as_ref().map_or(1, Insn::slots);
        Some(line)
    })
}
