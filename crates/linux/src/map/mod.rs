//! Maps of the kernel: creation, elements, batches, memory.
//!
//! | module | what |
//! |---|---|
//! | `calls` | one safe function a system call, for whoever has a bare descriptor |
//! | `handle` | [`Map`]: a map that is held open and knows its own sizes |
//! | `batch` | many elements a call |
//! | `memory` | arrays, arenas and rings as memory of this process |

mod batch;
mod calls;
mod handle;
mod memory;
#[cfg(test)]
mod tests;

pub use batch::Batch;
pub use calls::{
    MapRequest, map_create, map_delete, map_freeze, map_lookup, map_next_key, map_update, possible_cpus,
};
pub use handle::{Keys, Map};
pub use memory::{MapMemory, Mapping, page_size};
