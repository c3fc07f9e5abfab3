//! A program: an entry function with all that it reaches.

use skep_btf::TypeId;
use skep_isa::RawInsn;

use crate::ProgramKind;

/// A program as the object defines it, ready but for what only the machine knows.
///
/// Invariants:
/// * `subprograms[0]` is the entry function and starts at slot 0; the others follow without gaps, each once, in the
///   order in which they are first reached.
/// * Calls between them are local calls with their final offsets; addresses of functions are `lddw` with pseudo source
///   4; maps and global data are `lddw` with pseudo source 5 and 6, the index counting [`crate::Object::maps`].
/// * Slots that an entry of `core` or `externs` names hold what the compiler wrote until [`Program::relocate`].
#[derive(Clone, Debug)]
pub struct Program {
    /// Name of the entry function.
    pub name: String,
    /// Name of its section, without a leading `?`.
    pub section: String,
    /// What the section's name says about the program.
    pub kind: ProgramKind,
    /// False when the section's name began with `?`: load it only when asked for by name.
    pub autoload: bool,
    /// Offset of the entry function in its section, in bytes.
    pub section_offset: u64,
    /// Main first, then each function it reaches.
    pub insns: Vec<RawInsn>,
    /// The functions within `insns`.
    pub subprograms: Vec<Subprogram>,
    /// Source lines, by rising slot.
    pub lines: Vec<Line>,
    /// CO-RE relocations, by rising slot.
    pub core: Vec<CoreRelocation>,
    /// Uses of kernel variables and functions, by rising slot.
    pub externs: Vec<ExternUse>,
    /// Indices into [`crate::Object::maps`] of the maps it names, each once, in rising order.
    pub maps: Vec<usize>,
}

/// A function within a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subprogram {
    /// Name of its symbol.
    pub name: String,
    /// Section it came from.
    pub section: String,
    /// Offset in that section in bytes.
    pub section_offset: u64,
    /// First slot in [`Program::insns`].
    pub start: usize,
    /// How many slots.
    pub len: usize,
    /// Its BTF function (kind FUNC), when `.BTF.ext` names one.
    pub func: Option<TypeId>,
    /// Who can see it; the verifier checks a global function on its own.
    pub linkage: Linkage,
}

/// Visibility of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Linkage {
    /// `static`: verified as part of its callers.
    Static,
    /// Visible to other objects: verified once, for any arguments that its prototype allows.
    Global,
    /// Global, and another object may replace it when linked.
    Weak,
}

/// One source line record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// First slot that belongs to it.
    pub at: usize,
    /// Offset of the file's name in the object's BTF strings.
    pub file_offset: u32,
    /// Offset of the line's text in the object's BTF strings.
    pub text_offset: u32,
    /// From 1; 0 where the compiler knew none.
    pub line: u32,
    /// From 1; 0 where the compiler knew none.
    pub column: u32,
}

/// One CO-RE relocation: a number in an instruction that depends on the types of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoreRelocation {
    /// Slot of the instruction.
    pub at: usize,
    /// Root type in the object's BTF.
    pub type_id: TypeId,
    /// Offset of the access string (`0:1:2`) in the object's BTF strings.
    pub access_offset: u32,
    /// Which number is wanted: Linux's `enum bpf_core_relo_kind` (0 = byte offset … 12 = type matches).
    pub kind: u32,
}

/// One instruction that needs the value of an extern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExternUse {
    /// Slot of the instruction: an `lddw` or a call.
    pub at: usize,
    /// Index into [`crate::Object::externs`].
    pub index: usize,
    /// Bytes added to the address, for `lddw`.
    pub addend: i64,
}

impl Program {
    /// The function that holds a slot.
    pub fn subprogram_at(&self, slot: usize) -> Option<&Subprogram> {
        let next = self.subprograms.partition_point(|function| function.start <= slot);
        self.subprograms.get(next.checked_sub(1)?).filter(|function| slot - function.start < function.len)
    }

    /// The line record that covers a slot; none before the first record of the slot's function.
    pub fn line_at(&self, slot: usize) -> Option<&Line> {
        let function = self.subprogram_at(slot)?;
        let next = self.lines.partition_point(|line| line.at <= slot);
        self.lines.get(next.checked_sub(1)?).filter(|line| line.at >= function.start)
    }
}
