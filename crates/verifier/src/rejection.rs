//! Rejections, and the catalogue of their codes.
//!
//! A rejection is data: tools sort by its code, people read its message. The code says which rule was broken and never
//! changes its meaning; the message says what was found at this instruction.

use std::fmt;

use skep_isa::Reg;

/// Why a program is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The rule.
    pub code: Code,
    /// Slot of the instruction that breaks it.
    pub insn: usize,
    /// The register or stack slot at fault.
    pub place: Option<Place>,
    /// What was found, in one line.
    pub message: String,
    /// Where the needed fact was made, lost or never made.
    pub notes: Vec<Note>,
    /// What to write instead, where that can be said.
    pub help: Option<String>,
}

/// A remark on another instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Slot of the instruction.
    pub insn: usize,
    /// The remark.
    pub text: String,
}

/// What is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A register.
    Register(Reg),
    /// The stack at this offset from the frame pointer.
    Stack(i32),
}

impl From<Reg> for Place {
    fn from(reg: Reg) -> Self {
        Self::Register(reg)
    }
}

impl Rejection {
    /// A rejection without notes.
    pub fn new(
        code: Code,
        insn: usize,
        place: impl Into<Option<Place>>,
        message: impl Into<String>,
    ) -> Rejection {
        let (place, message) = (place.into(), message.into());
        Rejection { code, insn, place, message, notes: Vec::new(), help: None }
    }
}

impl fmt::Display for Rejection {
    /// One line: `E0302 at 4 (r1): invalid access …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.code, self.insn)?;
        match self.place {
            Some(Place::Register(reg)) => write!(f, " (r{})", reg.number())?,
            Some(Place::Stack(off)) => write!(f, " (fp{off:+})")?,
            None => {}
        }
        write!(f, ": {}", self.message)
    }
}

/// Declares the codes and what is said of them.
macro_rules! codes {
    ($($variant:ident = $number:literal $title:literal $explanation:literal;)*) => {
        /// A rule that a program can break. The number's first two digits are its category.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $title] $variant = $number,)*
        }

        impl Code {
            /// Every code, by rising number.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// The rule in a few words.
            pub const fn title(self) -> &'static str {
                match self { $(Code::$variant => $title,)* }
            }

            /// The rule at length: what it protects and how a program keeps it.
            pub const fn explanation(self) -> &'static str {
                match self { $(Code::$variant => $explanation,)* }
            }
        }
    };
}

codes! {
    BadInstruction = 101 "an instruction that does not exist" "The bytes are no instruction, or use a field that must be zero.";
    BadJump = 102 "a jump to where no instruction of the function begins" "A jump must land on the first slot of an instruction of the same function.";
    Unreachable = 103 "an instruction that no path reaches" "Linux refuses dead instructions: they would be compiled unchecked.";
    FallsOff = 104 "a function that runs past its end" "The last instruction of a function must be exit or an unconditional jump.";
    TooLong = 105 "a program with no or too many instructions" "A program has from 1 to 1,000,000 slots; 4,096 for the unprivileged.";
    BackEdge = 106 "a loop, where none is allowed" "Unprivileged programs must not jump backwards.";
    BadProgram = 107 "a load that contradicts itself" "Program type, attach type, flags and target must fit each other.";
    Uninitialised = 201 "a register read before it is written" "A register must be written on every path before it is read; calls leave r1 to r5 without a value.";
    FramePointerWritten = 202 "a write to the frame pointer" "r10 is read-only.";
    PointerArithmetic = 203 "arithmetic that a pointer does not allow" "Only additions and subtractions of bounded numbers keep a pointer valid, and not on every kind.";
    PointerComparison = 204 "a comparison that pointers do not allow" "Pointers may be compared with NULL, and packet pointers with the packet's end.";
    UnboundedOffset = 205 "an offset without bounds" "A number added to a pointer must have bounds below 2^29, signed and unsigned.";
    BadShift = 206 "a shift by more than the width" "A constant shift count must be less than the width.";
    DivisionByZero = 207 "a division by the constant zero" "Dividing by an immediate of zero is refused.";
    Leak = 208 "a pointer where only numbers may go" "Unprivileged programs must not let addresses out.";
    Speculation = 209 "arithmetic on a pointer that a mispredicting processor could abuse" "Unprivileged programs may move only stack and map value pointers by a register, by a number of known sign, and alike on every path, so that the number can be masked.";
    NotAPointer = 301 "an access through something that is no pointer" "Memory is accessed only through pointers of known kind.";
    MaybeNull = 302 "an access through a pointer that may be NULL" "Compare it with NULL first.";
    StackBounds = 303 "an access outside the stack" "A frame has 512 bytes below r10.";
    StackUninitialised = 304 "a read of stack bytes that were not written" "Write the bytes first; helpers must not see what was on the stack before.";
    CtxAccess = 305 "an access that the context does not allow" "Each field has its sizes, and who may read or write it.";
    PacketBounds = 306 "an access beyond the proved packet bytes" "Compare packet pointer plus length with data_end first.";
    MapValueBounds = 307 "an access outside a map's value" "Offset plus size must be proved to stay within the value.";
    MemoryBounds = 308 "an access outside a memory region" "Offset plus size must be proved to stay within the region.";
    ReadOnly = 309 "a write to what is read-only" "The memory must not be written by this program.";
    WriteOnly = 310 "a read of what is write-only" "The memory must not be read by this program.";
    Misaligned = 311 "a misaligned access" "The address must be a multiple of the access size here.";
    SpecialField = 312 "a direct access to a managed field" "Locks, timers and kernel pointers in map values are touched through helpers only.";
    BadPointerAccess = 313 "an access that this kind of pointer does not allow" "Some pointers are only handed on.";
    UnknownHelper = 401 "a helper that does not exist" "No helper has this number on this release.";
    HelperNotAllowed = 402 "a helper that this program may not call" "Program types, attach types and privileges decide which helpers there are.";
    GplOnly = 403 "a helper for GPL-compatible programs" "Declare a compatible license.";
    BadArgument = 404 "an argument of the wrong kind" "Each argument of a function must be what its prototype says.";
    BadSize = 405 "a size argument out of bounds" "A size must be bounded, not negative and, where the helper says so, not zero.";
    MapMismatch = 406 "a map and a helper that do not fit" "Some helpers are for some types of maps only.";
    CallDepth = 407 "calls nested too deeply" "At most 8 frames.";
    StackDepth = 408 "too much stack over nested calls" "All frames together have 512 bytes; 256 above a tail call.";
    BadCallback = 409 "a callback that does not fit" "A callback must be a static function of the program.";
    BadFunction = 410 "a function call that does not fit" "Global functions are checked by their prototype.";
    BadKfunc = 411 "a kernel function that may not be called" "Program types decide which kernel functions there are.";
    BadDynptr = 412 "a dynptr that is not what the call takes" "A dynptr lies in two whole stack slots at a constant offset, is initialised before it is used, and is changed only by the functions for dynptrs.";
    ReferenceLeak = 501 "a reference that is not released" "What is acquired must be released on every path.";
    NotOwned = 502 "a release of what is not owned" "Only a reference that was acquired can be released, and once.";
    LockHeld = 503 "something not allowed while a lock is held" "Between lock and unlock only plain instructions are allowed.";
    LockMissing = 504 "an unlock without its lock" "The lock released must be the lock held.";
    RegionHeld = 505 "something not allowed in a protected region" "RCU, preemption and interrupt sections must be left first.";
    MightSleep = 506 "a sleeping call where none may sleep" "Only sleepable programs outside of all protected regions may sleep.";
    RegionMissing = 507 "something that needs a protected region outside of it" "Enter the region first, and leave only a region that was entered.";
    Untrusted = 508 "an object that may be gone" "Kernel functions take objects that are referenced, handed in as trusted, or protected by RCU where they say so.";
    BadIterator = 509 "an iterator used out of order" "An iterator is made by its new function, advanced by next and ended by destroy, in whole slots of the stack that nothing else touches.";
    BadIrqState = 510 "saved interrupt state used out of order" "What saving the interrupt state left on the stack is restored once, in the reverse order, by the function that belongs to it.";
    BadReturn = 601 "a return value out of range" "The program type limits what may be returned.";
    ReturnUninitialised = 602 "an exit without a value in r0" "Set r0 before exit.";
    InfiniteLoop = 701 "a loop that does not end" "The state came back to where it was.";
    TooComplex = 702 "more instructions than may be processed" "All paths together may take 1,000,000 instructions.";
    TooManyBranches = 703 "too many branches pending" "At most 8,192 branches may wait to be explored.";
}

impl Code {
    /// The code of this number (`103`) or name (`E0103`).
    pub fn parse(text: &str) -> Option<Code> {
        let number: u16 = text.trim_start_matches(['E', 'e']).parse().ok()?;
        Self::ALL.iter().copied().find(|&code| code as u16 == number)
    }

    /// What sort of rule it is.
    pub const fn category(self) -> &'static str {
        match self as u16 / 100 {
            1 => "structure",
            2 => "values",
            3 => "memory",
            4 => "calls",
            5 => "resources",
            6 => "exit",
            _ => "termination",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "E{:04}", *self as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_rise_and_are_found_by_name() {
        assert!(Code::ALL.windows(2).all(|pair| (pair[0] as u16) < pair[1] as u16));
        for &code in Code::ALL {
            assert_eq!(Code::parse(&code.to_string()), Some(code));
            assert!(!code.title().is_empty() && code.explanation().ends_with('.'));
        }
    }
}
