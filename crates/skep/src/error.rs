//! Everything that can go wrong between an object file and a running program.

use skep_isa::text::AsmError;
use skep_maps::CreateError;
use skep_object::{ObjectError, RelocateError};
use skep_platform::Errno;
use skep_verifier::{Report, Verdict};
use skep_vm::LoadError;

use crate::verify::Case;

/// What can go wrong. Every message says who is at fault and what was expected.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// The file is no object, or a broken one.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The text is no assembly.
    #[error("{file}:{}:{}: expected {}, found {}", .problem.line, .problem.column, .problem.expected, .problem.found)]
    Assembly {
        /// The text's name.
        file: String,
        /// The first line that is wrong, and what was expected there.
        problem: AsmError,
    },
    /// A program cannot be fitted to this machine.
    #[error(transparent)]
    Relocate(#[from] RelocateError),
    /// A map cannot be made.
    #[error("{object}: {source}")]
    Map {
        /// The object that defines it.
        object: String,
        /// The map.
        map: String,
        /// Why not.
        source: CreateError,
    },
    /// A map does not take what the object wants to put into it before the first run.
    #[error("{object}: map {map}: its initial contents are refused with {errno}")]
    Initialise {
        /// The object that defines it.
        object: String,
        /// The map.
        map: String,
        /// The map's answer.
        errno: Errno,
    },
    /// The program's shape is wrong.
    #[error("{object}: {problem}")]
    Load {
        /// The object that holds it.
        object: String,
        /// The program, the slot at fault and what is wrong with it.
        problem: LoadError,
    },
    /// The verifier refuses the program.
    #[error("{object}: program {program} is not safe: {}", refusal(.case, .report))]
    Rejected {
        /// The object that holds it.
        object: String,
        /// The program.
        program: String,
        /// What the verifier was asked.
        case: Box<Case>,
        /// The rejection, with the effort it took.
        report: Box<Report>,
    },
    /// The verifier cannot tell whether the program is safe.
    #[error("{object}: program {program} uses what the verifier does not model: {reason}")]
    Undecided {
        /// The object that holds it.
        object: String,
        /// The program.
        program: String,
        /// What it uses, and where.
        reason: String,
    },
    /// No such program.
    #[error("{object} has no program `{name}`; it has: {present}")]
    NoProgram {
        /// The object.
        object: String,
        /// What was asked for.
        name: String,
        /// What there is, by name.
        present: String,
    },
    /// No such map.
    #[error("{object} has no map `{name}`; it has: {present}")]
    NoMap {
        /// The object.
        object: String,
        /// What was asked for.
        name: String,
        /// What there is, by name.
        present: String,
    },
    /// A global variable cannot be set.
    #[error("{object}: variable `{name}`: {problem}")]
    Variable {
        /// The object.
        object: String,
        /// The variable.
        name: String,
        /// What was expected and what was found.
        problem: String,
    },
    /// The section's name says nothing about the program, and nobody else did.
    #[error(
        "{object}: program {program} is in section `{section}`, which is neither one of Linux's names nor a hook of this engine"
    )]
    UnknownHook {
        /// The object.
        object: String,
        /// The program.
        program: String,
        /// Its section.
        section: String,
    },
    /// A program was loaded for one kind of place and offered to another.
    #[error("program {program} was loaded for `{loaded_for}` and cannot be attached to `{point}`")]
    WrongHook {
        /// The program.
        program: String,
        /// The hook it was loaded for.
        loaded_for: String,
        /// The hook of the point.
        point: String,
    },
    /// Programs of this type do not run on packets.
    #[error("program {program} is for `{hook}`, which does not see packets")]
    NotForPackets {
        /// The program.
        program: String,
        /// What it was loaded for.
        hook: String,
    },
    /// The point that a link belonged to is gone.
    #[error("the place this link was attached to is gone")]
    Detached,
}

fn refusal(case: &Case, report: &Report) -> String {
    let Verdict::Rejected(rejection) = &report.verdict else { return report.verdict.to_string() };
    // An instruction that nothing could be put into is at fault for that, not for what stands there instead.
    let poison = case.poisoned.iter().find(|poison| poison.at == rejection.insn);
    poison.map_or_else(|| rejection.to_string(), |poison| poison.reason.clone())
}
