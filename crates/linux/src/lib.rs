//! The Linux engine: `bpf(2)` and what stands on it.
//!
//! * [`sys`] is the system call: one attribute struct per command, file descriptors that close themselves.
//! * [`prog_load`], [`prog_test_run`] and the `map_*` functions are thin, safe calls with Linux's own semantics, for
//!   whoever wants to ask the live kernel: the probes here and the differential tests of other crates.
//! * [`probe`] asks the live kernel feature by feature what it supports, and compares with the tables of
//!   `skep_platform`.
//!
//! Unsafe code is in [`sys`] and in the safe calls around it, nowhere else.

mod btf;
#[cfg(test)]
mod calls_test;
mod live;
mod load;
mod map;
mod pin;
pub mod probe;
mod prog;
mod program;
pub mod sys;

pub use btf::{btf_load, btf_load_explained};
pub use live::{Unavailable, live_bpf};
pub use load::{LoadError, Loaded, Loader};
pub use map::{
    Batch, Keys, Map, MapMemory, MapRequest, Mapping, map_create, map_delete, map_lookup, map_next_key,
    map_update, page_size, possible_cpus,
};
pub use prog::{LoadRefused, LoadRequest, RunRequest, RunResult, prog_load, prog_load_simple, prog_test_run};
pub use program::{Program, ProgramInfo, count_runs};
