//! eBPF, the whole system, in Rust.
//!
//! An object file that a compiler made becomes programs that run in this process:
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/doorman.bpf.o");
//! use skep::Engine;
//! use skep::net::{Environment, XdpContext};
//!
//! let object = skep::open(path)?;
//! let engine = Engine::user();
//! let loaded = engine.load(&object)?;
//! let mut packet = XdpContext::new(Environment::default().into(), None);
//! packet.reset(&[0; 64]);
//! let outcome = loaded.program("doorman")?.run(&mut packet)?;
//! assert_eq!(outcome.value, 2); // XDP_PASS
//! let bans = loaded.map(".bss")?.lookup(&0u32.to_ne_bytes())?;
//! assert_eq!(bans, 0u64.to_ne_bytes());
//! # Ok(())
//! # }
//! ```
//!
//! The way through the house, each arrow one function, each box one type:
//!
//! ```text
//!  bytes ──open──► Object ──Engine::load──► Loaded: Program, Map ──Point::attach──► Link
//! ```
//!
//! * [`Object`] is what a file holds, the same on every machine.
//! * [`Engine`] is where programs run and where the environment enters.
//! * [`Program`] is immutable and runs on any number of threads at once; [`Map`] is shared by programs and application.
//! * A [`hook`] is a kind of place to attach to. Linux's are built in, an application declares its own. A [`Point`] is such
//!   a place, and a [`Link`] a program's seat there, which can be given to another program while events go on.
//! * [`capture`] reads and writes packet captures, [`replay`] runs programs over them.

pub mod assembly;
pub mod capture;
pub mod counterexample;
pub mod dump;
mod engine;
mod error;
pub mod events;
mod extends;
mod fields;
mod link;
mod load;
mod map_spec;
pub mod network;
mod once;
mod proof;
pub mod replay;
mod variables;
pub mod verify;

pub use engine::{Engine, EngineBuilder};
pub use error::Error;
pub use link::{Link, Point};
pub use load::{Loaded, Loader, open};
pub use once::{run_on_arguments, run_on_bytes, run_on_lookup};
pub use skep_maps::Map;
pub use skep_object::Object;
pub use skep_vm::{
    Clock, Fault, Hook, Options, Outcome, Program, Strictness, Trace, hook, hook_context, net,
};
