//! Hooks whose programs see the kernel's own objects: what is to be known of them that the kernel's BTF does not say.
//!
//! The prototypes themselves stand in the BTF of the kernel that a program is verified for, and so does the list of fields that keep their objects alive
//! (`struct file__safe_trusted` and its like). What is left are small tables, each asked of a Linux 6.18.

mod functions;
mod helpers;
mod iterators;
mod lsm;
mod maps;
mod struct_ops;
mod tracepoints;

pub use functions::{may_modify_return, may_not_be_traced, may_sleep_at, never_returns};
pub use helpers::{function_helper, hook_helper, iterator_helper, member_helper};
pub use iterators::{IterArg, iterator_args};
pub use lsm::{LsmHook, lsm_hook};
pub use maps::map_struct;
pub use struct_ops::{StructOpsRules, WritableField, struct_ops_rules};
pub use tracepoints::tracepoint_arg_nullable;
