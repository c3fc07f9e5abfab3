//! Programs that are valid by construction: Linux's verifier accepts them, they end, and they give the same result
//! wherever they run.
//!
//! # Problem
//!
//! Random bytes are hardly ever a program, and a random program is hardly ever one that a verifier accepts or whose result
//! two engines could be asked to agree on. Mutation alone would test the refusal of programs for ever and their execution never.
//!
//! # Idea
//!
//! The generator keeps the facts that a verifier would find. Every register has a fixed role in each function (a number,
//! the context, the packet, its end), every stack byte in use is written in the prologue, every packet access stands
//! after a check, jumps go forward except for loops that count down, and functions call only later ones. Statements are
//! drawn at random between these rules. At the end all numbers and the whole stack are folded into `r0`, so that
//! a wrong bit anywhere shows.
//!
//! Results that may differ by machine (time, randomness, addresses, CPU numbers) are never asked for.

mod body;
mod calls;
mod code;
mod draw;
mod typed;
mod types;

use skep_isa::{Insn, RawInsn, Reg, Size};
use skep_platform::MapType;

pub use typed::{TYPED_MAPS, typed};
pub use types::{FunctionTypes, function_types};

use crate::rng::Rng;
use code::Code;

/// Which kinds of statements a program may hold.
#[derive(Clone, Copy, Debug)]
pub struct Features {
    /// Calls between functions of the program.
    pub calls: bool,
    /// Helpers: packet adjustment, checksums, byte copies.
    pub helpers: bool,
    /// Look-ups and updates in [`Generated::maps`].
    pub maps: bool,
    /// Atomic operations.
    pub atomics: bool,
    /// Instructions of instruction set version 4: sign extension, signed division, `bswap`, `gotol`.
    pub v4: bool,
    /// Load-acquire and store-release (Linux 6.15).
    pub acquire: bool,
    /// At most so many statements in the main function.
    pub statements: usize,
}

impl Features {
    /// Everything Linux 6.18 takes.
    pub const ALL: Self = Self {
        calls: true,
        helpers: true,
        maps: true,
        atomics: true,
        v4: true,
        acquire: true,
        statements: 40,
    };
}

/// What kind of map a program wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapKind {
    /// `BPF_MAP_TYPE_ARRAY`
    Array,
    /// `BPF_MAP_TYPE_HASH`
    Hash,
    /// `BPF_MAP_TYPE_PERCPU_ARRAY`
    PercpuArray,
    /// `BPF_MAP_TYPE_LRU_HASH`
    LruHash,
    /// `BPF_MAP_TYPE_RINGBUF`
    Ringbuf,
}

impl MapKind {
    /// Linux's name for it.
    pub const fn map_type(self) -> MapType {
        match self {
            Self::Array => MapType::Array,
            Self::Hash => MapType::Hash,
            Self::PercpuArray => MapType::PercpuArray,
            Self::LruHash => MapType::LruHash,
            Self::Ringbuf => MapType::Ringbuf,
        }
    }
}

/// A map that a program refers to by its index in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapWanted {
    /// Its type.
    pub kind: MapKind,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value.
    pub value_size: u32,
    /// Most entries.
    pub max_entries: u32,
}

/// The maps of every generated program, by index.
pub const MAPS: [MapWanted; 2] = [
    MapWanted { kind: MapKind::Array, key_size: 4, value_size: VALUE as u32, max_entries: 4 },
    MapWanted { kind: MapKind::Hash, key_size: 8, value_size: VALUE as u32, max_entries: 8 },
];

/// Bytes of a map value.
const VALUE: i16 = 32;

/// A program for the XDP hook, with the packet to run it on.
#[derive(Clone, Debug)]
pub struct Generated {
    /// Main function first. Maps are named by index (`Imm64::MapIndex`).
    pub insns: Vec<RawInsn>,
    /// The maps behind the indices; empty when the program uses none.
    pub maps: &'static [MapWanted],
    /// A packet long enough for every access that the program makes before it changes the packet's size.
    pub packet: Vec<u8>,
}

/// How many bytes at the packet's start a program reads and writes after its check.
const PACKET: i16 = 64;

/// Bytes of stack that statements use, from the frame pointer down. All are written in the prologue.
const STACK: i16 = 64;

/// Below that: counters of loops.
const COUNTER: i16 = -STACK - 8;

/// Below that: a map key.
const KEY: i16 = -STACK - 16;

/// Offset of `data` in `struct xdp_md`.
const XDP_DATA: i16 = 0;

/// Offset of `data_end` in `struct xdp_md`.
const XDP_DATA_END: i16 = 4;

/// In the main function: the context.
const CTX: Reg = Reg::R6;

/// In the main function: the packet's start, [`PACKET`] bytes of which are checked.
const DATA: Reg = Reg::R7;

/// In the main function: the packet's end.
const DATA_END: Reg = Reg::R8;

/// Registers that hold numbers in the main function.
const MAIN_NUMBERS: &[Reg] = &[Reg::R0, Reg::R1, Reg::R2, Reg::R3, Reg::R4, Reg::R5, Reg::R9];

/// Registers that hold numbers in the other functions.
const SUB_NUMBERS: &[Reg] =
    &[Reg::R0, Reg::R1, Reg::R2, Reg::R3, Reg::R4, Reg::R5, Reg::R6, Reg::R7, Reg::R8, Reg::R9];

/// The function whose statements are being drawn.
struct Function<'a> {
    code: &'a mut Code,
    rng: &'a mut Rng,
    features: Features,
    /// Its number; 0 is the main function.
    number: usize,
    /// How many functions the program has.
    functions: usize,
    /// Registers that hold numbers between statements.
    numbers: &'static [Reg],
}

impl Function<'_> {
    fn is_main(&self) -> bool {
        self.number == 0
    }

    fn number(&mut self) -> Reg {
        *self.rng.pick(self.numbers)
    }
}

/// Draws an XDP program.
pub fn xdp(rng: &mut Rng, features: Features) -> Generated {
    let mut code = Code::default();
    let functions = if features.calls { 1 + rng.below(4) } else { 1 };
    for number in 0..functions {
        if !code.begin_function() {
            continue;
        }
        let numbers = if number == 0 { MAIN_NUMBERS } else { SUB_NUMBERS };
        let mut function = Function { code: &mut code, rng, features, number, functions, numbers };
        function.prologue();
        let statements = if number == 0 { features.statements } else { 8 };
        let count = 1 + function.rng.below(statements);
        for _ in 0..count {
            function.statement(0);
        }
        function.epilogue();
    }
    let len = PACKET as usize + rng.below(128);
    let packet = rng.bytes(len);
    let uses_maps = features.maps;
    Generated { insns: code.finish(), maps: if uses_maps { &MAPS } else { &[] }, packet }
}

/// A load of a whole slot from the stack.
fn stack_load(dst: Reg, off: i16) -> Insn {
    Insn::Load { size: Size::Dw, signed: false, dst, src: Reg::R10, off }
}

#[cfg(test)]
mod tests;
