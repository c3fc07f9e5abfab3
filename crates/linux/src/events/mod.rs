//! What programs send: ring buffers and perf buffers, read by this process.
//!
//! | module | what |
//! |---|---|
//! | `ring` | one buffer for all CPUs, in order |
//! | `perf` | one buffer a CPU, with the kernel's count of what it lost |
//! | `wait` | sleeping until there is something (epoll) |

mod perf;
mod ring;
#[cfg(test)]
mod tests;
mod wait;

pub use perf::{PerfReader, PerfRecord};
pub use ring::RingReader;
pub use wait::Waiter;
