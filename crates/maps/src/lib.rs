//! Every eBPF map type, concurrent, with Linux's semantics.
//!
//! A [`Map`] is used from two sides at once. *Programs* run under a [`Guard`] (from [`pin()`]) and hold raw pointers to values,
//! as the helpers give them; the *application* copies keys and values in and out with the meaning of `bpf(2)`.
//!
//! * Values lie in memory that does not move while the map lives; pointers handed out under a guard stay pointers to values
//!   until it drops ([`Map::lookup_ptr`]).
//! * Every access to value memory that this crate makes is atomic, so programs and application may race as they do in Linux.
//! * "Per CPU" means per *slot*: a run holds one of [`slots`] exclusive numbers.
//! * Every failure is the errno Linux gives.
//!
//! ```
//! use skep_maps::{Map, MapSpec, pin};
//! use skep_platform::MapType;
//!
//! let counts = Map::create(MapSpec::new(MapType::Array, 4, 8, 16)).unwrap();
//! counts.update(&3u32.to_ne_bytes(), &7u64.to_ne_bytes(), 0).unwrap();
//!
//! let guard = pin();
//! let value = counts.lookup_ptr(&guard, &3u32.to_ne_bytes()).unwrap();
//! // SAFETY: the guard keeps the value, and nobody writes to it here.
//! assert_eq!(unsafe { value.cast::<u64>().read() }, 7);
//! ```

mod app;
mod arena;
mod array;
mod batch;
mod bloom;
mod bucket;
mod buckets;
mod bytes;
mod create;
mod epoch;
mod handles;
mod hash;
mod hash_table;
mod hash_update;
mod lpm;
mod lru;
mod map;
mod map_hash;
mod memory;
mod order;
mod perf;
mod pin;
mod program;
mod queue;
mod ring;
mod ring_table;
mod ringbuf;
mod slab;
mod spec;
mod spin;
mod stacks;
mod storage;
mod struct_ops;
mod table;
mod targets;
mod typed;
mod user_ring;
mod value;
mod walk;

pub use app::Iter;
pub use arena::Arena;
pub use array::ArrayView;
pub use batch::{Batch, BatchError, Cursor};
pub use handles::ProgramHandle;
pub use map::Map;

pub use perf::{BPF_F_CURRENT_CPU, PerfArray, PerfEvent, PerfReader};
pub use pin::{Guard, MAX_SLOTS, pin, set_slots, slots};
pub use ringbuf::{
    BPF_RB_AVAIL_DATA, BPF_RB_CONS_POS, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP, BPF_RB_PROD_POS,
    BPF_RB_RING_SIZE, RingBuf, RingReader,
};
pub use spec::{CreateError, FieldKind, MapSpec, SpecialField};
pub use stacks::{BPF_F_FAST_STACK_CMP, BPF_F_REUSE_STACKID, BPF_F_USER_STACK, Stacks};
pub use storage::{BPF_LOCAL_STORAGE_GET_F_CREATE, Storage};
pub use table::{BPF_ANY, BPF_EXIST, BPF_F_LOCK, BPF_NOEXIST};
pub use typed::{Plain, TypedMap};
pub use user_ring::{Drain, UserRing};
pub use value::{FieldHooks, lock_word, unlock_word};
