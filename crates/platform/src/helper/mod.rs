//! Helpers: the functions of the UAPI list that a program calls by number, with the prototypes Linux 6.18 gives them.
//!
//! One row per helper ([`Helper`]) drives the verifier (what each argument must be, what comes back), the engine
//! (which function to run), `skep features` and the docs. The list is frozen in Linux: newer functions are kfuncs.

mod arg;
mod availability;
mod grants;
mod privilege;
mod ret;
mod table;
mod variants;

pub use arg::{Arg, ArgFlags, ArgKind, BtfTarget, DynptrKinds};
pub use privilege::Privilege;
pub use ret::{Ret, RetFlags, RetKind};

use crate::{AttachType, ProgramType, Release};

/// One helper function.
#[derive(Debug, Clone, Copy)]
pub struct Helper {
    /// The UAPI's number: what `call` carries in its immediate.
    pub id: u32,
    /// The UAPI's name, without `bpf_`.
    pub name: &'static str,
    /// The release that brought it.
    pub since: Release,
    /// Whether the program's license must be compatible with the GPL.
    pub gpl_only: bool,
    /// What r1 to r5 must hold; unused ones are [`ArgKind::Unused`].
    pub args: [Arg; 5],
    /// What r0 holds afterwards.
    pub ret: Ret,
    /// What it does beyond its prototype.
    pub traits: Traits,
    /// What it does, in a line.
    pub doc: &'static str,
}

/// Properties of a helper that the verifier's walk depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traits {
    /// Packet pointers may be handed in where memory is asked for.
    pub packet_access: bool,
    /// The packet may move or change size: every packet pointer is void afterwards.
    pub changes_packet: bool,
    /// It may sleep, so that only sleepable programs outside of locks may call it.
    pub sleeps: bool,
    /// It honours the fastcall contract: r1 to r5 keep their values where the compiler asked for it.
    pub fastcall: bool,
}

/// All helpers in the order of their numbers, from 1 (`map_lookup_elem`) to 211 (`cgrp_storage_delete`).
pub static ALL: &[Helper] = table::HELPERS;

/// The helper with this number.
pub fn by_id(id: u32) -> Option<&'static Helper> {
    ALL.get(usize::try_from(id).ok()?.checked_sub(1)?)
}

/// The helper with this name, with or without the `bpf_` in front.
pub fn by_name(name: &str) -> Option<&'static Helper> {
    let name = name.strip_prefix("bpf_").unwrap_or(name);
    ALL.iter().find(|helper| helper.name == name)
}

impl Helper {
    /// How many arguments it takes.
    pub fn arity(&self) -> usize {
        self.args.iter().take_while(|arg| arg.kind != ArgKind::Unused).count()
    }

    /// What r1 to r5 must hold when a program of this type calls: a few helpers differ by program type from
    /// [`Helper::args`].
    pub fn args_for(&self, program: ProgramType) -> [Arg; 5] {
        variants::args(self.name, program).unwrap_or(self.args)
    }

    /// The release since which programs of this type may call it, whatever their attach type; `None` when they
    /// never may.
    pub fn allowed_since(&self, program: ProgramType) -> Option<Release> {
        availability::since(self.id, program)
    }

    /// Whether a program of this type, expected to be attached so, may call it on `release`.
    pub fn allowed(&self, program: ProgramType, attach: Option<AttachType>, release: Release) -> bool {
        availability::allowed(self.id, program, attach, release)
    }

    /// The capabilities that a loader needs for it beyond those that its program type needs.
    pub fn needs(&self) -> Privilege {
        privilege::of(self.name)
    }

    /// Every program type that may call it on `release` in some attach type.
    pub fn programs(&self, release: Release) -> impl Iterator<Item = ProgramType> + '_ {
        ProgramType::ALL
            .iter()
            .copied()
            .filter(move |&p| self.allowed_since(p).is_some_and(|since| since <= release))
    }
}
