//! What a section's name says about the programs in it.
//!
//! Compilers know nothing of program types; the convention, libbpf's, is the section's name: `kprobe/do_unlinkat`,
//! `xdp.frags`, `?tp_btf/sched_switch`. [`table`] holds every name of the convention as data, [`target`] reads what
//! follows the slash, [`kind`] puts the two together.

mod kind;
mod table;
mod target;

pub use kind::ProgramKind;
pub use target::AttachTarget;
