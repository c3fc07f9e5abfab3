//! Why an object did not get into the kernel.

use std::fmt;

use skep_object::{Poison, RelocateError};
use skep_platform::errno::{E2BIG, EINVAL, ENOMEM, EPERM};
use skep_platform::{Errno, MapType};

use crate::LoadRefused;

/// What stood in the way of loading an object. `Display` is one line; the kernel's log, whole, is in the variants that
/// have one ([`LoadError::log`]).
#[derive(Debug)]
pub enum LoadError {
    /// The object has no program of that name.
    NoProgram {
        /// The object.
        object: String,
        /// The name asked for.
        name: String,
        /// Those there are.
        present: String,
    },
    /// The object has no map of that name.
    NoMap {
        /// The object.
        object: String,
        /// The name asked for.
        name: String,
        /// Those there are.
        present: String,
    },
    /// The section's name says no program type.
    NoType {
        /// The program.
        program: String,
        /// Its section.
        section: String,
    },
    /// The kernel has nothing of that name to attach to, so its id cannot be given at load.
    NoTarget {
        /// The program.
        program: String,
        /// What was looked for in the kernel's types.
        wanted: String,
    },
    /// The kernel's types, which the object needs, cannot be read.
    NoKernelTypes(String),
    /// A hole of a program or of the configuration cannot be filled.
    Relocate(RelocateError),
    /// The kernel refused the object's types, and the object cannot do without.
    Btf {
        /// The errno.
        errno: Errno,
        /// The kernel's log.
        log: String,
    },
    /// A map could not be made or filled.
    Map {
        /// The map.
        map: String,
        /// Its type.
        map_type: MapType,
        /// What was being done.
        doing: &'static str,
        /// The errno.
        errno: Errno,
    },
    /// The map that exists already (pinned, or given) is not like the object's.
    Unlike {
        /// The map.
        map: String,
        /// Which number differs, with both values.
        difference: String,
    },
    /// The kernel refused a program.
    Program {
        /// The program.
        program: String,
        /// The errno and the log.
        refused: LoadRefused,
        /// Instructions for which this kernel has no value; the verifier refuses those it can reach.
        poisoned: Vec<Poison>,
    },
    /// What this engine does not do yet.
    Unsupported {
        /// The map or program.
        name: String,
        /// What it needs.
        needs: &'static str,
    },
}

impl LoadError {
    /// The kernel's log; empty where there is none.
    pub fn log(&self) -> &str {
        match self {
            LoadError::Btf { log, .. } => log,
            LoadError::Program { refused, .. } => &refused.log,
            _ => "",
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::NoProgram { object, name, present } => {
                write!(f, "{object}: no program `{name}`; there are: {present}")
            }
            LoadError::NoMap { object, name, present } => {
                write!(f, "{object}: no map `{name}`; there are: {present}")
            }
            LoadError::NoType { program, section } => {
                write!(f, "program {program}: the section name `{section}` says no program type")
            }
            LoadError::NoTarget { program, wanted } => {
                write!(f, "program {program}: this kernel's types have no {wanted}")
            }
            LoadError::NoKernelTypes(why) => write!(f, "the kernel's types cannot be read: {why}"),
            LoadError::Relocate(error) => error.fmt(f),
            LoadError::Btf { errno, log } => {
                let said =
                    log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no reason given");
                write!(f, "the kernel refused the object's types: {errno}: {said}")
            }
            LoadError::Map { map, map_type, doing, errno } => {
                write!(f, "map {map} ({}): {doing}: {errno}", map_type.name())?;
                hint(*errno).map_or(Ok(()), |hint| write!(f, "; {hint}"))
            }
            LoadError::Unlike { map, difference } => {
                write!(f, "map {map}: the one that exists is not like the object's: {difference}")
            }
            LoadError::Program { program, refused, poisoned } => {
                write!(f, "program {program}: {refused}")?;
                match poisoned.first() {
                    _ if refused.is_policy() => f.write_str(
                        "; the verifier wrote nothing, so this is policy: lockdown or a security module forbids this kind",
                    ),
                    Some(poison) if refused.verdict().contains("invalid func unknown") => {
                        write!(f, "; it reaches slot {}, which has no value here: {}", poison.at, poison.reason)
                    }
                    _ => Ok(()),
                }
            }
            LoadError::Unsupported { name, needs } => {
                write!(f, "{name}: needs {needs}, which is not built yet")
            }
        }
    }
}

/// What to do about an errno of a map's creation.
fn hint(errno: Errno) -> Option<&'static str> {
    match errno {
        EPERM => Some("needs CAP_BPF, or before 5.11 a higher RLIMIT_MEMLOCK"),
        EINVAL => Some("the kernel does not know the type or a flag, or refuses a size"),
        E2BIG => Some("the capacity is more than the kernel allows"),
        ENOMEM => Some("the kernel has no memory of that size"),
        _ => None,
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            LoadError::Relocate(error) => Some(error),
            LoadError::Program { refused, .. } => Some(refused),
            _ => None,
        }
    }
}

impl From<RelocateError> for LoadError {
    fn from(error: RelocateError) -> Self {
        LoadError::Relocate(error)
    }
}
