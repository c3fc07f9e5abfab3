//! Which rule the kernel's words are about.
//!
//! The words are the kernel's interface here: short pieces of them that have stayed the same, the more special ones first. A test asks the live kernel about
//! every program of the catalogue and holds its words against this table.

use skep_verifier::Code;

/// A rule, and what to do about it where more can be said than the catalogue's line.
pub(super) struct Rule {
    pub(super) code: Code,
    pub(super) help: Option<&'static str>,
}

/// Words, all of which are in a message of the rule.
const WORDS: &[(&[&str], Code)] = {
    use Code::*;
    &[
        (&["expected prog array map"], MapMismatch),
        (&["Caller passes invalid args"], BadFunction),
        (&["referenced dynptr"], BadDynptr),
        (&["initialized dynptr"], BadDynptr),
        (&["unmatched rcu read unlock"], RegionMissing),
        (&["unmatched attempt to enable preemption"], RegionMissing),
        (&["must be a rcu pointer"], Untrusted),
        (&["must be referenced or trusted"], Untrusted),
        (&["initialized iter"], BadIterator),
        (&["irq flag"], BadIrqState),
        (&["unknown opcode"], BadInstruction),
        (&["reserved field"], BadInstruction),
        (&["invalid BPF_LD_IMM64 insn"], BadInstruction),
        (&["invalid bpf_ld_imm64 insn"], BadInstruction),
        (&["jump out of range"], BadJump),
        (&["jump into the middle of ldimm64"], BadJump),
        (&["unreachable insn"], Unreachable),
        (&["last insn is not an exit or jmp"], FallsOff),
        (&["back-edge from insn"], BackEdge),
        (&["infinite loop detected"], InfiniteLoop),
        (&["BPF program is too large"], TooComplex),
        (&["The sequence of", "jumps is too complex"], TooManyBranches),
        (&["combined stack size"], StackDepth),
        (&["tail_calls are not allowed when call stack"], StackDepth),
        (&["the call stack of"], CallDepth),
        (&["!read_ok"], Uninitialised),
        (&["frame pointer is read only"], FramePointerWritten),
        (&["invalid shift"], BadShift),
        (&["div by zero"], DivisionByZero),
        (&["pointer comparison prohibited"], PointerComparison),
        (&["leaks addr"], Leak),
        (&["leak pointer"], Leak),
        (&["Unreleased reference"], ReferenceLeak),
        (&["reference leak"], ReferenceLeak),
        (&["reference has not been acquired before"], NotOwned),
        (&["must be referenced when passed to release"], NotOwned),
        (&["function calls are not allowed while holding a lock"], LockHeld),
        (&["lock", "while holding", "is not allowed"], LockHeld),
        (&["missing bpf_spin_unlock"], LockHeld),
        (&["bpf_spin_lock-ed"], LockHeld),
        (&["without taking a lock"], LockMissing),
        (&["bpf_spin_unlock", "of different lock"], LockMissing),
        (&["sleepable", "in non-sleepable"], MightSleep),
        (&["in sleepable context"], MightSleep),
        (&["might sleep"], MightSleep),
        (&["sleepable helper"], MightSleep),
        (&["bpf_rcu_read_lock-ed"], RegionHeld),
        (&["bpf_preempt_disable-ed"], RegionHeld),
        (&["bpf_local_irq_save-ed"], RegionHeld),
        (&["At program exit the register R0"], BadReturn),
        (&["At callback return the register R0"], BadReturn),
        (&["invalid access to packet"], PacketBounds),
        (&["offset is outside of the packet"], PacketBounds),
        (&["invalid access to map value"], MapValueBounds),
        (&["memory range"], MemoryBounds),
        (&["invalid access to memory"], MemoryBounds),
        (&["invalid access to key of map"], MemoryBounds),
        (&["use 'var &= const'"], BadSize),
        (&["invalid zero-sized read"], BadSize),
        (&["invalid zero-size"], BadSize),
        (&["min value is negative, either use unsigned or"], BadSize),
        (&["min value is negative"], MapValueBounds),
        (&["unbounded memory access"], MapValueBounds),
        (&["math between", "pointer and register with unbounded"], UnboundedOffset),
        (&["math between", "pointer and"], UnboundedOffset),
        (&["pointer offset"], UnboundedOffset),
        (&["32-bit pointer arithmetic"], PointerArithmetic),
        (&["pointer arithmetic"], PointerArithmetic),
        (&["pointer operation prohibited"], PointerArithmetic),
        (&["bitwise operator", "on pointer"], PointerArithmetic),
        (&["invalid mem access", "_or_null'"], MaybeNull),
        (&["invalid mem access 'scalar'"], NotAPointer),
        (&["invalid mem access 'inv'"], NotAPointer),
        (&["invalid mem access"], BadPointerAccess),
        (&["invalid bpf_context access"], CtxAccess),
        (&["modified ctx ptr"], CtxAccess),
        (&["read from stack", "invalid indirect"], StackUninitialised),
        (&["invalid read from stack"], StackUninitialised),
        (&["invalid", "stack"], StackBounds),
        (&["misaligned"], Misaligned),
        (&["write into map forbidden"], ReadOnly),
        (&["read from map forbidden"], WriteOnly),
        (&["cannot write into"], ReadOnly),
        (&["cannot read from"], WriteOnly),
        (&["cannot be accessed directly"], SpecialField),
        (&["kptr cannot be accessed"], SpecialField),
        (&["invalid func unknown"], UnknownHelper),
        (&["unknown func"], HelperNotAllowed),
        (&["program of this type cannot use helper"], HelperNotAllowed),
        (&["cannot call GPL-restricted function"], GplOnly),
        (&["cannot pass map_type"], MapMismatch),
        (&["callback"], BadCallback),
        (&["calling kernel function"], BadKfunc),
        (&["kernel function", "is not allowed"], BadKfunc),
        (&["arg#"], BadFunction),
        (&["type=", "expected="], BadArgument),
        (&["expected"], BadArgument),
    ]
};

/// What to do, where the catalogue's one line does not say it.
const HELP: &[(Code, &str)] = &[
    (Code::MaybeNull, "compare it with NULL before it is used: `if (!pointer) return …;`"),
    (
        Code::PacketBounds,
        "compare the pointer that is used here, plus the bytes that are used, with data_end first",
    ),
    (
        Code::MapValueBounds,
        "check the offset right before it is used: `if (offset > MOST) return …;`, or mask it with `&`",
    ),
    (
        Code::BadSize,
        "bound the size right before the call: `if (size > MOST) return …;` with an unsigned size",
    ),
    (
        Code::UnboundedOffset,
        "bound the number before it is added: `if (number > MOST) return …;`, or `number &= MASK`",
    ),
    (Code::Uninitialised, "give the variable a value on every path; calls leave nothing in r1 to r5"),
    (
        Code::TooComplex,
        "make loops shorter, or let them be verified once: `bpf_for`, `bpf_loop`, or a global function for the body",
    ),
];

/// The rule of a message behind the instruction `last`; of a message that no words fit, that an argument or a load is wrong is all that can be said.
pub(super) fn rule(message: &str, last: &str) -> Rule {
    let fits = |words: &&(&[&str], Code)| words.0.iter().all(|word| message.contains(word));
    let code = match WORDS.iter().find(fits).map_or(Code::BadProgram, |&(_, code)| code) {
        Code::Uninitialised if last == "exit" => Code::ReturnUninitialised,
        code => code,
    };
    let help = HELP.iter().find(|(of, _)| *of == code).map(|&(_, help)| help);
    Rule { code, help }
}
