//! The targets, one module for each crate under test.

mod btf;
mod capture;
mod interp;
mod isa;
mod maps;
mod object;
mod verify;

use crate::Target;

/// Budgets are chosen so that each target takes a few seconds on one slow core.
pub(crate) const ALL: &[Target] = &[
    isa::DECODE,
    isa::ASM,
    btf::PARSE,
    object::OBJECT,
    object::LINK,
    capture::PCAP,
    interp::ANY,
    interp::GENERATED,
    maps::MODEL,
    verify::VERIFY,
];
