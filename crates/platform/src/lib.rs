//! Linux's own eBPF tables, as data: releases, program types, attach types, map types, helpers, contexts, kfuncs.
//!
//! Whoever needs to know what Linux allows asks here: the object reader for section names' types, the verifier for
//! prototypes and contexts, the maps for creation rules, the engines for numbers, `skep features` for the whole.
//! Each fact is declared once, with the release that brought it.
//!
//! Invariants:
//! * Names and numbers are the UAPI's; a test compares them with the running kernel's BTF.
//! * Nothing here asks the machine it runs on. What the running kernel says is the Linux engine's business; its test
//!   compares probes with these tables.
#![forbid(unsafe_code)]

pub mod attach;
pub mod context;
pub mod errno;
pub mod flags;
pub mod helper;
pub mod instruction;
pub mod kfunc;
pub mod map;
pub mod program;
pub mod release;
pub mod rule;
pub mod typed;
pub mod uapi;

pub use attach::AttachType;
pub use errno::Errno;
pub use flags::MapFlags;
pub use helper::Helper;
pub use map::MapType;
pub use program::ProgramType;
pub use release::Release;
