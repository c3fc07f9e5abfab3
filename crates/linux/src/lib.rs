//! The Linux engine: `bpf(2)` and what stands on it.
//!
//! * [`sys`] is the system call: one attribute struct per command, file descriptors that close themselves.
//! * [`prog_load`], [`prog_test_run`] and the `map_*` functions are thin, safe calls with Linux's own semantics, for
//!   whoever wants to ask the live kernel: the probes here and the differential tests of other crates.
//! * [`Loader`] brings a parsed object into the kernel: types, maps, holes, programs. [`Program`] and [`Map`] are what
//!   comes out, and what [`Program::from_id`] or a pin opens.
//! * [`Program::attach`] puts a program at a [`Hook`]; the [`Link`] is updated, described, pinned, dropped.
//! * [`RingReader`] and [`PerfReader`] read what programs send.
//! * [`ids`] and [`holders`] list the whole system.
//! * [`probe`] asks the live kernel feature by feature what it supports, and compares with the tables of
//!   `skep_platform`.
//!
//! Unsafe code is in the safe calls around [`sys`], in the memory shared with the kernel (`map::memory`), and nowhere else.
//! Everything held is a descriptor that closes itself: when the process dies, what was not pinned is gone.

mod btf;
#[cfg(test)]
mod calls_test;
mod events;
mod link;
mod list;
mod live;
mod load;
mod map;
mod perf_event;
mod pin;
pub mod probe;
mod prog;
mod program;
#[cfg(test)]
mod sandbox;
pub mod sys;

pub use btf::{btf_load, btf_load_explained};
pub use events::{PerfReader, PerfRecord, RingReader, Waiter};
pub use link::{
    Anchor, AttachError, Hook, Link, LinkInfo, LinkPlace, NetfilterHook, Order, UserProbe, XdpMode,
};
pub use list::{Holder, ObjectKind, holders, ids};
pub use live::{Unavailable, live_bpf};
pub use load::{LoadError, Loaded, Loader, acceptable_types, takes_types};
pub use map::{
    Batch, Keys, Map, MapMemory, MapRequest, Mapping, map_create, map_delete, map_freeze, map_lookup,
    map_next_key, map_update, page_size, possible_cpus,
};
pub use prog::{
    LoadRefused, LoadRequest, RunRequest, RunResult, prog_load, prog_load_logged, prog_load_simple,
    prog_test_run,
};
pub use program::{Program, ProgramInfo, count_runs};
